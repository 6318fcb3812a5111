//! A database of its own and a real server over it.

use std::net::SocketAddr;

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request};
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use statehouse_http::{Settings, serve};
use statehouse_store::Place;
use statehouse_testkit::people::Persona;
use statehouse_testkit::{Cluster, TestDatabase, app};
use tokio::sync::oneshot;

/// A database of its own and a real server over it; both end with the value.
pub struct World {
    /// The database.
    pub db: TestDatabase,
    /// Where the server listens.
    pub address: SocketAddr,
    client: Client<HttpConnector, Body>,
    stop: Option<oneshot::Sender<()>>,
}

/// An answer, whole.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub bytes: Vec<u8>,
    /// The body as JSON; null where it is none.
    pub body: Value,
}

impl Answer {
    /// The code of a problem, else nothing.
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// A header's text, else nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

impl World {
    /// The orders app with its people, a hand-held clock and no records.
    pub async fn orders() -> World {
        World::with(Settings::default()).await
    }

    /// The same with other settings; the address is chosen by the system.
    pub async fn with(settings: Settings) -> World {
        let cluster = Cluster::shared();
        let db = cluster.database_from(&app::template(cluster, &app::folder("orders")), "faces");
        World::over(db, settings).await
    }

    /// A server over a database that is there.
    pub async fn over(db: TestDatabase, mut settings: Settings) -> World {
        settings.listen = "127.0.0.1:0".parse().expect("an address");
        let place = Place::parse(&db.url("postgres")).expect("a place");
        let serving = serve(settings, place).await.expect("the server starts");
        let (stop, told) = oneshot::channel::<()>();
        let address = serving.address;
        tokio::spawn(serving.run(async {
            let _ = told.await;
        }));
        World { db, address, client: Client::builder(TokioExecutor::new()).build_http(), stop: Some(stop) }
    }

    /// Tells the server to stop, and does not wait for it.
    pub fn stop(&mut self) {
        self.stop.take();
    }

    /// One request, as somebody or as nobody, with a JSON body or none.
    pub async fn call(&self, method: Method, path: &str, who: Option<&Persona>, body: Option<&Value>) -> Answer {
        let mut request = Request::builder().method(method).uri(self.url(path));
        if let Some(key) = who.and_then(|persona| persona.key.as_deref()) {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        let body = match body {
            Some(value) => {
                request = request.header("content-type", "application/json");
                Body::from(value.to_string())
            }
            None => Body::empty(),
        };
        self.send(request.body(body).expect("a request")).await
    }

    /// Any request; its URI is made by [`World::url`].
    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.client.request(request).await.expect("the server answers");
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("the body ends").to_bytes().to_vec();
        let body = serde_json::from_slice(&bytes).unwrap_or_default();
        Answer { status: parts.status.as_u16(), headers: parts.headers, bytes, body }
    }

    /// The whole URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}
