//! The paths of one entity: records, children, moves, history.

use serde_json::{Value, json};
use statehouse_definition::model::Child;

use super::components::camel;
use super::document::Document;
use super::parameters::{after, cursor_page, id, idempotency_key, if_match, if_none_match, in_path, limit, prefer};
use super::problem::Meets;
use super::sight::Sight;
use super::{Operation, headers, moves, query, record};

/// Writes them.
pub fn write(document: &mut Document<'_>, sight: &Sight<'_>) {
    let label = document.say(&sight.entity.label).to_owned();
    document.tag(&sight.entity.name, &label);
    records(document, sight);
    for (name, child) in sight.children() {
        children(document, sight, name, child);
    }
    moves::write(document, sight);
    history(document, sight);
    super::files::of_entity(document, sight);
}

fn records(document: &mut Document<'_>, sight: &Sight<'_>) {
    let entity = &sight.entity.name;
    let label = document.say(&sight.entity.label).to_owned();
    let all = format!("/v1/{entity}");
    let one = format!("/v1/{entity}/{{id}}");
    let whole = record::whole(document, sight);
    let listed = record::listed(document, sight);
    let page = cursor_page(document, &[entity], listed, true);

    let mut list = Operation::new(camel(&[entity, "list"]), entity, format!("{label}: list"))
        .answers_with(200, "a page of records", page, &[("Link", headers::text("the next page, where there is one"))])
        .may(&["SH6010"]);
    for parameter in query::parameters(sight) {
        list = list.takes(parameter);
    }
    document.add("get", &all, list);

    if sight.creates() {
        let body = record::created(document, sight);
        let create = Operation::new(camel(&[entity, "create"]), entity, format!("{label}: create"))
            .takes(idempotency_key(document))
            .body(body, true)
            .meets(Meets::Values)
            .meets(Meets::Key)
            .answers_with(
                201,
                "the new record",
                whole.clone(),
                &[("ETag", headers::etag()), ("Move-Version", headers::move_version()), ("Location", headers::text("where it is"))],
            );
        document.add("post", &all, create);
    }

    let get = Operation::new(camel(&[entity, "get"]), entity, format!("{label}: one"))
        .takes(id(document))
        .takes(if_none_match(document))
        .answers_with(200, "the record with its children", whole.clone(), &[("ETag", headers::etag())])
        .answers_as(304, "as it was", None, &[("ETag", headers::etag())])
        .may(&["SH1002"]);
    document.add("get", &one, get);

    if !sight.edited().is_empty() {
        let body = record::edited(document, sight);
        let edit = Operation::new(camel(&[entity, "edit"]), entity, format!("{label}: edit"))
            .takes(id(document))
            .takes(if_match(document, true))
            .takes(idempotency_key(document))
            .takes(prefer(document))
            .body(body, true)
            .meets(Meets::Values)
            .meets(Meets::Key)
            .answers_with(200, "the record as it is now", whole, &[("ETag", headers::etag()), ("Move-Version", headers::move_version())])
            .answers_as(
                204,
                "as was preferred, or out of the caller's sight",
                None,
                &[("ETag", headers::etag()), ("Move-Version", headers::move_version())],
            )
            .may(&["SH1002", "SH4012", "SH6010", "SH6011", "SH6014"]);
        document.add("patch", &one, edit);
    }
}

fn children(document: &mut Document<'_>, sight: &Sight<'_>, name: &str, child: &Child) {
    let entity = &sight.entity.name;
    let label = document.say(&child.label).to_owned();
    let all = format!("/v1/{entity}/{{id}}/{name}");
    let one = format!("{all}/{{child_id}}");
    let row = record::row(document, sight, name, child);
    let page = json!({ "type": "object", "additionalProperties": false, "required": ["data"], "properties": { "data": { "type": "array", "items": row } } });

    let list = Operation::new(camel(&[entity, name, "list"]), entity, format!("{label}: list"))
        .takes(id(document))
        .answers_with(200, "all of them, in order", page, &[("ETag", headers::etag())])
        .may(&["SH1002"]);
    document.add("get", &all, list);
    if !sight.edits(name) {
        return;
    }
    let written = |operation: Operation| operation.meets(Meets::Values).may(&["SH1002", "SH4002", "SH4012", "SH6010", "SH6014", "SH6020"]);
    let body = record::row_created(document, sight, name, child);
    let create = Operation::new(camel(&[entity, name, "create"]), entity, format!("{label}: add"))
        .takes(id(document))
        .takes(if_match(document, false))
        .body(body, true)
        .answers_with(201, "the new row", row.clone(), &[("ETag", headers::etag()), ("Location", headers::text("where it is"))]);
    document.add("post", &all, written(create));

    let body = record::row_edited(document, sight, name, child);
    let row_id = in_path(document, "child_id", "id of the row", json!({ "type": "string", "format": "uuid" }));
    let edit = Operation::new(camel(&[entity, name, "edit"]), entity, format!("{label}: change"))
        .takes(id(document))
        .takes(row_id.clone())
        .takes(if_match(document, false))
        .body(body, true)
        .answers_with(200, "the row as it is now", row, &[("ETag", headers::etag())]);
    document.add("patch", &one, written(edit));

    let remove = Operation::new(camel(&[entity, name, "remove"]), entity, format!("{label}: take away"))
        .takes(id(document))
        .takes(row_id)
        .takes(if_match(document, false))
        .answers_as(204, "it is gone", None, &[("ETag", headers::etag())]);
    document.add("delete", &one, written(remove));
}

fn history(document: &mut Document<'_>, sight: &Sight<'_>) {
    let entity = &sight.entity.name;
    let label = document.say(&sight.entity.label).to_owned();
    let event = event(document);
    let page = cursor_page(document, &["history"], event, false);
    let list = Operation::new(camel(&[entity, "history"]), entity, format!("{label}: what happened"))
        .takes(id(document))
        .takes(limit(document))
        .takes(after(document))
        .answers_with(200, "events in their order", page, &[("Link", headers::text("the next page, where there is one"))])
        .may(&["SH1002", "SH6010"]);
    document.add("get", &format!("/v1/{entity}/{{id}}/history"), list);
}

/// One event as whoever sees its record may know it.
pub fn event(document: &mut Document<'_>) -> Value {
    let uuid_or_null = json!({ "type": ["string", "null"], "format": "uuid" });
    document.components.schema(
        "Event",
        json!({
            "type": "object",
            "title": "Event",
            "additionalProperties": false,
            "required": ["seq", "at", "verb", "from_state", "to_state", "actor", "kind", "payload"],
            "properties": {
                "record": { "type": "string", "format": "uuid" },
                "seq": { "type": "integer", "minimum": 1, "description": "the record's version after it" },
                "at": { "type": "string", "format": "date-time" },
                "verb": { "type": "string" },
                "from_state": { "type": ["string", "null"] },
                "to_state": { "type": ["string", "null"] },
                "actor": uuid_or_null,
                "kind": { "type": "string" },
                "cause": { "description": "what it followed from" },
                "payload": { "type": ["object", "null"], "description": "what changed; null once erased" },
            },
        }),
    )
}
