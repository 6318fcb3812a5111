//! What is owed to the outside and what has come from there, for those who look after it.

use serde_json::{Value, json};

use super::super::components::{all, closed};
use super::super::document::Document;
use super::super::parameters::cursor_page;
use super::super::query::asked;
use super::super::sight::Viewer;
use super::super::{Operation, headers, parameters, types};

const EFFECTS: &str = "effects";
const MESSAGES: &str = "messages";
const ENDPOINTS: &str = "endpoints";
const HELD: &str = "held";

/// All of it, for who holds `outside.manage`.
pub fn write(document: &mut Document<'_>, viewer: &Viewer<'_>) {
    if !viewer.can("outside.manage") {
        return;
    }
    effects(document);
    messages(document);
    held(document);
    endpoints(document);
}

fn effects(document: &mut Document<'_>) {
    document.tag(EFFECTS, "What is owed to outside systems, and how they fare");
    let effect = closed(
        json!({
            "id": { "type": "string", "description": "also what the outside system is given as the idempotency key" },
            "entity": text(), "record": uuid(), "verb": text(), "connector": text(), "action": text(),
            "class": { "type": "string", "enum": ["K", "Q", "N"], "description": "honours our key, can be asked, or neither" },
            "call": { "type": "boolean", "description": "its record waits for the outcome in a state of its own" },
            "state": { "type": "string", "enum": ["due", "leased", "done", "failed", "unknown", "held", "dead"] },
            "due_at": time(), "attempt": count(),
            "doubt": { "type": "boolean", "description": "it may have reached the outside system, and nobody knows yet" },
            "code": maybe(), "tried": { "type": "array", "items": { "type": "object" }, "description": "the last attempts" },
            "finished_at": types::nullable(time()),
        }),
        &[],
    );
    let effect = document.components.schema("Effect", effect);
    let page = cursor_page(document, &["effect"], effect, false);
    let list = Operation::new("effectList", EFFECTS, "What is owed, the last due first; never what it is sent with")
        .takes(asked("state", "one or more of them, with commas between", text()))
        .answers(200, "effects", page)
        .may(&["SH6505"]);
    document.add("get", "/v1/effects", paged(list));
    replays(document, EFFECTS, "effect", "/v1/effects", "Try effects again that are held or dead");
    let body = closed(
        json!({ "happened": { "type": "boolean" }, "evidence": { "type": "string", "minLength": 3, "maxLength": 1000, "examples": ["seen in the provider's log"] } }),
        &[],
    );
    let body = document.components.schema("EffectResolution", body);
    let id = parameters::id(document);
    let resolve = Operation::new("effectResolve", EFFECTS, "Say what became of an effect of which nobody knows")
        .takes(id)
        .body(body, true)
        .answers_as(204, "it is written down", None, &[])
        .may(&["SH1002", "SH6505", "SH7021", "SH7022"]);
    document.add("post", "/v1/effects/{id}/resolve", resolve);
    let gate = closed(
        json!({
            "connector": text(), "state": { "type": "string", "enum": ["closed", "open", "probing"] }, "failures": count(),
            "opened_at": types::nullable(time()), "open_until": types::nullable(time()), "blocked_until": types::nullable(time()),
            "due": count(), "oldest_due_at": types::nullable(time()),
        }),
        &[],
    );
    let gate = document.components.schema("Gate", gate);
    let gates = Operation::new("gateList", EFFECTS, "How each outside system fares").answers(200, "gates", all(&gate)).may(&["SH6505"]);
    document.add("get", "/v1/gates", gates);
}

