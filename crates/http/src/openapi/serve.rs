//! `GET /openapi.json`: the document of whoever asks.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use lru::LruCache;
use sha2::{Digest, Sha256};

use super::{Viewer, of_nobody, of_viewer};
use crate::shared::Running;
use crate::{Caller, Problem, Shared};

/// Documents kept: roles times languages of a few versions.
const KEPT: NonZeroUsize = NonZeroUsize::new(64).expect("not zero");

/// The routes of this folder.
pub(crate) fn routes() -> Router<Arc<Shared>> {
    let written: Arc<Written> = Arc::new(Mutex::new(LruCache::new(KEPT)));
    Router::new().route("/openapi.json", get(move |shared: State<Arc<Shared>>, request: Request| answer(written, shared, request)))
}

/// Documents that have been written, by version, role and language.
type Written = Mutex<LruCache<(i32, String, String), Document>>;

/// A document as it is sent, and its tag.
#[derive(Clone)]
struct Document {
    text: Bytes,
    tag: HeaderValue,
}

async fn answer(written: Arc<Written>, State(shared): State<Arc<Shared>>, request: Request) -> Result<Response, Problem> {
    let (mut parts, _) = request.into_parts();
    let running = shared.running();
    let says_who = parts.headers.contains_key(header::AUTHORIZATION) || parts.headers.contains_key(header::COOKIE);
    let (role, locale) = match says_who {
        true => {
            let caller = Caller::from_request_parts(&mut parts, &shared).await?;
            (caller.session.role, caller.session.locale)
        }
        false => (String::new(), String::new()),
    };
    let document = find(&written, &running, &shared.base_url, role, locale);
    let known = parts.headers.get(header::IF_NONE_MATCH).is_some_and(|tag| *tag == document.tag);
    let mut response = match known {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => document.text.into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(header::ETAG, document.tag);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.insert(header::VARY, HeaderValue::from_static("authorization, cookie, accept-language"));
    if !known {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    Ok(response)
}

fn find(written: &Written, running: &Running, base_url: &str, role: String, locale: String) -> Document {
    let key = (running.version, role, locale);
    if let Some(document) = written.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
        return document.clone();
    }
    let document = write(running, base_url, &key.1, &key.2);
    written.lock().unwrap_or_else(PoisonError::into_inner).put(key, document.clone());
    document
}

fn write(running: &Running, base_url: &str, role: &str, locale: &str) -> Document {
    let document = match Viewer::of_role(&running.app, role) {
        Some(viewer) => of_viewer(&viewer, locale, base_url),
        None => of_nobody(&running.app, locale, base_url),
    };
    let text = document.to_string();
    let digest: String = Sha256::digest(&text).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    // Only hexadecimal digits between quotes.
    let tag = HeaderValue::from_str(&format!("\"{digest}\"")).unwrap_or_else(|_| HeaderValue::from_static("\"\""));
    Document { text: text.into(), tag }
}
