//! Forms that anybody may fill in: declared fields, a trap for programs, and a count of how often.
//!
//! `read` what was sent · `send` counted and written · `page` for people.
//!
//! Routes: `POST /v1/forms/{tenant}/{form}`, JSON or as a page sends it, with `Idempotency-Key` where it may be sent again
//! → 202 {accepted, message} · `GET` and `POST /f/{tenant}/{form}`, the page.

mod page;
mod read;
mod send;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::json;
use statehouse_store::forms;

use crate::auth::peer;
use crate::links::page as pages;
use crate::people::At;
use crate::{Json, Problem, Shared, limits};
use pages::longest;
use read::Sent;
use send::Asked;

/// The longest texts of a form, with room for how they are written.
const FORM_MAX_BYTES: u64 = 128 << 10;

/// The routes of this folder.
pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/v1/forms/{tenant}/{form}", post(submit))
        .route("/f/{tenant}/{form}", get(show).post(press))
        .layer(limits::body_max(FORM_MAX_BYTES))
}

/// `POST /v1/forms/{tenant}/{form}`.
async fn submit(
    State(shared): State<Arc<Shared>>,
    At((tenant, form)): At<(String, String)>,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let running = shared.running();
    let locale = pages::locale(&parts, &running.app.locales);
    let asked = Asked::of(&running.app, &tenant, &form)?;
    let sent = Sent::read(&parts, body).await?;
    asked.send(&shared, peer(&parts), &locale, &sent).await?;
    Ok((StatusCode::ACCEPTED, Json(json!({ "accepted": true, "message": asked.thanks(&locale) }))).into_response())
}

/// `GET /f/{tenant}/{form}`.
async fn show(State(shared): State<Arc<Shared>>, At((tenant, form)): At<(String, String)>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let running = shared.running();
    let locale = pages::locale(&parts, &running.app.locales);
    let shown = async {
        shared.shares.try_key(peer(&parts))?;
        let asked = Asked::of(&running.app, &tenant, &form)?;
        let host = forms::host(&shared.entry, &asked.stored()).await?;
        Ok(asked.page(&host, &locale, None, None))
    };
    shown.await.unwrap_or_else(|problem: Problem| pages::refusal(&problem, &locale))
}

/// `POST /f/{tenant}/{form}`.
async fn press(State(shared): State<Arc<Shared>>, At((tenant, form)): At<(String, String)>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let running = shared.running();
    let locale = pages::locale(&parts, &running.app.locales);
    let pressed = async {
        let asked = Asked::of(&running.app, &tenant, &form)?;
        let sent = Sent::read(&parts, body).await?;
        let host = forms::host(&shared.entry, &asked.stored()).await?;
        Ok(match asked.send(&shared, peer(&parts), &locale, &sent).await {
            Ok(()) => asked.sent(&host, &locale),
            Err(problem) => asked.page(&host, &locale, Some(&sent), Some(&problem)),
        })
    };
    pressed.await.unwrap_or_else(|problem: Problem| pages::refusal(&problem, &locale))
}
