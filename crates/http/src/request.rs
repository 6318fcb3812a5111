//! The request in hand: its id, and where it went; every answer and every line of the log carries the id.

use std::borrow::Cow;
use std::cell::Cell;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use tracing::field::Empty;
use uuid::Uuid;

use crate::Shared;

/// Named so on the way in and out.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The span a request says it is part of, by W3C Trace Context.
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// As long as `traceparent` is in the version there is.
const TRACEPARENT_CHARS: usize = 55;
/// A longer id of a caller's own is replaced by ours.
const ID_CHARS_MAX: usize = 64;

tokio::task_local! {
    static REQUEST: InHand;
}

#[derive(Debug)]
struct InHand {
    id: String,
    path: String,
    rate: Cell<Option<Rate>>,
}

/// What is left of the caller's share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    /// Requests a second.
    pub(crate) limit: u32,
    /// Those that may follow at once.
    pub(crate) remaining: u32,
}

/// The id of the request in hand; empty outside of one.
pub(crate) fn id() -> String {
    REQUEST.try_with(|request| request.id.clone()).unwrap_or_default()
}

/// The path of the request in hand; empty outside of one.
pub(crate) fn path() -> String {
    REQUEST.try_with(|request| request.path.clone()).unwrap_or_default()
}

/// Has the answer say what is left of the caller's share.
pub(crate) fn note_rate(rate: Rate) {
    let _ = REQUEST.try_with(|request| request.rate.set(Some(rate)));
}

/// Runs what answers the request with its id at hand, puts the id on the answer, counts it and leaves a line of it in the log.
pub(crate) async fn identified(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let given = request.headers().get(REQUEST_ID).and_then(|value| value.to_str().ok()).filter(|id| safe(id));
    let id = given.map_or_else(|| format!("req_{}", Uuid::now_v7().simple()), str::to_owned);
    let method = request.method().clone();
    let span = span(&request, &id);
    let in_hand = InHand { id: id.clone(), path: request.uri().path().to_owned(), rate: Cell::new(None) };
    let (mut response, rate) = REQUEST
        .scope(in_hand, async {
            let response = next.run(request).await;
            (response, REQUEST.with(|request| request.rate.get()))
        })
        .await;
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, value);
    }
    // What one person is answered is kept by no cache between, and taken by no browser for another kind than it says it is.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("private, no-cache"));
    headers.entry(header::X_CONTENT_TYPE_OPTIONS).or_insert(HeaderValue::from_static("nosniff"));
    if let Some(Rate { limit, remaining }) = rate {
        // As draft-ietf-httpapi-ratelimit-headers writes them; a share fills up again within a second.
        let texts = [("ratelimit-policy", format!("\"key\";q={limit};w=1")), ("ratelimit", format!("\"key\";r={remaining};t=1"))];
        for (name, text) in texts {
            if let Ok(value) = HeaderValue::try_from(text) {
                headers.insert(name, value);
            }
        }
    }
    let took = began.elapsed();
    let route = response.extensions_mut().remove::<Route>().map_or(Cow::Borrowed("none"), |route| route.0);
    span.record("route", &*route).record("status", response.status().as_u16());
    shared.metrics.answered(&method, &route, response.status(), took);
    if shared.settings.log.access {
        let (status, took_ms) = (response.status().as_u16(), took.as_secs_f64() * 1e3);
        tracing::info!(target: "statehouse_http::access", %method, %route, status, took_ms, request_id = %id, "answered");
    }
    response
}

/// The request as who follows spans sees it: nothing in it names a tenant, a record or a key. Nobody follows unless a
/// collector is set, and then it costs a look.
fn span(request: &Request, id: &str) -> tracing::Span {
    let span = tracing::info_span!(
        target: "statehouse_http::request", "request",
        method = request.method().as_str(), request_id = id, route = Empty, status = Empty, traceparent = Empty
    );
    if !span.is_disabled() {
        let mut given = request.headers().get_all(TRACEPARENT).iter();
        // What stands twice says nothing.
        let only = given.next().filter(|_| given.next().is_none()).and_then(|value| value.to_str().ok());
        if let Some(text) = only.filter(|text| text.len() == TRACEPARENT_CHARS) {
            span.record("traceparent", text);
        }
    }
    span
}

/// Notes which route answers, for the log and the counts: paths hold ids, routes do not.
pub(crate) async fn routed(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map(|path| Route(Cow::Owned(path.as_str().to_owned())));
    let mut response = next.run(request).await;
    if let Some(route) = route {
        response.extensions_mut().insert(route);
    }
    response
}

#[derive(Clone, Debug)]
struct Route(Cow<'static, str>);

fn safe(id: &str) -> bool {
    (1..=ID_CHARS_MAX).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::safe;

    #[test]
    fn an_id_is_taken_over_only_if_it_is_harmless() {
        for good in ["a", "req_018f", "01J-x.y:z", &"a".repeat(64)] {
            assert!(safe(good), "{good}");
        }
        for bad in ["", "a b", "a\"b", "a\nb", "é", &"a".repeat(65)] {
            assert!(!safe(bad), "{bad:?}");
        }
    }
}
