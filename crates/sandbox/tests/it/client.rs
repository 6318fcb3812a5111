//! Clients: one that speaks HTTP, and one that has nothing but a connection.

use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use statehouse_sandbox::{Sandbox, Settings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// 2026-11-20T12:00:00Z.
pub const NOON_US: i64 = 1_795_176_000_000_000;
/// Longer than anything here takes.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A sandbox whose clock stands at noon.
pub async fn at_noon() -> Sandbox {
    let settings = Settings::default();
    settings.clock.hold(NOON_US);
    Sandbox::start(settings).await.unwrap()
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    /// The body as JSON; a text where it is none, null where there is none.
    pub fn json(&self) -> Value {
        if self.text.is_empty() { Value::Null } else { serde_json::from_str(&self.text).unwrap_or_else(|_| self.text.clone().into()) }
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// One exchange; an error where no whole answer came.
pub async fn ask(method: &str, url: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Result<Answer, String> {
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build_http();
    let mut request = Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(body.into())).unwrap();
    let exchange = async {
        let answer = client.request(request).await.map_err(|cause| format!("{cause:?}"))?;
        let (parts, body) = answer.into_parts();
        let bytes = body.collect().await.map_err(|cause| format!("{cause:?}"))?.to_bytes();
        Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, text: String::from_utf8(bytes.to_vec()).unwrap() })
    };
    tokio::time::timeout(PATIENCE, exchange).await.expect("an answer in time")
}

pub async fn get(url: &str) -> Answer {
    ask("GET", url, &[("authorization", "Bearer token")], "").await.unwrap()
}

/// JSON to an address.
pub async fn send(method: &str, url: &str, body: Value) -> Answer {
    ask(method, url, &[("content-type", "application/json"), ("authorization", "Bearer token")], body.to_string()).await.unwrap()
}

/// `POST /k/send` and its like, with a key.
pub async fn bare(sandbox: &Sandbox, provider: &str, key: &str) -> Result<Answer, String> {
    let url = format!("{}/send", sandbox.base(provider));
    let body = format!("{{\"ref\":\"{key}\"}}");
    ask("POST", &url, &[("content-type", "application/json"), ("idempotency-key", key)], body).await
}

/// A connection that has sent `POST /{provider}/send`.
pub async fn raw(sandbox: &Sandbox, provider: &str, key: &str) -> TcpStream {
    let mut stream = TcpStream::connect(sandbox.address).await.unwrap();
    let body = format!("{{\"ref\":\"{key}\"}}");
    let head = format!(
        "POST /{provider}/send HTTP/1.1\r\nhost: x\r\nidempotency-key: {key}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).await.unwrap();
    stream
}

/// Everything a connection still says, or how it broke.
pub async fn rest(stream: &mut TcpStream) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.expect("it ends in time")?;
    Ok(String::from_utf8(bytes).unwrap())
}
