//! The rows a record owns: each change is an edit of the record and moves its version.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::value::RawValue;
use statehouse_fault::{SH1002, SH6020};
use statehouse_store::record::{self, RowEdit, Seen, Shape, Values};
use uuid::Uuid;

use super::answer::{self, apart, together};
use super::asked::{At, target};
use super::body::Body;
use crate::{Caller, Problem, Shared, etag};

/// `GET /v1/{entity}/{id}/{child}`.
pub(super) async fn list(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    At((entity, id, child)): At<(String, String, String)>,
) -> Result<Response, Problem> {
    let running = shared.running();
    let shape = Shape::of(&running.app, &caller.session.role, &entity)?;
    let (shape, record, child) = (&shape, target(&id), child.as_str());
    let (version, rows) = caller.ask(|db, session| async move { record::rows(&db, &session, shape, record, child).await }).await?;
    Ok(answer::tagged(answer::json(StatusCode::OK, format!("{{\"data\":{rows}}}")), version))
}

/// `POST /v1/{entity}/{id}/{child}`.
pub(super) async fn add(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    At((entity, id, child)): At<(String, String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let values = body.values()?;
    let (row, seen) = write(&caller, &shared, (&entity, &id, &child), RowEdit::Add(&values), &headers).await?;
    let mut response = shown(StatusCode::CREATED, &child, row, &seen);
    if let Ok(place) = HeaderValue::try_from(format!("/v1/{entity}/{}/{child}/{row}", seen.id)) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    Ok(response)
}

/// `PATCH /v1/{entity}/{id}/{child}/{child_id}`.
pub(super) async fn change(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    At((entity, id, child, row)): At<(String, String, String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let values = body.values()?;
    let what = RowEdit::Change(row_id(&child, &row)?, &values);
    let (row, seen) = write(&caller, &shared, (&entity, &id, &child), what, &headers).await?;
    Ok(shown(StatusCode::OK, &child, row, &seen))
}

/// `DELETE /v1/{entity}/{id}/{child}/{child_id}`.
pub(super) async fn remove(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    At((entity, id, child, row)): At<(String, String, String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let what = RowEdit::Remove(row_id(&child, &row)?);
    let (_, seen) = write(&caller, &shared, (&entity, &id, &child), what, &headers).await?;
    Ok(answer::tagged(StatusCode::NO_CONTENT.into_response(), seen.version))
}

async fn write(
    caller: &Caller,
    shared: &Shared,
    (entity, id, child): (&str, &str, &str),
    what: RowEdit<'_>,
    headers: &HeaderMap,
) -> Result<(Uuid, Seen), Problem> {
    // A promise that is not kept is worse than none.
    if headers.contains_key("idempotency-key") {
        return Err(Problem::new(SH6020, "rows of a record take no idempotency key")
            .with_help("send `if-match` with the record's version, which an edit made twice does not fit"));
    }
    let running = shared.running();
    let shape = Shape::of(&running.app, &caller.session.role, entity)?;
    let version = etag::if_match(headers)?;
    let (shape, record) = (&shape, target(id));
    let done =
        caller.ask(|db, session| async move { apart(record::edit_row(&db, &session, shape, record, child, what, version).await) }).await;
    together(headers, done)
}

fn row_id(child: &str, row: &str) -> Result<Uuid, Problem> {
    row.parse().map_err(|_| Problem::new(SH1002, format!("there is no such row of `{child}` that you can see")))
}

/// The row as its record shows it.
fn shown(status: StatusCode, child: &str, row: Uuid, seen: &Seen) -> Response {
    let record: Values = serde_json::from_str(&seen.json).unwrap_or_default();
    let rows: Vec<Box<RawValue>> = record.get(child).and_then(|rows| serde_json::from_str(rows.get()).ok()).unwrap_or_default();
    let mark = format!("\"id\":\"{row}\"");
    let found = rows.iter().find(|one| one.get().contains(&mark)).map_or("null", |one| one.get());
    answer::tagged(answer::json(status, found.to_owned()), seen.version)
}
