//! `GET /v1/{entity}/{id}/history`: what happened to a record, as far as the caller may know it.

use std::sync::Arc;

use axum::extract::{OriginalUri, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use statehouse_store::record::{self, HISTORY_MAX, PAGE, Shape};

use super::asked::{Asked, At, target, unreadable};
use super::{answer, list};
use crate::{Caller, Problem, Shared};

/// A page of events; `after` is the version after which they begin.
pub(super) async fn history(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    At((entity, id)): At<(String, String)>,
    OriginalUri(uri): OriginalUri,
    Asked(pairs): Asked,
) -> Result<Response, Problem> {
    let running = shared.running();
    let shape = Shape::of(&running.app, &caller.session.role, &entity)?;
    let (mut after, mut limit) = (0, PAGE);
    for (name, value) in &pairs {
        match name.as_str() {
            "after" => after = version(value)?,
            "limit" => limit = list::limit(value)?,
            _ => return Err(unreadable(format!("a history takes no `{name}`"), "there is `after` and `limit`")),
        }
    }
    if !(1..=HISTORY_MAX).contains(&limit) {
        return Err(unreadable(format!("`limit` cannot be {limit}"), format!("ask for 1 to {HISTORY_MAX}")));
    }
    let (shape, record) = (&shape, target(&id));
    let events = caller.ask(|db, session| async move { record::history(&db, &session, shape, record, after, limit).await }).await?;
    // A page that is full may be the last; then the next one is empty.
    let next = events.last().filter(|_| events.len() == limit as usize).map(|(seq, _)| seq.to_string());
    let texts: Vec<String> = events.into_iter().map(|(_, text)| text).collect();
    let mut response = answer::json(StatusCode::OK, answer::page(&texts, next.as_deref(), None));
    if let Some(next) = next
        && let Ok(link) = HeaderValue::try_from(list::link(uri.path(), &pairs, &next))
    {
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}

fn version(value: &str) -> Result<i32, Problem> {
    let plain = value.bytes().all(|byte| byte.is_ascii_digit());
    value.parse().ok().filter(|_| plain).ok_or_else(|| unreadable("`after` is no version", "take `next` of the page before"))
}
