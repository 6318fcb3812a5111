//! Refunds.

use serde_json::{Value, json};

use super::{error, event, missing, no_such};
use crate::call::{Call, text};
use crate::deed::{Deed, Reply, View};
use crate::log::Sent;

pub(super) fn create(call: &Call, view: &View<'_>) -> Deed {
    let intent = match (call.text("payment_intent"), call.text("charge")) {
        (Some(id), _) => match view.shelf.get("payment_intent", &id) {
            Some(intent) => intent,
            None => return no_such("payment_intent", &id, "payment_intent"),
        },
        (None, Some(charge)) => match view.shelf.all("payment_intent").iter().find(|intent| intent["latest_charge"] == charge) {
            Some(intent) => intent,
            None => return no_such("charge", &charge, "charge"),
        },
        (None, None) => return missing("payment_intent"),
    };
    let id = text(&intent["id"]).unwrap_or_default();
    let paid = intent["amount_received"].as_i64().unwrap_or_default();
    if paid == 0 {
        let message = format!("This PaymentIntent ({id}) does not have a successful charge to refund.");
        return refused(None, &message, "payment_intent");
    }
    let back: i64 = view
        .shelf
        .find("refund", &id)
        .iter()
        .filter(|refund| refund["status"] != "failed")
        .filter_map(|refund| refund["amount"].as_i64())
        .sum();
    let charge = text(&intent["latest_charge"]).unwrap_or_default();
    if back >= paid {
        return refused(Some("charge_already_refunded"), &format!("Charge {charge} has already been refunded."), "charge");
    }
    let amount = match call.text("amount").map(|amount| amount.parse::<i64>()) {
        None => paid - back,
        Some(Ok(amount)) if amount > 0 => amount,
        Some(_) => return refused(Some("parameter_invalid_integer"), "Invalid integer", "amount"),
    };
    if amount > paid - back {
        let message = format!("Refund amount ({amount}) is greater than unrefunded amount on charge ({})", paid - back);
        return refused(None, &message, "amount");
    }
    let refund_id = format!("re_{}", view.ids.alnum("refund", 24));
    let metadata = call.bracketed("metadata");
    let reference = metadata.values().next().and_then(text).or_else(|| Some(id.clone()));
    let refund = json!({
        "id": refund_id, "object": "refund", "amount": amount, "balance_transaction": null, "charge": charge, "created": view.at.seconds(),
        "currency": intent["currency"], "metadata": metadata, "payment_intent": id, "reason": call.text("reason"), "receipt_number": null,
        "source_transfer_reversal": null, "status": "succeeded", "transfer_reversal": null,
    });
    let sent = Sent {
        what: "refund".to_owned(),
        amount: Some(amount),
        currency: text(&intent["currency"]).map(|currency| currency.to_uppercase()),
        id: refund_id.clone(),
        ..Sent::default()
    };
    let whole = json!({
        "id": charge, "object": "charge", "amount": paid, "amount_refunded": back + amount, "currency": intent["currency"],
        "metadata": intent["metadata"], "payment_intent": id, "refunded": back + amount == paid, "status": "succeeded",
    });
    let key = call.header("idempotency-key");
    let deed = Deed::done(Reply::new(200, refund.clone()), sent).about(reference).put("refund", &refund_id, &[&id], refund.clone());
    event(event(deed, "charge.refunded", &whole, key, view), "refund.created", &refund, key, view)
}

/// A refund ends otherwise: `refund.failed`, `refund.updated` with a `status`.
pub(super) fn turn(kind: &str, id: &str, with: &Value, view: &View<'_>) -> Result<Deed, String> {
    let mut refund = view.shelf.get("refund", id).ok_or_else(|| format!("there is no refund `{id}`"))?.clone();
    let status = text(&with["status"]).unwrap_or_else(|| if kind == "refund.failed" { "failed" } else { "succeeded" }.to_owned());
    if status == "failed" {
        refund["failure_reason"] = "expired_or_canceled_card".into();
    }
    refund["status"] = status.into();
    let deed = Deed::answer(Reply::new(200, Value::Null)).put("refund", id, &[], refund.clone());
    Ok(event(deed, kind, &refund, None, view))
}

fn refused(code: Option<&str>, message: &str, param: &str) -> Deed {
    Deed::answer(error(400, "invalid_request_error", code, message, Some(param)))
}
