//! One record: made, read, edited.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use statehouse_store::record::{self, Shape};

use super::answer::{self, apart, together};
use super::asked::{At, key, target, wants_minimal};
use super::body::Body;
use crate::{Caller, Problem, Shared, etag};

/// `POST /v1/{entity}`.
pub(super) async fn create(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    At(entity): At<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let running = shared.running();
    let shape = Shape::of(&running.app, &caller.session.role, &entity)?;
    let (values, key) = (body.values()?, key(&headers)?);
    let (shape, values) = (&shape, &values);
    let made = caller.ask(|db, session| async move { apart(record::make(&db, &session, shape, values.clone(), key).await) }).await;
    let made = together(&headers, made)?;
    let place = format!("/v1/{entity}/{}", made.moved.id);
    let mut response = answer::written(StatusCode::CREATED, &made.moved, made.seen.filter(|_| !wants_minimal(&headers)));
    if response.status() == StatusCode::NO_CONTENT {
        *response.status_mut() = StatusCode::CREATED;
    }
    if let Ok(place) = HeaderValue::try_from(place) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    Ok(response)
}

/// `GET /v1/{entity}/{id}`.
pub(super) async fn get(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    At((entity, id)): At<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let running = shared.running();
    let shape = Shape::of(&running.app, &caller.session.role, &entity)?;
    let (shape, record) = (&shape, target(&id));
    let seen = caller.ask(|db, session| async move { record::get(&db, &session, shape, record).await }).await?;
    if etag::is_unchanged(&headers, seen.version) {
        return Ok(answer::tagged(StatusCode::NOT_MODIFIED.into_response(), seen.version));
    }
    Ok(answer::record(StatusCode::OK, seen))
}

/// `PATCH /v1/{entity}/{id}`.
pub(super) async fn edit(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    At((entity, id)): At<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let running = shared.running();
    let shape = Shape::of(&running.app, &caller.session.role, &entity)?;
    let (version, key, values) = (Some(etag::must_match(&headers)?), key(&headers)?, body.values()?);
    let (shape, values, record) = (&shape, &values, target(&id));
    let edited = caller
        .ask(|db, session| async move { apart(record::edit(&db, &session, shape, record, values.clone(), version, key).await) })
        .await;
    let edited = together(&headers, edited)?;
    Ok(answer::written(StatusCode::OK, &edited.moved, edited.seen.filter(|_| !wants_minimal(&headers))))
}
