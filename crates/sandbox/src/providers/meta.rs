//! WhatsApp over Meta's Cloud API. It takes no key and cannot be asked.
//!
//! <https://developers.facebook.com/docs/whatsapp/cloud-api/reference/messages>,
//! <https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks/payload-examples>

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Op, Provider};
use crate::call::{Call, bracketed_reference, text};
use crate::deed::{Deed, Reply, View};
use crate::hooks::{Habit, Notice, Post, Target};
use crate::log::Sent;
use crate::moment::Moment;
use crate::sign;

const DISPLAYED: &str = "15550001111";

/// The stand-in.
#[derive(Debug)]
pub(crate) struct Meta;

impl Provider for Meta {
    fn name(&self) -> &'static str {
        "meta"
    }

    fn about(&self) -> &'static str {
        "WhatsApp, over Meta's Cloud API"
    }

    fn op(&self, call: &Call) -> Option<Op> {
        match call.way() {
            ("POST", way) if matches!(way[..], [version, _, "messages"] if version.starts_with('v')) => Op::write("messages.send"),
            _ => None,
        }
    }

    fn act(&self, op: &str, call: &Call, view: &View<'_>) -> Deed {
        if op == "unknown" {
            return Deed::answer(self.refuse(404, None));
        }
        if call.bearer().is_none() && call.asked("access_token").is_none() {
            return Deed::answer(error(401, "OAuthException", 190, "Invalid OAuth access token.", None, view));
        }
        send(call, view)
    }

    fn refuse(&self, status: u16, _wait_s: Option<i64>) -> Reply {
        let (code, message) = match status {
            404 => (2500, "Unknown path components"),
            429 => (80007, "(#80007) Rate limit issues"),
            _ => (131_000, "Something went wrong"),
        };
        Reply::new(
            status,
            json!({ "error": { "message": message, "type": "OAuthException", "code": code, "fbtrace_id": "AsandboxAsandboxAsand" } }),
        )
    }

    fn happen(&self, kind: &str, with: &Value, view: &View<'_>) -> Result<Deed, String> {
        let field = |name: &str| text(&with[name]).ok_or_else(|| format!("name `{name}`"));
        let nothing = Deed::answer(Reply::new(200, Value::Null));
        if kind == "message" {
            let id = wamid(view, "received");
            let from = field("from")?;
            let message = json!({
                "from": from, "id": id, "timestamp": view.at.seconds().to_string(), "text": { "body": field("body")? }, "type": "text",
            });
            let contacts = json!([{ "profile": { "name": text(&with["name"]).unwrap_or_default() }, "wa_id": from }]);
            let phone = text(&with["phone_number_id"]);
            return Ok(nothing.tell(notice(id, kind, phone, json!({ "contacts": contacts, "messages": [message] }), view)));
        }
        let status = kind.strip_prefix("status.").ok_or("say `message`, or `status.read`, `status.failed` or the like")?;
        let id = field("id")?;
        let message = view.shelf.get("message", &id).ok_or_else(|| format!("there is no message `{id}`"))?;
        Ok(nothing.tell(told(message, status, view)))
    }

    fn habit(&self) -> Habit {
        // Documented: right away, then with growing waits, for up to seven days. The waits are ours.
        Habit { accepts: |status, _| status == 200, ..Habit::usual(&[0, 60, 300, 1_800, 7_200, 21_600, 86_400, 172_800]) }
    }

    fn dress(&self, notice: &Notice, target: &Target, _now: Moment) -> Post {
        let body = escaped(&notice.body.to_string()).into_bytes();
        let signature = sign::meta(&target.secret, &body);
        Post::json(&target.url, body).with("x-hub-signature-256", signature)
    }
}

