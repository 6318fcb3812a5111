//! What happens, as it happens.

use serde_json::json;

use super::super::document::Document;
use super::super::query::asked;
use super::super::sight::Viewer;
use super::super::{Operation, headers};

const TAG: &str = "events";

/// The feed.
pub fn write(document: &mut Document<'_>, viewer: &Viewer<'_>) {
    document.tag(TAG, "What happens, as it happens");
    let entities: Vec<&str> = viewer.entities().map(|sight| sight.entity.name.as_str()).collect();
    if entities.is_empty() {
        return;
    }
    let chosen = json!({
        "name": "entity", "in": "query", "required": false, "style": "form", "explode": false,
        "description": "only these, split by commas; all that are seen where none is named",
        "schema": { "type": "array", "minItems": 1, "items": { "type": "string", "enum": entities } },
    });
    let place = json!({ "type": "string", "anyOf": [{ "enum": ["now", "begin"] }, { "type": "string", "description": "the id of an event of this feed" }] });
    let last = headers::asked("Last-Event-ID", "as `after`, sent by a reader who comes back", false, json!({ "type": "string" }));
    let feed = Operation::new("events", TAG, "Events of the records one sees, as server-sent events")
        .told("Each event has the id after which to go on. Nothing is told before it is certain, none twice, none left out; a comment keeps the connection alive, and lag is told when a long transaction holds the feed back.")
        .takes(chosen)
        .takes(asked("after", "from where: `now`, `begin`, or the id of the last event", place))
        .takes(last)
        .answers_as(200, "a stream without end", Some(("text/event-stream", json!({ "type": "string" }))), &[])
        .may(&["SH6010", "SH6201", "SH6202", "SH6204", "SH6205"])
        .endless();
    document.add("get", "/v1/events", feed);
}
