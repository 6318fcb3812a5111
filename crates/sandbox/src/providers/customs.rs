//! Customs, as one meets them: declarations that are cleared some day, told by Standard Webhooks. Its wire is its own and stands in the README.

use serde_json::{Value, json};

use super::billing::{changed_since, error};
use super::{Op, Provider, standard};
use crate::call::{Call, text};
use crate::deed::{Again, Deed, Reply, View};
use crate::hooks::{Habit, Notice, Post, Target};
use crate::log::Sent;
use crate::moment::Moment;

/// A bearer token `account_NAME` lists the declarations of that account alone.
const ACCOUNT: &str = "account_";
/// What is listed: each declaration as it stood after each change, so that whoever missed one finds it.
const CHANGE: &str = "change";

/// The stand-in.
#[derive(Debug)]
pub(crate) struct Customs;

impl Provider for Customs {
    fn name(&self) -> &'static str {
        "customs"
    }

    fn about(&self) -> &'static str {
        "customs: declarations"
    }

    fn op(&self, call: &Call) -> Option<Op> {
        match call.way() {
            ("POST", way) if way == ["declarations"] => Op::write("declarations.lodge"),
            ("GET", way) if way == ["declarations"] => Op::read("declarations.list"),
            ("GET", way) if matches!(way[..], ["declarations", _]) => Op::read("declarations.fetch"),
            _ => None,
        }
    }

    fn act(&self, op: &str, call: &Call, view: &View<'_>) -> Deed {
        match op {
            "unknown" => Deed::answer(self.refuse(404, None)),
            _ if call.bearer().is_none() => Deed::answer(error(401, "unauthorized", "a bearer token is missing")),
            "declarations.lodge" => lodge(call, view),
            "declarations.list" => {
                let mut found: Vec<&Value> = match call.asked("order") {
                    Some(order) => view.shelf.find(CHANGE, order),
                    None => view.shelf.all(CHANGE).iter().collect(),
                };
                if let Some(account) = call.bearer().and_then(|token| token.strip_prefix(ACCOUNT)) {
                    found.retain(|declaration| declaration["account"] == account);
                }
                Deed::answer(changed_since(call, found))
            }
            _ => Deed::answer(match view.shelf.get("declaration", call.segment(1)) {
                Some(declaration) => Reply::new(200, declaration.clone()),
                None => error(404, "not_found", "there is no such declaration"),
            }),
        }
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

    /// A declaration named by `id` or `order` reaches a status; one that is not there is lodged with it.
    fn happen(&self, kind: &str, with: &Value, view: &View<'_>) -> Result<Deed, String> {
        let status = kind.strip_prefix("declaration.").ok_or("say `declaration.cleared`, `declaration.held` or the like")?;
        let by_id = text(&with["id"]).and_then(|id| view.shelf.get("declaration", &id));
        let by_order = || {
            text(&with["order"]).filter(|_| with["id"].is_null()).and_then(|order| view.shelf.find("declaration", &order).last().copied())
        };
        let mut declaration = match (by_id.or_else(by_order), text(&with["order"])) {
            (Some(declaration), _) => declaration.clone(),
            (None, Some(order)) => declaration(text(&with["id"]), &order, text(&with["account"]), view),
            (None, None) => return Err("name a declaration by `id`, or the `order` it is for".to_owned()),
        };
        (declaration["status"], declaration["updated_at"]) = (status.into(), view.at.millis().into());
        if status == "cleared" && declaration["mrn"].is_null() {
            declaration["mrn"] = mrn(view).into();
        }
        for (name, value) in with.as_object().into_iter().flatten().filter(|(name, _)| *name != "id") {
            declaration[name] = value.clone();
        }
        let told = standard::notice(kind, &text(&declaration["account"]).unwrap_or_default(), declaration.clone(), view);
        Ok(put(Deed::answer(Reply::new(200, Value::Null)), declaration).tell(told))
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

fn lodge(call: &Call, view: &View<'_>) -> Deed {
    let Some(order) = call.text("order") else { return Deed::answer(error(422, "invalid", "`order` is missing")) };
    let key = call.header("idempotency-key").map(str::to_owned);
    match key.as_ref().map(|key| view.again(key, &call.print())) {
        Some(Again::Same(kept)) => return Deed::answer(Reply::new(kept.status, kept.body.clone())).about(Some(order)),
        Some(Again::Other) => {
            return Deed::answer(error(422, "key_reused", "the idempotency key was used with another request")).about(Some(order));
        }
        Some(Again::New) | None => {}
    }
    let declaration = declaration(None, &order, call.text("account"), view);
    let id = text(&declaration["id"]).unwrap_or_default();
    let sent = Sent { what: "declaration".to_owned(), text: format!("for {order}"), id, ..Sent::default() };
    let deed = Deed::done(Reply::new(201, declaration.clone()), sent).about(Some(order)).kept(key);
    put(deed, declaration)
}

fn declaration(id: Option<String>, order: &str, account: Option<String>, view: &View<'_>) -> Value {
    json!({
        "id": id.unwrap_or_else(|| format!("dec_{}", view.ids.alnum("declaration", 16))), "order": order,
        "account": account.unwrap_or_else(|| "main".to_owned()), "status": "lodged", "mrn": null,
        "created_at": view.at.millis(), "updated_at": view.at.millis(),
    })
}

/// A movement reference number: year, country, thirteen letters and digits, a check digit.
fn mrn(view: &View<'_>) -> String {
    format!("{}IS{}{}", &view.at.date()[2..4], view.ids.alnum("mrn", 13).to_uppercase(), view.ids.n % 10)
}

fn put(deed: Deed, declaration: Value) -> Deed {
    let (id, order) = (text(&declaration["id"]).unwrap_or_default(), text(&declaration["order"]).unwrap_or_default());
    let change = format!("{id}:{}", text(&declaration["status"]).unwrap_or_default());
    deed.put(CHANGE, &change, &[&order], declaration.clone()).put("declaration", &id, &[&order], declaration)
}
