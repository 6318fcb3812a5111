//! Asaas: payments by Pix, bank slip and card. It takes no key; a list by reference finds what was made.
//!
//! <https://docs.asaas.com/reference/payment>, <https://docs.asaas.com/docs/sobre-os-webhooks>, <https://docs.asaas.com/docs/fila-pausada>

use serde_json::{Value, json};

use super::{Op, Provider};
use crate::call::{Call, cents, text};
use crate::deed::{Deed, Reply, View};
use crate::hooks::{Habit, Notice, Post, Target};
use crate::log::Sent;
use crate::moment::Moment;

/// The waits between attempts as its documents list them; the fifteenth failure in a row pauses the queue before they end.
const WAITS_S: &[u64] = &[0, 30, 60, 210, 300, 900, 1_500, 3_600, 3_600, 3_600, 3_600, 3_600, 7_200, 7_200, 10_800];

/// The stand-in.
#[derive(Debug)]
pub(crate) struct Asaas;

impl Provider for Asaas {
    fn name(&self) -> &'static str {
        "asaas"
    }

    fn about(&self) -> &'static str {
        "Asaas: payments and refunds"
    }

    fn op(&self, call: &Call) -> Option<Op> {
        match call.way() {
            ("POST", way) if way == ["v3", "payments"] => Op::write("payments.create"),
            ("GET", way) if way == ["v3", "payments"] => Op::read("payments.list"),
            ("GET", way) if matches!(way[..], ["v3", "payments", _]) => Op::read("payments.fetch"),
            ("DELETE", way) if matches!(way[..], ["v3", "payments", _]) => Op::write("payments.delete"),
            ("POST", way) if matches!(way[..], ["v3", "payments", _, "refund"]) => Op::write("payments.refund"),
            _ => None,
        }
    }

    fn act(&self, op: &str, call: &Call, view: &View<'_>) -> Deed {
        if op == "unknown" {
            return Deed::answer(self.refuse(404, None));
        }
        if call.header("access_token").is_none_or(str::is_empty) {
            return Deed::answer(error(
                401,
                "access_token_not_found",
                "O cabeçalho de autenticação 'access_token' não foi encontrado na requisição",
            ));
        }
        match op {
            "payments.create" => create(call, view),
            "payments.list" => Deed::answer(list(call, view)),
            "payments.fetch" => {
                Deed::answer(view.shelf.get("payment", call.segment(2)).map_or_else(missing, |payment| Reply::new(200, payment.clone())))
            }
            "payments.delete" => change(call, view, |mut payment| {
                if payment["status"] != "PENDING" && payment["status"] != "OVERDUE" {
                    return Err("Somente é possível remover cobranças pendentes ou vencidas.");
                }
                payment["deleted"] = true.into();
                let body = json!({ "deleted": true, "id": payment["id"] });
                Ok((payment, body, "payment deleted", None, "PAYMENT_DELETED"))
            }),
            _ => refund(call, view),
        }
    }

    fn refuse(&self, status: u16, _wait_s: Option<i64>) -> Reply {
        match status {
            404 => Reply::new(404, Value::Null),
            429 => error(429, "too_many_requests", "Limite de requisições excedido"),
            status => error(status, "unexpected_error", "Ocorreu um erro inesperado"),
        }
    }

    fn happen(&self, kind: &str, with: &Value, view: &View<'_>) -> Result<Deed, String> {
        let id = text(&with["id"]).ok_or("name the payment's `id`")?;
        let mut payment = view.shelf.get("payment", &id).ok_or_else(|| format!("there is no payment `{id}`"))?.clone();
        let event = if kind == "paid" { "PAYMENT_RECEIVED" } else { kind };
        let status = match event {
            "PAYMENT_CONFIRMED" => "CONFIRMED",
            "PAYMENT_RECEIVED" => "RECEIVED",
            "PAYMENT_OVERDUE" => "OVERDUE",
            "PAYMENT_REFUNDED" => "REFUNDED",
            "PAYMENT_CHARGEBACK_REQUESTED" => "CHARGEBACK_REQUESTED",
            "PAYMENT_CHARGEBACK_DISPUTE" => "CHARGEBACK_DISPUTE",
            other => {
                return Err(format!(
                    "`asaas` does not know `{other}`, but PAYMENT_RECEIVED, PAYMENT_CONFIRMED, PAYMENT_OVERDUE and their like"
                ));
            }
        };
        payment["status"] = status.into();
        if matches!(status, "RECEIVED" | "CONFIRMED") {
            let day = view.at.date();
            (payment["confirmedDate"], payment["paymentDate"], payment["clientPaymentDate"]) =
                (day.clone().into(), day.clone().into(), day.into());
        }
        let told = told(event, &payment, view);
        Ok(Deed::answer(Reply::new(200, Value::Null)).put("payment", &id, &[], payment).tell(told))
    }

    fn habit(&self) -> Habit {
        Habit { accepts: |status, _| status == 200, in_order: true, pause_after: Some(15), ..Habit::usual(WAITS_S) }
    }

    fn dress(&self, notice: &Notice, target: &Target, _now: Moment) -> Post {
        let mut body = notice.body.clone();
        body["id"] = notice.id.clone().into();
        Post::json(&target.url, body.to_string().into_bytes()).with("asaas-access-token", target.secret.clone())
    }
}

