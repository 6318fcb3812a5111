//! Telegram bots. It takes no key and cannot be asked.
//!
//! <https://core.telegram.org/bots/api>

use serde_json::{Value, json};

use super::{Op, Provider};
use crate::call::{Call, bracketed_reference, text};
use crate::deed::{Deed, Reply, View};
use crate::hooks::{Habit, Notice, Post, Target};
use crate::log::Sent;
use crate::moment::Moment;

/// The stand-in.
#[derive(Debug)]
pub(crate) struct Telegram;

impl Provider for Telegram {
    fn name(&self) -> &'static str {
        "telegram"
    }

    fn about(&self) -> &'static str {
        "Telegram bots"
    }

    fn op(&self, call: &Call) -> Option<Op> {
        if !call.segment(0).starts_with("bot") {
            return None;
        }
        match call.segment(1).to_ascii_lowercase().as_str() {
            "sendmessage" => Op::write("sendMessage"),
            "getme" => Op::read("getMe"),
            "setwebhook" => Op::write("setWebhook"),
            "getwebhookinfo" => Op::read("getWebhookInfo"),
            _ => None,
        }
    }

    fn act(&self, op: &str, call: &Call, view: &View<'_>) -> Deed {
        let token = call.segment(0).strip_prefix("bot").unwrap_or_default();
        let bot = match token.split_once(':') {
            Some((id, secret)) if id.parse::<u64>().is_ok() && !secret.is_empty() => id.parse::<u64>().unwrap_or_default(),
            _ => {
                return Deed::answer(error(
                    if op == "unknown" { 404 } else { 401 },
                    if op == "unknown" { "Not Found" } else { "Unauthorized" },
                ));
            }
        };
        match op {
            "sendMessage" => send(call, bot, view),
            "getMe" => Deed::answer(ok(me(bot))),
            // Kept for `getWebhookInfo`; where messages really go is said to the sandbox.
            "setWebhook" => Deed::answer(ok(true.into())).put("webhook", &bot.to_string(), &[], json!({ "url": field(call, "url") })),
            "getWebhookInfo" => {
                let url = view.shelf.get("webhook", &bot.to_string()).map_or_else(|| "".into(), |webhook| webhook["url"].clone());
                Deed::answer(ok(json!({ "url": url, "has_custom_certificate": false, "pending_update_count": 0 })))
            }
            _ => Deed::answer(error(404, "Not Found")),
        }
    }

    fn refuse(&self, status: u16, wait_s: Option<i64>) -> Reply {
        match (status, wait_s) {
            (429, wait_s) => {
                let wait_s = wait_s.unwrap_or(1);
                let mut reply = error(429, &format!("Too Many Requests: retry after {wait_s}"));
                reply.body["parameters"] = json!({ "retry_after": wait_s });
                reply
            }
            (404, _) => error(404, "Not Found"),
            (status, _) => error(status, "Internal Server Error"),
        }
    }

    fn happen(&self, kind: &str, with: &Value, view: &View<'_>) -> Result<Deed, String> {
        let chat = with["chat_id"].as_i64().ok_or("name the `chat_id`")?;
        let from = json!({ "id": chat, "is_bot": false, "first_name": text(&with["name"]).unwrap_or_else(|| "Somebody".to_owned()) });
        let message = |said: &Value| json!({ "message_id": view.ids.n, "from": from, "chat": { "id": chat, "type": "private" }, "date": view.at.seconds(), "text": said });
        let update = match kind {
            "message" => json!({ "message": message(&with["text"]) }),
            "callback_query" => {
                let id = view.ids.number("query", 15).to_string();
                json!({ "callback_query": { "id": id, "from": from, "message": message(&"".into()), "data": with["data"] } })
            }
            other => return Err(format!("`telegram` sends no `{other}`, but `message` and `callback_query`")),
        };
        // Microseconds grow, also from one log to the next.
        let id = view.at.0 / 1_000 % 1_000_000_000_000 + view.ids.n as i64;
        let mut body = json!({ "update_id": id });
        for (key, part) in update.as_object().into_iter().flatten() {
            body[key] = part.clone();
        }
        let notice = Notice::new(id.to_string(), kind, view.at.seconds(), body).of(text(&with["bot"]));
        Ok(Deed::answer(Reply::new(200, Value::Null)).tell(notice))
    }

    fn habit(&self) -> Habit {
        // Documented: until it is taken, within reason. The waits are ours.
        Habit { in_order: true, ..Habit::usual(&[1, 5, 30, 60, 300, 900, 3_600, 3_600]) }
    }

    fn dress(&self, notice: &Notice, target: &Target, _now: Moment) -> Post {
        let mut body = notice.body.clone();
        // The id of an update is a number in its body; one chosen by hand is put there.
        if let Ok(id) = notice.id.parse::<u64>() {
            body["update_id"] = id.into();
        }
        Post::json(&target.url, body.to_string().into_bytes()).with("x-telegram-bot-api-secret-token", target.secret.clone())
    }
}

/// A parameter, wherever it may stand.
fn field(call: &Call, name: &str) -> Option<String> {
    call.text(name).or_else(|| call.asked(name).map(str::to_owned))
}

fn send(call: &Call, bot: u64, view: &View<'_>) -> Deed {
    let Some(chat) = field(call, "chat_id") else { return Deed::answer(error(400, "Bad Request: chat_id is empty")) };
    let Some(said) = field(call, "text") else { return Deed::answer(error(400, "Bad Request: message text is empty")) };
    let Ok(id) = chat.parse::<i64>() else { return Deed::answer(error(400, "Bad Request: chat not found")) };
    if said.encode_utf16().count() > 4_096 {
        return Deed::answer(error(400, "Bad Request: message is too long"));
    }
    let message_id = view.ids.n;
    let kind = if id < 0 { "group" } else { "private" };
    let message = json!({
        "message_id": message_id, "from": me(bot), "chat": { "id": id, "type": kind }, "date": view.at.seconds(), "text": said,
    });
    let reference = bracketed_reference(&said);
    let sent = Sent { what: "Telegram message".to_owned(), to: chat, text: said, id: message_id.to_string(), ..Sent::default() };
    Deed::done(ok(message), sent).about(reference)
}

fn me(bot: u64) -> Value {
    json!({ "id": bot, "is_bot": true, "first_name": "Sandbox", "username": "sandbox_bot" })
}

fn ok(result: Value) -> Reply {
    Reply::new(200, json!({ "ok": true, "result": result }))
}

fn error(status: u16, description: &str) -> Reply {
    Reply::new(status, json!({ "ok": false, "error_code": status, "description": description }))
}
