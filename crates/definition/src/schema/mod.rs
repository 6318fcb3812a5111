//! JSON Schema (draft-07) for editors: completes this app's own states, roles, fields, verbs and tables.
//!
//! The files name their schema in their first line (`# yaml-language-server: $schema=…`). One schema serves all
//! entities: which states and fields may be named depends on the value of `entity:`. What a schema cannot say is left
//! to `read` and `check`; it never refuses what they accept.

mod connector;
mod entity;
mod outside;
mod parts;

#[cfg(test)]
mod tests;

use serde_json::{Value, json};

use crate::model::{App, ENGINE_CAPABILITIES};
use parts::{expression, label, name_pattern, names, object};

/// The schemas as file name and content, to be written into `.statehouse/` of the app's folder.
pub fn write(app: &App) -> Vec<(String, Value)> {
    [
        ("app", app_schema(app)),
        ("entity", entity::schema(app)),
        ("table", table(app)),
        ("calculator", calculator(app)),
        ("connector", connector::connector(app)),
        ("inbox", connector::inbox(app)),
    ]
    .into_iter()
    .map(|(name, schema)| (format!("{name}.schema.json"), with_head(name, schema)))
    .collect()
}

fn with_head(name: &str, schema: Value) -> Value {
    let mut head = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": format!("Statehouse {name}"),
    });
    if let (Some(head), Value::Object(schema)) = (head.as_object_mut(), schema) {
        head.extend(schema);
    }
    head
}

fn app_schema(app: &App) -> Value {
    let role = json!({ "anyOf": [{ "type": "null" }, object(
        json!({
            "label": label(app),
            "capabilities": parts::some(names(app.capabilities.keys().map(String::as_str).chain(ENGINE_CAPABILITIES))),
            "by": { "enum": ["link", "form"], "description": "held by a signed link or a form, not by members" },
        }),
        &[],
    )] });
    let set = object(json!({ "of": names(app.entities.keys()), "that": expression("which of them are the actor's") }), &["of", "that"]);
    let properties = json!({
        "app": { "type": "string", "pattern": name_pattern(), "description": "its name; also its schema in Postgres" },
        "label": label(app),
        "locales": { "type": "array", "minItems": 1, "items": { "type": "string" }, "description": "the first is the fallback" },
        "currency": { "type": "string", "pattern": "^[A-Z]{3}$" },
        "time_zone": { "type": "string", "examples": ["Atlantic/Reykjavik", "UTC"] },
        "capabilities": { "type": "object", "additionalProperties": { "anyOf": [{ "type": "null" }, label(app)] } },
        "roles": parts::named(role),
        "sets": parts::named(set),
        "links": parts::named(outside::link(app)),
        "forms": parts::named(outside::form(app)),
        "schedules": parts::named(outside::schedule(app)),
        "calendars": parts::named(outside::calendar()),
    });
    object(properties, &["app", "locales", "time_zone"])
}

fn table(app: &App) -> Value {
    let cell = json!({ "enum": ["text", "integer", "decimal", "money", "percent", "currency", "date", "bool"] });
    let row = json!({
        "type": "object",
        "properties": {
            "valid_from": parts::date(), "valid_to": parts::date(), "checked_on": parts::date(),
            "market": { "type": "string" }, "source": { "type": "string" },
        },
        "required": ["valid_from", "source", "checked_on"],
    });
    let properties = json!({
        "table": own_name(app.tables.keys()),
        "label": label(app),
        "match": parts::named(cell.clone()),
        "value": parts::named(cell),
        "band": { "type": "string", "description": "the match column that holds lower bounds" },
        "rows": { "anyOf": [{ "type": "string", "pattern": "\\.csv$" }, { "type": "array", "items": row }] },
    });
    object(properties, &["table", "value"])
}

fn calculator(app: &App) -> Value {
    let targets: Vec<String> =
        app.entities.values().flat_map(|entity| entity.children.keys().map(move |child| format!("{}.{child}", entity.name))).collect();
    let child_fields = app.entities.values().flat_map(|entity| entity.children.values()).flat_map(|child| child.fields.keys());
    let parent_fields = app.entities.values().flat_map(|entity| entity.fields.keys());
    let properties = json!({
        "calculator": own_name(app.calculators.keys()),
        "label": label(app),
        "for": names(&targets),
        "by": names(child_fields),
        "on": names(parent_fields),
        "steps": parts::mapped(parts::named(expression("may use earlier steps and the child's fields"))),
    });
    object(properties, &["calculator", "for", "by", "on", "steps"])
}

/// A name being declared: any good name, with the known ones offered.
pub(super) fn own_name<'a>(known: impl Iterator<Item = &'a String>) -> Value {
    let known: Vec<&String> = known.collect();
    json!({ "type": "string", "pattern": name_pattern(), "examples": known })
}
