//! Stripe: payments by card, refunds, and events. It honours a key and gives the stored answer again, a stored failure too.
//!
//! <https://docs.stripe.com/api/idempotent_requests>, <https://docs.stripe.com/api/errors>, <https://docs.stripe.com/webhooks>;
//! objects as in <https://github.com/stripe/openapi>, `openapi/fixtures3.json`

mod intents;
mod lists;
mod refunds;

use serde_json::{Value, json};

use super::{Op, Provider};
use crate::call::{Call, text};
use crate::deed::{Again, Deed, Reply, View};
use crate::hooks::{Habit, Notice, Post, Target};
use crate::moment::Moment;
use crate::sign;

/// The account of requests that name none.
const ACCOUNT: &str = "acct_sandbox";

/// The stand-in.
#[derive(Debug)]
pub(crate) struct Stripe;

impl Provider for Stripe {
    fn name(&self) -> &'static str {
        "stripe"
    }

    fn about(&self) -> &'static str {
        "Stripe: card payments and refunds"
    }

    fn op(&self, call: &Call) -> Option<Op> {
        match call.way() {
            ("POST", way) if way == ["v1", "payment_intents"] => Op::write("payment_intents.create"),
            ("GET", way) if way == ["v1", "payment_intents"] => Op::read("payment_intents.list"),
            ("GET", way) if way == ["v1", "payment_intents", "search"] => Op::read("payment_intents.search"),
            ("GET", way) if matches!(way[..], ["v1", "payment_intents", _]) => Op::read("payment_intents.fetch"),
            ("POST", way) if matches!(way[..], ["v1", "payment_intents", _, "confirm"]) => Op::write("payment_intents.confirm"),
            ("POST", way) if matches!(way[..], ["v1", "payment_intents", _, "capture"]) => Op::write("payment_intents.capture"),
            ("POST", way) if matches!(way[..], ["v1", "payment_intents", _, "cancel"]) => Op::write("payment_intents.cancel"),
            ("POST", way) if way == ["v1", "refunds"] => Op::write("refunds.create"),
            ("GET", way) if way == ["v1", "refunds"] => Op::read("refunds.list"),
            ("GET", way) if matches!(way[..], ["v1", "refunds", _]) => Op::read("refunds.fetch"),
            ("GET", way) if way == ["v1", "events"] => Op::read("events.list"),
            ("GET", way) if matches!(way[..], ["v1", "events", _]) => Op::read("events.fetch"),
            _ => None,
        }
    }

    fn act(&self, op: &str, call: &Call, view: &View<'_>) -> Deed {
        let mut deed = self.judged(op, call, view);
        deed.reply = deed.reply.with("request-id", format!("req_{}", view.ids.alnum("request", 14)));
        deed
    }

    fn refuse(&self, status: u16, _wait_s: Option<i64>) -> Reply {
        match status {
            429 => error(429, "invalid_request_error", Some("rate_limit"), "Too many requests.", None),
            404 => error(404, "invalid_request_error", None, "Unrecognized request URL.", None),
            status => error(status, "api_error", None, "An unexpected error occurred.", None),
        }
    }

    fn keeps_failures(&self) -> bool {
        true
    }

    fn happen(&self, kind: &str, with: &Value, view: &View<'_>) -> Result<Deed, String> {
        let id = text(&with["id"]).ok_or("name the object's `id`")?;
        if kind.starts_with("refund.") { refunds::turn(kind, &id, with, view) } else { intents::turn(kind, &id, with, view) }
    }

    fn habit(&self) -> Habit {
        // In test mode three times, over a few hours.
        Habit::usual(&[600, 3_600, 7_200])
    }

    fn dress(&self, notice: &Notice, target: &Target, now: Moment) -> Post {
        let mut body = notice.body.clone();
        body["id"] = notice.id.clone().into();
        let body = body.to_string().into_bytes();
        let signature = sign::stripe(&target.secret, now.seconds(), &body);
        Post { headers: vec![("content-type", "application/json; charset=utf-8".to_owned())], ..Post::json(&target.url, body) }
            .with("stripe-signature", signature)
    }
}

