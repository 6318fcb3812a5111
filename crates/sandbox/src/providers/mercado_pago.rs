//! Mercado Pago: payments by card and Pix, and refunds. It demands a key and honours it; a search by reference finds what was made.
//!
//! <https://www.mercadopago.com.br/developers/en/reference/payments/_payments/post>,
//! <https://www.mercadopago.com.br/developers/en/docs/your-integrations/notifications/webhooks>,
//! <https://github.com/api-evangelist/mercado-pago>, `examples`

use serde_json::{Value, json};

use super::{Op, Provider};
use crate::call::{Call, cents, text};
use crate::deed::{Again, Deed, Reply, View};
use crate::hooks::{Habit, Notice, Post, Target};
use crate::ids::Ids;
use crate::log::Sent;
use crate::moment::Moment;
use crate::sign;

const USER: &str = "987654321";

/// The stand-in.
#[derive(Debug)]
pub(crate) struct MercadoPago;

impl Provider for MercadoPago {
    fn name(&self) -> &'static str {
        "mercadopago"
    }

    fn about(&self) -> &'static str {
        "Mercado Pago: payments and refunds"
    }

    fn op(&self, call: &Call) -> Option<Op> {
        match call.way() {
            ("POST", way) if way == ["v1", "payments"] => Op::write("payments.create"),
            ("GET", way) if way == ["v1", "payments", "search"] => Op::read("payments.search"),
            ("GET", way) if matches!(way[..], ["v1", "payments", _]) => Op::read("payments.fetch"),
            ("PUT", way) if matches!(way[..], ["v1", "payments", _]) => Op::write("payments.cancel"),
            ("POST", way) if matches!(way[..], ["v1", "payments", _, "refunds"]) => Op::write("refunds.create"),
            ("GET", way) if matches!(way[..], ["v1", "payments", _, "refunds"]) => Op::read("refunds.list"),
            _ => None,
        }
    }

    fn act(&self, op: &str, call: &Call, view: &View<'_>) -> Deed {
        if op == "unknown" {
            return Deed::answer(self.refuse(404, None));
        }
        if call.bearer().is_none() {
            return Deed::answer(Reply::new(401, json!({ "code": "unauthorized", "message": "authorization value not present" })));
        }
        let key = call.header("x-idempotency-key").filter(|key| !key.is_empty()).map(str::to_owned);
        let reference = call.text("external_reference");
        if call.method == "POST" {
            let Some(key) = &key else {
                return Deed::answer(error(400, "bad_request", "Header X-Idempotency-Key can't be null", Some(4292)));
            };
            match view.again(key, &call.print()) {
                Again::New => {}
                Again::Same(kept) => return Deed::answer(Reply::new(kept.status, kept.body.clone())).about(reference),
                Again::Other => {
                    let message = "The idempotency key was already used with another request.";
                    return Deed::answer(error(409, "idempotency_key_already_used", message, None)).about(reference);
                }
            }
        }
        match op {
            "payments.create" => keep(create(call, view), key),
            "refunds.create" => keep(refund(call, view), key),
            "payments.cancel" => cancel(call, view),
            "payments.search" => Deed::answer(search(call, view)),
            "refunds.list" => Deed::answer(Reply::new(200, view.shelf.find("refund", call.segment(2)).into_iter().cloned().collect())),
            _ => Deed::answer(match payment(call, view) {
                Ok(payment) => Reply::new(200, payment.clone()),
                Err(reply) => reply,
            }),
        }
    }

    fn refuse(&self, status: u16, _wait_s: Option<i64>) -> Reply {
        match status {
            404 => error(
                404,
                "resource not found",
                "Si quieres conocer los recursos de la API que se encuentran disponibles visita el Sitio de Desarrolladores de MercadoLibre (https://developers.mercadopago.com)",
                None,
            ),
            429 => error(429, "too_many_requests", "Too many requests", None),
            status => error(status, "internal_error", "Internal error", None),
        }
    }

    fn happen(&self, kind: &str, with: &Value, view: &View<'_>) -> Result<Deed, String> {
        let id = text(&with["id"]).ok_or("name the payment's `id`")?;
        let mut payment = view.shelf.get("payment", &id).ok_or_else(|| format!("there is no payment `{id}`"))?.clone();
        let (status, detail) = match kind {
            "approved" | "paid" => ("approved", "accredited"),
            "rejected" => ("rejected", "cc_rejected_other_reason"),
            "cancelled" => ("cancelled", "expired"),
            "charged_back" => ("charged_back", "in_process"),
            "in_process" => ("in_process", "pending_contingency"),
            "in_mediation" => ("in_mediation", "pending"),
            // By its owner, in the seller's own pages: all of it, or the amount that is named.
            "refunded" if with["amount"].is_null() => ("refunded", "refunded"),
            "refunded" => ("approved", "partially_refunded"),
            other => {
                let known = "approved, rejected, cancelled, refunded, charged_back, in_mediation, in_process";
                return Err(format!("`mercadopago` does not know `{other}`, but {known}"));
            }
        };
        (payment["status"], payment["status_detail"]) = (status.into(), detail.into());
        payment["date_last_updated"] = time(view.at).into();
        if kind == "refunded" {
            payment["transaction_amount_refunded"] =
                if with["amount"].is_null() { payment["transaction_amount"].clone() } else { with["amount"].clone() };
        }
        if status == "approved" {
            payment["date_approved"] = time(view.at).into();
        }
        let told = told("payment.updated", &id, None, view);
        Ok(Deed::answer(Reply::new(200, Value::Null)).put("payment", &id, &[], payment).tell(told))
    }

    fn habit(&self) -> Habit {
        Habit {
            accepts: |status, _| matches!(status, 200 | 201),
            ..Habit::usual(&[900, 1_800, 21_600, 172_800, 345_600, 345_600, 345_600])
        }
    }

    fn dress(&self, notice: &Notice, target: &Target, now: Moment) -> Post {
        let id = notice.about.clone().unwrap_or_default();
        let joint = if target.url.contains('?') { '&' } else { '?' };
        let url = format!("{}{joint}data.id={id}&type=payment", target.url);
        let request = Ids { n: 0, at: now }.uuid(&notice.id);
        let mut body = notice.body.clone();
        if let Ok(id) = notice.id.parse::<u64>() {
            body["id"] = id.into();
        }
        let signature = sign::mercado_pago(&target.secret, &id, &request, now.0 / 1_000);
        Post::json(&url, body.to_string().into_bytes()).with("x-signature", signature).with("x-request-id", request)
    }
}

