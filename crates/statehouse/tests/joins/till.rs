//! A till with payments at one of four providers, and what each of these tells of them, in its own words and signed as it
//! documents.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use statehouse_sandbox::Wish;
use statehouse_testkit::app;

use crate::world::{StandIn, World, hmac_sha256, machine_s, member};

const STAND_INS: [StandIn; 4] = [("stripe", "stripe", ""), ("mercado_pago", "mercadopago", ""), ("asaas", "asaas", ""), ("pix", "pix", "")];
/// What Stripe and Mercado Pago sign with, the token that Asaas shows, and the certificate that a bank shows.
const STRIPE: &str = "whsec_of_the_join_tests";
const MERCADO_PAGO: &str = "secret_of_the_join_tests";
const ASAAS: &str = "token_of_the_join_tests";
const BANK: &str = "5f3c1d0e9b8a7766554433221100ffeeddccbbaa99887766554433221100abcd";
/// In centavos.
pub const AMOUNT: i64 = 76_000;

/// One of the four.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    Stripe,
    MercadoPago,
    Asaas,
    Pix,
}

/// A message, signed: what stands behind the address, its headers, its body.
pub struct Message {
    pub behind: String,
    headers: Vec<(&'static str, String)>,
    pub body: String,
}

/// A payment of which these letters are told.
pub struct Payment {
    pub told: String,
    reference: String,
    /// Its id at the provider.
    id: String,
    /// Of a Pix, the ids that the clearing house gave to what was paid, once and a second time.
    arrived: Vec<String>,
}

/// A payment for each of these, opened at one provider.
pub struct Till {
    pub world: World,
    pub payments: Vec<Payment>,
    pub path: String,
    provider: Provider,
}

impl Provider {
    /// As the app calls it.
    pub fn name(self) -> &'static str {
        match self {
            Provider::Stripe => "stripe",
            Provider::MercadoPago => "mercado_pago",
            Provider::Asaas => "asaas",
            Provider::Pix => "pix",
        }
    }

    /// The stand-in, and the list by which it is asked for what has happened.
    pub fn list(self) -> (&'static str, &'static str) {
        match self {
            Provider::Stripe => ("stripe", "events.list"),
            Provider::MercadoPago => ("mercadopago", "payments.search"),
            Provider::Asaas => ("asaas", "payments.list"),
            Provider::Pix => ("pix", "pix.list"),
        }
    }

    /// What happens when a payment is paid, and the name of its id.
    fn paid(self) -> (&'static str, &'static str) {
        match self {
            Provider::Stripe => ("payment_intent.succeeded", "id"),
            Provider::MercadoPago => ("approved", "id"),
            Provider::Asaas => ("PAYMENT_RECEIVED", "id"),
            Provider::Pix => ("paid", "txid"),
        }
    }

    /// What the provider says when it is asked after this letter was told; nothing where it says what it said before.
    fn truth(self, letter: u8) -> Option<(&'static str, Value)> {
        match (self, letter) {
            (Provider::MercadoPago, b'P') => Some(("in_process", Value::Null)),
            (Provider::MercadoPago, b'S' | b'A') => Some(("approved", Value::Null)),
            (Provider::MercadoPago, b'H') => Some(("refunded", json!({ "amount": 100.0 }))),
            (Provider::MercadoPago, b'G') => Some(("refunded", Value::Null)),
            (Provider::MercadoPago, b'M') => Some(("in_mediation", Value::Null)),
            (Provider::MercadoPago, b'C') => Some(("charged_back", Value::Null)),
            (Provider::Asaas, b'K') => Some(("PAYMENT_CONFIRMED", Value::Null)),
            (Provider::Asaas, b'R' | b'A') => Some(("PAYMENT_RECEIVED", Value::Null)),
            (Provider::Asaas, b'G') => Some(("PAYMENT_REFUNDED", Value::Null)),
            (Provider::Asaas, b'C') => Some(("PAYMENT_CHARGEBACK_REQUESTED", Value::Null)),
            (Provider::Asaas, b'D') => Some(("PAYMENT_CHARGEBACK_DISPUTE", Value::Null)),
            _ => None,
        }
    }
}

impl Message {
    /// Its headers, as they are sent.
    pub fn headers(&self) -> Vec<(&str, &str)> {
        self.headers.iter().map(|(name, value)| (*name, value.as_str())).collect()
    }
}

impl Till {
    /// Payments named by these letters, opened at the provider, by the app as it is shipped. Nobody learns anything by asking.
    pub async fn open(provider: Provider, told: Vec<String>) -> Till {
        let till = Till::of(&app::folder("checkout"), provider, told).await;
        till.world.mute(&[provider.list()]);
        till
    }

