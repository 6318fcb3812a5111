//! From the address of a collector to what sends to it.

use std::net::IpAddr;
use std::time::Duration;

use opentelemetry::trace::TracerProvider;
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tokio::runtime::Handle;
use url::{Host, Url};

use crate::Requests;
use crate::carrier::{Carrier, WITHIN};

/// Under the collector's address, as OTLP over HTTP has it.
const PATH: &str = "/v1/traces";
/// At its end a process waits this long for the spans that are still to be sent.
const LAST_SPANS: Duration = Duration::from_secs(2);

/// An address that cannot be sent to.
#[derive(Debug, thiserror::Error)]
pub enum Unsound {
    /// It is no URL.
    #[error("`{text}` is no URL")]
    NoUrl {
        /// What was given.
        text: String,
        /// Why it is none.
        #[source]
        cause: url::ParseError,
    },
    /// It is a URL that cannot be an address of a collector.
    #[error("`{text}` is to be `http://HOST:PORT`, without a user, query or fragment")]
    NoCollector {
        /// What was given.
        text: String,
    },
    /// It is on another machine, and nobody has said that this is meant.
    #[error("`{host}` may be on another machine, and spans travel unencrypted")]
    Beyond {
        /// The host.
        host: String,
    },
    /// The exporter refuses.
    #[error("the exporter cannot be made")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
}

/// Sends until it is ended.
#[derive(Debug)]
pub struct Exporting {
    provider: SdkTracerProvider,
}

/// Begins to send to the collector at `endpoint` (`http://HOST:PORT`), in batches and from a thread of its own: a collector
/// that does not answer slows no request, its spans are let go. Unless `beyond_host`, only loopback is sent to.
///
/// # Errors
/// [`Unsound`] for an address that cannot be sent to.
pub fn begin(endpoint: &str, beyond_host: bool, runtime: Handle) -> Result<(Exporting, Requests), Unsound> {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_http_client(Carrier::new(runtime))
        .with_endpoint(address(endpoint, beyond_host)?)
        .with_timeout(WITHIN)
        .build()?;
    let version = env!("CARGO_PKG_VERSION");
    // Nothing is taken over from the machine, such as its name or the user's.
    let about = Resource::builder_empty()
        .with_attributes([KeyValue::new("service.name", "statehouse"), KeyValue::new("service.version", version)])
        .build();
    let provider = SdkTracerProvider::builder()
        .with_resource(about)
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::AlwaysOn)))
        .with_batch_exporter(exporter)
        .build();
    let tracer = provider.tracer_with_scope(InstrumentationScope::builder("statehouse").with_version(version).build());
    Ok((Exporting { provider }, Requests::new(tracer)))
}

impl Exporting {
    /// Sends what is left, for a moment at most. The runtime it began with must still run.
    pub fn end(self) {
        // Nobody is left to be told that the collector did not take the last of it.
        let _ = self.provider.shutdown_with_timeout(LAST_SPANS);
    }
}

fn address(text: &str, beyond_host: bool) -> Result<String, Unsound> {
    let url = Url::parse(text).map_err(|cause| Unsound::NoUrl { text: text.to_owned(), cause })?;
    let plain = url.scheme() == "http" && url.username().is_empty() && url.password().is_none();
    let (true, None, None, Some(host)) = (plain, url.query(), url.fragment(), url.host()) else {
        // A password in it is not repeated.
        let text = if url.password().is_some() { "http://…".to_owned() } else { text.to_owned() };
        return Err(Unsound::NoCollector { text });
    };
    if !beyond_host && !is_loopback(&host) {
        return Err(Unsound::Beyond { host: host.to_string() });
    }
    Ok(format!("{}{PATH}", url.as_str().trim_end_matches('/')))
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Ipv4(address) => IpAddr::V4(*address).is_loopback(),
        Host::Ipv6(address) => IpAddr::V6(*address).is_loopback(),
        Host::Domain(name) => name.eq_ignore_ascii_case("localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_go_to_this_machine_unless_said_otherwise() {
        for (text, sent_to) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
            ("http://[::1]:4318/", "http://[::1]:4318/v1/traces"),
            ("http://localhost:4318/otlp", "http://localhost:4318/otlp/v1/traces"),
        ] {
            assert_eq!(address(text, false).expect("sound"), sent_to);
        }
        for beyond in ["http://collector:4318", "http://10.0.0.1:4318", "http://localhost.example:4318", "http://0.0.0.0:1"] {
            assert!(matches!(address(beyond, false), Err(Unsound::Beyond { .. })), "{beyond}");
            assert!(address(beyond, true).is_ok(), "{beyond}");
        }
    }

    #[test]
    fn what_is_no_collector_is_refused_and_a_password_not_repeated() {
        for bad in [
            "",
            "127.0.0.1:4318",
            "https://127.0.0.1",
            "http://127.0.0.1/?a=b",
            "http://127.0.0.1/#a",
            "file:///etc",
            "http://me:hunter2@127.0.0.1",
        ] {
            let refused = address(bad, true).expect_err(bad);
            assert!(!refused.to_string().contains("hunter2"), "{refused}");
        }
    }
}
