//! A file on its way in. It is announced, sent in as many requests as the network needs, and finished; where it stands is
//! asked with GET or HEAD and told with every refusal.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use statehouse_fault::{SH2006, SH6004, SH6101, SH6104};
use statehouse_store::StoreFault;
use statehouse_store::files::{self, CHUNK_BYTES, Described, Hash, PART_BYTES};
use uuid::Uuid;

use crate::limits::fault_of;
use crate::people::At;
use crate::{Caller, Json, Problem, Shared};

const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");

/// What bytes may be sent as.
const KINDS: [&str; 3] = ["application/offset+octet-stream", "application/partial-upload", "application/octet-stream"];

/// The body that announces a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Announced {
    name: String,
    media_type: String,
    size: u64,
}

/// The body that finishes an upload; it may be empty.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Finished {
    /// The SHA-256 of the whole file, for who wants what arrived to be read again and compared.
    #[serde(default, deserialize_with = "digits")]
    sha256: Option<Hash>,
}

fn digits<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Hash>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    text.map(|text| text.parse().map_err(serde::de::Error::custom)).transpose()
}

/// POST /v1/uploads
pub(super) async fn begin(caller: Caller, State(shared): State<Arc<Shared>>, request: Request) -> Result<Response, Problem> {
    // What is announced counts for the tenant; whoever holds a link is not to use that up with files for nothing.
    if caller.session.kind == "link" && !files::attaches(&shared.running().app, &caller.session.role) {
        return Err(Problem::new(SH2006, format!("`{}` attaches no files", caller.session.role)).with_help("sign in first"));
    }
    let Json(announced) = Json::<Announced>::from_request(request, &shared).await?;
    let size = i64::try_from(announced.size).unwrap_or(i64::MAX);
    let what = Described { name: announced.name, media_type: announced.media_type, size };
    let what = &what;
    let id = caller.ask(|db, session| async move { files::begin(&db, &session, what).await }).await?;
    let body = told(id, 0, announced.size);
    let place = HeaderValue::try_from(place(id)).unwrap_or_else(|_| HeaderValue::from_static("/v1/uploads"));
    Ok((StatusCode::CREATED, [(header::LOCATION, place), (UPLOAD_OFFSET, HeaderValue::from(0))], body).into_response())
}

