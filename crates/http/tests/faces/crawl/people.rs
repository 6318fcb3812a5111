//! Who crawls: every role of two tenants, each with its own document.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{HeaderMap, Request};
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use statehouse_testkit::people::{Persona, Tenant};

use super::document::{Document, Operation};
use crate::world::World;

/// Somebody with a key and a document.
pub struct Crawler {
    pub persona: Persona,
    pub document: Document,
    /// What was made only to have something to name, by where it was made.
    pub made: std::sync::Mutex<BTreeMap<String, Vec<String>>>,
    base: String,
    client: Client<HttpConnector, Body>,
}

/// An answer, and how long it took.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
    pub body: Value,
    pub took: Duration,
}

/// A request that is not sent yet.
#[derive(Clone, Debug, Default)]
pub struct Ask {
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Option<Value>,
    pub bytes: Option<(String, Vec<u8>)>,
    /// Only the beginning is read.
    pub streams: bool,
}

impl Crawler {
    /// Somebody, with the document the server gives them.
    pub async fn enter(world: &World, persona: Persona) -> Crawler {
        Crawler::over(world.url(""), persona).await
    }

    /// The same with any server.
    pub async fn over(base: String, persona: Persona) -> Crawler {
        let client = Client::builder(TokioExecutor::new()).build_http();
        let mut crawler = Crawler { persona, document: Document(Value::Null), made: Default::default(), base, client };
        let answer = crawler.send(&Ask::get("/openapi.json")).await;
        assert_eq!(answer.status, 200, "{:?} has no document: {}", crawler.persona, answer.text);
        crawler.document = Document(answer.body);
        crawler
    }

    /// Every role of the app in this tenant.
    pub async fn all_of(world: &World, tenant: Tenant, roles: &[&str]) -> BTreeMap<String, Crawler> {
        let mut all = BTreeMap::new();
        for role in roles {
            all.insert((*role).to_owned(), Crawler::enter(world, Persona::member("orders", tenant, role)).await);
        }
        all
    }

    /// `rep of nordur`.
    pub fn name(&self) -> String {
        format!("{} of {}", self.persona.title, self.persona.tenant.slug)
    }

    pub async fn send(&self, ask: &Ask) -> Answer {
        self.send_as(ask, self.persona.key.as_deref()).await
    }

    /// With another key, or with none.
    pub async fn send_as(&self, ask: &Ask, key: Option<&str>) -> Answer {
        let mut request = Request::builder().method(ask.method.to_uppercase().as_str()).uri(format!("{}{}", self.base, ask.path));
        if let Some(key) = key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        for (name, value) in &ask.headers {
            request = request.header(name, value);
        }
        let body = match (&ask.body, &ask.bytes) {
            (Some(value), _) => {
                request = request.header("content-type", "application/json");
                Body::from(value.to_string())
            }
            (None, Some((media_type, bytes))) => {
                request = request.header("content-type", media_type);
                Body::from(bytes.clone())
            }
            (None, None) => Body::empty(),
        };
        let request = request.body(body).unwrap_or_else(|cause| panic!("{} {}: {cause}", ask.method, ask.path));
        let began = Instant::now();
        let response = self.client.request(request).await.unwrap_or_else(|cause| panic!("{} {}: {cause:?}", ask.method, ask.path));
        let (parts, body) = response.into_parts();
        let endless = ask.streams && parts.status == 200;
        let bytes = if endless { Vec::new() } else { body.collect().await.expect("the body ends").to_bytes().to_vec() };
        let took = began.elapsed();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Answer { status: parts.status.as_u16(), headers: parts.headers, body: serde_json::from_str(&text).unwrap_or_default(), text, took }
    }
}

impl Ask {
    pub fn get(path: impl Into<String>) -> Ask {
        Ask { method: "get".into(), path: path.into(), ..Ask::default() }
    }

    /// An operation at a path that is filled in.
    pub fn of(operation: Operation<'_>, path: impl Into<String>) -> Ask {
        Ask { method: operation.method.into(), path: path.into(), streams: operation.streams(), ..Ask::default() }
    }

    pub fn with(mut self, name: &str, value: impl Into<String>) -> Ask {
        self.headers.push((name.into(), value.into()));
        self
    }
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }
}