fn create(call: &Call, view: &View<'_>) -> Deed {
    let refused = |code: &str, description: &str| Deed::answer(error(400, code, description));
    let Some(customer) = call.text("customer") else { return refused("invalid_customer", "O campo customer deve ser informado.") };
    let Some(billing) = call.text("billingType").filter(|kind| ["BOLETO", "CREDIT_CARD", "PIX", "UNDEFINED"].contains(&kind.as_str()))
    else {
        return refused("invalid_billingType", "O campo billingType deve ser informado.");
    };
    let Some(amount) = cents(&call.body["value"]).filter(|amount| *amount > 0) else {
        return refused("invalid_value", "O campo value deve ser informado e maior que zero.");
    };
    let Some(due) = call.text("dueDate").filter(|day| Moment::parse(day).is_some()) else {
        return refused("invalid_dueDate", "O campo dueDate deve ser informado.");
    };
    let number = view.ids.number("payment", 12);
    let id = format!("pay_{}", view.ids.alnum("payment", 16).to_lowercase());
    let by_card = billing == "CREDIT_CARD" && (!call.body["creditCard"].is_null() || call.text("creditCardToken").is_some());
    let reference = call.text("externalReference");
    let payment = json!({
        "object": "payment", "id": id, "dateCreated": view.at.date(), "customer": customer, "paymentLink": null, "value": call.body["value"],
        "netValue": call.body["value"], "originalValue": null, "interestValue": null, "description": call.text("description"),
        "billingType": billing, "status": if by_card { "CONFIRMED" } else { "PENDING" }, "dueDate": due, "originalDueDate": due,
        "paymentDate": null, "clientPaymentDate": null, "installmentNumber": null, "invoiceUrl": format!("https://www.asaas.com/i/{number}"),
        "invoiceNumber": number.to_string(), "externalReference": reference, "deleted": false, "anticipated": false, "anticipable": false,
        "creditDate": null, "estimatedCreditDate": null, "transactionReceiptUrl": null, "nossoNumero": null, "bankSlipUrl": null,
        "postalService": false, "refunds": null,
    });
    let sent = Sent {
        what: "payment".to_owned(),
        to: customer,
        text: call.text("description").unwrap_or_default(),
        amount: Some(amount),
        currency: Some("BRL".to_owned()),
        id: id.clone(),
    };
    let words: Vec<String> = reference.iter().map(|reference| format!("reference {reference}")).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut deed = Deed::done(Reply::new(200, payment.clone()), sent).about(reference.clone()).put("payment", &id, &words, payment.clone());
    deed = deed.tell(told("PAYMENT_CREATED", &payment, view));
    if by_card { deed.tell(told("PAYMENT_CONFIRMED", &payment, view)) } else { deed }
}

