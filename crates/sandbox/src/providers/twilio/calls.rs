//! Calls.

use serde_json::{Value, json};

use super::{API, error, is_number, object, uri};
use crate::call::{Call, bracketed_reference, text};
use crate::deed::{Deed, Reply, View};
use crate::hooks::Notice;
use crate::log::Sent;

pub(super) fn create(call: &Call, account: &str, view: &View<'_>) -> Deed {
    let Some(to) = call.text("To") else { return Deed::answer(error(400, 21201, "No 'To' number is specified")) };
    let Some(from) = call.text("From") else { return Deed::answer(error(400, 21213, "No 'From' number is specified")) };
    let Some(says) = call.text("Twiml").or_else(|| call.text("Url")).or_else(|| call.text("ApplicationSid")) else {
        return Deed::answer(error(400, 21205, "Url parameter is required."));
    };
    if !is_number(&to) {
        return Deed::answer(error(400, 21211, format!("Invalid 'To' Phone Number: {to}")));
    }
    let sid = format!("CA{}", view.ids.hex("call", 32));
    let made = |status: &str| {
        json!({
            "account_sid": account, "annotation": null, "answered_by": null, "api_version": API, "caller_name": null,
            "date_created": view.at.rfc2822(), "date_updated": view.at.rfc2822(), "direction": "outbound-api",
            "duration": null, "end_time": null, "forwarded_from": null, "from": from, "from_formatted": from,
            "group_sid": null, "parent_call_sid": null, "phone_number_sid": null, "price": null, "price_unit": "USD",
            "queue_time": "0", "sid": sid, "start_time": null, "status": status,
            "subresource_uris": { "recordings": uri(account, &format!("Calls/{sid}/Recordings.json")) },
            "to": to, "to_formatted": to, "trunk_sid": null, "uri": uri(account, &format!("Calls/{sid}.json")),
        })
    };
    let mut kept = made("completed");
    kept["date_us"] = view.at.0.into();
    kept["callback"] = call.text("StatusCallback").into();
    let sent = Sent { what: "call".to_owned(), to: to.clone(), text: says.clone(), id: sid.clone(), ..Sent::default() };
    Deed::done(Reply::new(201, made("queued")), sent)
        .about(bracketed_reference(&says))
        .put("call", &sid, &[&format!("to {to}")], kept.clone())
        .tell(callback(&kept, "completed", view))
}

fn callback(call: &Value, status: &str, view: &View<'_>) -> Notice {
    let sid = text(&call["sid"]).unwrap_or_default();
    let body = json!({
        "CallSid": sid, "AccountSid": call["account_sid"], "From": call["from"], "To": call["to"], "CallStatus": status,
        "ApiVersion": API, "Direction": "outbound-api", "CallDuration": if status == "completed" { "30" } else { "0" },
        "SequenceNumber": "0", "Timestamp": view.at.rfc2822(),
    });
    let notice = Notice::new(format!("{sid}:{status}"), format!("call.{status}"), view.at.seconds(), body);
    Notice { url: text(&call["callback"]), ..notice.of(text(&call["account_sid"])) }
}

/// A call ends otherwise: `busy`, `no-answer`, `failed`, with `{sid}`.
pub(super) fn turn(with: &Value, status: &str, view: &View<'_>) -> Result<Deed, String> {
    let (sid, call) = object(with, "call", view)?;
    let mut call = call.clone();
    call["status"] = status.into();
    let notice = callback(&call, status, view);
    Ok(Deed::answer(Reply::new(200, Value::Null)).put("call", &sid, &[], call).tell(notice))
}
