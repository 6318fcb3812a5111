//! `/v1/subscriptions`: who wants to be called when something happens. A member manages their own; what is sent to an
//! address is what its maker sees. Messages are written down as they fall due, and sent by the worker of effects.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Router, http::Uri};
use serde::Deserialize;
use serde_json::{Value, json};
use statehouse_definition::model::App;
use statehouse_fault::{SH1002, SH6210, SH6211};
use statehouse_store::subscription::{self, Master, Subscription};
use uuid::Uuid;

use super::query::sees;
use crate::people::At;
use crate::problem::Wrong;
use crate::{Caller, Json, Problem, Shared};

/// What happens to a record of every entity, beside its verbs.
const ALWAYS: [&str; 5] = ["created", "edited", "imported", "migrated", "erased"];
/// For so long the secret before signs too, where nothing is said.
const KEEP_S: u32 = 24 * 60 * 60;

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/v1/subscriptions", get(list).post(make))
        .route("/v1/subscriptions/{id}", get(one).delete(remove))
        .route("/v1/subscriptions/{id}/rotate", post(rotate))
        .route("/v1/subscriptions/{id}/test", post(test))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    label: String,
    url: String,
    events: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rotation {
    #[serde(default)]
    keep_s: Option<u32>,
}

async fn list(caller: Caller) -> Result<Json<Value>, Problem> {
    let all = mine(&caller).await?;
    Ok(Json(json!({ "data": all.iter().map(shown).collect::<Vec<_>>() })))
}

async fn one(caller: Caller, At(id): At<String>) -> Result<Json<Value>, Problem> {
    let id = read(&id)?;
    let all = mine(&caller).await?;
    all.iter().find(|s| s.id == id).map(|s| Json(shown(s))).ok_or_else(unknown)
}

async fn make(caller: Caller, State(shared): State<Arc<Shared>>, Json(wanted): Json<Wanted>) -> Result<Response, Problem> {
    let master = master(&shared)?;
    let wrong = wrong(&wanted, &shared.running().app, &caller.session.role);
    if let Some(first) = wrong.first() {
        return Err(Problem::new(SH6210, first.message.clone()).with_errors(wrong));
    }
    let Wanted { label, url, events } = wanted;
    let (label, url, events) = (&label, &url, &events);
    let made = caller.ask(|db, session| async move { subscription::subscribe(&db, &session, label, url, events).await }).await?;
    let place = HeaderValue::from_str(&format!("/v1/subscriptions/{}", made.id)).unwrap_or(HeaderValue::from_static("/v1/subscriptions"));
    let body = with_secret(&made, &master, caller.session.tenant);
    Ok((StatusCode::CREATED, [(header::LOCATION, place), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], Json(body))
        .into_response())
}

async fn remove(caller: Caller, At(id): At<String>) -> Result<StatusCode, Problem> {
    let id = read(&id)?;
    match caller.ask(|db, session| async move { subscription::remove(&db, &session, id).await }).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(unknown()),
    }
}

