//! `POST` and `GET /v1/in/{token}`.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use statehouse_connect::verify::{Ack, Coverage, Received};
use statehouse_fault::{Fault, SH5001, SH7101, SH7102};
use statehouse_store::StoreFault;
use statehouse_store::inbox::{self, Endpoint, Verdict};

use super::certificate;
use super::counts::Became;
use super::endpoints::{Known, TokenHash};
use super::noted::Came;
use super::source::Source;
use crate::auth::peer;
use crate::people::At;
use crate::router::nothing_at;
use crate::{Problem, Shared, limits};

/// A message of an outside system.
pub(super) async fn message(State(shared): State<Arc<Shared>>, At(token): At<String>, request: Request) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let (hash, from) = (TokenHash::of(&token), peer(&parts));
    let endpoint = endpoint(&shared, &token, hash, from, &parts.uri).await?;
    let inbound = &shared.inbound;
    let taken = take(&shared, &token, hash, from, &endpoint, &parts, body).await;
    if let Err(problem) = &taken {
        let code = problem.code();
        match () {
            () if code == SH7101 => {
                inbound.refusals.note(from, Some(hash));
                inbound.counts.note(&endpoint.source, Became::Forged);
            }
            () if code == SH7102 => {
                inbound.refusals.note(from, Some(hash));
                inbound.counts.note(&endpoint.source, Became::Astray);
            }
            () if problem.status().is_server_error() => inbound.counts.note(&endpoint.source, Became::NotTaken),
            () => {}
        }
    }
    taken
}

/// Whether the address is ours, as some providers ask before they send.
pub(super) async fn question(State(shared): State<Arc<Shared>>, At(token): At<String>, request: Request) -> Result<Response, Problem> {
    let (parts, _) = request.into_parts();
    let (hash, from) = (TokenHash::of(&token), peer(&parts));
    let endpoint = endpoint(&shared, &token, hash, from, &parts.uri).await?;
    let running = shared.running();
    let source = Source::of(&running.app, &endpoint, &shared.inbound)?;
    shared.inbound.refusals.check(from, Some(hash))?;
    match source.answer(parts.uri.query().unwrap_or_default()) {
        Some(text) => Ok(plain(StatusCode::OK, text)),
        None => {
            shared.inbound.refusals.note(from, Some(hash));
            Err(nothing_at(&parts.uri))
        }
    }
}

/// Whose an address is. One that is nobody's is answered as any path where there is nothing.
async fn endpoint(shared: &Shared, token: &str, hash: TokenHash, from: Option<IpAddr>, uri: &Uri) -> Result<Arc<Endpoint>, Problem> {
    let inbound = &shared.inbound;
    let nothing = || {
        inbound.refusals.note(from, None);
        Err(nothing_at(uri))
    };
    match inbound.endpoints.find(&hash) {
        Known::Endpoint(endpoint) => return Ok(endpoint),
        Known::Nothing => {
            inbound.refusals.check(from, None)?;
            return nothing();
        }
        Known::NotAsked => inbound.refusals.check(from, None)?,
        Known::Before => {}
    }
    if !is_token(token) {
        return nothing();
    }
    // Over the connections of the server, so that who guesses addresses takes none from those who send.
    match inbound.endpoints.ask(hash, inbox::endpoint_of(&shared.server, token)).await? {
        Some(endpoint) => Ok(endpoint),
        None => nothing(),
    }
}

/// Whether it can have been made here; nothing is looked up for what cannot.
fn is_token(text: &str) -> bool {
    text.strip_prefix("in_").is_some_and(|secret| {
        (32..=100).contains(&secret.len()) && secret.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    })
}

async fn take(
    shared: &Shared,
    token: &str,
    hash: TokenHash,
    from: Option<IpAddr>,
    endpoint: &Endpoint,
    parts: &Parts,
    body: axum::body::Body,
) -> Result<Response, Problem> {
    let inbound = &shared.inbound;
    inbound.refusals.check(from, Some(hash))?;
    let share = inbound.shares.of(hash);
    share.spend("this address", "messages")?;
    let _place = share.place("this address")?;
    let running = shared.running();
    let source = Source::of(&running.app, endpoint, inbound)?;
    let body = Bytes::from_request(Request::new(body), &()).await.map_err(|cause| limits::fault_of(&cause))?;
    // As the sender was told it, and not as a header says: it is part of what some sign.
    let url = format!("{}{}", shared.base_url, parts.uri.path_and_query().map_or("", |path| path.as_str()));
    let certificate = certificate::shown(parts, &shared.settings.inbound.certificate_header);
    let proof = source.verify(&Received { url: &url, headers: &parts.headers, body: &body, certificate })?;
    let query = parts.uri.query().unwrap_or_default();
    let came = Came { inbox: source.inbox, scheme: source.scheme, headers: &parts.headers, query, body: &body };
    let (headers, query) = (Value::Object(came.headers()), came.query());
    for noted in came.notes(&headers) {
        let received = inbox::Received {
            token,
            key: &noted.key,
            kind: noted.kind.as_deref(),
            body: &noted.body,
            headers: &headers,
            query,
            secret: Some(&proof.secret),
            coverage: coverage(proof.coverage),
            account: noted.account.as_deref(),
            item: noted.item.map(|item| (item, &*noted.body)),
        };
        let Some(stored) = inbox::receive(&inbound.db, &received).await.map_err(not_stored)? else {
            inbound.endpoints.forget(&hash);
            return Err(nothing_at(&parts.uri));
        };
        inbound.counts.note(&endpoint.source, became(stored.verdict));
        if stored.verdict == Verdict::Conflict {
            tracing::warn!(source = %endpoint.source, message = %stored.id, "another message came under a key that is taken; it is kept and not acted upon");
        }
    }
    inbound.refusals.welcome(from, hash);
    Ok(thanks(source.scheme.ack))
}

/// But for whose message it is, the sender has done nothing that could be wrong: what the database refuses is ours to put
/// right, and the message is to come again.
fn not_stored(cause: StoreFault) -> Problem {
    let fault = cause.fault();
    if fault.code == SH7102 || fault.code.status >= 500 {
        return cause.into();
    }
    Fault::new(SH5001, format!("a genuine message was not stored: {} {}", fault.code, fault.detail)).into()
}

fn became(verdict: Verdict) -> Became {
    match verdict {
        Verdict::New => Became::New,
        Verdict::Again => Became::Again,
        Verdict::Conflict => Became::Conflict,
    }
}

fn coverage(coverage: Coverage) -> &'static str {
    match coverage {
        Coverage::Whole => "whole",
        Coverage::Partly => "partly",
        Coverage::Sender => "sender",
    }
}

/// What the sender wants to hear, byte for byte.
fn thanks(ack: Ack) -> Response {
    let status = StatusCode::from_u16(ack.status).unwrap_or(StatusCode::OK);
    if ack.body.is_empty() { status.into_response() } else { plain(status, ack.body.to_owned()) }
}

fn plain(status: StatusCode, text: String) -> Response {
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    (status, [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], text).into_response()
}
