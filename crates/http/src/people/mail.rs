//! Signing in by a link in a mail. Opening the link shows a button, because mail programs open links by themselves;
//! pressing the button uses it up.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use statehouse_fault::{SH2004, SH6003, SH6307, SH6504, SH6509, SH6510};
use statehouse_store::people::sign_in::{self, Asked};

use super::page::At;
use crate::status::escaped;
use crate::{Json, Problem, Shared, auth};

/// A shorter secret could be guessed.
const SECRET_MIN: usize = 32;
/// HMAC-SHA256 as base64url.
const TOKEN_CHARS: usize = 43;
const PAGE: &str = include_str!("sign_in.html");

/// Who wants to sign in.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asking {
    email: String,
    #[serde(default)]
    tenant: Option<String>,
}

/// Always the same answer, after the same work: nobody learns here whose address is known.
pub(super) async fn ask(
    State(shared): State<Arc<Shared>>,
    parts: Parts,
    Json(who): Json<Asking>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    shared.shares.try_key(auth::peer(&parts))?;
    let secret = shared.settings.people.sign_in_secret.as_bytes();
    if secret.len() < SECRET_MIN {
        return Err(Problem::new(SH6504, "sign-in by mail is off"));
    }
    let app = shared.running().app.name.clone();
    let asked = Asked { email: &who.email, app: &app, tenant: who.tenant.as_deref() };
    let token = sign_in::ask(&shared.server, secret, asked).await?;
    if let Some(token) = token.filter(|_| shared.settings.people.sign_in_shown) {
        shared.shown.show(&who.email, format!("{}/sign-in/{token}", shared.base_url));
    }
    Ok((
        StatusCode::ACCEPTED,
        Json(json!({ "message": "if somebody has this address, a link is on its way; it works once, within 15 minutes" })),
    ))
}

/// The button. Whether the link still works is not looked up: a look alone changes and tells nothing.
pub(super) async fn look(State(shared): State<Arc<Shared>>, At(token): At<String>) -> Response {
    if !looks_like_one(&token) {
        return refused(&shared, "This link is not whole.");
    }
    page(&shared, StatusCode::OK, &button(&shared, None))
}

/// Pressing it: a session and its cookie, or a choice of tenants, or a page that says what to do.
pub(super) async fn enter(
    State(shared): State<Arc<Shared>>,
    At(token): At<String>,
    parts: Parts,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    if !ours(&parts.headers, &shared.base_url) {
        return Err(Problem::new(SH6307, "this was not sent by our own page"));
    }
    shared.shares.try_key(auth::peer(&parts))?;
    if !looks_like_one(&token) {
        return Ok(refused(&shared, "This link is not whole."));
    }
    let body = body.map_err(|_| Problem::new(SH6003, "the form is larger than a choice"))?;
    let chosen = form_urlencoded::parse(&body).find(|(name, value)| name == "tenant" && !value.is_empty());
    let tenant = chosen.map(|(_, slug)| slug.into_owned());
    match sign_in::sign_in(&shared.entry, &token, tenant.as_deref()).await {
        Ok(session) => {
            let mut response = (StatusCode::SEE_OTHER, auth::opened(&shared.settings, session.token())).into_response();
            response.headers_mut().insert(header::LOCATION, HeaderValue::from_static("/"));
            response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            Ok(response)
        }
        Err(fault) => {
            let fault = fault.fault();
            match fault.code {
                code if code == SH6510 => Ok(page(&shared, StatusCode::CONFLICT, &choices(&shared, &fault.detail))),
                code if code == SH6509 => Ok(refused(&shared, "This link was used already, or is older than 15 minutes.")),
                code if code == SH2004 => Ok(refused(&shared, "You do not belong there.")),
                _ => Err(fault.into()),
            }
        }
    }
}

/// Whether a browser says that the form is ours. One that says nothing is no browser that another site could drive.
fn ours(headers: &HeaderMap, base_url: &str) -> bool {
    let said = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    said("sec-fetch-site").is_none_or(|site| matches!(site, "same-origin" | "none"))
        && said("origin").is_none_or(|origin| origin == base_url)
}

fn looks_like_one(token: &str) -> bool {
    token.len() == TOKEN_CHARS && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

/// The slugs the database lists after the colon.
fn choices(shared: &Shared, detail: &str) -> String {
    let slugs = detail.split_once(": ").map(|(_, slugs)| slugs).unwrap_or_default();
    let buttons = slugs.split(", ").map(|slug| button(shared, Some(slug)));
    format!("<p>You belong to several tenants. Where do you want to go?</p>{}", buttons.collect::<String>())
}

fn button(shared: &Shared, tenant: Option<&str>) -> String {
    let (value, text) = match tenant {
        Some(slug) => (escaped(slug), escaped(slug)),
        None => (String::new(), format!("Sign in to {}", escaped(&shared.running().app.name))),
    };
    format!("<form method=\"post\"><input type=\"hidden\" name=\"tenant\" value=\"{value}\"><button>{text}</button></form>")
}

fn refused(shared: &Shared, why: &str) -> Response {
    page(shared, StatusCode::UNAUTHORIZED, &format!("<p>{why}</p><p>Ask for a new one where you signed in.</p>"))
}

fn page(shared: &Shared, status: StatusCode, body: &str) -> Response {
    let app = escaped(&shared.running().app.name);
    let mut response = (status, Html(PAGE.replace("{app}", &app).replace("{body}", body))).into_response();
    let headers = response.headers_mut();
    let policy = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_page_presses_the_button() {
        let with = |pairs: &[(&'static str, &'static str)]| {
            let headers = pairs.iter().map(|(name, value)| (name.parse().expect("a name"), HeaderValue::from_static(value))).collect();
            ours(&headers, "http://here")
        };
        assert!(with(&[]) && with(&[("sec-fetch-site", "same-origin"), ("origin", "http://here")]));
        assert!(
            !with(&[("sec-fetch-site", "cross-site")]) && !with(&[("sec-fetch-site", "same-site")]) && !with(&[("origin", "http://there")])
        );
        assert!(!with(&[("origin", "null")]));
    }

    #[test]
    fn what_cannot_be_a_token_is_not_asked_for() {
        assert!(looks_like_one(&"a".repeat(43)));
        for bad in ["", "a", &"a".repeat(44), &"é".repeat(43), &format!("{}.", "a".repeat(42))] {
            assert!(!looks_like_one(bad), "{bad}");
        }
    }
}
