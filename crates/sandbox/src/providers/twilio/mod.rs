//! Twilio: text messages and calls. It takes no key; a list by recipient tells whether a message was taken.
//!
//! <https://www.twilio.com/docs/messaging/api/message-resource>, <https://www.twilio.com/docs/voice/api/call-resource>,
//! <https://www.twilio.com/docs/usage/security>

mod calls;
mod messages;

use form_urlencoded::Serializer;
use serde_json::{Value, json};

use super::{Op, Provider};
use crate::call::{Call, text};
use crate::deed::{Deed, Reply, View};
use crate::hooks::{Habit, Notice, Post, Target};
use crate::moment::Moment;
use crate::sign;

const API: &str = "2010-04-01";

/// The stand-in.
#[derive(Debug)]
pub(crate) struct Twilio;

impl Provider for Twilio {
    fn name(&self) -> &'static str {
        "twilio"
    }

    fn about(&self) -> &'static str {
        "Twilio: text messages and calls"
    }

    fn op(&self, call: &Call) -> Option<Op> {
        match call.way() {
            ("POST", way) if matches!(way[..], [API, "Accounts", _, "Messages.json"]) => Op::write("messages.create"),
            ("GET", way) if matches!(way[..], [API, "Accounts", _, "Messages.json"]) => Op::read("messages.list"),
            ("GET", way) if matches!(way[..], [API, "Accounts", _, "Messages", _]) => Op::read("messages.fetch"),
            ("POST", way) if matches!(way[..], [API, "Accounts", _, "Calls.json"]) => Op::write("calls.create"),
            ("GET", way) if matches!(way[..], [API, "Accounts", _, "Calls.json"]) => Op::read("calls.list"),
            ("GET", way) if matches!(way[..], [API, "Accounts", _, "Calls", _]) => Op::read("calls.fetch"),
            _ => None,
        }
    }

    fn act(&self, op: &str, call: &Call, view: &View<'_>) -> Deed {
        if op == "unknown" {
            return Deed::answer(self.refuse(404, None));
        }
        let account = call.segment(2);
        // The user is the account, or a key of it, which begins otherwise.
        let known = call.basic().is_some_and(|(user, _)| user == account || !user.starts_with("AC"));
        if !known {
            return Deed::answer(error(401, 20003, "Authenticate").with("www-authenticate", "Basic realm=\"Twilio API\""));
        }
        match op {
            "messages.create" => messages::create(call, account, view),
            "calls.create" => calls::create(call, account, view),
            "messages.list" => Deed::answer(list(call, "message", view)),
            "calls.list" => Deed::answer(list(call, "call", view)),
            _ => Deed::answer(fetch(call, if op == "messages.fetch" { "message" } else { "call" }, view)),
        }
    }

    fn refuse(&self, status: u16, _wait_s: Option<i64>) -> Reply {
        let message = match status {
            404 => "The requested resource was not found",
            429 => "Too Many Requests",
            503 => "Service unavailable",
            _ => "An internal server error has occurred",
        };
        error(status, 20_000 + u32::from(status), message)
    }

    fn happen(&self, kind: &str, with: &Value, view: &View<'_>) -> Result<Deed, String> {
        let (thing, status) = kind.split_once('.').ok_or("say `message.delivered`, `message.received`, `call.completed` or the like")?;
        match (thing, status) {
            ("message", "received") => messages::receive(with, view),
            ("message", status) => messages::turn(with, status, view),
            ("call", status) => calls::turn(with, status, view),
            _ => Err(format!("`twilio` has no `{thing}`, but `message` and `call`")),
        }
    }

    fn habit(&self) -> Habit {
        // Sent once more where no connection came about; an answer that is no success is not asked for again.
        Habit { only_unanswered: true, ..Habit::usual(&[0]) }
    }

    fn dress(&self, notice: &Notice, target: &Target, _now: Moment) -> Post {
        let fields: Vec<(String, String)> =
            notice.body.as_object().into_iter().flatten().filter_map(|(key, value)| Some((key.clone(), text(value)?))).collect();
        let body = Serializer::new(String::new()).extend_pairs(&fields).finish();
        let signature = sign::twilio(&target.secret, &target.url, &fields);
        Post {
            url: target.url.clone(),
            headers: vec![
                ("content-type", "application/x-www-form-urlencoded; charset=UTF-8".to_owned()),
                ("x-twilio-signature", signature),
            ],
            body: body.into_bytes(),
        }
    }
}

