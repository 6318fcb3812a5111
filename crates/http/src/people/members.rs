//! Members of the caller's tenant.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use statehouse_definition::model::Through;
use statehouse_fault::{Fault, SH6508};
use statehouse_store::people::members::{self, Change, Invitation};

use super::holder::{Holder, ManagesMembers};
use super::page::{At, Page, id};
use crate::{Caller, Json, Problem, Shared};

type Manager = Holder<ManagesMembers>;

pub(super) async fn me(caller: Caller) -> Result<Json<Value>, Problem> {
    Ok(Json(caller.ask(|db, session| async move { members::me(&db, &session).await }).await?))
}

pub(super) async fn list(manager: Manager, query: RawQuery) -> Result<Json<Value>, Problem> {
    let page = Page::read(query)?;
    let found = manager.caller.ask(|db, session| async move { members::members(&db, &session, page.after, page.limit).await }).await?;
    Ok(page.answer(found))
}

pub(super) async fn invite(manager: Manager, State(shared): State<Arc<Shared>>, Json(who): Json<Invitation>) -> Result<Response, Problem> {
    for_members(&shared, &who.role)?;
    let who = &who;
    let made = manager.caller.ask(|db, session| async move { members::invite(&db, &session, who).await }).await?;
    let location = format!("/v1/members/{}", made["id"].as_str().unwrap_or_default());
    let mut response = (StatusCode::CREATED, Json(made)).into_response();
    if let Ok(location) = HeaderValue::try_from(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

pub(super) async fn change(
    manager: Manager,
    State(shared): State<Arc<Shared>>,
    At(member): At<String>,
    Json(to): Json<Change>,
) -> Result<Json<Value>, Problem> {
    let member = id(&member, "member")?;
    if let Some(role) = &to.role {
        for_members(&shared, role)?;
    }
    let to = &to;
    Ok(Json(manager.caller.ask(|db, session| async move { members::change(&db, &session, member, to).await }).await?))
}

pub(super) async fn dismiss(manager: Manager, At(member): At<String>) -> Result<StatusCode, Problem> {
    let member = id(&member, "member")?;
    manager.caller.ask(|db, session| async move { members::dismiss(&db, &session, member).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A role that links or forms hold is nobody's to be given; one that is not there at all is the database's to refuse.
fn for_members(shared: &Shared, role: &str) -> Result<(), Problem> {
    let running = shared.running();
    match running.app.roles.get(role) {
        Some(held) if held.by != Through::Membership => {
            let roles = running.app.roles.iter().filter(|(_, role)| role.by == Through::Membership).map(|(name, _)| name.as_str());
            let fault = Fault::new(SH6508, format!("there is no role `{role}` for members"));
            Err(fault.with_help(format!("choose one of {}", statehouse_definition::quoted_list(roles))).into())
        }
        _ => Ok(()),
    }
}