type Changed = (Value, Value, &'static str, Option<i64>, &'static str);

fn change(call: &Call, view: &View<'_>, how: impl FnOnce(Value) -> Result<Changed, &'static str>) -> Deed {
    let id = call.segment(2);
    let Some(payment) = view.shelf.get("payment", id) else { return Deed::answer(missing()) };
    match how(payment.clone()) {
        Err(why) => Deed::answer(error(400, "invalid_action", why)),
        Ok((payment, body, what, amount, event)) => {
            let sent =
                Sent { what: what.to_owned(), amount, currency: amount.map(|_| "BRL".to_owned()), id: id.to_owned(), ..Sent::default() };
            let told = told(event, &payment, view);
            Deed::done(Reply::new(200, body), sent).about(text(&payment["externalReference"])).put("payment", id, &[], payment).tell(told)
        }
    }
}

fn refund(call: &Call, view: &View<'_>) -> Deed {
    change(call, view, |mut payment| {
        if !matches!(payment["status"].as_str(), Some("RECEIVED" | "CONFIRMED")) {
            return Err("Somente é possível estornar cobranças recebidas ou confirmadas.");
        }
        let paid = cents(&payment["value"]).unwrap_or_default();
        let mut refunds = payment["refunds"].as_array().cloned().unwrap_or_default();
        let back: i64 = refunds.iter().filter_map(|refund| cents(&refund["value"])).sum();
        let wanted = if call.body["value"].is_null() { Some(paid - back) } else { cents(&call.body["value"]) };
        let Some(amount) = wanted.filter(|amount| *amount > 0 && *amount <= paid - back) else {
            return Err("O valor do estorno não pode ser maior que o valor disponível da cobrança.");
        };
        let day = view.at.spaced();
        refunds
            .push(json!({ "dateCreated": day, "status": "DONE", "value": amount as f64 / 100.0, "description": call.text("description") }));
        payment["refunds"] = refunds.into();
        let whole = back + amount == paid;
        if whole {
            payment["status"] = "REFUNDED".into();
        }
        let event = if whole { "PAYMENT_REFUNDED" } else { "PAYMENT_PARTIALLY_REFUNDED" };
        Ok((payment.clone(), payment, "refund", Some(amount), event))
    })
}

fn list(call: &Call, view: &View<'_>) -> Reply {
    let found: Vec<&Value> = match call.asked("externalReference") {
        Some(reference) => view.shelf.find("payment", &format!("reference {reference}")),
        None => view.shelf.all("payment").iter().collect(),
    };
    let fits = |payment: &&Value| {
        let equal = ["customer", "status", "billingType"].iter().all(|name| call.asked(name).is_none_or(|wanted| payment[*name] == wanted));
        let created = payment["dateCreated"].as_str().unwrap_or_default();
        let after = call.asked("dateCreated[ge]").is_none_or(|day| created >= day);
        equal && after && call.asked("dateCreated[le]").is_none_or(|day| created <= day) && payment["deleted"] == false
    };
    let found: Vec<&Value> = found.into_iter().rev().filter(fits).collect();
    let (limit, offset) = (call.asked_number("limit", 10).clamp(1, 100), call.asked_number("offset", 0));
    let total = found.len();
    let page: Vec<&Value> = found.into_iter().skip(offset).take(limit).collect();
    let more = offset + page.len() < total;
    Reply::new(200, json!({ "object": "list", "hasMore": more, "totalCount": total, "limit": limit, "offset": offset, "data": page }))
}

fn told(event: &str, payment: &Value, view: &View<'_>) -> Notice {
    let id = format!("evt_{}&{}", view.ids.hex(event, 32), view.ids.number(event, 9));
    let body = json!({ "id": id, "event": event, "dateCreated": view.at.spaced(), "payment": payment });
    Notice::new(id, event, view.at.seconds(), body)
}

fn missing() -> Reply {
    Reply::new(404, Value::Null)
}

fn error(status: u16, code: &str, description: &str) -> Reply {
    Reply::new(status, json!({ "errors": [{ "code": code, "description": description }] }))
}
