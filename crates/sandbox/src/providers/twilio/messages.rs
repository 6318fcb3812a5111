//! Text messages.

use serde_json::{Value, json};

use super::{API, error, is_number, object, uri};
use crate::call::{Call, bracketed_reference, text};
use crate::deed::{Deed, Reply, View};
use crate::hooks::Notice;
use crate::log::Sent;

pub(super) fn create(call: &Call, account: &str, view: &View<'_>) -> Deed {
    let (to, from, body) = (call.text("To"), call.text("From"), call.text("Body"));
    let service = call.text("MessagingServiceSid");
    let Some(to) = to else { return Deed::answer(error(400, 21604, "A 'To' phone number is required.")) };
    if from.is_none() && service.is_none() {
        return Deed::answer(error(400, 21603, "A 'From' phone number is required."));
    }
    let Some(body) = body else { return Deed::answer(error(400, 21602, "Message body is required.")) };
    if !is_number(&to) {
        return Deed::answer(error(400, 21211, format!("Invalid 'To' Phone Number: {to}")));
    }
    if body.chars().count() > 1_600 {
        return Deed::answer(error(400, 21617, "The concatenated message body exceeds the 1600 character limit."));
    }
    let sid = format!("SM{}", view.ids.hex("message", 32));
    let message = |status: &str, sent: Option<String>| {
        json!({
            "account_sid": account,
            "api_version": API,
            "body": body,
            "date_created": view.at.rfc2822(),
            "date_sent": sent,
            "date_updated": view.at.rfc2822(),
            "direction": "outbound-api",
            "error_code": null,
            "error_message": null,
            "from": from,
            "messaging_service_sid": service,
            "num_media": "0",
            "num_segments": if service.is_some() { "0".to_owned() } else { segments(&body).to_string() },
            "price": null,
            "price_unit": "USD",
            "sid": sid,
            "status": status,
            "subresource_uris": { "media": uri(account, &format!("Messages/{sid}/Media.json")) },
            "to": to,
            "uri": uri(account, &format!("Messages/{sid}.json")),
        })
    };
    // By the time somebody looks again it has been delivered.
    let mut kept = message("delivered", Some(view.at.rfc2822()));
    kept["date_us"] = view.at.0.into();
    kept["callback"] = call.text("StatusCallback").into();
    let sent = Sent { what: "text message".to_owned(), to: to.clone(), text: body.clone(), id: sid.clone(), ..Sent::default() };
    let first = if service.is_some() { "accepted" } else { "queued" };
    let deed = Deed::done(Reply::new(201, message(first, None)), sent).about(bracketed_reference(&body)).put(
        "message",
        &sid,
        &[&format!("to {to}")],
        kept.clone(),
    );
    ["sent", "delivered"].iter().fold(deed, |deed, status| deed.tell(callback(&kept, status, view)))
}

/// Parts that a text is cut into: of 160 characters, of 153 when there are several; of 70 and 67 where one is not ASCII.
fn segments(body: &str) -> usize {
    let (one, several) = if body.is_ascii() { (160, 153) } else { (70, 67) };
    let length = body.encode_utf16().count();
    if length <= one { 1 } else { length.div_ceil(several) }
}

fn callback(message: &Value, status: &str, view: &View<'_>) -> Notice {
    let sid = text(&message["sid"]).unwrap_or_default();
    let body = json!({
        "SmsSid": sid, "SmsStatus": status, "MessageStatus": status, "To": message["to"], "MessageSid": sid,
        "AccountSid": message["account_sid"], "From": message["from"], "ApiVersion": API,
    });
    let notice = Notice::new(format!("{sid}:{status}"), format!("message.{status}"), view.at.seconds(), body);
    Notice { url: text(&message["callback"]), ..notice.of(text(&message["account_sid"])) }
}

/// A message reaches another status: `undelivered`, `failed`, …, with `{sid, error_code}`.
pub(super) fn turn(with: &Value, status: &str, view: &View<'_>) -> Result<Deed, String> {
    let (sid, message) = object(with, "message", view)?;
    let mut message = message.clone();
    message["status"] = status.into();
    message["error_code"] = with["error_code"].clone();
    let mut notice = callback(&message, status, view);
    if let Some(code) = text(&with["error_code"]) {
        notice.body["ErrorCode"] = code.into();
    }
    Ok(Deed::answer(Reply::new(200, Value::Null)).put("message", &sid, &[], message).tell(notice))
}

/// Somebody writes: `{account, from, to, body}`.
pub(super) fn receive(with: &Value, view: &View<'_>) -> Result<Deed, String> {
    let field = |name: &str| text(&with[name]).ok_or_else(|| format!("name `{name}`"));
    let sid = format!("SM{}", view.ids.hex("received", 32));
    let account = text(&with["account"]).unwrap_or_else(|| format!("AC{}", "0".repeat(32)));
    let body = json!({
        "ToCountry": "", "SmsMessageSid": sid, "NumMedia": "0", "SmsSid": sid, "SmsStatus": "received", "Body": field("body")?,
        "To": field("to")?, "NumSegments": "1", "MessageSid": sid, "AccountSid": account, "From": field("from")?, "ApiVersion": API,
    });
    let notice = Notice::new(sid, "message.received", view.at.seconds(), body).of(Some(account));
    Ok(Deed::answer(Reply::new(200, Value::Null)).tell(notice))
}
