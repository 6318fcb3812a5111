//! `GET /sign-in/oidc` sends a person to the issuer, `GET /sign-in/oidc/callback` takes them back.

use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, RawQuery, State};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;

use crate::provider::{Back, Provider, Refused};

/// No issuer's code, state or name is longer.
const WORD_MAX: usize = 4096;
/// No tenant's slug is longer.
const SLUG_MAX: usize = 100;
const PAGE: &str = include_str!("page.html");

/// What comes of an asking.
pub type Asked<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Whoever opens sessions for people who are verified.
pub trait Door: Send + Sync + 'static {
    /// Whether this address may try now.
    ///
    /// # Errors
    /// The answer it is given instead.
    fn admit(&self, peer: Option<IpAddr>) -> Result<(), Box<Response>>;

    /// The headers that give a browser its session; `None` where the person is refused.
    ///
    /// # Errors
    /// The answer where this could not be found out.
    fn open(&self, email: String, tenant: String) -> Asked<'_, Result<Option<HeaderMap>, Box<Response>>>;
}

struct Place<D> {
    provider: Provider,
    door: D,
    tenant: String,
}

/// The two routes. `tenant` is the slug of the tenant to sign in to where a person names none.
pub fn routes<S: Clone + Send + Sync + 'static>(provider: Provider, door: impl Door, tenant: String) -> Router<S> {
    Router::new().route("/sign-in/oidc", get(leave)).route("/sign-in/oidc/callback", get(enter)).with_state(Arc::new(Place {
        provider,
        door,
        tenant,
    }))
}

async fn leave<D: Door>(State(place): State<Arc<Place<D>>>, RawQuery(query): RawQuery, parts: Parts) -> Response {
    if let Err(answer) = place.door.admit(peer(&parts.extensions)) {
        return *answer;
    }
    let query = query.unwrap_or_default();
    let tenant = word(&query, "tenant").unwrap_or_else(|| place.tenant.clone());
    if tenant.is_empty() || tenant.len() > SLUG_MAX {
        return page(StatusCode::BAD_REQUEST, "Which tenant do you want to sign in to? Name it as <code>/sign-in/oidc?tenant=NAME</code>.");
    }
    match place.provider.begin(&tenant).await {
        Ok((url, mark)) => gone_to(url.as_str(), mark),
        Err(refused) => nobody(&refused),
    }
}

async fn enter<D: Door>(State(place): State<Arc<Place<D>>>, RawQuery(query): RawQuery, parts: Parts) -> Response {
    if let Err(answer) = place.door.admit(peer(&parts.extensions)) {
        return *answer;
    }
    let mut answer = entered(&place, &query.unwrap_or_default(), &parts.headers).await;
    // Whatever came of it, this sign-in is over.
    for (name, value) in &place.provider.ended() {
        answer.headers_mut().append(name, value.clone());
    }
    answer
}

async fn entered<D: Door>(place: &Place<D>, query: &str, headers: &HeaderMap) -> Response {
    let back =
        Back { code: word(query, "code").unwrap_or_default(), state: word(query, "state").unwrap_or_default(), issuer: word(query, "iss") };
    let person = match place.provider.finish(headers, back).await {
        Ok(person) => person,
        Err(refused) => return nobody(&refused),
    };
    match place.door.open(person.email, person.tenant).await {
        Ok(Some(session)) => gone_to("/", session),
        Ok(None) => {
            tracing::info!("a sign-in was refused: the person is no member there");
            refusal()
        }
        Err(answer) => *answer,
    }
}

/// One value of the query; one that stands twice or is too long is none.
fn word(query: &str, wanted: &str) -> Option<String> {
    let mut found = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == wanted);
    let (_, value) = found.next()?;
    (value.len() <= WORD_MAX && found.next().is_none()).then(|| value.into_owned())
}

fn peer(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip())
}

fn gone_to(url: &str, headers: HeaderMap) -> Response {
    let Ok(location) = HeaderValue::try_from(url) else { return refusal() };
    (StatusCode::SEE_OTHER, [(header::LOCATION, location), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], headers)
        .into_response()
}

/// Nobody is signed in. Why is for the log: the person who is refused learns no more than anybody who tries.
fn nobody(refused: &Refused) -> Response {
    if let Refused::Unreachable(cause) = refused {
        tracing::warn!(%cause, "the issuer cannot be asked");
        return page(StatusCode::SERVICE_UNAVAILABLE, "Signing in this way does not work at the moment. Try again in a few minutes.");
    }
    tracing::info!(%refused, "a sign-in was refused");
    refusal()
}

fn refusal() -> Response {
    page(
        StatusCode::UNAUTHORIZED,
        "You are not signed in. Begin again where you came from; if it happens twice, ask an administrator of your tenant.",
    )
}

fn page(status: StatusCode, text: &str) -> Response {
    let mut response = (status, Html(PAGE.replace("{text}", text))).into_response();
    let headers = response.headers_mut();
    let policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'";
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