impl Stripe {
    fn judged(&self, op: &str, call: &Call, view: &View<'_>) -> Deed {
        if op == "unknown" {
            let message = format!("Unrecognized request URL ({}: {}).", call.method, call.path);
            return Deed::answer(error(404, "invalid_request_error", None, &message, None));
        }
        if call.bearer().is_none() && call.basic().is_none() {
            let message = "You did not provide an API key.";
            return Deed::answer(error(401, "invalid_request_error", None, message, None));
        }
        let key = call.header("idempotency-key").filter(|_| call.method == "POST").map(str::to_owned);
        if let Some(key) = &key {
            match view.again(key, &call.print()) {
                Again::New => {}
                Again::Same(kept) => {
                    let reply = Reply::new(kept.status, kept.body.clone());
                    return Deed::answer(reply.with("idempotent-replayed", "true").with("idempotency-key", key)).about(reference(call));
                }
                Again::Other => {
                    let message = format!(
                        "Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '{key}' if you meant to execute a different request."
                    );
                    return Deed::answer(error(400, "idempotency_error", None, &message, None)).about(reference(call));
                }
            }
        }
        let deed = match op {
            "payment_intents.create" => intents::create(call, view),
            "payment_intents.confirm" => intents::confirm(call, view),
            "payment_intents.capture" => intents::capture(call, view),
            "payment_intents.cancel" => intents::cancel(call, view),
            "refunds.create" => refunds::create(call, view),
            _ => Deed::answer(lists::answer(op, call, view)),
        };
        match key {
            Some(key) => {
                let reply = deed.reply.clone().with("idempotency-key", key.clone());
                // What was refused before anything was begun is not kept.
                let begun = deed.effect || deed.reply.status == 402;
                Deed { reply, ..deed }.kept(begun.then_some(key))
            }
            None => deed,
        }
    }
}

/// The caller's own reference: the usual names of metadata, else the first of it.
fn reference(call: &Call) -> Option<String> {
    let metadata = call.bracketed("metadata");
    let usual = ["reference", "ref", "order", "order_id"].iter().find_map(|name| metadata.get(*name));
    text(usual.or_else(|| metadata.values().next())?)
}

fn error(status: u16, kind: &str, code: Option<&str>, message: &str, param: Option<&str>) -> Reply {
    let mut error = serde_json::Map::new();
    for (name, value) in [("code", code), ("message", Some(message)), ("param", param), ("type", Some(kind))] {
        if let Some(value) = value {
            error.insert(name.to_owned(), value.into());
        }
    }
    Reply::new(status, json!({ "error": error }))
}

fn missing(param: &str) -> Deed {
    let message = format!("Missing required param: {param}.");
    Deed::answer(error(400, "invalid_request_error", Some("parameter_missing"), &message, Some(param)))
}

fn no_such(what: &str, id: &str, param: &str) -> Deed {
    let message = format!("No such {what}: '{id}'");
    Deed::answer(error(404, "invalid_request_error", Some("resource_missing"), &message, Some(param)))
}

/// An event, listed and sent.
fn event(deed: Deed, kind: &str, object: &Value, key: Option<&str>, view: &View<'_>) -> Deed {
    let id = format!("evt_{}", view.ids.alnum(kind, 24));
    let event = json!({
        "id": id, "object": "event", "api_version": "2025-08-27.basil", "created": view.at.seconds(), "data": { "object": object },
        "livemode": false, "pending_webhooks": 1, "request": { "id": null, "idempotency_key": key }, "type": kind,
    });
    deed.put("event", &id, &[kind], event.clone()).tell(Notice::new(id, kind, view.at.seconds(), event).of(Some(ACCOUNT.to_owned())))
}
