//! Parameters and pages that many operations share.

use serde_json::{Value, json};
use statehouse_store::record::{PAGE, PAGE_MAX};

use super::components::pascal;
use super::document::Document;
use super::headers::asked;
use super::query;

/// `{id}` of a record.
pub fn id(document: &mut Document<'_>) -> Value {
    in_path(document, "id", "id or reference", json!({ "type": "string", "minLength": 1, "maxLength": 200 }))
}

/// A parameter of the path.
pub fn in_path(document: &mut Document<'_>, name: &str, what: &str, schema: Value) -> Value {
    let parameter = json!({ "name": name, "in": "path", "required": true, "description": what, "schema": schema });
    document.components.parameter(name, parameter)
}

/// `If-Match`.
pub fn if_match(document: &mut Document<'_>, required: bool) -> Value {
    let what = "the `ETag` of the record that was decided upon";
    let name = if required { "IfMatch" } else { "IfMatchMaybe" };
    document.components.parameter(name, asked("If-Match", what, required, json!({ "type": "string", "pattern": "^\"v[1-9][0-9]{0,8}\"$" })))
}

/// `If-None-Match`.
pub fn if_none_match(document: &mut Document<'_>) -> Value {
    let parameter = asked("If-None-Match", "the `ETag` of what is already there", false, json!({ "type": "string" }));
    document.components.parameter("IfNoneMatch", parameter)
}

/// `Idempotency-Key`.
pub fn idempotency_key(document: &mut Document<'_>) -> Value {
    let what = "the same key does the same thing once, however often it is sent";
    let parameter = asked("Idempotency-Key", what, false, json!({ "type": "string", "pattern": "^[A-Za-z0-9_.:-]{1,200}$" }));
    document.components.parameter("IdempotencyKey", parameter)
}

/// `Prefer`.
pub fn prefer(document: &mut Document<'_>) -> Value {
    let parameter = asked(
        "Prefer",
        "`return=minimal` for an answer without a body",
        false,
        json!({ "type": "string", "examples": ["return=minimal"] }),
    );
    document.components.parameter("Prefer", parameter)
}

/// `limit`.
pub fn limit(document: &mut Document<'_>) -> Value {
    let schema = json!({ "type": "integer", "minimum": 1, "maximum": PAGE_MAX, "default": PAGE });
    document.components.parameter("limit", query::asked("limit", "how many, at most", schema))
}

/// `after`.
pub fn after(document: &mut Document<'_>) -> Value {
    let schema = json!({ "type": "string", "minLength": 1 });
    document.components.parameter("after", query::asked("after", "`next` of the page before, for the same question", schema))
}

/// `{"data": […], "next": …}`, with `count` where it can be asked for.
pub fn cursor_page(document: &mut Document<'_>, name: &[&str], item: Value, counted: bool) -> Value {
    let mut schema = json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["data", "next"],
        "properties": { "data": { "type": "array", "items": item }, "next": { "type": ["string", "null"], "description": "`after` of the next page" } },
    });
    if counted {
        schema["properties"]["count"] = json!({ "type": "integer", "minimum": 0 });
    }
    document.components.schema(&pascal(&[name, &["page"]].concat()), schema)
}
