//! The client by which messages go out.

use std::time::Duration;

use axum::body::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::Request;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use super::Post;

/// As much of an answer as is read.
const ANSWER_BYTES: usize = 64 << 10;

/// Sends posts over plain HTTP; redirects are not followed.
#[derive(Clone, Debug)]
pub(crate) struct Sender(Client<HttpConnector, Full<Bytes>>);

impl Sender {
    pub(crate) fn new() -> Sender {
        Sender(Client::builder(TokioExecutor::new()).build_http())
    }

    /// The status and the beginning of the answer; nothing when no whole answer came in time.
    pub(crate) async fn send(&self, post: Post, timeout: Duration) -> Option<(u16, Vec<u8>)> {
        let mut request = Request::post(&post.url).header("user-agent", "statehouse-sandbox");
        for (name, value) in &post.headers {
            request = request.header(*name, value);
        }
        let request = request.body(Full::new(Bytes::from(post.body))).ok()?;
        let exchange = async {
            let answer = self.0.request(request).await.ok()?;
            let status = answer.status().as_u16();
            let body = Limited::new(answer.into_body(), ANSWER_BYTES).collect().await.ok()?;
            Some((status, body.to_bytes().to_vec()))
        };
        tokio::time::timeout(timeout, exchange).await.ok().flatten()
    }
}