    /// The same by the app in this folder; providers may be asked for their lists.
    pub async fn of(folder: &Path, provider: Provider, told: Vec<String>) -> Till {
        let secrets = format!(
            "stripe_key: sk_test_any\nstripe_hook: {STRIPE}\nmercado_pago_token: any\nmercado_pago_hook: {MERCADO_PAGO}\n\
             asaas_key: any\nasaas_hook: {ASAAS}\npix_token: any\npix_bank_certificate: {BANK}\n"
        );
        let mut world = World::of(folder, &STAND_INS, &secrets).await;
        let cashier = member("checkout", "cashier").id();
        let row = |told: &String| format!("('payment {}', '{cashier}', 'bruno@correio.example', 'BRL', {AMOUNT}, 'cus_1')", name(told));
        let rows: Vec<String> = told.iter().map(row).collect();
        let script = format!(
            "insert into checkout_admin.payment (title, cashier, email, currency, amount, asaas_customer) values {};\n\
             update checkout_admin.payment set fire = 'open_{}';\n",
            rows.join(", "),
            provider.name()
        );
        world.db.psql_as(&member("checkout", "admin"), &script).ok();
        world.settle(Duration::from_secs(600)).await;
        assert_eq!(world.column("select distinct state from checkout.payment").await, ["pending"]);
        let path = world.address(provider.name()).await;
        let known = world.column("select title || ' ' || reference || ' ' || provider_ref from checkout.payment").await;
        let mut payments = Vec::new();
        for told in told {
            let title = format!("payment {} ", name(&told));
            let row = known.iter().find_map(|row| row.strip_prefix(&title)).expect("it was opened");
            let (reference, id) = row.split_once(' ').expect("both");
            payments.push(Payment { told, reference: reference.to_owned(), id: id.to_owned(), arrived: Vec::new() });
        }
        Till { world, payments, path, provider }
    }

    /// Each is paid, and nobody is told.
    pub async fn pay(&self) {
        let (kind, key) = self.provider.paid();
        for payment in &self.payments {
            self.happens(kind, json!({ key: payment.id })).await;
        }
    }

    /// Each Pix is paid twice. One message tells of all of them, and goes astray; by it the ids are known that the clearing house
    /// gave to what was paid.
    pub async fn pay_twice(&mut self) {
        self.world.hook("pix", "/nobody", BANK);
        let all: Vec<&str> = self.payments.iter().map(|payment| payment.id.as_str()).collect();
        let wish = Wish::new("pix", "paid", json!({ "txids": all }));
        for _ in 0..2 {
            let told = self.world.sandbox.hook(wish.clone()).await.expect("it happens");
            assert!(told.len() == 1 && told[0].status != Some(200), "nobody lives there");
            assert_eq!(told[0].id.split('+').count(), self.payments.len());
            for (payment, arrived) in self.payments.iter_mut().zip(told[0].id.split('+')) {
                payment.arrived.push(arrived.to_owned());
            }
        }
    }

    /// Something happens at the provider, and nobody is told.
    async fn happens(&self, kind: &str, with: Value) {
        let wish = Wish { drop: true, ..Wish::new(self.provider.list().0, kind, with) };
        self.world.sandbox.hook(wish).await.expect("it happens");
    }

    /// A letter is told of a payment, after it happened; the status of the answer.
    pub async fn tell(&self, payment: &Payment, letter: u8) -> u16 {
        if let Some((kind, with)) = self.provider.truth(letter) {
            let mut with = with.as_object().cloned().unwrap_or_default();
            with.insert("id".to_owned(), payment.id.clone().into());
            self.happens(kind, with.into()).await;
        }
        let message = self.message(payment, letter, &format!("evt_{}_{}", payment.id, char::from(letter)));
        self.world.post(&format!("{}{}", self.path, message.behind), &message.headers(), &message.body).await
    }

    /// What the provider sends for a letter, under an id of its own.
    pub fn message(&self, payment: &Payment, letter: u8, id: &str) -> Message {
        match self.provider {
            Provider::Stripe => stripe(payment, letter, id),
            Provider::MercadoPago => mercado_pago(payment, letter),
            Provider::Asaas => asaas(payment, letter, id),
            Provider::Pix => pix(payment, letter),
        }
    }
}

/// Of a payment's letters, as its title has them.
pub fn name(told: &str) -> &str {
    if told.is_empty() { "-" } else { told }
}

