//! What a list may be asked: filters by field, order, page, choice of fields.

use serde_json::{Value, json};
use statehouse_definition::model::{Field, FieldKind};
use statehouse_store::record::{FIELDS_MAX, PAGE, PAGE_MAX, SORTS_MAX, ranked};

use super::sight::Sight;
use super::types;

/// The query parameters of a list.
pub fn parameters(sight: &Sight<'_>) -> Vec<Value> {
    let mut parameters = filters(sight);
    let sortable: Vec<String> = sortable(sight).into_iter().flat_map(|name| [format!("-{name}"), name]).collect();
    let named: Vec<String> = columns(sight);
    parameters.push(list("sort", "fields in order, `-` for falling; ties are broken by id", &sortable, SORTS_MAX));
    parameters.push(list("fields", "only these fields, besides `id` and `version`", &named, FIELDS_MAX));
    parameters.push(asked("limit", "how many, at most", json!({ "type": "integer", "minimum": 1, "maximum": PAGE_MAX, "default": PAGE })));
    parameters.push(asked("after", "`next` of the page before, for the same question", json!({ "type": "string", "minLength": 1 })));
    parameters.push(asked(
        "count",
        "whether to count all that match",
        json!({ "type": "string", "enum": ["none", "exact"], "default": "none" }),
    ));
    parameters
}

/// One query parameter.
pub fn asked(name: &str, what: &str, schema: Value) -> Value {
    json!({ "name": name, "in": "query", "description": what, "required": false, "schema": schema })
}

fn list(name: &str, what: &str, values: &[String], most: usize) -> Value {
    let items = json!({ "type": "string", "enum": values });
    json!({
        "name": name, "in": "query", "description": what, "required": false, "style": "form", "explode": false,
        "schema": { "type": "array", "items": items, "minItems": 1, "maxItems": most },
    })
}

fn columns(sight: &Sight<'_>) -> Vec<String> {
    let reference = sight.entity.reference.iter().map(|_| "reference");
    let mut names: Vec<String> = ["id"].into_iter().chain(reference).chain(["state", "entered_at", "version"]).map(str::to_owned).collect();
    names.extend(sight.fields().map(|(name, _)| name.to_owned()));
    names
}

fn sortable(sight: &Sight<'_>) -> Vec<String> {
    let fields: Vec<&str> = sight.fields().filter(|(_, field)| ordered(&field.kind)).map(|(name, _)| name).collect();
    columns(sight).into_iter().filter(|name| fields.contains(&name.as_str()) || !sight.entity.fields.contains_key(name)).collect()
}

/// Whether its values have an order worth sorting by.
fn ordered(kind: &FieldKind) -> bool {
    !matches!(kind, FieldKind::Geo | FieldKind::Json | FieldKind::File | FieldKind::Range(_))
}

fn filters(sight: &Sight<'_>) -> Vec<Value> {
    let states: Vec<String> = sight.entity.states.keys().cloned().collect();
    let mut parameters = operators("state", &FieldKind::Enum(states), false);
    parameters.extend(operators("entered_at", &FieldKind::Timestamp, false));
    if sight.entity.reference.is_some() {
        parameters.extend(operators("reference", &FieldKind::Text, false));
    }
    for (name, field) in sight.fields() {
        parameters.extend(operators(name, &field.kind, maybe_null(sight, name, field)));
    }
    parameters
}

/// Whether an answer may hold null there.
pub fn maybe_null(sight: &Sight<'_>, path: &str, field: &Field) -> bool {
    !field.required || sight.masked(path)
}

/// `filter[due]=…`, and one parameter for every operator its type has.
fn operators(name: &str, kind: &FieldKind, null: bool) -> Vec<Value> {
    let schema = filtered(kind);
    let mut parameters = Vec::new();
    let mut push = |operator: &str, what: &str, schema: Value| {
        parameters.push(asked(&format!("filter[{name}]{operator}"), what, schema));
    };
    if comparable(kind) {
        push("", "equal", schema.clone());
        push("[ne]", "not equal", schema.clone());
        push("[in]", "one of these, split by commas", json!({ "type": "string" }));
    }
    if ranked(kind) {
        for (operator, what) in [("[lt]", "less"), ("[lte]", "less or equal"), ("[gt]", "greater"), ("[gte]", "greater or equal")] {
            push(operator, what, schema.clone());
        }
    }
    if matches!(kind, FieldKind::Text | FieldKind::Email | FieldKind::Phone) {
        push("[like]", "holds this, `%` for anything", json!({ "type": "string", "maxLength": 100 }));
    }
    if null {
        push("[null]", "whether it is missing", json!({ "type": "boolean" }));
    }
    parameters
}

fn comparable(kind: &FieldKind) -> bool {
    !matches!(kind, FieldKind::Geo | FieldKind::Json | FieldKind::Range(_))
}

/// A value as a query carries it.
fn filtered(kind: &FieldKind) -> Value {
    match kind {
        FieldKind::Decimal | FieldKind::Percent => json!({ "type": "number" }),
        // Any text may be compared with, also one that none of them can be.
        FieldKind::Email | FieldKind::Phone | FieldKind::Currency => json!({ "type": "string" }),
        other => types::incoming(other),
    }
}
