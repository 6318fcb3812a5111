//! The caller's tenant.

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::Value;
use statehouse_store::people::tenant;

use super::holder::{Holder, ManagesMembers};
use crate::{Caller, Json, Problem};

/// What may be changed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    name: String,
}

pub(super) async fn own(caller: Caller) -> Result<Json<Value>, Problem> {
    Ok(Json(caller.ask(|db, session| async move { tenant::own(&db, &session).await }).await?))
}

pub(super) async fn rename(manager: Holder<ManagesMembers>, Json(to): Json<Change>) -> Result<(StatusCode, Json<Value>), Problem> {
    let name = &to.name;
    manager.caller.ask(|db, session| async move { tenant::rename(&db, &session, name).await }).await?;
    Ok((StatusCode::OK, own(manager.caller).await?))
}
