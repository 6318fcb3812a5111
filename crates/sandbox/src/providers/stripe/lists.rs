//! Lists, searches and single objects.

use serde_json::{Value, json};

use super::{error, no_such};
use crate::call::{Call, text};
use crate::deed::{Reply, View};

pub(super) fn answer(op: &str, call: &Call, view: &View<'_>) -> Reply {
    match op {
        "payment_intents.search" => search(call, view),
        "payment_intents.list" => list("payment_intent", &["customer"], call, view),
        "refunds.list" => list("refund", &["payment_intent", "charge"], call, view),
        "events.list" => list("event", &["type"], call, view),
        "refunds.fetch" => fetch("refund", "refund", call, view),
        "events.fetch" => fetch("event", "event", call, view),
        _ => fetch("payment_intent", "payment_intent", call, view),
    }
}

fn fetch(kind: &str, what: &str, call: &Call, view: &View<'_>) -> Reply {
    let id = call.segment(2);
    view.shelf.get(kind, id).map_or_else(|| no_such(what, id, "id").reply, |object| Reply::new(200, object.clone()))
}

/// A page, the newest first: `limit`, `starting_after`, `created[gte]` and its like, and fields that must be equal.
fn list(kind: &str, equal: &[&str], call: &Call, view: &View<'_>) -> Reply {
    let limit = call.asked_number("limit", 10).clamp(1, 100);
    let bound = |name: &str| call.asked(&format!("created[{name}]")).and_then(|text| text.parse::<i64>().ok());
    let (gte, gt, lte, lt) = (bound("gte"), bound("gt"), bound("lte"), bound("lt"));
    let fits = |object: &&Value| {
        let created = object["created"].as_i64().unwrap_or_default();
        let in_time = gte.is_none_or(|bound| created >= bound)
            && gt.is_none_or(|bound| created > bound)
            && lte.is_none_or(|bound| created <= bound)
            && lt.is_none_or(|bound| created < bound);
        in_time && equal.iter().all(|name| call.asked(name).is_none_or(|wanted| object[*name] == wanted))
    };
    let mut found: Vec<&Value> = view.shelf.all(kind).iter().rev().filter(fits).collect();
    if let Some(after) = call.asked("starting_after") {
        let at = found.iter().position(|object| object["id"] == after).map_or(found.len(), |at| at + 1);
        found.drain(..at);
    }
    let more = found.len() > limit;
    found.truncate(limit);
    Reply::new(200, json!({ "object": "list", "data": found, "has_more": more, "url": call.path }))
}

/// A search such as `metadata['reference']:'ORD-1' AND status:'succeeded'`: equal terms, joined by AND.
fn search(call: &Call, view: &View<'_>) -> Reply {
    let query = call.asked("query").unwrap_or_default();
    let Some(terms) = query.split(" AND ").map(term).collect::<Option<Vec<(String, String)>>>() else {
        return error(400, "invalid_request_error", None, &format!("We were unable to parse your search query: {query}"), Some("query"));
    };
    let word = terms.iter().find_map(|(field, value)| field.strip_prefix("metadata ").map(|key| format!("metadata {key} {value}")));
    let found: Vec<&Value> = match word {
        Some(word) => view.shelf.find("payment_intent", &word),
        None => view.shelf.all("payment_intent").iter().collect(),
    };
    let fits = |object: &&Value| {
        terms.iter().all(|(field, value)| {
            let found = field.strip_prefix("metadata ").map_or_else(|| &object[field], |key| &object["metadata"][key]);
            text(found).as_ref() == Some(value)
        })
    };
    let limit = call.asked_number("limit", 10).clamp(1, 100);
    let found: Vec<&Value> = found.into_iter().rev().filter(fits).take(limit).collect();
    Reply::new(
        200,
        json!({ "object": "search_result", "data": found, "has_more": false, "next_page": null, "url": "/v1/payment_intents/search" }),
    )
}

/// `metadata["key"]:"value"` or `field:value`, with either kind of quotes.
fn term(text: &str) -> Option<(String, String)> {
    let quotes = ['\'', '"'];
    let (field, value) = text.trim().split_once(':')?;
    let field = match field.strip_prefix("metadata[") {
        Some(key) => format!("metadata {}", key.strip_suffix(']')?.trim_matches(quotes)),
        None => field.to_owned(),
    };
    let value = value.trim_matches(quotes);
    (!field.is_empty() && !value.is_empty()).then(|| (field, value.to_owned()))
}
