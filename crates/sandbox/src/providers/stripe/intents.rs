//! Payment intents.

use serde_json::{Value, json};

use super::{error, event, missing, no_such, reference};
use crate::call::{Call, text};
use crate::deed::{Deed, Reply, View};
use crate::log::Sent;

/// The cards of the test mode that are refused, and how.
const DECLINED: &[(&str, &str, &str)] = &[
    ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
    ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
    ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
    ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
    ("pm_card_visa_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
    ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
];

pub(super) fn create(call: &Call, view: &View<'_>) -> Deed {
    let (Some(amount), Some(currency)) = (call.text("amount"), call.text("currency")) else {
        return missing(if call.text("amount").is_none() { "amount" } else { "currency" });
    };
    let amount = match amount.parse::<i64>() {
        Ok(amount) if amount > 0 => amount,
        Ok(_) => return refused("parameter_invalid_integer", "This value must be greater than or equal to 1.", "amount"),
        Err(_) => return refused("parameter_invalid_integer", &format!("Invalid integer: {amount}"), "amount"),
    };
    let currency = currency.to_lowercase();
    if currency.len() != 3 || !currency.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return refused("parameter_invalid_string_empty", &format!("Invalid currency: {currency}"), "currency");
    }
    let id = format!("pi_{}", view.ids.alnum("intent", 24));
    let method = call.text("payment_method");
    let status = if method.is_some() { "requires_confirmation" } else { "requires_payment_method" };
    let metadata = call.bracketed("metadata");
    let intent = json!({
        "id": id, "object": "payment_intent", "amount": amount, "amount_capturable": 0, "amount_details": { "tip": {} }, "amount_received": 0,
        "application": null, "application_fee_amount": null, "automatic_payment_methods": null, "canceled_at": null, "cancellation_reason": null,
        "capture_method": call.text("capture_method").unwrap_or_else(|| "automatic".to_owned()),
        "client_secret": format!("{id}_secret_{}", view.ids.alnum("secret", 25)), "confirmation_method": "automatic",
        "created": view.at.seconds(), "currency": currency, "customer": call.text("customer"), "description": call.text("description"),
        "last_payment_error": null, "latest_charge": null, "livemode": false, "metadata": metadata, "next_action": null, "on_behalf_of": null,
        "payment_method": method, "payment_method_options": {}, "payment_method_types": ["card"], "processing": null,
        "receipt_email": call.text("receipt_email"), "review": null, "setup_future_usage": null, "shipping": null, "source": null,
        "statement_descriptor": null, "statement_descriptor_suffix": null, "status": status, "transfer_data": null, "transfer_group": null,
    });
    let words: Vec<String> = metadata.iter().filter_map(|(key, value)| Some(format!("metadata {key} {}", text(value)?))).collect();
    if call.text("confirm").as_deref() == Some("true") {
        if method.is_none() {
            let message = "You cannot confirm this PaymentIntent because it's missing a payment method.";
            return refused("payment_intent_unexpected_state", message, "payment_method");
        }
        return charge(call, intent, &words, view);
    }
    let sent = sent("payment begun", &intent);
    let deed = Deed::done(Reply::new(200, intent.clone()), sent).about(reference(call));
    let deed = event(deed, "payment_intent.created", &intent, call.header("idempotency-key"), view);
    put(deed, intent, &words)
}

pub(super) fn confirm(call: &Call, view: &View<'_>) -> Deed {
    change(call, view, &["requires_confirmation", "requires_payment_method"], |mut intent| {
        if let Some(method) = call.text("payment_method") {
            intent["payment_method"] = method.into();
        }
        charge(call, intent, &[], view)
    })
}

pub(super) fn capture(call: &Call, view: &View<'_>) -> Deed {
    change(call, view, &["requires_capture"], |mut intent| {
        let most = intent["amount_capturable"].as_i64().unwrap_or_default();
        let amount = call.text("amount_to_capture").and_then(|amount| amount.parse().ok()).unwrap_or(most);
        if amount > most || amount < 1 {
            return refused("amount_too_large", "The amount to capture is greater than what can be captured.", "amount_to_capture");
        }
        (intent["amount_capturable"], intent["amount_received"], intent["status"]) = (0.into(), amount.into(), "succeeded".into());
        let deed = Deed::done(Reply::new(200, intent.clone()), sent("payment captured", &intent)).about(reference_of(&intent));
        put(event(deed, "payment_intent.succeeded", &intent, call.header("idempotency-key"), view), intent, &[])
    })
}

pub(super) fn cancel(call: &Call, view: &View<'_>) -> Deed {
    change(call, view, &["requires_confirmation", "requires_payment_method", "requires_capture", "requires_action"], |mut intent| {
        (intent["status"], intent["canceled_at"]) = ("canceled".into(), view.at.seconds().into());
        intent["cancellation_reason"] = call.text("cancellation_reason").into();
        let deed = Deed::done(Reply::new(200, intent.clone()), sent("payment canceled", &intent)).about(reference_of(&intent));
        put(event(deed, "payment_intent.canceled", &intent, call.header("idempotency-key"), view), intent, &[])
    })
}