fn error(status: u16, code: u32, message: impl Into<String>) -> Reply {
    let more = format!("https://www.twilio.com/docs/errors/{code}");
    Reply::new(status, json!({ "code": code, "message": message.into(), "more_info": more, "status": status }))
}

/// A number as `+354…`, alone or behind the name of a channel.
fn is_number(text: &str) -> bool {
    let number = text.rsplit_once(':').map_or(text, |(_, number)| number);
    let digits = number.strip_prefix('+').unwrap_or_default();
    (7..=15).contains(&digits.len())
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && !digits.starts_with('0')
        && number != "+15005550001"
}

fn uri(account: &str, rest: &str) -> String {
    format!("/{API}/Accounts/{account}/{rest}")
}

/// A page of a list, the newest first.
fn list(call: &Call, kind: &str, view: &View<'_>) -> Reply {
    let account = call.segment(2);
    let found: Vec<&Value> = match call.asked("To") {
        Some(to) => view.shelf.find(kind, &format!("to {to}")),
        None => view.shelf.all(kind).iter().collect(),
    };
    let days = ["DateSent", "DateSent>", "DateSent<"].map(|name| call.asked(name).and_then(Moment::parse));
    let fits = |value: &&Value| {
        let sent = value["date_us"].as_i64().map(Moment);
        let on = days[0].is_none_or(|day| sent.is_some_and(|sent| sent.date() == day.date()));
        let after = days[1].is_none_or(|day| sent.is_some_and(|sent| sent >= day));
        let before = days[2].is_none_or(|day| sent.is_some_and(|sent| sent.date() <= day.date()));
        value["account_sid"] == account && call.asked("From").is_none_or(|from| value["from"] == from) && on && after && before
    };
    let size = call.asked_number("PageSize", 50).clamp(1, 1_000);
    let page = call.asked_number("Page", 0);
    let mut rest = found.into_iter().rev().filter(fits).skip(page.saturating_mul(size));
    let rows: Vec<Value> = rest.by_ref().take(size).map(shown).collect();
    let more = rest.next().is_some();
    let asked = |page: usize| {
        let mut query = Serializer::new(String::new());
        query.extend_pairs(call.query.iter().filter(|(key, _)| key != "Page" && key != "PageSize"));
        query.append_pair("PageSize", &size.to_string()).append_pair("Page", &page.to_string());
        format!("{}?{}", call.path, query.finish())
    };
    let start = page * size;
    Reply::new(
        200,
        json!({
            "first_page_uri": asked(0),
            "end": start + rows.len().saturating_sub(1),
            "previous_page_uri": page.checked_sub(1).map(asked),
            (format!("{kind}s")): rows,
            "uri": asked(page),
            "page_size": size,
            "start": start,
            "next_page_uri": more.then(|| asked(page + 1)),
            "page": page,
        }),
    )
}

fn fetch(call: &Call, kind: &str, view: &View<'_>) -> Reply {
    let sid = call.segment(4).trim_end_matches(".json");
    match view.shelf.get(kind, sid).filter(|value| value["account_sid"] == call.segment(2)) {
        Some(value) => Reply::new(200, shown(value)),
        None => error(404, 20404, format!("The requested resource {} was not found", call.path)),
    }
}

/// An object without what the stand-in keeps beside it for itself.
fn shown(value: &Value) -> Value {
    let mut shown = value.clone();
    for own in ["date_us", "callback"] {
        shown.as_object_mut().map(|object| object.shift_remove(own));
    }
    shown
}

/// The object that something happens to.
fn object<'a>(with: &Value, kind: &str, view: &View<'a>) -> Result<(String, &'a Value), String> {
    let sid = text(&with["sid"]).ok_or("name the `sid`")?;
    let value = view.shelf.get(kind, &sid).ok_or_else(|| format!("there is no {kind} `{sid}`"))?;
    Ok((sid, value))
}
