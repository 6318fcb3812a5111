//! The server itself: whether it lives, what it counts, what it can be asked.

use serde_json::json;

use super::super::document::Document;
use super::super::{Operation, headers, parameters};

const TAG: &str = "service";

/// What anybody may ask.
pub fn open(document: &mut Document<'_>) {
    document.tag(TAG, "The server itself");
    let text = || Some(("text/plain", json!({ "type": "string" })));
    let object = |properties: serde_json::Value| {
        let required: Vec<&String> = properties.as_object().into_iter().flat_map(serde_json::Map::keys).collect();
        json!({ "type": "object", "additionalProperties": false, "required": required, "properties": properties })
    };
    let lives = object(json!({ "live": { "const": true } }));
    let live = Operation::open("live", TAG, "Whether the process lives").answers(200, "it does", lives);
    document.add("get", "/health/live", live);
    let works = object(json!({ "ready": { "const": true }, "app": { "type": "string" }, "version": { "type": "integer", "minimum": 1 } }));
    let ready =
        Operation::open("ready", TAG, "Whether it can work: the database answers and the app is applied").answers(200, "it can", works);
    document.add("get", "/health/ready", ready);
    let metrics = Operation::open("metrics", TAG, "Counters for Prometheus").answers_as(200, "text format 0.0.4", text(), &[]);
    document.add("get", "/metrics", metrics);
    let page =
        Operation::open("status", TAG, "A page for people").answers_as(200, "HTML", Some(("text/html", json!({ "type": "string" }))), &[]);
    document.add("get", "/", page);
    let if_none_match = parameters::if_none_match(document);
    let this = Operation::open("openapi", TAG, "This document, for whoever asks: without credentials it shows only what anybody may ask")
        .takes(if_none_match)
        .answers_with(
            200,
            "OpenAPI 3.1",
            json!({ "type": "object", "required": ["openapi", "info", "paths"] }),
            &[("ETag", headers::etag())],
        )
        .answers_as(304, "as it was", None, &[("ETag", headers::etag())])
        .may(&["SH2002", "SH2003", "SH2011"]);
    document.add("get", "/openapi.json", this);
}