fn messages(document: &mut Document<'_>) {
    document.tag(MESSAGES, "What outside systems have sent");
    let shown = json!({
        "id": uuid(), "source": text(), "key": text(), "n": count(), "item": types::nullable(count()), "type": maybe(),
        "state": { "type": "string", "enum": ["due", "leased", "waiting", "held", "done", "ignored", "late", "quarantined", "conflict", "dead"] },
        "received_at": time(), "due_at": types::nullable(time()), "wait_until": types::nullable(time()), "settled_at": types::nullable(time()),
        "attempt": count(), "again": count(), "coverage": text(), "secret": maybe(), "entity": maybe(), "record": types::nullable(uuid()),
        "verb": maybe(), "code": maybe(), "why": maybe(),
    });
    let one = document.components.schema("Message", closed(shown.clone(), &[]));
    let page = cursor_page(document, &["message"], one, false);
    let list = Operation::new("messageList", MESSAGES, "What has come, the last first; without what it says")
        .takes(asked("state", "one or more of them, with commas between", text()))
        .takes(asked("source", "from one source", text()))
        .answers(200, "messages", page)
        .may(&["SH6505"]);
    document.add("get", "/v1/messages", paged(list));
    let mut whole = shown;
    whole["body"] = json!({ "type": "string", "description": "as it came" });
    whole["body_base64"] = json!({ "type": "string", "description": "instead of `body`, where it is no text" });
    whole["headers"] = json!({ "type": "object", "additionalProperties": { "type": "string" } });
    whole["query"] = text();
    whole["input"] = json!(true);
    whole["fetched"] = json!(true);
    let whole = document.components.schema("MessageWhole", closed(whole, &["body", "body_base64"]));
    let id = parameters::id(document);
    let get =
        Operation::new("messageGet", MESSAGES, "What one says").takes(id).answers(200, "the message", whole).may(&["SH1002", "SH6505"]);
    document.add("get", "/v1/messages/{id}", get);
    replays(document, MESSAGES, "message", "/v1/messages", "Look at messages again that came to nothing");
}

/// What a restore holds.
fn held(document: &mut Document<'_>) {
    document.tag(HELD, "What a restore keeps from going on by itself");
    let kind = json!({ "type": "string", "enum": statehouse_store::held::KINDS });
    let one = closed(
        json!({
            "id": text(), "kind": kind, "entity": maybe(), "record": types::nullable(uuid()), "verb": maybe(),
            "name": { "type": "string", "description": "the connector and action, the source, the schedule, or the event" }, "due_at": time(),
            "doubt": { "type": ["boolean", "null"], "description": "it may have reached the outside before the backup was made" },
        }),
        &[],
    );
    let one = document.components.schema("HeldThing", one);
    let page = cursor_page(document, &["held"], one, false);
    let list = Operation::new("heldList", HELD, "What is held, what was due first first")
        .takes(asked("kind", "of one kind", kind.clone()))
        .answers(200, "what is held", page)
        .may(&["SH6505"]);
    document.add("get", "/v1/held", paged(list));
    let ids = json!({ "type": "array", "minItems": 1, "maxItems": 200, "items": { "type": "string" } });
    let released = json!({ "type": "boolean", "description": "whether it goes on by this; to ask twice does it once" });
    let release = Operation::new("heldRelease", HELD, "Let some go on")
        .body(closed(json!({ "ids": ids }), &[]), true)
        .answers(200, "what became of each", all(&closed(json!({ "id": text(), "released": released }), &[])))
        .may(&["SH5015", "SH6505"]);
    document.add("post", "/v1/held/release", release);
    let many = Operation::new("heldReleaseAll", HELD, "Let what was due first go on; ask again until it is none")
        .body(closed(json!({ "kind": types::nullable(kind) }), &["kind"]), true)
        .answers(200, "how many", closed(json!({ "released": count() }), &[]))
        .may(&["SH6010", "SH6505"]);
    document.add("post", "/v1/held/release-all", many);
    let evidence = json!({ "type": "string", "minLength": 3, "maxLength": 1000, "examples": ["seen in the provider's log"] });
    let discarded = json!({ "type": "boolean", "description": "whether it is put away by this" });
    let discard = Operation::new("heldDiscard", HELD, "Put away what was done or must not be done")
        .body(closed(json!({ "ids": ids, "evidence": evidence }), &[]), true)
        .answers(200, "what became of each", all(&closed(json!({ "id": text(), "discarded": discarded }), &[])))
        .may(&["SH5015", "SH6505", "SH7021", "SH7022"]);
    document.add("post", "/v1/held/discard", discard);
    let id = parameters::id(document);
    let message = Operation::new("messageDiscard", MESSAGES, "Put one away that waits, is held or came to nothing")
        .takes(id)
        .body(closed(json!({ "evidence": evidence }), &[]), true)
        .answers(200, "what became of it", closed(json!({ "discarded": discarded }), &[]))
        .may(&["SH1002", "SH6505", "SH7022"]);
    document.add("post", "/v1/messages/{id}/discard", message);
}