fn change(call: &Call, view: &View<'_>, from: &[&str], to: impl FnOnce(Value) -> Deed) -> Deed {
    let id = call.segment(2);
    let Some(intent) = view.shelf.get("payment_intent", id) else { return no_such("payment_intent", id, "intent") };
    let status = intent["status"].as_str().unwrap_or_default();
    if !from.contains(&status) {
        let message = format!("This PaymentIntent could not be changed because it has a status of {status}.");
        let mut reply = error(400, "invalid_request_error", Some("payment_intent_unexpected_state"), &message, None);
        reply.body["error"]["payment_intent"] = intent.clone();
        return Deed::answer(reply);
    }
    to(intent.clone())
}

/// Takes the money, or is refused by the card.
fn charge(call: &Call, mut intent: Value, words: &[String], view: &View<'_>) -> Deed {
    let method = text(&intent["payment_method"]).unwrap_or_default();
    let key = call.header("idempotency-key");
    intent["latest_charge"] = format!("ch_{}", view.ids.alnum("charge", 24)).into();
    if let Some((_, code, decline)) = DECLINED.iter().find(|(card, _, _)| *card == method) {
        let message = "Your card was declined.";
        let failure = json!({
            "charge": intent["latest_charge"], "code": code, "decline_code": decline, "message": message, "type": "card_error",
            "doc_url": format!("https://docs.stripe.com/error-codes/{}", code.replace('_', "-")),
        });
        (intent["status"], intent["payment_method"]) = ("requires_payment_method".into(), Value::Null);
        intent["last_payment_error"] = failure.clone();
        let mut body = failure;
        body["payment_intent"] = intent.clone();
        // A refused card is a thing that happened, though no money moved.
        let deed = Deed::answer(Reply::new(402, json!({ "error": body }))).about(reference_of(&intent));
        return put(event(deed, "payment_intent.payment_failed", &intent, key, view), intent, words);
    }
    let amount = intent["amount"].clone();
    let kind = if intent["capture_method"] == "manual" {
        (intent["status"], intent["amount_capturable"]) = ("requires_capture".into(), amount);
        "payment_intent.amount_capturable_updated"
    } else {
        (intent["status"], intent["amount_received"]) = ("succeeded".into(), amount);
        "payment_intent.succeeded"
    };
    let deed = Deed::done(Reply::new(200, intent.clone()), sent("payment", &intent)).about(reference_of(&intent));
    put(event(deed, kind, &intent, key, view), intent, words)
}

/// Something happens to a payment by itself: `payment_intent.succeeded` late, `payment_intent.payment_failed`, `charge.dispute.created`.
pub(super) fn turn(kind: &str, id: &str, with: &Value, view: &View<'_>) -> Result<Deed, String> {
    let mut intent = view.shelf.get("payment_intent", id).ok_or_else(|| format!("there is no payment intent `{id}`"))?.clone();
    let deed = Deed::answer(Reply::new(200, Value::Null));
    if let Some(what) = kind.strip_prefix("charge.dispute.") {
        let status =
            if what == "created" { "needs_response".to_owned() } else { text(&with["status"]).unwrap_or_else(|| "lost".to_owned()) };
        let dispute = json!({
            "id": format!("du_{}", view.ids.alnum("dispute", 24)), "object": "dispute", "amount": intent["amount"], "charge": intent["latest_charge"],
            "currency": intent["currency"], "payment_intent": id, "reason": "fraudulent", "status": status, "created": view.at.seconds(),
            "livemode": false, "metadata": {},
        });
        return Ok(event(deed, kind, &dispute, None, view));
    }
    match kind {
        "payment_intent.succeeded" => (intent["status"], intent["amount_received"]) = ("succeeded".into(), intent["amount"].clone()),
        "payment_intent.payment_failed" => intent["status"] = "requires_payment_method".into(),
        "payment_intent.canceled" => intent["status"] = "canceled".into(),
        "payment_intent.processing" => intent["status"] = "processing".into(),
        other => return Err(format!("`stripe` does not know `{other}`")),
    }
    Ok(put(event(deed, kind, &intent, None, view), intent, &[]))
}

fn put(deed: Deed, intent: Value, words: &[String]) -> Deed {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let id = text(&intent["id"]).unwrap_or_default();
    deed.put("payment_intent", &id, &words, intent)
}

fn sent(what: &str, intent: &Value) -> Sent {
    Sent {
        what: what.to_owned(),
        to: text(&intent["customer"]).unwrap_or_default(),
        text: text(&intent["description"]).unwrap_or_default(),
        amount: intent["amount"].as_i64(),
        currency: text(&intent["currency"]).map(|currency| currency.to_uppercase()),
        id: text(&intent["id"]).unwrap_or_default(),
    }
}

fn reference_of(intent: &Value) -> Option<String> {
    let metadata = intent["metadata"].as_object()?;
    let usual = ["reference", "ref", "order", "order_id"].iter().find_map(|name| metadata.get(*name));
    text(usual.or_else(|| metadata.values().next())?)
}

fn refused(code: &str, message: &str, param: &str) -> Deed {
    Deed::answer(error(400, "invalid_request_error", Some(code), message, Some(param)))
}
