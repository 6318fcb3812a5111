//! The address that messages go to: it keeps what came and answers as it is told.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Response, Uri};
use serde_json::Value;
use tokio::sync::watch;

use crate::client::PATIENCE;

/// One message as it came.
#[derive(Clone, Debug)]
pub struct Came {
    pub uri: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Came {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

#[derive(Debug, Default)]
struct Inner {
    came: Vec<Came>,
    answers: VecDeque<(u16, &'static str)>,
}

#[derive(Clone, Debug)]
pub struct Receiver {
    pub address: SocketAddr,
    inner: Arc<Mutex<Inner>>,
    count: watch::Sender<usize>,
}

impl Receiver {
    pub async fn start() -> Receiver {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = Receiver { address: listener.local_addr().unwrap(), inner: Arc::default(), count: watch::Sender::new(0) };
        let router = Router::new().fallback(take).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        receiver
    }

    pub fn url(&self) -> String {
        format!("http://{}/in/secret", self.address)
    }

    /// What is answered next; 200 and nothing when nothing is left.
    pub fn answer(&self, answers: &[(u16, &'static str)]) {
        self.inner.lock().unwrap().answers.extend(answers);
    }

    /// Everything that came, once so much has.
    pub async fn came(&self, least: usize) -> Vec<Came> {
        let mut count = self.count.subscribe();
        let enough = tokio::time::timeout(PATIENCE, count.wait_for(|count| *count >= least)).await;
        let came = self.inner.lock().unwrap().came.clone();
        assert!(enough.is_ok(), "{} of {least} came: {came:?}", came.len());
        came
    }

    pub fn so_far(&self) -> usize {
        self.inner.lock().unwrap().came.len()
    }
}

async fn take(State(receiver): State<Receiver>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let (answer, count) = {
        let mut inner = receiver.inner.lock().unwrap();
        inner.came.push(Came { uri: uri.to_string(), headers, body });
        (inner.answers.pop_front().unwrap_or((200, "")), inner.came.len())
    };
    receiver.count.send_replace(count);
    Response::builder().status(answer.0).body(Body::from(answer.1)).unwrap()
}
