//! Headers of requests and answers.

use serde_json::{Map, Value, json};

/// Headers of every answer, and of those with this status.
pub fn always(status: u16) -> Map<String, Value> {
    let mut headers = Map::new();
    headers.insert("X-Request-Id".into(), text("names this request in the log; one that was sent is kept"));
    if status == 401 {
        headers.insert("WWW-Authenticate".into(), text("how to say who asks"));
    }
    headers
}

/// When to come back.
pub fn retry_after() -> Value {
    json!({ "description": "seconds to wait before the next try", "schema": { "type": "integer", "minimum": 0 } })
}

/// The version of what is answered.
pub fn etag() -> Value {
    json!({ "description": "the version of what is answered, for `If-Match` and `If-None-Match`", "schema": { "type": "string" } })
}

/// The version that a write made.
pub fn move_version() -> Value {
    json!({ "description": "the version this write made, which the record may since have left behind", "schema": { "type": "integer", "minimum": 1 } })
}

/// Any text.
pub fn text(what: &str) -> Value {
    json!({ "description": what, "schema": { "type": "string" } })
}

/// A header of a request.
pub fn asked(name: &str, what: &str, required: bool, schema: Value) -> Value {
    json!({ "name": name, "in": "header", "description": what, "required": required, "schema": schema })
}
