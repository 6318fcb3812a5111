//! Answers made of JSON text that Postgres wrote: it is passed on, byte for byte.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use statehouse_fault::{SH4012, SH6014};
use statehouse_store::StoreFault;
use statehouse_store::record::{Moved, NotWritten, Seen, Wrong};

use super::body::refused;
use crate::{Problem, etag};

/// The version that a move made, which a record may since have left behind.
const MOVE_VERSION: &str = "move-version";
/// The answer was given before.
const REPLAYED: &str = "idempotency-replayed";

/// JSON text as it is. What is the caller's own is no other's to keep, and is asked for again before it is used again.
pub(super) fn json(status: StatusCode, text: String) -> Response {
    let mut response = (status, Body::from(text)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    response
}

/// `{"data":[…],"next":…}`.
pub(super) fn page(records: &[String], next: Option<&str>, count: Option<i64>) -> String {
    let next = next.map_or_else(|| "null".to_owned(), |next| serde_json::Value::from(next).to_string());
    let count = count.map(|count| format!(",\"count\":{count}")).unwrap_or_default();
    format!("{{\"data\":[{}],\"next\":{next}{count}}}", records.join(","))
}

/// A record with its tag.
pub(super) fn record(status: StatusCode, seen: Seen) -> Response {
    let version = seen.version;
    tagged(json(status, seen.json), version)
}

/// An answer with the version it speaks of.
pub(super) fn tagged(mut response: Response, version: i32) -> Response {
    response.headers_mut().insert(header::ETAG, etag::of_version(version));
    response
}

/// The record after a write; no content where it left the caller's sight, or where none is wanted.
pub(super) fn written(status: StatusCode, moved: &Moved, seen: Option<Seen>) -> Response {
    let mut response = match seen {
        Some(seen) => record(status, seen),
        None => tagged(StatusCode::NO_CONTENT.into_response(), moved.version),
    };
    response.headers_mut().insert(MOVE_VERSION, HeaderValue::from(moved.version));
    if moved.replayed {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    response
}

/// A stale version that came as `If-Match` is a failed precondition.
pub(super) fn precondition(headers: &HeaderMap, problem: Problem) -> Problem {
    if problem.code() == SH4012 && headers.contains_key(header::IF_MATCH) {
        return problem.with_code(SH6014);
    }
    problem
}

/// What a body was refused for apart from what the store says.
pub(super) fn apart<T>(answer: Result<T, NotWritten>) -> Result<Result<T, Vec<Wrong>>, StoreFault> {
    match answer {
        Ok(done) => Ok(Ok(done)),
        Err(NotWritten::Wrong(wrong)) => Ok(Err(wrong)),
        Err(NotWritten::Fault(fault)) => Err(fault),
    }
}

/// Back together as one answer.
pub(super) fn together<T>(headers: &HeaderMap, answer: Result<Result<T, Vec<Wrong>>, StoreFault>) -> Result<T, Problem> {
    answer.map_err(|fault| precondition(headers, fault.into()))?.map_err(refused)
}
