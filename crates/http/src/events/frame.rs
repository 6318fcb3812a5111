//! How the stream is written (the HTML standard, § server-sent events).

use std::fmt::Write as _;

use bytes::Bytes;
use serde_json::json;
use statehouse_fault::Fault;
use statehouse_store::feed::{Cursor, Event};

/// What a reader waits for before it connects again.
const RETRY_MS: u64 = 1_000;

/// The first words: where the reader stands, so that one who is cut off before the first event comes back to it.
pub(super) fn opening(at: Cursor) -> Bytes {
    format!("retry: {RETRY_MS}\nid: {at}\n: events follow\n\n").into()
}

/// Events in one piece.
pub(super) fn events(events: &[Event]) -> Bytes {
    let mut text = String::with_capacity(events.len() * 512);
    for event in events {
        let _ = write!(text, "id: {}\nevent: {}.{}\ndata: {}\n\n", event.cursor, event.entity, event.verb, event.json());
    }
    text.into()
}

/// A comment keeps the connection; the id moves the reader over what it does not see.
pub(super) fn beat(at: Cursor) -> Bytes {
    format!(": \nid: {at}\n\n").into()
}

/// A transaction has held everybody back for so long; zero when it is over.
pub(super) fn lag(seconds: u64) -> Bytes {
    format!("event: lag\ndata: {}\n\n", json!({ "seconds": seconds })).into()
}

/// The last words: why the stream ends, and when to come back.
pub(super) fn end(at: Cursor, reason: &str, fault: &Fault, retry_ms: u64) -> Bytes {
    let data = json!({ "reason": reason, "code": fault.code.code, "detail": fault.detail, "help": fault.help });
    format!("id: {at}\nretry: {retry_ms}\nevent: end\ndata: {data}\n\n").into()
}