fn send(call: &Call, view: &View<'_>) -> Deed {
    let invalid = |details: &str| Deed::answer(error(400, "OAuthException", 100, "(#100) Invalid parameter", Some(details), view));
    if call.body["messaging_product"] != "whatsapp" {
        return invalid("The parameter messaging_product is required.");
    }
    let Some(to) = call.text("to") else { return invalid("The parameter to is required.") };
    let kind = call.text("type").unwrap_or_else(|| "text".to_owned());
    let said = match kind.as_str() {
        "text" => text(&call.body["text"]["body"]),
        "template" => template(&call.body["template"]),
        other => Some(call.body[other].to_string()),
    };
    let Some(said) = said else { return invalid(&format!("The parameter {kind} is required.")) };
    let (id, wa_id) = (wamid(view, "sent"), to.chars().filter(char::is_ascii_digit).collect::<String>());
    let mut message = json!({ "id": id });
    if kind == "template" {
        message["message_status"] = "accepted".into();
    }
    let reply = json!({ "messaging_product": "whatsapp", "contacts": [{ "input": to, "wa_id": wa_id }], "messages": [message] });
    let opaque = call.text("biz_opaque_callback_data");
    let kept = json!({ "id": id, "to": wa_id, "phone": call.segment(1), "opaque": opaque });
    let sent = Sent { what: "WhatsApp message".to_owned(), to, text: said.clone(), id: id.clone(), ..Sent::default() };
    let deed = Deed::done(Reply::new(200, reply), sent).about(opaque.or_else(|| bracketed_reference(&said))).put(
        "message",
        &id,
        &[],
        kept.clone(),
    );
    ["sent", "delivered"].iter().fold(deed, |deed, status| deed.tell(told(&kept, status, view)))
}

/// The name of a template and what is put into it.
fn template(template: &Value) -> Option<String> {
    let name = text(&template["name"])?;
    let components = template["components"].as_array().into_iter().flatten();
    let parameters = components.filter_map(|component| component["parameters"].as_array()).flatten();
    let texts: Vec<String> = parameters.filter_map(|parameter| text(&parameter["text"])).collect();
    Some(if texts.is_empty() { name } else { format!("{name}: {}", texts.join(" · ")) })
}

/// A message about the status of a message.
fn told(message: &Value, status: &str, view: &View<'_>) -> Notice {
    let id = text(&message["id"]).unwrap_or_default();
    let mut said = json!({ "id": id, "status": status, "timestamp": view.at.seconds().to_string(), "recipient_id": message["to"] });
    if let Some(opaque) = text(&message["opaque"]) {
        said["biz_opaque_callback_data"] = opaque.into();
    }
    if status == "failed" {
        said["errors"] = json!([{ "code": 131_026, "title": "Message undeliverable" }]);
    }
    notice(format!("{id}:{status}"), &format!("status.{status}"), text(&message["phone"]), json!({ "statuses": [said] }), view)
}

fn notice(id: String, kind: &str, phone: Option<String>, inner: Value, view: &View<'_>) -> Notice {
    let phone = phone.unwrap_or_else(|| "100000000000001".to_owned());
    let mut value = json!({ "messaging_product": "whatsapp", "metadata": { "display_phone_number": DISPLAYED, "phone_number_id": phone } });
    for (key, part) in inner.as_object().into_iter().flatten() {
        value[key] = part.clone();
    }
    let body = json!({ "object": "whatsapp_business_account", "entry": [{ "id": "200000000000002", "changes": [{ "value": value, "field": "messages" }] }] });
    Notice::new(id, kind, view.at.seconds(), body).of(Some(phone))
}

fn wamid(view: &View<'_>, what: &str) -> String {
    format!("wamid.{}", STANDARD.encode(format!("HBgL{}", view.ids.hex(what, 32))))
}

fn error(status: u16, kind: &str, code: u32, message: &str, details: Option<&str>, view: &View<'_>) -> Reply {
    let mut error = json!({ "message": message, "type": kind, "code": code });
    if let Some(details) = details {
        error["error_data"] = json!({ "messaging_product": "whatsapp", "details": details });
    }
    error["fbtrace_id"] = view.ids.alnum("trace", 23).into();
    Reply::new(status, json!({ "error": error }))
}

/// Every character beyond ASCII as `\u…` in lower case, and slashes with a stroke before them: what is signed is what is sent.
fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        match character {
            '/' => text.push_str("\\/"),
            ascii if ascii.is_ascii() => text.push(ascii),
            other => other.encode_utf16(&mut [0; 2]).iter().for_each(|unit| text.push_str(&format!("\\u{unit:04x}"))),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn beyond_ascii_is_escaped() {
        let json = serde_json::json!({ "text": "é/😀" });
        let escaped = super::escaped(&json.to_string());
        assert_eq!(escaped, r#"{"text":"\u00e9\/\ud83d\ude00"}"#);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&escaped).unwrap(), json);
    }
}
