//! Sessions of people: opened with a key, listed, ended.

use std::sync::Arc;

use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use statehouse_fault::{SH1002, SH2003};
use statehouse_store::people::{members, sign_in};
use statehouse_store::record::{self, Session};

use super::page::At;
use crate::{Caller, Json, Problem, Shared, auth};

/// Sessions told at most.
const MOST: i32 = 1000;

/// What a session is opened with.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Opening {
    api_key: String,
}

/// Where to go.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Switching {
    tenant: String,
}

/// A JSON body cannot be sent by a form of another site, so that nobody is signed in against their will.
pub(super) async fn open(State(shared): State<Arc<Shared>>, parts: Parts, Json(with): Json<Opening>) -> Result<Response, Problem> {
    shared.shares.try_key(auth::peer(&parts))?;
    let session = record::enter(&shared.entry, &with.api_key).await?;
    if session.app != shared.running().app.name {
        return Err(Problem::new(SH2003, "the key is not accepted"));
    }
    opened(&shared, session).await
}

pub(super) async fn switch(caller: Caller, State(shared): State<Arc<Shared>>, Json(to): Json<Switching>) -> Result<Response, Problem> {
    let tenant = &to.tenant;
    let session = caller.ask(|db, session| async move { sign_in::switch(&db, &session, tenant).await }).await?;
    opened(&shared, session).await
}

/// The session in hand; a page that was loaded anew finds its `csrf` here.
pub(super) async fn current(caller: Caller) -> Result<Response, Problem> {
    let me = caller.ask(|db, session| async move { members::me(&db, &session).await }).await?;
    let me = if caller.is_by_cookie() { with_csrf(me, &caller.session) } else { me };
    let mut response = Json(me).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

pub(super) async fn leave(caller: Caller, State(shared): State<Arc<Shared>>) -> Result<Response, Problem> {
    sign_in::leave(&shared.api, &caller.session).await?;
    Ok((StatusCode::NO_CONTENT, auth::closed(&shared.settings)).into_response())
}

pub(super) async fn list(caller: Caller) -> Result<Json<Value>, Problem> {
    let found = caller.ask(|db, session| async move { sign_in::sessions(&db, &session, MOST).await }).await?;
    Ok(Json(json!({ "data": found })))
}

pub(super) async fn end(caller: Caller, At(id): At<String>) -> Result<StatusCode, Problem> {
    let nothing = || Problem::new(SH1002, "there is no such session that you can see").with_help("list your sessions");
    let id = id.parse().map_err(|_| nothing())?;
    caller.ask(|db, session| async move { sign_in::end(&db, &session, id).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The answer to signing in: a cookie, who it is, and the word that goes with the cookie.
async fn opened(shared: &Shared, session: Session) -> Result<Response, Problem> {
    let me = members::me(&shared.api, &session).await?;
    let mut response =
        (StatusCode::CREATED, auth::opened(&shared.settings, session.token()), Json(with_csrf(me, &session))).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

fn with_csrf(mut me: Value, session: &Session) -> Value {
    me["csrf"] = auth::csrf_of(session.token()).into();
    me
}
