//! Moves made while offline.

use serde_json::json;

use super::super::document::Document;
use super::super::problem::Meets;
use super::super::sight::Viewer;
use super::super::{Operation, moves};

const TAG: &str = "queue";

/// The queue, where there is anything to move.
pub fn write(document: &mut Document<'_>, viewer: &Viewer<'_>) {
    let movable: Vec<&str> =
        viewer.entities().filter(|sight| sight.verbs().next().is_some()).map(|sight| sight.entity.name.as_str()).collect();
    if movable.is_empty() {
        return;
    }
    document.tag(TAG, "Moves made while offline");
    let key = || json!({ "type": "string", "pattern": "^[A-Za-z0-9_.:-]{1,200}$" });
    let number = || json!({ "type": ["integer", "null"], "format": "int32", "minimum": i32::MIN, "maximum": i32::MAX });
    let item = json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["entity", "id", "verb", "key"],
        "properties": {
            // Each item has a verdict of its own: one that names nothing is refused, and the others are not.
            "entity": { "type": "string", "examples": movable },
            "id": { "type": "string", "description": "id or reference" },
            "verb": { "type": "string" },
            "input": { "type": ["object", "null"] },
            "key": key(),
            "version": number(),
            "after": {
                "description": "the key of the move it was decided after, or the version it was decided upon",
                "anyOf": [{ "type": "string" }, number()],
            },
        },
    });
    let body = json!({
        "type": "object",
        "title": "Queue",
        "additionalProperties": false,
        "required": ["items"],
        "properties": { "items": { "type": "array", "maxItems": 100, "items": item } },
    });
    let body = document.components.schema("Queue", body);
    let outcome = moves::outcome(document);
    let card = json!({
        "type": "object",
        "required": ["refused", "items"],
        "properties": { "refused": { "type": "boolean" }, "items": { "type": "array", "items": outcome } },
    });
    let answer = json!({ "type": "object", "additionalProperties": false, "required": ["cards"], "properties": { "cards": { "type": "array", "items": card } } });
    let flush =
        Operation::new("queue", TAG, "Moves in the order in which they were made; once one is refused, those that follow it are not tried")
            .body(body, true)
            .answers(200, "a card for what belongs together", answer)
            .meets(Meets::Key)
            .may(&["SH8002"]);
    document.add("post", "/v1/queue", flush);
}
