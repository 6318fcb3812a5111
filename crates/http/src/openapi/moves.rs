//! Moves: what is open to a record and why not, one verb fired, many records at once.

use serde_json::{Map, Value, json};

use super::components::{camel, pascal};
use super::document::Document;
use super::parameters::{id, idempotency_key, if_match, prefer};
use super::problem::Meets;
use super::sight::Sight;
use super::{Operation, headers, record};

/// Writes the paths of moves.
pub fn write(document: &mut Document<'_>, sight: &Sight<'_>) {
    open(document, sight);
    let verbs: Vec<&str> = sight.verbs().map(|(verb, _)| verb).collect();
    for verb in &verbs {
        fire(document, sight, verb);
    }
    if !verbs.is_empty() && sight.is_of_members() {
        bulk(document, sight, &verbs);
    }
}

/// The outcome of one item of a bulk move.
pub fn outcome(document: &mut Document<'_>) -> Value {
    let problem =
        json!({ "type": "object", "description": "a problem as a whole answer would carry it", "required": ["code", "title", "status"] });
    document.components.schema(
        "Outcome",
        json!({
            "type": "object",
            "title": "Outcome",
            "required": ["id", "moved"],
            "properties": {
                "id": { "type": "string" },
                "moved": { "type": "boolean" },
                "state": { "type": "string" },
                "version": { "type": "integer", "minimum": 1 },
                "replayed": { "type": "boolean", "description": "the answer was given before" },
                "problem": problem,
            },
        }),
    )
}

fn open(document: &mut Document<'_>, sight: &Sight<'_>) {
    let entity = &sight.entity.name;
    let label = document.say(&sight.entity.label).to_owned();
    let verbs: Vec<&str> = sight.verbs().map(|(verb, _)| verb).collect();
    let refused = json!({ "type": "object", "required": ["guard", "message"], "properties": {
        "guard": { "type": "string" }, "message": { "type": "string" }, "code": { "type": "string" }, "help": { "type": "string" },
    } });
    let mut properties = Map::new();
    properties
        .insert("verb".into(), if verbs.is_empty() { json!({ "type": "string" }) } else { json!({ "type": "string", "enum": verbs }) });
    properties.insert("label".into(), json!({ "type": "string" }));
    properties.insert("to".into(), json!({ "type": ["string", "null"], "description": "the state it leads to; null where it stays" }));
    properties.insert("open".into(), json!({ "type": "boolean" }));
    properties.insert("input".into(), json!({ "type": "object", "description": "JSON Schema of what it takes" }));
    properties.insert("refused_by".into(), json!({ "type": "array", "items": refused }));
    let required: Vec<String> = properties.keys().cloned().collect();
    let item = record::object("Transition", properties, &required);
    let item = document.components.schema(&pascal(&[entity, "transition"]), item);
    let page = json!({ "type": "object", "required": ["data"], "additionalProperties": false, "properties": { "data": { "type": "array", "items": item } } });
    let list = Operation::new(camel(&[entity, "transitions"]), entity, format!("{label}: what may be done now, and why not"))
        .takes(id(document))
        .answers_with(200, "every verb of the caller", page, &[("ETag", headers::etag())])
        .may(&["SH1002"]);
    document.add("get", &format!("/v1/{entity}/{{id}}/transitions"), list);
}

fn fire(document: &mut Document<'_>, sight: &Sight<'_>, verb: &str) {
    let entity = &sight.entity.name;
    let transition = &sight.entity.transitions[verb];
    let input = record::input(document, sight, verb, transition);
    let needed = transition.input.values().any(|input| input.required);
    let whole = record::whole(document, sight);
    let guards: Vec<String> =
        transition.guards.iter().map(|(name, guard)| format!("`{name}`: {}", document.say(&guard.otherwise))).collect();
    let to = transition.to.as_deref().unwrap_or("where it is");
    let mut told = format!("from {} to {to}", transition.from.join(", "));
    if !guards.is_empty() {
        told.push_str(&format!("; refused unless its conditions hold: {}", guards.join(" · ")));
    }
    let fire = Operation::new(camel(&[entity, "fire", verb]), entity, document.say(&transition.label).to_owned())
        .told(told)
        .takes(id(document))
        .takes(if_match(document, false))
        .takes(idempotency_key(document))
        .takes(prefer(document))
        .body(input, needed)
        .meets(Meets::Move)
        .meets(Meets::Values)
        .meets(Meets::Key)
        .answers_with(
            200,
            "the record as it stands after the move",
            whole,
            &[("ETag", headers::etag()), ("Move-Version", headers::move_version())],
        )
        // A move may hand the record on to somebody else.
        .answers_as(
            204,
            "moved, and out of the caller's sight; or as was preferred",
            None,
            &[("ETag", headers::etag()), ("Move-Version", headers::move_version())],
        )
        .may(&["SH1002", "SH6010", "SH6014"]);
    document.add("post", &format!("/v1/{entity}/{{id}}/transitions/{verb}"), fire);
}

fn bulk(document: &mut Document<'_>, sight: &Sight<'_>, verbs: &[&str]) {
    let entity = &sight.entity.name;
    let label = document.say(&sight.entity.label).to_owned();
    let outcome = outcome(document);
    let answer = json!({ "type": "object", "required": ["data"], "additionalProperties": false, "properties": { "data": { "type": "array", "items": outcome } } });
    let item = json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["id"],
        "properties": {
            "id": { "type": "string", "x-entity": entity, "description": "id or reference" },
            "input": { "type": ["object", "null"] },
            "key": { "type": ["string", "null"], "pattern": "^[A-Za-z0-9_.:-]{1,200}$" },
            "version": { "type": ["integer", "null"], "format": "int32", "minimum": i32::MIN, "maximum": i32::MAX },
        },
    });
    let body = json!({
        "type": "object",
        "title": "Bulk",
        "additionalProperties": false,
        "required": ["verb", "items"],
        "properties": { "verb": { "type": "string", "enum": verbs }, "items": { "type": "array", "maxItems": 1000, "items": item } },
    });
    let body = document.components.schema(&pascal(&[entity, "bulk"]), body);
    let operation = Operation::new(camel(&[entity, "bulk"]), entity, format!("{label}: move many, each with a verdict of its own"))
        .body(body, true)
        .answers(200, "all moved", answer.clone())
        .answers(207, "some were refused", answer)
        .meets(Meets::Move)
        .meets(Meets::Values)
        .meets(Meets::Key)
        .may(&["SH1002", "SH8001", "SH8002"]);
    document.add("post", &format!("/v1/{entity}/bulk"), operation);
}
