//! Who wants to be called when something happens.

use serde_json::{Value, json};

use super::super::components::{all, closed};
use super::super::document::Document;
use super::super::sight::Viewer;
use super::super::{Operation, headers, parameters, types};

const TAG: &str = "subscriptions";

/// Subscriptions, for who sees anything that could happen.
pub fn write(document: &mut Document<'_>, viewer: &Viewer<'_>) {
    if viewer.entities().next().is_none() {
        return;
    }
    document.tag(TAG, "Being called when something happens (Standard Webhooks)");
    let shown = shown();
    let one = document.components.schema("Subscription", closed(shown.clone(), &[]));
    let mut told = shown;
    told["secret"] = json!({ "type": "string", "description": "signs every message; told at the beginning and at each change" });
    let secret = document.components.schema("SubscriptionSecret", closed(told, &[]));
    document.add("get", "/v1/subscriptions", Operation::new("subscriptionList", TAG, "One's own").answers(200, "subscriptions", all(&one)));
    let body = closed(
        json!({
            "label": { "type": "string", "minLength": 1, "maxLength": 100 },
            "url": { "type": "string", "format": "uri", "maxLength": 2000, "description": "`https`, a public host" },
            "events": {
                "type": "array", "minItems": 1, "maxItems": 100, "description": "`*`, `ENTITY.*` or `ENTITY.VERB` of what one sees",
                "items": { "type": "string", "minLength": 1, "examples": ["*"] },
            },
        }),
        &[],
    );
    let body = document.components.schema("SubscriptionCreate", body);
    let make = Operation::new("subscriptionCreate", TAG, "Begin to be called")
        .body(body, true)
        .answers_with(201, "the subscription and its secret", secret.clone(), &[("Location", headers::text("where it is"))])
        .may(&["SH6210", "SH6211", "SH6212"]);
    document.add("post", "/v1/subscriptions", make);
    let id = parameters::id(document);
    let get =
        Operation::new("subscriptionGet", TAG, "One of them").takes(id.clone()).answers(200, "the subscription", one).may(&["SH1002"]);
    document.add("get", "/v1/subscriptions/{id}", get);
    let keep = json!({ "type": ["integer", "null"], "minimum": 0, "maximum": u32::MAX, "description": "for so many seconds the secret before signs too" });
    let body = document.components.schema("SubscriptionRotate", closed(json!({ "keep_s": keep }), &["keep_s"]));
    let rotate = Operation::new("subscriptionRotate", TAG, "Another secret")
        .takes(id.clone())
        .body(body, true)
        .answers(200, "the subscription and its secret", secret)
        .may(&["SH1002", "SH6210", "SH6211"]);
    document.add("post", "/v1/subscriptions/{id}/rotate", rotate);
    let message = closed(json!({ "message": { "type": "string", "description": "its id" } }), &[]);
    let test = Operation::new("subscriptionTest", TAG, "Send a message to see whether it arrives")
        .takes(id.clone())
        .answers(202, "it is on its way", message)
        .may(&["SH1002", "SH6212"]);
    document.add("post", "/v1/subscriptions/{id}/test", test);
    let remove =
        Operation::new("subscriptionRemove", TAG, "No more calls").takes(id).answers_as(204, "it is gone", None, &[]).may(&["SH1002"]);
    document.add("delete", "/v1/subscriptions/{id}", remove);
}

fn shown() -> Value {
    let time = || json!({ "type": "string", "format": "date-time" });
    json!({
        "id": { "type": "string", "format": "uuid" },
        "label": { "type": "string" },
        "url": { "type": "string" },
        "events": { "type": "array", "items": { "type": "string" } },
        "state": { "type": "string" },
        "ended_why": { "type": ["string", "null"] },
        "previous_secret_until": types::nullable(time()),
        "created_at": time(),
        "due": { "type": "integer", "minimum": 0, "description": "messages that wait" },
    })
}
