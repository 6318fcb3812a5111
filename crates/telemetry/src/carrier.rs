//! Carries what the exporter has packed: HTTP/1.1 over TCP, on the runtime of the server.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use opentelemetry_http::{HttpClient, HttpError};
use tokio::runtime::Handle;

/// A batch the collector has not taken by then is let go.
pub(crate) const WITHIN: Duration = Duration::from_secs(5);
/// A collector has little to say; more of it is not read.
const ANSWER_MAX: usize = 64 << 10;

/// A client of the collector. The exporter works on a thread of its own, which is no part of the runtime; so each batch is a
/// task there.
#[derive(Debug)]
pub(crate) struct Carrier {
    client: Client<HttpConnector, Full<Bytes>>,
    runtime: Handle,
    failing: Arc<AtomicBool>,
}

impl Carrier {
    pub(crate) fn new(runtime: Handle) -> Carrier {
        Carrier { client: Client::builder(TokioExecutor::new()).build_http(), runtime, failing: Arc::default() }
    }

    /// Says that the collector does not take spans, and that it does again; not each batch between.
    fn note(&self, failed: Option<&dyn std::fmt::Display>) {
        let was_failing = self.failing.swap(failed.is_some(), Ordering::Relaxed);
        match failed {
            Some(cause) if !was_failing => tracing::warn!(%cause, "the collector does not take spans; they are let go"),
            None if was_failing => tracing::warn!("the collector takes spans again"),
            _ => {}
        }
    }
}

#[async_trait]
impl HttpClient for Carrier {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        let sending = self.runtime.spawn(async move {
            tokio::time::timeout(WITHIN, async {
                let (parts, body) = client.request(request.map(Full::new)).await?.into_parts();
                let answer = Limited::new(body, ANSWER_MAX).collect().await?.to_bytes();
                Ok::<_, HttpError>(Response::from_parts(parts, answer))
            })
            .await
        });
        let sent = match sending.await {
            Ok(Ok(sent)) => sent,
            Ok(Err(late)) => Err(late.into()),
            Err(broken_off) => Err(broken_off.into()),
        };
        match &sent {
            Ok(response) if response.status().is_success() => self.note(None),
            Ok(response) => self.note(Some(&response.status())),
            Err(cause) => self.note(Some(cause)),
        }
        sent
    }
}
