//! The schemas of `connectors/NAME.yaml` and `inbox/NAME.yaml`.

use serde_json::{Value, json};

use super::own_name;
use super::parts::{bool, duration, keyed, label, mapped, named, names, object, some};
use crate::model::App;
use crate::schemes::SCHEMES;

pub(super) fn connector(app: &App) -> Value {
    let arguments = json!({ "anyOf": [
        { "type": "null" },
        { "type": "array", "items": { "type": "string" } },
        named(json!({ "enum": ["required", "optional"] })),
    ] });
    let long = object(
        json!({
            "args": arguments,
            "text": label(app),
            "send": send(),
            "answers": answers(),
            "result": named(pattern("body, status, header")),
            "ask": ask(),
        }),
        &[],
    );
    let properties = json!({
        "connector": own_name(app.connectors.keys()),
        "label": label(app),
        "version": { "type": "integer", "minimum": 1 },
        "class": { "enum": ["K", "Q", "N"], "description": "K honours our key, Q can be asked, N neither" },
        "money": bool(),
        "base": { "type": "string", "pattern": "^https://", "description": "scheme and host, perhaps the beginning of a path" },
        "hosts": some(json!({ "type": "string" })),
        "auth": auth(),
        "headers": mapped(pattern("secret.NAME, setting.NAME")),
        "key": { "anyOf": [
            { "type": "string", "description": "the header it goes in" },
            object(json!({ "header": { "type": "string" }, "life": duration() }), &[]),
        ] },
        "timeout": duration(),
        "ask_after": duration(),
        "limit": { "type": "string", "pattern": "^[0-9]+ per (second|minute|hour|day)$" },
        "breaker": object(json!({ "failures": { "type": "integer", "minimum": 1 }, "open": duration() }), &[]),
        "attempts": { "type": "integer", "minimum": 1 },
        "fallback": names(app.connectors.keys()),
        "send": send(),
        "answers": answers(),
        "result": named(pattern("body, status, header")),
        "ask": ask(),
        "actions": named(json!({ "anyOf": [arguments, long] })),
    });
    object(properties, &["connector", "class", "actions"])
}

fn pattern(holes: &str) -> Value {
    json!({ "type": ["string", "number", "boolean"], "description": format!("a text with holes: {holes}") })
}

fn auth() -> Value {
    let secret = json!({ "type": "string", "description": "the name of a secret" });
    json!({ "anyOf": [
        { "const": "none" },
        object(json!({ "basic": some(secret.clone()) }), &["basic"]),
        object(json!({ "bearer": secret }), &["bearer"]),
        object(json!({ "header": mapped(secret.clone()) }), &["header"]),
        object(json!({ "query": mapped(secret.clone()) }), &["query"]),
        object(json!({ "certificate": secret }), &["certificate"]),
    ] })
}

fn send() -> Value {
    let path = json!({ "type": "string", "pattern": "^/" });
    let texts = mapped(pattern("arguments, text, key, ref, secret.NAME, setting.NAME, callback, now"));
    object(
        json!({
            "get": path, "post": path, "put": path, "patch": path, "delete": path,
            "query": texts, "headers": texts, "form": texts,
            "json": { "description": "a JSON tree whose texts have holes" },
        }),
        &[],
    )
}

fn answers() -> Value {
    let status = json!({ "anyOf": [{ "type": "integer", "minimum": 100 }, { "type": "string", "pattern": "^[1-5]xx$" }] });
    let means = json!({ "enum": ["done", "failed", "busy", "doubt"] });
    let answer = object(json!({ "status": status, "where": mapped(pattern("arguments")), "means": means }), &["means"]);
    some(answer)
}

fn ask() -> Value {
    let texts = mapped(pattern("arguments, text, key, ref, secret.NAME, setting.NAME"));
    object(
        json!({
            "get": { "type": "string", "pattern": "^/" },
            "query": texts,
            "headers": texts,
            "list": { "type": "string", "description": "dotted path to the list in the answer" },
            "where": texts,
            "answers": answers(),
            "result": named(pattern("object, body, status, header")),
        }),
        &["get"],
    )
}

pub(super) fn inbox(app: &App) -> Value {
    let schemes = names(SCHEMES.iter().map(|scheme| scheme.name));
    let hole = pattern("body, header, query");
    let all = pattern("object, body, header, query, type, id");
    let message = object(
        json!({
            "entity": names(app.entities.keys()),
            "find": mapped(all.clone()),
            "verb": names(app.entities.values().flat_map(|entity| entity.transitions.keys())),
            "input": named(all.clone()),
            "wait": duration(),
            "late": { "enum": ["queue", "ignore"] },
        }),
        &["entity", "find", "verb"],
    );
    let reconcile = object(
        json!({
            "every": duration(),
            "list": fetch(app, "since, now, page"),
            "window": duration(),
            "pages": object(
                json!({
                    "next": {
                        "anyOf": [{ "enum": ["offset", "number"] }, { "type": "string", "pattern": "^\\{(last|answer)[.|}]" }],
                        "description": "what `page` is: how many items lie before it, its number, or what the page before says",
                    },
                    "first": { "enum": [0, 1], "description": "number of the first page" },
                    "more": { "type": "string", "description": "one hole below `answer`: whether there is another page" },
                    "total": { "type": "string", "description": "one hole below `answer`: how many items there are in all" },
                }),
                &["next"],
            ),
            "items": { "type": "string", "description": "dotted path to the list in the answer" },
            "id": pattern("item"),
            "type": pattern("item"),
            "object": { "type": "string", "description": "one hole; what `object` is in messages, `{item}` or below it" },
        }),
        &["every", "list", "window", "id", "type"],
    );
    let properties = json!({
        "inbox": own_name(app.inboxes.keys()),
        "label": label(app),
        "scheme": schemes,
        "secrets": some(json!({ "type": "string" })),
        "items": { "type": "string", "pattern": "^body", "description": "path to a list whose items are messages of their own" },
        "id": hole,
        "type": hole,
        "account": hole,
        "object": { "type": "string", "description": "one hole; what `object` is in messages" },
        "fetch": fetch(app, "body, header, query, object, type, id"),
        "fetched": { "type": "string", "description": "one hole; what `object` is after a fetch, `{answer}` or below it" },
        "meaning": all,
        "ignore": some(json!({ "type": "string" })),
        "messages": mapped(message),
        "reconcile": reconcile,
    });
    object(properties, &["inbox", "scheme", "secrets", "id", "type", "messages"])
}

/// One GET action with its arguments.
fn fetch(app: &App, holes: &str) -> Value {
    let mut actions = serde_json::Map::new();
    for (name, connector) in &app.connectors {
        for (action, one) in &connector.actions {
            let given = keyed(one.args.keys(), pattern(holes));
            actions.insert(format!("{name}.{action}"), json!({ "anyOf": [given, { "type": "null" }] }));
        }
    }
    object(Value::Object(actions), &[])
}
