//! Links as members make, know and end them.

use std::sync::Arc;

use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use statehouse_definition::model::Actor;
use statehouse_fault::{SH1002, SH6302, SH6303};
use statehouse_store::links;
use statehouse_store::record::{self, Shape, Target};
use uuid::Uuid;

use crate::people::At;
use crate::{Caller, Json, Problem, Shared};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    purpose: String,
    /// An id or a reference.
    record: String,
    uses: Option<i32>,
    /// Seconds.
    lasts_s: Option<u32>,
}

/// `POST /v1/links`. The token is in this answer and nowhere else.
pub(super) async fn make(caller: Caller, State(shared): State<Arc<Shared>>, request: Request) -> Result<Response, Problem> {
    // Whoever makes no link at all is told so before the body is looked at.
    let may = |by: &Actor| matches!(by, Actor::Role(role) if *role == caller.session.role) || matches!(by, Actor::Capability(_));
    if caller.session.kind != "member" || !shared.running().app.links.values().flat_map(|link| &link.by).any(may) {
        return Err(Problem::new(SH6303, "no link is yours to make"));
    }
    let Json(wanted) = Json::<Wanted>::from_request(request, &shared).await?;
    let record = record_of(&caller, &shared, &wanted).await?;
    let (purpose, uses, lasts_s) = (wanted.purpose.as_str(), wanted.uses, wanted.lasts_s.map(f64::from));
    let made = caller.ask(|db, session| async move { links::make(&db, &session, purpose, record, uses, lasts_s).await }).await?;
    let url = format!("{}/l/{}", shared.base_url, made.token);
    let body = json!({ "id": made.id, "url": url, "token": made.token, "expires_at": made.expires_at });
    let mut response = (StatusCode::CREATED, Json(body)).into_response();
    let headers: &mut HeaderMap = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(place) = HeaderValue::try_from(format!("/v1/links/{}", made.id)) {
        headers.insert(header::LOCATION, place);
    }
    Ok(response)
}

/// The record's id; a reference is looked up as the caller sees it.
async fn record_of(caller: &Caller, shared: &Shared, wanted: &Wanted) -> Result<Uuid, Problem> {
    if let Ok(id) = wanted.record.parse() {
        return Ok(id);
    }
    let running = shared.running();
    let link = running.app.links.get(&wanted.purpose);
    let link = link.ok_or_else(|| Problem::new(SH6302, format!("there is no link `{}`", wanted.purpose)))?;
    let shape = Shape::of(&running.app, &caller.session.role, &link.entity)?;
    let (shape, reference) = (&shape, Target::Reference(&wanted.record));
    let seen = caller.ask(|db, session| async move { record::get(&db, &session, shape, reference).await }).await?;
    Ok(seen.id)
}

/// `GET /v1/links/{id}`.
pub(super) async fn find(caller: Caller, At(id): At<String>) -> Result<Response, Problem> {
    let link = id.parse::<Uuid>().map_err(|_| unknown())?;
    let found = caller.ask(|db, session| async move { links::find(&db, &session, link).await }).await?;
    let found = found.ok_or_else(unknown)?;
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], found).into_response())
}

/// `DELETE /v1/links/{id}`.
pub(super) async fn revoke(caller: Caller, At(id): At<String>) -> Result<StatusCode, Problem> {
    let link = id.parse::<Uuid>().map_err(|_| unknown())?;
    let known = caller.ask(|db, session| async move { links::revoke(&db, &session, link).await }).await?;
    if known { Ok(StatusCode::NO_CONTENT) } else { Err(unknown()) }
}

fn unknown() -> Problem {
    Problem::new(SH1002, "there is no such link that you can see")
}
