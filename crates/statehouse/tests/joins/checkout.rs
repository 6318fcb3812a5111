//! Checkout: what Stripe tells of one payment, in every order, with every part of it missing, and a hundred times at once.
//!
//! Letters: `P` it is being processed, `F` a first card was declined, `S` it is paid, `A` the same told again under another
//! id, `G` it was given back, `D` the buyer disputes it, `L` the dispute is lost. What a payment comes to depends on what was
//! told and not on the order, so the tables in `data/checkout_*.csv` have a row for each set of letters.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};
use statehouse_testkit::app;

use crate::orders::{all, beginnings};
use crate::world::{StandIn, World, hmac_sha256, machine_s, member};

const STAND_INS: [StandIn; 4] = [("stripe", "stripe", ""), ("mercado_pago", "mercadopago", ""), ("asaas", "asaas", ""), ("pix", "pix", "")];
const HOOK: &str = "whsec_of_the_join_tests";
const AMOUNT: i64 = 76_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_given_back_in_every_order() {
    every_order("PFSAG", include_str!("data/checkout_refunded.csv")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_disputed_in_every_order() {
    every_order("PSADL", include_str!("data/checkout_disputed.csv")).await;
}

async fn every_order(letters: &str, table: &'static str) {
    let orders = all(letters);
    let told: BTreeSet<String> = beginnings(&orders);
    assert_eq!((orders.len(), told.len()), (120, 326));
    let table: BTreeMap<&str, &str> = table.lines().skip(1).filter_map(|line| line.split_once(',')).collect();
    assert_eq!(table.len(), 32, "a row for each set of five");
    let till = Till::open(told.into_iter().collect()).await;
    for step in 0..5 {
        for payment in &till.payments {
            if let Some(letter) = payment.told.as_bytes().get(step) {
                assert_eq!(till.tell(payment, *letter).await, 200, "{}", payment.told);
            }
        }
        till.world.turn().await;
    }
    let stand = till.world.column("select title || ' ' || state || ',' || captured || ',' || refunded from checkout.payment").await;
    let stand: BTreeMap<&str, &str> = stand.iter().filter_map(|line| line.strip_prefix("payment ")?.split_once(' ')).collect();
    for payment in &till.payments {
        let mut set: Vec<char> = payment.told.chars().collect();
        set.sort_unstable();
        let set = if set.is_empty() { "-".to_owned() } else { set.into_iter().collect() };
        assert_eq!(stand[payment.name().as_str()], table[set.as_str()], "{}", payment.told);
    }
    // Of whatever was told whole nothing is left over, and what is left over of the rest waits.
    let open = "select distinct m.state from statehouse.message m where m.state not in ('done', 'ignored')";
    assert_eq!(till.world.column(open).await, ["waiting"]);
    let whole = "select count(*) from statehouse.message m join checkout.payment p on p.id = m.record where length(p.title) = length('payment ABCDE') and m.state = 'waiting'";
    assert_eq!(till.world.ask(whole).await, "0");
    let most = "select max(n) from (select count(*) n from statehouse.event where verb in ('receive', 'settle', 'note_refund', 'dispute', 'judge', 'lose') group by record, verb) s";
    assert_eq!(till.world.ask(most).await, "1", "each moves a payment once");
}

/// One message from a hundred connections at the same time, and then a hundred messages that say the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_at_once_are_one() {
    let till = Till::open(vec!["S".into(), "A".into()]).await;
    let (same, others) = (&till.payments[0], &till.payments[1]);
    let message = till.message(same, b'S', "evt_same");
    let statuses = till.world.crowd(100, &till.path, &message.headers(), &message.body).await;
    assert_eq!(statuses, [200; 100]);
    assert_eq!(till.world.ask("select count(*) from statehouse.message").await, "1");
    assert_eq!(till.world.ask("select sum(count) from statehouse.message_doublet").await, "99");
    let all: Vec<Message> = (0..100).map(|nth| till.message(others, b'S', &format!("evt_{nth}"))).collect();
    for message in &all {
        assert_eq!(till.world.post(&till.path, &message.headers(), &message.body).await, 200);
    }
    assert_eq!(till.world.ask("select count(*) from statehouse.message").await, "101");
    till.world.turn().await;
    assert_eq!(till.world.column("select state || ' ' || captured from checkout.payment").await, ["paid 76000", "paid 76000"]);
    let moves = "select verb || ' ' || count(*) from statehouse.event where verb in ('receive', 'settle') group by verb order by 1";
    assert_eq!(till.world.column(moves).await, ["receive 2", "settle 2"]);
    let forged = till.world.crowd(5, &till.path, &[("stripe-signature", "t=1,v1=00")], &message.body).await;
    assert_eq!(forged, [401; 5]);
}

/// A message of Stripe, signed.
struct Message {
    signature: String,
    body: String,
}

impl Message {
    fn headers(&self) -> [(&str, &str); 2] {
        [("content-type", "application/json; charset=utf-8"), ("stripe-signature", &self.signature)]
    }
}

struct Payment {
    told: String,
    reference: String,
    intent: String,
}

impl Payment {
    fn name(&self) -> String {
        if self.told.is_empty() { "-".into() } else { self.told.clone() }
    }
}

/// A payment for each of these, opened at Stripe.
struct Till {
    world: World,
    payments: Vec<Payment>,
    path: String,
}

impl Till {
    async fn open(told: Vec<String>) -> Till {
        let secrets = format!("stripe_key: sk_test_any\nstripe_hook: {HOOK}\nmercado_pago_token: any\nasaas_key: any\npix_token: any\n");
        let mut world = World::of(&app::folder("checkout"), &STAND_INS, &secrets).await;
        let path = world.address("stripe").await;
        // Nobody learns anything by asking.
        world.mute(&[("stripe", "events.list"), ("mercadopago", "payments.search"), ("asaas", "payments.list")]);
        let cashier = member("checkout", "cashier").id();
        let name = |told: &str| if told.is_empty() { "-".to_owned() } else { told.to_owned() };
        let rows: Vec<String> =
            told.iter().map(|told| format!("('payment {}', '{cashier}', 'bruno@correio.example', 'BRL', {AMOUNT})", name(told))).collect();
        let script = format!(
            "insert into checkout_admin.payment (title, cashier, email, currency, amount) values {};\n\
             update checkout_admin.payment set fire = 'open_stripe';\n",
            rows.join(", ")
        );
        world.db.psql_as(&member("checkout", "admin"), &script).ok();
        world.settle(Duration::from_secs(600)).await;
        assert_eq!(world.column("select distinct state from checkout.payment").await, ["pending"]);
        let mut payments = Vec::new();
        for told in told {
            let row = format!("select reference || ' ' || provider_ref from checkout.payment where title = 'payment {}'", name(&told));
            let row = world.ask(&row).await;
            let (reference, intent) = row.split_once(' ').expect("it was opened");
            payments.push(Payment { told, reference: reference.to_owned(), intent: intent.to_owned() });
        }
        Till { world, payments, path }
    }

    async fn tell(&self, payment: &Payment, letter: u8) -> u16 {
        let id = format!("evt_{}_{}", payment.intent, char::from(letter));
        let message = self.message(payment, letter, &id);
        self.world.post(&self.path, &message.headers(), &message.body).await
    }

    /// As Stripe documents its events and how it signs them: <https://docs.stripe.com/webhooks#verify-manually>.
    fn message(&self, payment: &Payment, letter: u8, id: &str) -> Message {
        let Payment { reference, intent, .. } = payment;
        let of_intent = |status: &str, received: i64| -> Value {
            json!({ "id": intent, "object": "payment_intent", "amount": AMOUNT, "amount_received": received, "currency": "brl", "status": status,
                    "last_payment_error": if status == "requires_payment_method" { json!({ "code": "card_declined" }) } else { Value::Null },
                    "metadata": { "payment": reference } })
        };
        let dispute =
            |status: &str| json!({ "id": "du_1", "object": "dispute", "amount": AMOUNT, "payment_intent": intent, "status": status });
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
        let mac: String =
            hmac_sha256(HOOK.as_bytes(), format!("{at}.{body}").as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        Message { signature: format!("t={at},v1={mac}"), body }
    }
}
