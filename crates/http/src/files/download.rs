//! A file on its way out: asked for through a record the caller sees, part by part, each under the caller's sight.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use statehouse_fault::{SH1002, SH6109};
use statehouse_store::files::{self, Held, Relation, Row};
use statehouse_store::record::Target;

use super::kind;
use super::range::{self, Asked, Range};
use crate::people::At;
use crate::{Caller, Problem, Shared};

/// GET, HEAD /v1/{entity}/{id}/files/{field}
pub(super) async fn of_record(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    At((entity, id, field)): At<(String, String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let relation = Relation::of(&shared.running().app, &caller.session.role, &entity, None, &field);
    answer(caller, relation, &id, None, &field, &headers).await
}

/// GET, HEAD /v1/{entity}/{id}/{child}/{row}/files/{field}
pub(super) async fn of_child(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    At((entity, id, child, row, field)): At<(String, String, String, String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let relation = Relation::of(&shared.running().app, &caller.session.role, &entity, Some(&child), &field);
    answer(caller, relation, &row, Some(&id), &field, &headers).await
}

/// A record, a field or a file that the caller does not see are answered in one and the same way.
async fn answer(
    caller: Caller,
    relation: Option<Relation>,
    row: &str,
    owner: Option<&str>,
    field: &str,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let unseen = || Problem::new(SH1002, "there is no such file that you can see");
    let relation = &relation.ok_or_else(unseen)?;
    let row = &Row { row: target(row), owner: owner.map(target) };
    let held = caller.ask(|db, session| async move { files::about(&db, &session, relation, row, field).await }).await?;
    let held = held.ok_or_else(unseen)?;
    let tag = format!("\"{}\"", held.file.hash);
    if names(headers, header::IF_NONE_MATCH, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response());
    }
    // A part of another file than the one the caller has begun with is of no use to anybody.
    let may_part = !headers.contains_key(header::IF_RANGE) || headers.get(header::IF_RANGE).is_some_and(|value| value == tag.as_str());
    let wanted = headers.get(header::RANGE).and_then(|value| value.to_str().ok()).filter(|_| may_part);
    let size = held.file.size;
    let (status, range) = match range::asked(wanted, size) {
        Asked::Whole => (StatusCode::OK, Range { first: 0, last: size.saturating_sub(1) }),
        Asked::Part(range) => (StatusCode::PARTIAL_CONTENT, range),
        Asked::Beyond => return Ok(beyond(size)),
    };
    let mut response = (status, described(&held, &tag)).into_response();
    let told = response.headers_mut();
    told.insert(header::CONTENT_LENGTH, HeaderValue::from(range.length()));
    if status == StatusCode::PARTIAL_CONTENT
        && let Ok(value) = HeaderValue::try_from(format!("bytes {}-{}/{size}", range.first, range.last))
    {
        told.insert(header::CONTENT_RANGE, value);
    }
    *response.body_mut() = Body::from_stream(parts(caller, held, range));
    Ok(response)
}

fn target(text: &str) -> Target<'_> {
    text.parse().map_or(Target::Reference(text), Target::Id)
}

fn described(held: &Held, tag: &str) -> HeaderMap {
    let file = &held.file;
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind::content_type(&file.media_type)));
    headers.insert(header::CONTENT_DISPOSITION, kind::disposition(&file.media_type, &file.name));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    // May be kept, but is asked for each time: who lost sight of the record has lost sight of its file.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    if let Ok(tag) = HeaderValue::try_from(tag) {
        headers.insert(header::ETAG, tag);
    }
    headers
}

fn beyond(size: u64) -> Response {
    let mut response = Problem::new(SH6109, format!("the file has {size} bytes")).into_response();
    if let Ok(value) = HeaderValue::try_from(format!("bytes */{size}")) {
        response.headers_mut().insert(header::CONTENT_RANGE, value);
    }
    response
}

fn names(headers: &HeaderMap, header: header::HeaderName, tag: &str) -> bool {
    let given = headers.get(header).and_then(|value| value.to_str().ok()).unwrap_or_default();
    given.split(',').map(|one| one.trim().trim_start_matches("W/")).any(|one| one == tag || one == "*")
}

/// The bytes of a range, a part at a time, each read when the peer has taken the one before. A part that cannot be read
/// any more breaks the answer off, which the peer sees by its length.
fn parts(caller: Caller, held: Held, range: Range) -> impl stream::Stream<Item = Result<Bytes, std::io::Error>> {
    stream::try_unfold((caller, held, range.first), move |(caller, held, at)| async move {
        if at > range.last {
            return Ok(None);
        }
        let about = &held;
        let read = caller.ask(|db, session| async move { files::read(&db, &session, about, at).await }).await;
        let mut part = read.map_err(std::io::Error::other)?.ok_or_else(|| std::io::Error::other("the file is no longer to be seen"))?;
        part.truncate(usize::try_from(range.last - at + 1).unwrap_or(usize::MAX));
        let next = at + part.len() as u64;
        Ok(Some((Bytes::from(part), (caller, held, next))))
    })
}
