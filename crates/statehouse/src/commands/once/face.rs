//! The API as the players use it: one request a move, sent again under the same key until it is answered.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::{Method, Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use super::cast::Refused;

/// A request that breaks off is sent again this often, this long apart: a server that was killed is back by then.
const AGAIN_MAX: u32 = 300;
const PAUSE: Duration = Duration::from_millis(50);

/// The API of one server.
#[derive(Debug)]
pub struct Face {
    client: Client<HttpConnector, Full<Bytes>>,
    base: String,
    broken: AtomicU64,
}

/// What is asked.
#[derive(Debug)]
pub struct Asked<'a> {
    /// The API key of whoever asks.
    pub who: &'a str,
    /// Below `/v1`, e.g. `/order/0193…/transitions/quote`.
    pub path: String,
    /// Names the request, so that sending it again is harmless.
    pub key: &'a str,
    /// The input, or the fields.
    pub body: Option<&'a Value>,
}

impl Face {
    /// The API at `address`, e.g. `127.0.0.1:8321`.
    pub fn at(address: &str) -> Face {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Face { client, base: format!("http://{address}/v1"), broken: AtomicU64::new(0) }
    }

    /// How many requests broke off and were sent again.
    pub fn broken(&self) -> u64 {
        self.broken.load(Ordering::Relaxed)
    }

    /// Posts until there is an answer: the body of a success, or the problem.
    pub async fn post(&self, asked: &Asked<'_>) -> Result<Value, Refused> {
        let mut last = String::new();
        for _ in 0..AGAIN_MAX {
            match self.once(asked).await {
                Ok((StatusCode::SERVICE_UNAVAILABLE, body)) => last = format!("the server is busy: {body}"),
                Ok((status, body)) if status.is_success() => return Ok(body),
                Ok((status, body)) => return Err(Refused::problem(status.as_u16(), &body)),
                Err(cause) => last = cause,
            }
            self.broken.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(PAUSE).await;
        }
        Err(Refused::unanswered(last))
    }

    async fn once(&self, asked: &Asked<'_>) -> Result<(StatusCode, Value), String> {
        let body = asked.body.map(Value::to_string).unwrap_or_else(|| "{}".to_owned());
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("{}{}", self.base, asked.path))
            .header("authorization", format!("Bearer {}", asked.who))
            .header("content-type", "application/json")
            .header("idempotency-key", asked.key)
            .header("accept", "application/json, application/problem+json")
            .body(Full::new(Bytes::from(body)))
            .map_err(|cause| cause.to_string())?;
        let answer = self.client.request(request).await.map_err(|cause| cause.to_string())?;
        let status = answer.status();
        let bytes = answer.into_body().collect().await.map_err(|cause| cause.to_string())?.to_bytes();
        if bytes.is_empty() {
            return Ok((status, Value::Null));
        }
        let body = serde_json::from_slice(&bytes).map_err(|cause| format!("{status} with a body that is no JSON: {cause}"))?;
        Ok((status, body))
    }
}