async fn rotate(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    At(id): At<String>,
    Json(rotation): Json<Rotation>,
) -> Result<Response, Problem> {
    let (id, master) = (read(&id)?, master(&shared)?);
    let keep_s = f64::from(rotation.keep_s.unwrap_or(KEEP_S));
    let rotated = caller.ask(|db, session| async move { subscription::rotate(&db, &session, id, keep_s).await }).await?;
    let body = with_secret(&rotated.ok_or_else(unknown)?, &master, caller.session.tenant);
    Ok(([(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], Json(body)).into_response())
}

async fn test(caller: Caller, At(id): At<String>) -> Result<Response, Problem> {
    let id = read(&id)?;
    let message = caller.ask(|db, session| async move { subscription::test(&db, &session, id).await }).await?;
    let message = message.ok_or_else(unknown)?;
    Ok((StatusCode::ACCEPTED, Json(json!({ "message": message }))).into_response())
}

async fn mine(caller: &Caller) -> Result<Vec<Subscription>, Problem> {
    Ok(caller.ask(|db, session| async move { subscription::list(&db, &session).await }).await?)
}

fn master(shared: &Shared) -> Result<Master, Problem> {
    Master::read(&shared.settings.webhooks.master_secret).map_err(|_| Problem::new(SH6211, "this server has no secret for webhooks"))
}

fn read(id: &str) -> Result<Uuid, Problem> {
    id.parse().map_err(|_| unknown())
}

/// Somebody else's is exactly as missing.
fn unknown() -> Problem {
    Problem::new(SH1002, "there is no such subscription of yours")
}

/// Told once: at the beginning, and at each change.
fn with_secret(made: &Subscription, master: &Master, tenant: i32) -> Value {
    let mut body = shown(made);
    body["secret"] = json!(master.secret(tenant, made.id, made.secret).reveal());
    body
}

fn shown(s: &Subscription) -> Value {
    json!({
        "id": s.id, "label": s.label, "url": s.url, "events": s.events, "state": s.state, "ended_why": s.ended_why,
        "previous_secret_until": s.previous_until, "created_at": s.created_at, "due": s.due,
    })
}

fn wrong(wanted: &Wanted, app: &App, role: &str) -> Vec<Wrong> {
    let mut wrong = Vec::new();
    let mut say = |pointer: String, message: String| wrong.push(Wrong { pointer, message, code: SH6210.code });
    if wanted.label.trim().is_empty() || wanted.label.chars().count() > 100 {
        say("/label".into(), "`label` has 1 to 100 characters".into());
    }
    if let Err(why) = address(&wanted.url) {
        say("/url".into(), why.into());
    }
    if !(1..=100).contains(&wanted.events.len()) {
        say("/events".into(), "`events` names 1 to 100 kinds of event".into());
    }
    for (at, filter) in wanted.events.iter().enumerate().take(100) {
        if !known(filter, app, role) {
            say(format!("/events/{at}"), "an event is `*`, `ENTITY.*` or `ENTITY.VERB` of what you see".into());
        }
    }
    wrong
}

fn known(filter: &str, app: &App, role: &str) -> bool {
    let Some((entity, verb)) = filter.split_once('.') else { return filter == "*" };
    let Some(of) = app.entities.get(entity).filter(|_| sees(app, role, entity)) else { return false };
    verb == "*" || ALWAYS.contains(&verb) || of.transitions.contains_key(verb)
}

/// `https`, a host with a name, nothing that hides where it goes. The address the name stands for is judged when a
/// message is sent, because it may be another one then.
fn address(url: &str) -> Result<(), &'static str> {
    const FORM: &str = "`url` is an `https` address of at most 2000 characters, without user, password or fragment";
    if url.len() > 2000 || !url.bytes().all(|b| b.is_ascii_graphic()) || url.contains(['#', '@', '\\']) {
        return Err(FORM);
    }
    let parsed: Uri = url.parse().map_err(|_| FORM)?;
    if parsed.scheme_str() != Some("https") || !url.starts_with("https://") {
        return Err("`url` must begin with `https://`");
    }
    let host = parsed.host().unwrap_or_default();
    let labels: Vec<&str> = host.split('.').collect();
    let named =
        labels.iter().all(|label| !label.is_empty() && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'));
    let top = labels.last().copied().unwrap_or_default();
    let inside = ["localhost", "local", "internal", "lan", "home", "arpa", "test", "invalid", "onion"].contains(&top);
    if labels.len() < 2 || !named || top.bytes().all(|b| b.is_ascii_digit()) || inside {
        return Err("`url` names a public host, in small letters, and not a number");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn an_address_is_public_and_plain() {
        for good in
            ["https://example.org", "https://hooks.example.org/a/b?c=d", "https://example.org:8443/x", "https://xn--bcher-kva.example/"]
        {
            assert_eq!(address(good), Ok(()), "{good}");
        }
        for bad in [
            "http://example.org",
            "https://",
            "https://example",
            "https://127.0.0.1/",
            "https://[::1]/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://localhost/",
            "https://db.internal/",
            "https://user@example.org/",
            "https://example.org/#a",
            "https://example.org\\@evil.example/",
            "ftp://example.org",
            "HTTPS://example.org",
            "https://Example.org",
            "https://example.org/ a",
            "https://exa_mple.org",
            "//example.org",
            "",
            "https://example..org",
            "https://.example.org",
        ] {
            assert!(address(bad).is_err(), "{bad}");
        }
    }
}
