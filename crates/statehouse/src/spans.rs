//! Spans of requests, for a collector where one is set. Only a build with the feature `otel` has what sends them.

use statehouse_fault::{Fault, SH0009};
use statehouse_http::settings::Telemetry;

use crate::failure::Failure;

#[cfg(feature = "otel")]
pub use sending::{begin, end};

/// What leaves them names this target.
pub const TARGET: &str = "statehouse_http::request";

/// Nothing follows the requests.
///
/// # Errors
/// `SH0009` where a collector is set.
#[cfg(not(feature = "otel"))]
pub fn begin(settings: &Telemetry) -> Result<Option<tracing_subscriber::layer::Identity>, Failure> {
    if settings.otlp_endpoint.is_empty() {
        return Ok(None);
    }
    Err(unsound("it takes a build with the feature `otel`", "build with `--features otel`, or leave the setting empty"))
}

/// There is nothing to send.
#[cfg(not(feature = "otel"))]
pub fn end() {}

fn unsound(why: &str, help: &str) -> Failure {
    Fault::new(SH0009, format!("`telemetry.otlp_endpoint` cannot be used: {why}")).with_help(help).into()
}

#[cfg(feature = "otel")]
mod sending {
    use std::sync::{Mutex, PoisonError};

    use statehouse_telemetry::Exporting;
    use tokio::runtime::Handle;
    use tracing::Subscriber;
    use tracing_subscriber::Layer;
    use tracing_subscriber::filter::{LevelFilter, Targets};
    use tracing_subscriber::registry::LookupSpan;

    use super::{Failure, TARGET, Telemetry, unsound};

    static EXPORTING: Mutex<Option<Exporting>> = Mutex::new(None);

    /// What follows the requests, if a collector is set. To be called on the runtime.
    ///
    /// # Errors
    /// `SH0009` for a collector that cannot be sent to.
    pub fn begin<S>(settings: &Telemetry) -> Result<Option<impl Layer<S>>, Failure>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        if settings.otlp_endpoint.is_empty() {
            return Ok(None);
        }
        let begun = statehouse_telemetry::begin(&settings.otlp_endpoint, settings.beyond_host, Handle::current());
        let help = "name a collector on this machine as `http://127.0.0.1:4318`, or set `telemetry.beyond_host`";
        let (exporting, requests) = begun.map_err(|cause| unsound(&cause.to_string(), help))?;
        *EXPORTING.lock().unwrap_or_else(PoisonError::into_inner) = Some(exporting);
        Ok(Some(requests.with_filter(Targets::new().with_target(TARGET, LevelFilter::INFO))))
    }

    /// Sends what is left, for a moment at most.
    pub fn end() {
        let exporting = EXPORTING.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(exporting) = exporting {
            exporting.end();
        }
    }
}
