//! A plain page about what runs here, and the health checks.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};
use statehouse_fault::{SH6008, SH6013};

use crate::{Json, Problem, Shared, outside};

/// A database that takes longer than this to answer is not ready.
const READY_WITHIN: Duration = Duration::from_secs(2);
const PAGE: &str = include_str!("status.html");

/// The routes of this file.
pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new().route("/", get(page)).route("/health/live", get(live)).route("/health/ready", get(ready))
}

/// The process answers.
async fn live() -> Json<Value> {
    Json(json!({ "live": true }))
}

/// The database answers and nobody has told the server to stop.
async fn ready(State(shared): State<Arc<Shared>>) -> Result<Json<Value>, Problem> {
    if shared.is_retiring() {
        return Err(Problem::new(SH6013, "this process is stopping"));
    }
    let running = shared.running();
    if !database_answers(&shared).await {
        return Err(Problem::new(SH6008, "the database does not answer"));
    }
    Ok(Json(json!({ "ready": true, "app": running.app.name, "version": running.version })))
}

async fn database_answers(shared: &Shared) -> bool {
    let asked = async { shared.health.get().await.ok()?.batch_execute("select 1").await.ok() };
    matches!(tokio::time::timeout(READY_WITHIN, asked).await, Ok(Some(())))
}

async fn page(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let running = shared.running();
    let app = &running.app;
    let rows = app.entities.iter().map(|(name, entity)| {
        let (states, verbs) = (entity.states.len(), entity.transitions.len());
        format!("<tr><td><code>{name}</code></td><td>{states} states</td><td>{verbs} transitions</td></tr>")
    });
    let healthy = database_answers(&shared).await;
    let first = app.entities.keys().next().map_or("", String::as_str);
    let filled = PAGE
        .replace("{app}", &escaped(&app.name))
        .replace("{version}", &running.version.to_string())
        .replace("{release}", env!("CARGO_PKG_VERSION"))
        .replace("{health}", if healthy { "answers" } else { "does not answer" })
        .replace("{mark}", if healthy { "good" } else { "bad" })
        .replace("{entities}", &rows.collect::<String>())
        .replace("{waiting}", &waiting(&shared).await)
        .replace("{first}", first)
        .replace("{sign_in}", &if by_our_name(&headers, &shared.base_url) { shared.shown.page() } else { String::new() })
        .replace("{url}", &escaped(&shared.base_url));
    let mut response = Html(filled).into_response();
    let policy = HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'");
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// What waits, in plain words.
async fn waiting(shared: &Shared) -> String {
    let Some(found) = shared.queues.look(&shared.server).await else {
        return "<tr><td>not known</td><td>the database does not say</td></tr>".to_owned();
    };
    let told = outside::told(&found);
    if told.is_empty() {
        return "<tr><td>nothing</td><td></td></tr>".to_owned();
    }
    let row = |(what, said, fine): &(String, String, bool)| {
        let mark = if *fine { "good" } else { "bad" };
        format!("<tr><td>{}</td><td><span class=\"health {mark}\">{}</span></td></tr>", escaped(what), escaped(said))
    };
    told.iter().map(row).collect()
}

/// Whether the browser was sent here by our own name. A site that has its name lead here would read the page as its own.
fn by_our_name(headers: &HeaderMap, base_url: &str) -> bool {
    let name = base_url.split_once("://").map_or(base_url, |(_, rest)| rest.split('/').next().unwrap_or_default());
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    host.eq_ignore_ascii_case(name) || host.split(':').next() == Some("localhost")
}

/// Text as HTML shows it.
pub(crate) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}
