//! A billing system as one meets them: JSON, a key that is honoured, Standard Webhooks. Its wire is its own and stands in the README.

use serde_json::{Value, json};

use super::{Op, Provider, standard};
use crate::call::{Call, text};
use crate::deed::{Again, Deed, Reply, View};
use crate::hooks::{Habit, Notice, Post, Target};
use crate::log::Sent;
use crate::moment::Moment;

/// The stand-in.
#[derive(Debug)]
pub(crate) struct Billing;

impl Provider for Billing {
    fn name(&self) -> &'static str {
        "billing"
    }

    fn about(&self) -> &'static str {
        "a billing system: invoices"
    }

    fn op(&self, call: &Call) -> Option<Op> {
        match call.way() {
            ("POST", way) if way == ["invoices"] => Op::write("invoices.create"),
            ("GET", way) if way == ["invoices"] => Op::read("invoices.list"),
            ("GET", way) if matches!(way[..], ["invoices", _]) => Op::read("invoices.fetch"),
            ("POST", way) if matches!(way[..], ["invoices", _, "void"]) => Op::write("invoices.void"),
            _ => None,
        }
    }

    fn act(&self, op: &str, call: &Call, view: &View<'_>) -> Deed {
        if op == "unknown" {
            return Deed::answer(self.refuse(404, None));
        }
        if call.bearer().is_none() {
            return Deed::answer(error(401, "unauthorized", "a bearer token is missing"));
        }
        let key = call.header("idempotency-key").filter(|_| call.method == "POST").map(str::to_owned);
        if let Some(key) = &key {
            match view.again(key, &call.print()) {
                Again::New => {}
                Again::Same(kept) => {
                    let reply = Reply::new(kept.status, kept.body.clone()).with("idempotent-replayed", "true");
                    return Deed::answer(reply).about(call.text("reference"));
                }
                Again::Other => {
                    let reply = error(422, "key_reused", "the idempotency key was used with another request");
                    return Deed::answer(reply).about(call.text("reference"));
                }
            }
        }
        let deed = match op {
            "invoices.create" => create(call, view),
            "invoices.void" => void(call, view),
            "invoices.list" => Deed::answer(list(call, view)),
            _ => Deed::answer(match view.shelf.get("invoice", call.segment(1)) {
                Some(invoice) => Reply::new(200, invoice.clone()),
                None => error(404, "not_found", "there is no such invoice"),
            }),
        };
        if deed.effect { deed.kept(key) } else { deed }
    }

    fn refuse(&self, status: u16, _wait_s: Option<i64>) -> Reply {
        let (code, message) = match status {
            404 => ("not_found", "there is no such address"),
            429 => ("too_many_requests", "slow down"),
            503 => ("unavailable", "try again later"),
            _ => ("internal", "something broke"),
        };
        error(status, code, message)
    }

    fn happen(&self, kind: &str, with: &Value, view: &View<'_>) -> Result<Deed, String> {
        let status = kind.strip_prefix("invoice.").ok_or("say `invoice.paid`, `invoice.overdue`, `invoice.voided` or the like")?;
        let by_id = text(&with["id"]).and_then(|id| view.shelf.get("invoice", &id));
        let by_reference = || text(&with["reference"]).and_then(|reference| view.shelf.find("invoice", &reference).last().copied());
        let mut invoice = by_id.or_else(by_reference).ok_or("name an invoice there is, by `id` or `reference`")?.clone();
        if status != "created" {
            (invoice["status"], invoice["updated_at"]) = (status.into(), view.at.millis().into());
        }
        let (id, account) = (text(&invoice["id"]).unwrap_or_default(), text(&invoice["account"]).unwrap_or_default());
        let told = standard::notice(kind, &account, invoice.clone(), view);
        Ok(Deed::answer(Reply::new(200, Value::Null)).put("invoice", &id, &[], invoice).tell(told))
    }

    fn habit(&self) -> Habit {
        Habit::usual(standard::WAITS_S)
    }

    fn takes(&self, secret: &str) -> bool {
        standard::takes(secret)
    }

    fn dress(&self, notice: &Notice, target: &Target, now: Moment) -> Post {
        standard::dress(notice, target, now)
    }
}