fn keep(deed: Deed, key: Option<String>) -> Deed {
    if deed.effect { deed.kept(key) } else { deed }
}

fn create(call: &Call, view: &View<'_>) -> Deed {
    let refused = |message: &str| Deed::answer(error(400, "bad_request", message, None));
    let Some(amount) = cents(&call.body["transaction_amount"]).filter(|amount| *amount > 0) else {
        return refused("transaction_amount must be positive and have at most two decimals");
    };
    let Some(method) = call.text("payment_method_id") else { return refused("payment_method_id attribute can't be null") };
    let payer = &call.body["payer"];
    let Some(email) = text(&payer["email"]) else { return refused("payer.email can't be null") };
    let by_card = !matches!(method.as_str(), "pix" | "bolbradesco");
    let token = call.text("token");
    if by_card && token.is_none() {
        return refused("token attribute can't be null");
    }
    // The names that the test cards of its documents bear decide what becomes of them.
    let card = [token.unwrap_or_default(), text(&payer["first_name"]).unwrap_or_default()].join(" ");
    let (status, detail) = match method.as_str() {
        "pix" => ("pending", "pending_waiting_transfer"),
        "bolbradesco" => ("pending", "pending_waiting_payment"),
        _ if card.contains("OTHE") => ("rejected", "cc_rejected_other_reason"),
        _ if card.contains("FUND") => ("rejected", "cc_rejected_insufficient_amount"),
        _ if card.contains("CONT") => ("in_process", "pending_contingency"),
        _ => ("approved", "accredited"),
    };
    let id = view.ids.number("payment", 11);
    let reference = call.text("external_reference");
    let mut payment = json!({
        "id": id, "date_created": time(view.at), "date_approved": (status == "approved").then(|| time(view.at)), "date_last_updated": time(view.at),
        "status": status, "status_detail": detail, "currency_id": "BRL", "transaction_amount": call.body["transaction_amount"],
        "transaction_amount_refunded": 0, "payment_method_id": method,
        "payment_type_id": match method.as_str() { "pix" => "bank_transfer", "bolbradesco" => "ticket", _ => "credit_card" },
        "description": call.text("description"), "external_reference": reference, "installments": call.body["installments"], "live_mode": false,
        "notification_url": call.text("notification_url"), "metadata": if call.body["metadata"].is_object() { call.body["metadata"].clone() } else { json!({}) },
        "payer": { "email": email, "identification": payer["identification"], "type": "guest" }, "refunds": [],
    });
    if method == "pix" {
        let code =
            format!("00020126360014br.gov.bcb.pix0114+55119999988885204000053039865802BR6304{}", view.ids.hex("code", 4).to_uppercase());
        let ticket = format!("https://www.mercadopago.com.br/payments/{id}/ticket");
        payment["point_of_interaction"] = json!({ "type": "PIX", "transaction_data": { "qr_code": code, "ticket_url": ticket } });
    }
    let sent = Sent {
        what: "payment".to_owned(),
        to: email,
        text: call.text("description").unwrap_or_default(),
        amount: Some(amount),
        currency: Some("BRL".to_owned()),
        id: id.to_string(),
    };
    let words: Vec<String> = reference.iter().map(|reference| format!("reference {reference}")).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let told = told("payment.created", &id.to_string(), call.text("notification_url"), view);
    Deed::done(Reply::new(201, payment.clone()), sent).about(reference).put("payment", &id.to_string(), &words, payment).tell(told)
}

