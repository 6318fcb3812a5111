//! Types of fields as JSON Schema, on the way out and on the way in.

use serde_json::{Value, json};
use statehouse_definition::model::{FieldKind, RangeOf};

/// What a field looks like in an answer.
pub fn outgoing(kind: &FieldKind) -> Value {
    match kind {
        FieldKind::Decimal | FieldKind::Percent => json!({ "type": "string", "format": "decimal", "pattern": DECIMAL }),
        FieldKind::File => json!({ "$ref": "#/components/schemas/File" }),
        FieldKind::Email => json!({ "type": "string" }),
        _ => incoming(kind),
    }
}

/// What a field looks like in a request.
pub fn incoming(kind: &FieldKind) -> Value {
    match kind {
        FieldKind::Text => json!({ "type": "string" }),
        FieldKind::Enum(values) => json!({ "type": "string", "enum": values }),
        FieldKind::Integer => json!({ "type": "integer", "format": "int64" }),
        FieldKind::Money => json!({ "type": "integer", "format": "int64", "description": "minor units of the record's currency" }),
        FieldKind::Decimal => json!({ "type": ["string", "number"], "format": "decimal", "pattern": DECIMAL }),
        FieldKind::Percent => {
            json!({ "type": ["string", "number"], "format": "decimal", "pattern": DECIMAL, "minimum": 0, "maximum": 100 })
        }
        FieldKind::Currency => json!({ "type": "string", "pattern": "^[A-Z]{3}$", "description": "ISO 4217" }),
        FieldKind::Date => json!({ "type": "string", "format": "date" }),
        FieldKind::Timestamp => json!({ "type": "string", "format": "date-time" }),
        FieldKind::Range(RangeOf::Dates) => json!({ "type": "string", "description": "dates, e.g. `[2026-11-20,2026-11-27)`" }),
        FieldKind::Range(RangeOf::Timestamps) => {
            json!({ "type": "string", "description": "timestamps, e.g. `[2026-11-20T08:00:00Z,2026-11-20T09:00:00Z)`" })
        }
        FieldKind::Bool => json!({ "type": "boolean" }),
        FieldKind::Phone => json!({ "type": "string", "pattern": "^\\+[1-9][0-9]{6,14}$", "description": "E.164" }),
        FieldKind::Email => json!({ "type": "string", "pattern": "^[^@\\s]+@[^@\\s]+$" }),
        FieldKind::Geo => json!({ "type": "string", "description": "(longitude,latitude)" }),
        FieldKind::Json => json!(true),
        FieldKind::Ref(entity) => {
            json!({ "type": "string", "format": "uuid", "x-entity": entity, "description": format!("id of a `{entity}`") })
        }
        FieldKind::Member => json!({ "type": "string", "format": "uuid", "x-entity": "member", "description": "id of a member" }),
        FieldKind::File => json!({
            "description": "the `hash` of a finished upload, or the form in which an answer tells it",
            "anyOf": [{ "type": "string", "pattern": "^[0-9a-f]{64}$" }, { "$ref": "#/components/schemas/File" }],
        }),
    }
}

/// What an answer tells of a file.
pub fn file() -> Value {
    json!({
        "type": "object",
        "title": "File",
        "additionalProperties": false,
        "required": ["hash", "size", "media_type", "name", "url"],
        "properties": {
            "hash": { "type": "string", "pattern": "^[0-9a-f]{64}$", "description": "the address of its content" },
            "size": { "type": "integer", "minimum": 0, "description": "bytes" },
            "media_type": { "type": "string" },
            "name": { "type": "string" },
            "url": { "type": "string", "format": "uri-reference", "description": "where to download it, with the caller's own credentials" },
        },
    })
}

/// The same, or null.
pub fn nullable(schema: Value) -> Value {
    let Value::Object(mut map) = schema else { return schema };
    match map.get_mut("type") {
        Some(Value::String(one)) => {
            let both = json!([one, "null"]);
            map.insert("type".into(), both);
        }
        Some(Value::Array(many)) => many.push("null".into()),
        _ => return json!({ "anyOf": [Value::Object(map), { "type": "null" }] }),
    }
    if let Some(Value::Array(values)) = map.get_mut("enum") {
        values.push(Value::Null);
    }
    Value::Object(map)
}

const DECIMAL: &str = "^-?[0-9]+(\\.[0-9]+)?$";
