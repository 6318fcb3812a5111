//! What a request names: its path, its query, its key.

use axum::extract::{FromRequestParts, Path, Query};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use statehouse_fault::{SH6006, SH6010, SH6020};
use statehouse_store::record::Target;

use crate::Problem;

/// A key has at most so many characters.
pub(super) const KEY_MAX: usize = 200;

/// The parameters of the path.
pub(super) struct At<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for At<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<At<T>, Problem> {
        let path = Path::<T>::from_request_parts(parts, state).await;
        path.map(|Path(path)| At(path)).map_err(|_| Problem::new(SH6006, "the path is not readable text"))
    }
}

/// The query, in the order in which it was written.
pub(super) struct Asked(pub Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Asked, Problem> {
        let query = Query::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        query.map(|Query(pairs)| Asked(pairs)).map_err(|_| unreadable("the query is not readable text", "encode it as `name=value&…`"))
    }
}

/// A query that cannot be meant.
pub(super) fn unreadable(detail: impl Into<String>, help: impl Into<String>) -> Problem {
    Problem::new(SH6010, detail).with_help(help)
}

/// An id, or else a reference.
pub(super) fn target(name: &str) -> Target<'_> {
    // Only the one way in which we write an id: another is a reference that nothing has.
    let id = (name.len() == 36).then(|| name.parse().ok()).flatten();
    id.map_or(Target::Reference(name), Target::Id)
}

/// The `Idempotency-Key`, where there is one.
pub(super) fn key(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let mut given = headers.get_all("idempotency-key").iter();
    let (Some(value), None) = (given.next(), given.next()) else {
        return if headers.contains_key("idempotency-key") { Err(bad_key()) } else { Ok(None) };
    };
    value.to_str().ok().filter(|key| is_key(key)).map(Some).ok_or_else(bad_key)
}

/// Letters, digits and `_.:-`.
pub(super) fn is_key(key: &str) -> bool {
    (1..=KEY_MAX).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte))
}

pub(super) fn bad_key() -> Problem {
    Problem::new(SH6020, "the idempotency key is not one of 1 to 200 letters, digits and `_.:-`")
}

/// Whether the caller asked for no body in answer (RFC 7240).
pub(super) fn wants_minimal(headers: &HeaderMap) -> bool {
    let words = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split([',', ';']));
    words.map(str::trim).any(|word| word.eq_ignore_ascii_case("return=minimal"))
}