fn refund(call: &Call, view: &View<'_>) -> Deed {
    let mut payment = match payment(call, view) {
        Ok(payment) => payment.clone(),
        Err(reply) => return Deed::answer(reply),
    };
    let payment_id = call.segment(2);
    if payment["status"] != "approved" {
        return Deed::answer(error(400, "bad_request", "The action requested is not valid for the current payment state", Some(2063)));
    }
    let paid = cents(&payment["transaction_amount"]).unwrap_or_default();
    let back = cents(&payment["transaction_amount_refunded"]).unwrap_or_default();
    let amount = if call.body["amount"].is_null() { Some(paid - back) } else { cents(&call.body["amount"]) };
    let Some(amount) = amount.filter(|amount| *amount > 0 && *amount <= paid - back) else {
        return Deed::answer(error(400, "bad_request", "Invalid amount for payment operation", Some(2085)));
    };
    let id = view.ids.number("refund", 10);
    let refund = json!({
        "id": id, "payment_id": payment["id"], "amount": decimal(amount), "metadata": {},
        "source": { "id": USER, "name": "Sandbox", "type": "collector" }, "date_created": time(view.at), "unique_sequence_number": null,
        "refund_mode": "standard", "adjustment_amount": 0, "status": "approved", "reason": null,
    });
    payment["transaction_amount_refunded"] = decimal(back + amount);
    let (status, detail) = if back + amount == paid { ("refunded", "refunded") } else { ("approved", "partially_refunded") };
    (payment["status"], payment["status_detail"]) = (status.into(), detail.into());
    payment["date_last_updated"] = time(view.at).into();
    let reference = text(&payment["external_reference"]);
    let sent =
        Sent { what: "refund".to_owned(), amount: Some(amount), currency: Some("BRL".to_owned()), id: id.to_string(), ..Sent::default() };
    let told = told("payment.updated", payment_id, text(&payment["notification_url"]), view);
    Deed::done(Reply::new(201, refund.clone()), sent)
        .about(reference)
        .put("refund", &id.to_string(), &[payment_id], refund)
        .put("payment", payment_id, &[], payment)
        .tell(told)
}

