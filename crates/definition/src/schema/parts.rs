//! Small schemas used in many places.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::model::App;

pub(super) fn name_pattern() -> &'static str {
    "^[a-z][a-z0-9_]{0,39}$"
}

/// An object that takes these keys and no others.
pub(super) fn object(properties: Value, required: &[&str]) -> Value {
    json!({ "type": "object", "additionalProperties": false, "properties": properties, "required": required })
}

/// A map of names to `one`.
pub(super) fn named(one: Value) -> Value {
    json!({ "type": "object", "propertyNames": { "pattern": name_pattern() }, "additionalProperties": one })
}

/// A map of any texts to `one`.
pub(super) fn mapped(one: Value) -> Value {
    json!({ "type": "object", "additionalProperties": one })
}

/// One of these names; any text while there are none.
pub(super) fn names<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> Value {
    let names: BTreeSet<String> = names.into_iter().map(|name| name.as_ref().to_owned()).collect();
    if names.is_empty() { json!({ "type": "string" }) } else { json!({ "enum": names }) }
}

/// A list of `one`, or one alone.
pub(super) fn some(one: Value) -> Value {
    json!({ "anyOf": [one, { "type": "array", "items": one }] })
}

/// A map whose keys are these names.
pub(super) fn keyed<T: AsRef<str>>(keys: impl IntoIterator<Item = T>, one: Value) -> Value {
    let mut properties = Map::new();
    for key in keys {
        properties.insert(key.as_ref().to_owned(), one.clone());
    }
    object(Value::Object(properties), &[])
}

/// SQL; a bare number or truth value is SQL too.
pub(super) fn expression(description: &str) -> Value {
    json!({ "type": ["string", "number", "boolean"], "description": format!("one SQL expression: {description}") })
}

/// A text per locale of which the first must be there.
pub(super) fn label(app: &App) -> Value {
    let first = app.locales.first().map(String::as_str).unwrap_or("en");
    let mut texts = keyed(&app.locales, json!({ "type": "string" }));
    texts["required"] = json!([first]);
    texts
}

pub(super) fn date() -> Value {
    json!({ "type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$" })
}

pub(super) fn bool() -> Value {
    json!({ "type": "boolean" })
}

pub(super) fn duration() -> Value {
    json!({ "type": "string", "pattern": "^[0-9]+ (second|minute|hour|day|week)s?$" })
}
