//! Rule tables as they hold for the tenant, and its own rows.

use serde_json::{Map, Value, json};
use statehouse_definition::model::{FieldKind, RuleTable};

use super::super::components::{all, camel, closed, pascal};
use super::super::document::Document;
use super::super::problem::Meets;
use super::super::sight::Viewer;
use super::super::{Operation, headers, parameters, types};

const TAG: &str = "rules";

/// Every table, for who edits rules.
pub fn write(document: &mut Document<'_>, viewer: &Viewer<'_>) {
    if !viewer.can("rules.edit") || viewer.app.tables.is_empty() {
        return;
    }
    document.tag(TAG, "Rule tables as they hold for the tenant, and its own rows");
    for (name, table) in &viewer.app.tables {
        one(document, name, table);
    }
}

fn one(document: &mut Document<'_>, name: &str, table: &RuleTable) {
    let label = document.say(&table.label).to_owned();
    let row = row(document, name);
    let (all_rows, one_row) = (format!("/v1/rules/{name}"), format!("/v1/rules/{name}/{{id}}"));
    let list = Operation::new(camel(&["rule", name, "list"]), TAG, format!("{label}: rows that hold here"))
        .answers(200, "rows", all(&row))
        .may(&["SH1002", "SH6505"]);
    document.add("get", &all_rows, list);
    let body = document.components.schema(&pascal(&["rule", name, "create"]), added(table));
    let refusals = ["SH1002", "SH6505", "SH6511", "SH6512", "SH6513"];
    let add = Operation::new(camel(&["rule", name, "create"]), TAG, format!("{label}: a row of the tenant's own"))
        .body(body, true)
        .meets(Meets::Values)
        .answers_with(201, "the row", row.clone(), &[("Location", headers::text("where it is"))])
        .may(&refusals);
    document.add("post", &all_rows, add);
    let body = document.components.schema(
        "RuleEnd",
        closed(json!({ "valid_to": { "type": ["string", "null"], "format": "date", "description": "first day it no longer holds" } }), &[]),
    );
    let end = Operation::new(camel(&["rule", name, "end"]), TAG, format!("{label}: say when a row ends"))
        .takes(parameters::id(document))
        .body(body, true)
        .meets(Meets::Values)
        .answers(200, "the row", row)
        .may(&refusals);
    document.add("patch", &one_row, end);
    let remove = Operation::new(camel(&["rule", name, "remove"]), TAG, format!("{label}: take back a row that does not hold yet"))
        .takes(parameters::id(document))
        .answers_as(204, "it is gone", None, &[])
        .may(&refusals);
    document.add("delete", &one_row, remove);
}

fn row(document: &mut Document<'_>, name: &str) -> Value {
    let schema = closed(
        json!({
            "id": { "type": "string", "format": "uuid" },
            "scope": { "type": "string", "enum": ["tenant", "market", "app"] },
            "holds": { "type": "boolean", "description": "today" },
            "row": { "type": "object", "description": "its columns, decimals as text" },
        }),
        &[],
    );
    document.components.schema(&pascal(&["rule", name]), schema)
}

fn added(table: &RuleTable) -> Value {
    let mut properties = Map::new();
    for (column, kind) in table.matches.iter().chain(&table.values) {
        properties.insert(column.clone(), value(kind));
    }
    let date = || json!({ "type": "string", "format": "date" });
    properties.insert("valid_from".into(), date());
    properties.insert("valid_to".into(), types::nullable(date()));
    properties.insert("source".into(), json!({ "type": "string", "minLength": 1 }));
    properties.insert("checked_on".into(), types::nullable(date()));
    closed(properties.into(), &["valid_to", "checked_on"])
}

fn value(kind: &FieldKind) -> Value {
    types::incoming(kind)
}
