//! API keys.

use axum::extract::RawQuery;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use statehouse_store::people::keys::{self, NewKey};

use super::page::{At, Page, id};
use crate::{Caller, Json, Problem};

pub(super) async fn list(caller: Caller, query: RawQuery) -> Result<Json<Value>, Problem> {
    let page = Page::read(query)?;
    let found = caller.ask(|db, session| async move { keys::keys(&db, &session, page.after, page.limit).await }).await?;
    Ok(page.answer(found))
}

pub(super) async fn make(caller: Caller, Json(wanted): Json<NewKey>) -> Result<Response, Problem> {
    let wanted = &wanted;
    let made = caller.ask(|db, session| async move { keys::make(&db, &session, wanted).await }).await?;
    let location = format!("/v1/keys/{}", made["id"].as_str().unwrap_or_default());
    let mut response = (StatusCode::CREATED, Json(made)).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(location) = HeaderValue::try_from(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

pub(super) async fn revoke(caller: Caller, At(key): At<String>) -> Result<StatusCode, Problem> {
    let key = id(&key, "key")?;
    caller.ask(|db, session| async move { keys::revoke(&db, &session, key).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}
