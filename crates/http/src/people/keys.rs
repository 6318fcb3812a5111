//! API keys.

use axum::extract::RawQuery;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use statehouse_fault::SH5015;
use statehouse_store::people::keys::{self, NewKey};

use super::page::{At, Page, id};
use crate::problem::Wrong;
use crate::{Caller, Json, Problem};

pub(super) async fn list(caller: Caller, query: RawQuery) -> Result<Json<Value>, Problem> {
    let page = Page::read(query)?;
    let found = caller.ask(|db, session| async move { keys::keys(&db, &session, page.after, page.limit).await }).await?;
    Ok(page.answer(found))
}

pub(super) async fn make(caller: Caller, Json(wanted): Json<NewKey>) -> Result<Response, Problem> {
    if wanted.expires.as_deref().is_some_and(|expires| !is_moment(expires)) {
        let said = "`expires` is a moment as RFC 3339 writes it";
        let wrong = Wrong { pointer: "/expires".into(), message: said.into(), code: SH5015.code };
        return Err(Problem::new(SH5015, said).with_errors(vec![wrong]));
    }
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

/// `2026-11-20T12:00:00Z`, with a fraction or an offset; whether there is such a day the database knows. It would take
/// `infinity` and `tomorrow` too.
fn is_moment(text: &str) -> bool {
    let form = |text: &str, form: &str| {
        text.len() == form.len()
            && text.bytes().zip(form.bytes()).all(|(one, as_in)| if as_in == b'0' { one.is_ascii_digit() } else { one == as_in })
    };
    let Some((moment, rest)) = text.split_at_checked(19) else { return false };
    let fraction = rest.strip_prefix('.').map_or(0, |digits| 1 + digits.bytes().take_while(u8::is_ascii_digit).count());
    let zone = &rest[fraction..];
    form(moment, "0000-00-00T00:00:00") && fraction != 1 && fraction <= 10 && (zone == "Z" || form(zone, "+00:00") || form(zone, "-00:00"))
}

pub(super) async fn revoke(caller: Caller, At(key): At<String>) -> Result<StatusCode, Problem> {
    let key = id(&key, "key")?;
    caller.ask(|db, session| async move { keys::revoke(&db, &session, key).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}