/// GET, HEAD /v1/uploads/{id}
pub(super) async fn stands(caller: Caller, At(id): At<String>) -> Result<Response, Problem> {
    let id = named(&id)?;
    let upload = caller.ask(|db, session| async move { files::state(&db, &session, id).await }).await?;
    let headers = [
        (UPLOAD_OFFSET, HeaderValue::from(upload.received)),
        (UPLOAD_LENGTH, HeaderValue::from(upload.size)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok((headers, told(id, upload.received, upload.size)).into_response())
}

/// PATCH /v1/uploads/{id}: the body goes on from `Upload-Offset`. What is cut keeps every whole chunk that came.
pub(super) async fn append(caller: Caller, At(id): At<String>, headers: HeaderMap, body: Body) -> Result<Response, Refused> {
    let id = named(&id)?;
    of_a_kind(&headers)?;
    let mut at = offset(&headers)?;
    let mut came = body.into_data_stream();
    let mut waiting = BytesMut::new();
    while let Some(frame) = came.next().await {
        match frame {
            Ok(bytes) => waiting.extend_from_slice(&bytes),
            Err(cause) => {
                let whole = (at + waiting.len() as u64) / CHUNK_BYTES * CHUNK_BYTES;
                if whole > at {
                    // At most a part and a frame: the rest of what came was sent on already.
                    send_all(&caller, id, at, waiting.split_to((whole - at) as usize)).await?;
                }
                return Err(fault_of(&cause).into());
            }
        }
        // Up to where a chunk ends, so that none is written twice.
        while waiting.len() as u64 >= part(at) {
            at = send(&caller, id, at, waiting.split_to(part(at) as usize).freeze()).await?;
        }
    }
    at = send_all(&caller, id, at, waiting).await?;
    Ok((StatusCode::NO_CONTENT, [(UPLOAD_OFFSET, HeaderValue::from(at))]).into_response())
}

/// DELETE /v1/uploads/{id}
pub(super) async fn abandon(caller: Caller, At(id): At<String>) -> Result<StatusCode, Problem> {
    let id = named(&id)?;
    caller.ask(|db, session| async move { files::abandon(&db, &session, id).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// POST /v1/uploads/{id}/finish
pub(super) async fn finish(caller: Caller, At(id): At<String>, headers: HeaderMap, body: Bytes) -> Result<Json<Value>, Refused> {
    let id = named(&id)?;
    let finished = if body.is_empty() { Finished::default() } else { crate::json::of(&headers, &body)? };
    let sha256 = finished.sha256.map(|hash| <[u8; 32]>::try_from(hash.as_bytes()).unwrap_or_default());
    let file = caller.ask(|db, session| async move { files::finish(&db, &session, id, sha256).await }).await?;
    Ok(Json(json!({ "hash": file.hash.to_string(), "size": file.size, "media_type": file.media_type, "name": file.name })))
}

fn place(id: Uuid) -> String {
    format!("/v1/uploads/{id}")
}

fn told(id: Uuid, offset: u64, size: u64) -> Json<Value> {
    Json(json!({ "id": id, "offset": offset, "size": size, "url": place(id) }))
}

/// Bytes from `at` to the end of the part that it lies in.
fn part(at: u64) -> u64 {
    PART_BYTES - at % CHUNK_BYTES
}

async fn send_all(caller: &Caller, id: Uuid, mut at: u64, mut bytes: BytesMut) -> Result<u64, Refused> {
    while !bytes.is_empty() {
        let length = part(at).min(bytes.len() as u64);
        at = send(caller, id, at, bytes.split_to(length as usize).freeze()).await?;
    }
    Ok(at)
}

async fn send(caller: &Caller, id: Uuid, at: u64, bytes: Bytes) -> Result<u64, Refused> {
    let end = at + bytes.len() as u64;
    let bytes = &bytes;
    caller.ask(|db, session| async move { files::append(&db, &session, id, at, bytes).await }).await?;
    // What was said again leaves the upload further on; this request goes on where it is itself.
    Ok(end)
}

/// A refusal that says where the upload stands, where the database said so.
#[derive(Debug)]
pub(super) struct Refused {
    problem: Problem,
    offset: Option<u64>,
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Refused {
        Refused { problem, offset: None }
    }
}

impl From<StoreFault> for Refused {
    fn from(fault: StoreFault) -> Refused {
        Refused { offset: files::offset_of(&fault), problem: fault.into() }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut response = self.problem.into_response();
        if let Some(offset) = self.offset {
            response.headers_mut().insert(UPLOAD_OFFSET, HeaderValue::from(offset));
        }
        response
    }
}

/// What is no id names no upload, and is answered like one.
fn named(id: &str) -> Result<Uuid, Problem> {
    id.parse().map_err(|_| Problem::new(SH6101, "there is no such upload of yours").with_help("begin it anew"))
}

fn of_a_kind(headers: &HeaderMap) -> Result<(), Problem> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if KINDS.iter().any(|known| kind.trim().eq_ignore_ascii_case(known)) {
        return Ok(());
    }
    Err(Problem::new(SH6004, "the body is to be bytes").with_help(format!("send `content-type: {}`", KINDS[0])))
}

fn offset(headers: &HeaderMap) -> Result<u64, Problem> {
    let text = headers.get(&UPLOAD_OFFSET).and_then(|value| value.to_str().ok());
    let text = text.ok_or_else(|| Problem::new(SH6104, "`upload-offset` is missing").with_help("say at which byte the body begins"))?;
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|number| digits && *number <= i64::MAX as u64 / 2);
    number.ok_or_else(|| Problem::new(SH6104, "`upload-offset` is not a number of bytes"))
}
