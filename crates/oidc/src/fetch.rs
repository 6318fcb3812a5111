//! Asks the issuer: by https, or by http on this machine alone; no redirect is followed, and time and size have bounds.

use std::pin::Pin;
use std::time::Duration;

use axum::body::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use url::{Host, Url};

/// An issuer that takes longer is not there.
const WITHIN: Duration = Duration::from_secs(10);
/// The keys of the largest issuers take a few kilobytes.
const ANSWER_MAX: usize = 1 << 20;

/// A client of the issuer.
#[derive(Debug)]
pub(crate) struct Fetch {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoAnswer {
    #[error("`{0}` is neither https nor on this machine")]
    Plain(String),
    #[error("it took longer than {} s", WITHIN.as_secs())]
    Late(#[from] tokio::time::error::Elapsed),
    #[error("it cannot be reached")]
    Client(#[from] hyper_util::client::legacy::Error),
    #[error("its answer cannot be read: {0}")]
    Body(String),
}

impl Fetch {
    pub(crate) fn new() -> Fetch {
        // Each request says which of both it may be.
        let connector = hyper_rustls::HttpsConnectorBuilder::new().with_webpki_roots().https_or_http().enable_http1().build();
        Fetch { client: Client::builder(TokioExecutor::new()).build(connector) }
    }

    async fn ask(&self, request: HttpRequest) -> Result<HttpResponse, NoAnswer> {
        let uri = request.uri().to_string();
        if !Url::parse(&uri).is_ok_and(|url| is_guarded(&url)) {
            return Err(NoAnswer::Plain(uri));
        }
        tokio::time::timeout(WITHIN, async {
            let (parts, body) = self.client.request(request.map(|body| Full::new(body.into()))).await?.into_parts();
            let body = Limited::new(body, ANSWER_MAX).collect().await.map_err(|cause| NoAnswer::Body(cause.to_string()))?;
            Ok(HttpResponse::from_parts(parts, body.to_bytes().into()))
        })
        .await?
    }
}

impl<'c> AsyncHttpClient<'c> for Fetch {
    type Error = NoAnswer;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, NoAnswer>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.ask(request))
    }
}

/// Whether nobody between can read or change what is said there.
pub(crate) fn is_guarded(url: &Url) -> bool {
    match (url.scheme(), url.host()) {
        ("https", Some(_)) => true,
        ("http", Some(Host::Ipv4(address))) => address.is_loopback(),
        ("http", Some(Host::Ipv6(address))) => address.is_loopback(),
        ("http", Some(Host::Domain(name))) => name == "localhost",
        _ => false,
    }
}