fn cancel(call: &Call, view: &View<'_>) -> Deed {
    let mut payment = match payment(call, view) {
        Ok(payment) => payment.clone(),
        Err(reply) => return Deed::answer(reply),
    };
    if call.body["status"] != "cancelled" || !matches!(payment["status"].as_str(), Some("pending" | "in_process")) {
        return Deed::answer(error(400, "bad_request", "The action requested is not valid for the current payment state", Some(2063)));
    }
    (payment["status"], payment["status_detail"]) = ("cancelled".into(), "by_collector".into());
    payment["date_last_updated"] = time(view.at).into();
    let id = call.segment(2);
    let sent = Sent { what: "payment canceled".to_owned(), id: id.to_owned(), ..Sent::default() };
    let told = told("payment.updated", id, text(&payment["notification_url"]), view);
    Deed::done(Reply::new(200, payment.clone()), sent)
        .about(text(&payment["external_reference"]))
        .put("payment", id, &[], payment)
        .tell(told)
}

fn payment<'a>(call: &Call, view: &View<'a>) -> Result<&'a Value, Reply> {
    view.shelf.get("payment", call.segment(2)).ok_or_else(|| error(404, "not_found", "Payment not found", Some(2000)))
}

fn search(call: &Call, view: &View<'_>) -> Reply {
    let found: Vec<&Value> = match call.asked("external_reference") {
        Some(reference) => view.shelf.find("payment", &format!("reference {reference}")),
        None => view.shelf.all("payment").iter().collect(),
    };
    let bound = |name: &str| call.asked(name).and_then(Moment::parse);
    let (begin, end) = (bound("begin_date"), bound("end_date"));
    let range = call.asked("range").unwrap_or("date_created");
    let fits = |payment: &&Value| {
        let at = payment[range].as_str().and_then(Moment::parse);
        let in_time = begin.is_none_or(|begin| at.is_some_and(|at| at >= begin)) && end.is_none_or(|end| at.is_some_and(|at| at <= end));
        in_time && call.asked("status").is_none_or(|status| payment["status"] == status)
    };
    let mut found: Vec<&Value> = found.into_iter().rev().filter(fits).collect();
    // Times are written alike, so that they sort as texts.
    if let Some(by) = call.asked("sort") {
        found.sort_by_key(|payment| payment[by].as_str().unwrap_or_default());
        if call.asked("criteria") == Some("desc") {
            found.reverse();
        }
    }
    let (limit, offset) = (call.asked_number("limit", 30).clamp(1, 1_000), call.asked_number("offset", 0));
    let total = found.len();
    let page: Vec<&Value> = found.into_iter().skip(offset).take(limit).collect();
    Reply::new(200, json!({ "paging": { "total": total, "limit": limit, "offset": offset }, "results": page }))
}

fn told(action: &str, id: &str, url: Option<String>, view: &View<'_>) -> Notice {
    let notification = view.ids.number(action, 12);
    let body = json!({
        "action": action, "api_version": "v1", "data": { "id": id }, "date_created": time(view.at), "id": notification, "live_mode": false,
        "type": "payment", "user_id": USER,
    });
    let notice = Notice::new(notification.to_string(), action, view.at.seconds(), body).of(Some(USER.to_owned()));
    Notice { url, about: Some(id.to_owned()), ..notice }
}

fn time(at: Moment) -> String {
    at.millis().replace('Z', "+00:00")
}

fn decimal(cents: i64) -> Value {
    json!(cents as f64 / 100.0)
}

fn error(status: u16, kind: &str, message: &str, code: Option<u32>) -> Reply {
    let cause: Vec<Value> = code.iter().map(|code| json!({ "code": code, "description": message, "data": null })).collect();
    Reply::new(status, json!({ "message": message, "error": kind, "status": status, "cause": cause }))
}