fn endpoints(document: &mut Document<'_>) {
    document.tag(ENDPOINTS, "Addresses at which outside systems send messages");
    let shown = json!({
        "id": uuid(), "source": text(), "account": maybe(), "label": text(), "made_by": types::nullable(uuid()),
        "created_at": time(), "revoked_at": types::nullable(time()),
    });
    let one = document.components.schema("Endpoint", closed(shown, &[]));
    let list = Operation::new("endpointList", ENDPOINTS, "Addresses, without what opens them")
        .answers(200, "addresses", all(&one))
        .may(&["SH6505"]);
    document.add("get", "/v1/endpoints", list);
    let sources: Vec<&String> = document.app.inboxes.keys().collect();
    let source =
        if sources.is_empty() { json!({ "type": "string", "minLength": 1 }) } else { json!({ "type": "string", "enum": sources }) };
    let body = closed(
        json!({
            "source": source,
            "account": { "type": ["string", "null"], "minLength": 1, "maxLength": 255, "description": "whose messages alone it takes" },
            "label": { "type": "string", "maxLength": 100 },
        }),
        &["account", "label"],
    );
    let body = document.components.schema("EndpointCreate", body);
    let made = closed(
        json!({ "id": uuid(), "source": text(), "account": maybe(), "label": text(), "created_at": time(),
                "url": { "type": "string", "description": "told this once" } }),
        &[],
    );
    let made = document.components.schema("EndpointMade", made);
    let make = Operation::new("endpointCreate", ENDPOINTS, "A new address; it is a secret, and told this once")
        .body(body, true)
        .answers_with(201, "the address", made, &[("Location", headers::text("where it is"))])
        .may(&["SH5015", "SH6505", "SH6506"]);
    document.add("post", "/v1/endpoints", make);
    let id = parameters::id(document);
    let revoke = Operation::new("endpointRevoke", ENDPOINTS, "End an address; what came by it stays")
        .takes(id)
        .answers_as(204, "it is ended", None, &[])
        .may(&["SH1002", "SH6505"]);
    document.add("delete", "/v1/endpoints/{id}", revoke);
}

/// One again, and many.
fn replays(document: &mut Document<'_>, tag: &str, name: &str, path: &str, what: &str) {
    let due = json!({ "type": "boolean", "description": "whether it is due again by this; to ask twice does it once" });
    let id = parameters::id(document);
    let one = Operation::new(format!("{name}Replay"), tag, format!("{what}: one"))
        .takes(id)
        .answers(200, "what became of it", closed(json!({ "due": due }), &[]))
        .may(&["SH1002", "SH6505"]);
    document.add("post", &format!("{path}/{{id}}/replay"), one);
    let ids = json!({ "type": "array", "minItems": 1, "maxItems": 200, "items": { "type": "string" } });
    let item = closed(json!({ "id": text(), "due": due }), &[]);
    let many = Operation::new(format!("{name}ReplayMany"), tag, what)
        .body(closed(json!({ "ids": ids }), &[]), true)
        .answers(200, "what became of each", all(&item))
        .may(&["SH5015", "SH6505"]);
    document.add("post", &format!("{path}/replay"), many);
}

fn paged(operation: Operation) -> Operation {
    let limit = json!({ "type": "integer", "minimum": 1, "maximum": 200, "default": 50 });
    let after = json!({ "type": "string", "minLength": 1 });
    operation.takes(asked("limit", "how many, at most", limit)).takes(asked("after", "`next` of the page before", after)).may(&["SH6010"])
}

fn text() -> Value {
    json!({ "type": "string" })
}

fn maybe() -> Value {
    json!({ "type": ["string", "null"] })
}

fn uuid() -> Value {
    json!({ "type": "string", "format": "uuid" })
}

fn time() -> Value {
    json!({ "type": "string", "format": "date-time" })
}

fn count() -> Value {
    json!({ "type": "integer", "minimum": 0 })
}
