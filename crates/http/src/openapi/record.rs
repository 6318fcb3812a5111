//! The schemas of one entity as one viewer sees it.

use serde_json::{Map, Value, json};
use statehouse_definition::model::{Child, Derived, Field, Transition};

use super::components::pascal;
use super::document::Document;
use super::query::maybe_null;
use super::sight::Sight;
use super::types::{incoming, nullable, outgoing};

/// The record as a list gives it: no children, and only `id` and `version` where `fields` chose others.
pub fn listed(document: &mut Document<'_>, sight: &Sight<'_>) -> Value {
    let properties = columns(document, sight);
    let schema = object(document.say(&sight.entity.label), properties, &["id".to_owned()]);
    document.components.schema(&pascal(&[&sight.entity.name, "listed"]), schema)
}

/// The record with its children.
pub fn whole(document: &mut Document<'_>, sight: &Sight<'_>) -> Value {
    let mut properties = columns(document, sight);
    for (name, child) in sight.children() {
        let row = row(document, sight, name, child);
        properties.insert(name.to_owned(), json!({ "type": "array", "items": row, "title": document.say(&child.label) }));
    }
    let required: Vec<String> = properties.keys().cloned().collect();
    let schema = object(document.say(&sight.entity.label), properties, &required);
    document.components.schema(&pascal(&[&sight.entity.name]), schema)
}

/// A row of a child.
pub fn row(document: &mut Document<'_>, sight: &Sight<'_>, name: &str, child: &Child) -> Value {
    let mut properties = Map::new();
    properties.insert("id".into(), engine(json!({ "type": "string", "format": "uuid" })));
    properties.insert("position".into(), json!({ "type": "integer", "minimum": 1 }));
    for (field_name, field) in sight.child_fields(name, child) {
        properties.insert(field_name.to_owned(), read(document, sight, &format!("{name}.{field_name}"), field));
    }
    let priced = child.fields.values().any(|field| matches!(field.derived, Some(Derived::Priced { .. })));
    let required: Vec<String> = properties.keys().cloned().collect();
    if priced && !sight.hides_some(name) {
        properties.insert("trace".into(), json!({ "readOnly": true, "description": "how the prices came about" }));
    }
    let schema = object(document.say(&child.label), properties, &required);
    document.components.schema(&pascal(&[&sight.entity.name, name]), schema)
}

/// What a new record is made of.
pub fn created(document: &mut Document<'_>, sight: &Sight<'_>) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for (name, field, must) in sight.given_at_birth() {
        properties.insert(name.to_owned(), written(document, field, !must));
        if must {
            required.push(name.to_owned());
        }
    }
    for (name, child) in sight.children_at_birth() {
        let rows = row_created(document, sight, name, child);
        properties.insert(name.to_owned(), json!({ "type": "array", "items": rows, "maxItems": CHILDREN_MAX }));
    }
    let schema = object(document.say(&sight.entity.label), properties, &required);
    document.components.schema(&pascal(&[&sight.entity.name, "create"]), schema)
}

/// What an edit may change.
pub fn edited(document: &mut Document<'_>, sight: &Sight<'_>) -> Value {
    let mut properties = Map::new();
    for (name, field) in sight.edited() {
        properties.insert(name.to_owned(), written(document, field, !field.required));
    }
    let mut schema = object(document.say(&sight.entity.label), properties, &[]);
    schema["minProperties"] = 1.into();
    document.components.schema(&pascal(&[&sight.entity.name, "edit"]), schema)
}

/// What a new row of a child is made of.
pub fn row_created(document: &mut Document<'_>, sight: &Sight<'_>, name: &str, child: &Child) -> Value {
    let (properties, required) = row_written(document, sight, name, child);
    let schema = object(document.say(&child.label), properties, &required);
    document.components.schema(&pascal(&[&sight.entity.name, name, "create"]), schema)
}

/// What may change in a row of a child.
pub fn row_edited(document: &mut Document<'_>, sight: &Sight<'_>, name: &str, child: &Child) -> Value {
    let (properties, _) = row_written(document, sight, name, child);
    let mut schema = object(document.say(&child.label), properties, &[]);
    schema["minProperties"] = 1.into();
    document.components.schema(&pascal(&[&sight.entity.name, name, "edit"]), schema)
}

/// What a verb takes.
pub fn input(document: &mut Document<'_>, sight: &Sight<'_>, verb: &str, transition: &Transition) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for (name, input) in &transition.input {
        let Some(field) = sight.entity.fields.get(name) else { continue };
        properties.insert(name.clone(), written(document, field, !input.required && !field.required));
        if input.required {
            required.push(name.clone());
        }
    }
    let schema = object(document.say(&transition.label), properties, &required);
    document.components.schema(&pascal(&[&sight.entity.name, verb, "input"]), schema)
}

/// An object that has these keys and no others.
pub fn object(title: &str, properties: Map<String, Value>, required: &[String]) -> Value {
    let mut schema = json!({ "type": "object", "title": title, "additionalProperties": false, "properties": properties });
    if !required.is_empty() {
        schema["required"] = required.into();
    }
    schema
}

/// Rows of a child that one request may bring.
const CHILDREN_MAX: usize = 1000;

/// What the engine keeps and what the viewer sees.
fn columns(document: &Document<'_>, sight: &Sight<'_>) -> Map<String, Value> {
    let mut properties = Map::new();
    properties.insert("id".into(), engine(json!({ "type": "string", "format": "uuid" })));
    if sight.entity.reference.is_some() {
        properties.insert("reference".into(), engine(json!({ "type": "string" })));
    }
    let states: Vec<&String> = sight.entity.states.keys().collect();
    properties.insert("state".into(), engine(json!({ "type": "string", "enum": states })));
    properties.insert("version".into(), engine(json!({ "type": "integer", "format": "int32", "minimum": 1 })));
    properties.insert(
        "entered_at".into(),
        engine(json!({ "type": "string", "format": "date-time", "description": "when it entered this state" })),
    );
    for (name, field) in sight.fields() {
        properties.insert(name.to_owned(), read(document, sight, name, field));
    }
    properties
}

fn engine(mut schema: Value) -> Value {
    schema["readOnly"] = true.into();
    schema
}

fn read(document: &Document<'_>, sight: &Sight<'_>, path: &str, field: &Field) -> Value {
    let schema = outgoing(&field.kind);
    let mut schema = if maybe_null(sight, path, field) { nullable(schema) } else { schema };
    if schema.is_object() {
        schema["title"] = document.say(&field.label).into();
        if field.derived.is_some() {
            schema["readOnly"] = true.into();
        }
    }
    schema
}

fn written(document: &Document<'_>, field: &Field, null: bool) -> Value {
    let schema = incoming(&field.kind);
    let mut schema = if null { nullable(schema) } else { schema };
    if schema.is_object() {
        schema["title"] = document.say(&field.label).into();
    }
    schema
}

fn row_written(document: &Document<'_>, sight: &Sight<'_>, name: &str, child: &Child) -> (Map<String, Value>, Vec<String>) {
    let mut properties = Map::new();
    let mut required = Vec::new();
    properties.insert("position".into(), json!({ "type": "integer", "minimum": 1, "maximum": i32::MAX }));
    for (field_name, field) in sight.child_fields(name, child).filter(|(_, field)| field.derived.is_none()) {
        let must = field.required && field.default.is_none();
        properties.insert(field_name.to_owned(), written(document, field, !field.required));
        if must {
            required.push(field_name.to_owned());
        }
    }
    (properties, required)
}