fn create(call: &Call, view: &View<'_>) -> Deed {
    let Some(reference) = call.text("reference") else { return Deed::answer(error(422, "invalid", "`reference` is missing")) };
    let Some(amount) = call.body["amount"].as_i64().filter(|amount| *amount > 0) else {
        return Deed::answer(error(422, "invalid", "`amount` is a number above 0, in the currency's smallest unit"));
    };
    let Some(currency) = call.text("currency").filter(|currency| currency.len() == 3) else {
        return Deed::answer(error(422, "invalid", "`currency` is a code of three letters"));
    };
    let id = format!("inv_{}", view.ids.alnum("invoice", 20));
    let account = call.text("account").unwrap_or_else(|| "main".to_owned());
    let customer = call.text("customer").unwrap_or_default();
    let invoice = json!({
        "id": id, "number": format!("B-{:06}", view.shelf.all("invoice").len() + 1), "reference": reference, "account": account,
        "customer": customer, "amount": amount, "currency": currency, "lines": call.body["lines"], "status": "issued",
        "created_at": view.at.millis(), "updated_at": view.at.millis(),
    });
    let said = call.text("text").or_else(|| call.text("description")).unwrap_or_default();
    let sent =
        Sent { what: "invoice".to_owned(), to: customer, text: said, amount: Some(amount), currency: Some(currency), id: id.clone() };
    let told = standard::notice("invoice.created", &account, invoice.clone(), view);
    Deed::done(Reply::new(201, invoice.clone()), sent).about(Some(reference.clone())).put("invoice", &id, &[&reference], invoice).tell(told)
}

fn void(call: &Call, view: &View<'_>) -> Deed {
    let id = call.segment(1);
    let Some(invoice) = view.shelf.get("invoice", id) else { return Deed::answer(error(404, "not_found", "there is no such invoice")) };
    if invoice["status"] != "issued" {
        return Deed::answer(error(409, "not_issued", "only an invoice that is issued and not paid can be voided"));
    }
    let mut invoice = invoice.clone();
    (invoice["status"], invoice["updated_at"]) = ("voided".into(), view.at.millis().into());
    let sent = Sent { what: "invoice voided".to_owned(), id: id.to_owned(), ..Sent::default() };
    let told = standard::notice("invoice.voided", &text(&invoice["account"]).unwrap_or_default(), invoice.clone(), view);
    Deed::done(Reply::new(200, invoice.clone()), sent).about(text(&invoice["reference"])).put("invoice", id, &[], invoice).tell(told)
}

/// Those of a reference, or those changed since a time, the oldest change first.
fn list(call: &Call, view: &View<'_>) -> Reply {
    let found: Vec<&Value> = match call.asked("reference") {
        Some(reference) => view.shelf.find("invoice", reference),
        None => view.shelf.all("invoice").iter().collect(),
    };
    changed_since(call, found)
}

/// A page of objects changed since a time, the oldest change first: `limit` of them behind the first `offset`.
pub(super) fn changed_since(call: &Call, mut found: Vec<&Value>) -> Reply {
    if let Some(since) = call.asked("since") {
        let Some(since) = Moment::parse(since) else { return error(422, "invalid", "`since` is a time such as `2026-11-20T12:00:00Z`") };
        found.retain(|object| object["updated_at"].as_str().and_then(Moment::parse).is_some_and(|at| at >= since));
    }
    found.sort_by_key(|object| object["updated_at"].as_str().unwrap_or_default());
    let (limit, offset) = (call.asked_number("limit", 100).clamp(1, 1_000), call.asked_number("offset", 0));
    found.drain(..offset.min(found.len()));
    let more = found.len() > limit;
    found.truncate(limit);
    Reply::new(200, json!({ "data": found, "has_more": more }))
}

pub(super) fn error(status: u16, code: &str, message: &str) -> Reply {
    Reply::new(status, json!({ "error": { "code": code, "message": message } }))
}