/// As Stripe documents its events and how it signs them: <https://docs.stripe.com/webhooks#verify-manually>.
fn stripe(payment: &Payment, letter: u8, id: &str) -> Message {
    let Payment { reference, id: intent, .. } = payment;
    let of_intent = |status: &str, received: i64| -> Value {
        json!({ "id": intent, "object": "payment_intent", "amount": AMOUNT, "amount_received": received, "currency": "brl", "status": status,
                "last_payment_error": if status == "requires_payment_method" { json!({ "code": "card_declined" }) } else { Value::Null },
                "metadata": { "payment": reference } })
    };
    let dispute = |status: &str| json!({ "id": "du_1", "object": "dispute", "amount": AMOUNT, "payment_intent": intent, "status": status });
    let (kind, object) = match letter {
        b'P' => ("payment_intent.processing", of_intent("processing", 0)),
        b'F' => ("payment_intent.payment_failed", of_intent("requires_payment_method", 0)),
        b'G' => (
            "charge.refunded",
            json!({ "id": "ch_1", "object": "charge", "amount": AMOUNT, "amount_refunded": AMOUNT, "payment_intent": intent }),
        ),
        b'D' => ("charge.dispute.created", dispute("needs_response")),
        b'L' => ("charge.dispute.closed", dispute("lost")),
        _ => ("payment_intent.succeeded", of_intent("succeeded", AMOUNT)),
    };
    let body = json!({ "id": id, "object": "event", "type": kind, "livemode": false, "data": { "object": object } }).to_string();
    let at = machine_s();
    let signature = format!("t={at},v1={}", hex(&hmac_sha256(STRIPE.as_bytes(), format!("{at}.{body}").as_bytes())));
    Message {
        behind: String::new(),
        headers: vec![("content-type", "application/json; charset=utf-8".into()), ("stripe-signature", signature)],
        body,
    }
}

/// A notification names the payment and not what became of it. The signature is over the id, the request and the time:
/// <https://www.mercadopago.com.br/developers/en/docs/your-integrations/notifications/webhooks>.
fn mercado_pago(payment: &Payment, letter: u8) -> Message {
    let id = &payment.id;
    let request = format!("{id}-{}", char::from(letter));
    let at = machine_s() * 1_000;
    let signed = format!("id:{id};request-id:{request};ts:{at};");
    let signature = format!("ts={at},v1={}", hex(&hmac_sha256(MERCADO_PAGO.as_bytes(), signed.as_bytes())));
    let number = id.parse::<u64>().expect("a number") * 100 + u64::from(letter);
    let body = json!({ "action": "payment.updated", "api_version": "v1", "data": { "id": id }, "id": number, "live_mode": false, "type": "payment", "user_id": "987654321" });
    let headers = vec![("content-type", "application/json".into()), ("x-signature", signature), ("x-request-id", request)];
    Message { behind: format!("?data.id={id}&type=payment"), headers, body: body.to_string() }
}

/// Asaas signs nothing and shows a token: <https://docs.asaas.com/docs/sobre-os-webhooks>. What it sends is the payment as it
/// was, which is not believed.
fn asaas(payment: &Payment, letter: u8, id: &str) -> Message {
    let (event, status) = match letter {
        b'U' => ("PAYMENT_UPDATED", "PENDING"),
        b'K' => ("PAYMENT_CONFIRMED", "CONFIRMED"),
        b'G' => ("PAYMENT_REFUNDED", "REFUNDED"),
        b'C' => ("PAYMENT_CHARGEBACK_REQUESTED", "CHARGEBACK_REQUESTED"),
        b'D' => ("PAYMENT_CHARGEBACK_DISPUTE", "CHARGEBACK_DISPUTE"),
        _ => ("PAYMENT_RECEIVED", "RECEIVED"),
    };
    let object = json!({ "object": "payment", "id": payment.id, "value": 760.0, "status": status, "externalReference": payment.reference });
    let body = json!({ "id": id, "event": event, "dateCreated": "2026-11-20 09:00:00", "payment": object }).to_string();
    let headers = vec![("content-type", "application/json".into()), ("asaas-access-token", ASAAS.into())];
    Message { behind: String::new(), headers, body }
}

/// A bank shows its certificate and tells of payments, each with its returns: <https://github.com/bacen/pix-api>. The address is
/// followed by `/pix`.
fn pix(payment: &Payment, letter: u8) -> Message {
    let item = |nth: usize| json!({ "endToEndId": payment.arrived[nth], "txid": payment.id, "valor": "760.00", "horario": "2026-11-20T12:00:00.000Z" });
    let given_back = |status: &str| {
        let mut item = item(0);
        item["devolucoes"] = json!([{ "id": "D1", "rtrId": "D1", "valor": "760.00", "horario": { "solicitacao": "2026-11-20T12:00:00.000Z" }, "status": status }]);
        item
    };
    let body = match letter {
        b'B' => json!({ "pix": [item(1)] }),
        b'T' => json!({ "pix": [given_back("EM_PROCESSAMENTO")] }),
        b'R' => json!({ "pix": [given_back("NAO_REALIZADO")] }),
        // The same payment in another message of the bank, behind one that tells of a return.
        b'A' => json!({ "pix": [given_back("EM_PROCESSAMENTO"), item(0)] }),
        _ => json!({ "pix": [item(0)] }),
    };
    let headers = vec![("content-type", "application/json".into()), ("x-client-certificate", BANK.into())];
    Message { behind: "/pix".into(), headers, body: body.to_string() }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
