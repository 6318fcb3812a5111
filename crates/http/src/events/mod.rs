//! Events as they happen: a stream for each reader, and subscriptions for those who want to be called.
//!
//! `query` what a reader asks for · `hub` what the readers of a process share: one tail of the log, and their numbers ·
//! `stream` one reader · `frame` how an event is written · `subscriptions` who wants to be called.

mod frame;
mod hub;
mod query;
mod stream;
mod subscriptions;

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use statehouse_store::feed;

use crate::{Caller, Problem, Shared};
use hub::Hub;
use query::Wanted;

/// `GET /v1/events` and `/v1/subscriptions`.
pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new().route("/v1/events", get(events)).layer(Extension(Arc::new(Hub::default()))).merge(subscriptions::routes())
}

async fn events(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    Extension(hub): Extension<Arc<Hub>>,
    headers: HeaderMap,
    uri: axum::http::Uri,
) -> Result<Response, Problem> {
    let running = shared.running();
    let wanted = Wanted::read(uri.query().unwrap_or_default(), &headers, &running.app, &caller.session.role)?;
    let start = wanted.start;
    let reading = hub.reading(&shared)?;
    let begin = async |session| {
        let _turn = reading.turns.acquire().await;
        feed::start(&reading.db, &session, start).await
    };
    let after = caller.ask(|_, session| begin(session)).await?;
    let seat = hub.sit(&shared, &caller.session, &wanted.entities)?;
    let body = stream::open(shared, caller.session, wanted.entities, after, seat);
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // A proxy that gathers the body before it passes it on would hold every event back.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}
