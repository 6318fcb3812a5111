//! Contracts: {signed, signed, a bill that times out, invoice told, invoice told} in all 30 orders and all their beginnings.
//!
//! Letters: `S` the client's signature is told by the e-signature provider, `B` the invoice is told by the billing system,
//! `T` the billing system makes the invoice and the connection breaks, or hangs, before it says so. `data/contracts.csv` holds where each
//! deal must stand, from the specification and not from what was seen:
//! - `kept_up`: the clock rings at once, so the bill goes out with the first `S`; a `T` that comes later finds nothing to break
//! - `in_flight`: the clock rings late, so that the bill goes out in the `T`; nobody has been told yet whether it was made
//! - `rested`: the same ten minutes later, when the doubt has been looked into; whoever saw no `T` still awaits its bill
//! - `in_the_end`: the clock rang for all, the providers could be asked, and a month went by

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use statehouse_sandbox::{Mode, Switch, Wish};
use statehouse_testkit::app;

use crate::orders::{all, beginnings};
use crate::world::{StandIn, World, altered, hmac_sha256, machine_s, member};

const STAND_INS: [StandIn; 2] = [("esign", "dropboxsign", "/v3"), ("billing", "billing", "")];
/// What the billing system signs with, and its bytes.
const HOOK: &str = "c3RhdGVob3VzZSBqb2luIHRlc3RzIG9mIDIwMjY=";
const SIGN_KEY: &str = "324e3b0840f065eb51f3fd63231d0d33daa35d4ed10d27718839e81737065782";
const MINUTES: Duration = Duration::from_secs(60);
const DAYS: Duration = Duration::from_secs(86_400);

/// How the second of two tells what the first has told.
#[derive(Clone, Copy, PartialEq)]
enum Twice {
    /// By the same bytes again.
    Same,
    /// By a message of its own.
    Another,
}

#[tokio::test(flavor = "multi_thread")]
async fn every_order_while_the_clock_keeps_up() {
    every_order_kept_up(Twice::Same).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_order_while_the_clock_keeps_up_and_nothing_is_told_alike() {
    every_order_kept_up(Twice::Another).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_order_while_the_bill_is_in_flight() {
    every_order_in_flight(Twice::Same).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_order_while_the_bill_is_in_flight_and_nothing_is_told_alike() {
    every_order_in_flight(Twice::Another).await;
}

/// The same with the protection away: a billing system that is shown no key it knows makes two invoices, and the table says so.
#[tokio::test(flavor = "multi_thread")]
async fn without_its_key_there_are_two_invoices() {
    let (_folder, own) = altered("contracts", "connectors/billing.yaml", "header: Idempotency-Key", "header: X-Nobody-Reads");
    let mut desk = Desk::open(&own, all("SSTBB").into_iter().collect(), Twice::Same).await;
    for step in 0..5 {
        desk.comes(step).await;
        desk.bill_in_doubt(step).await;
    }
    desk.world.settle(10 * MINUTES).await;
    let invoices = desk.invoices();
    assert!(desk.deals.iter().all(|deal| invoices[&deal.reference] == 2), "{invoices:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_order_while_the_clock_keeps_up_and_the_answer_never_comes() {
    let (_folder, own) = impatient();
    let mut desk = Desk::open(&own, all("SSTBB").into_iter().collect(), Twice::Same).await;
    desk.breaks = Mode::AcceptThenHang;
    desk.kept_up().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_order_while_the_bill_is_in_flight_and_the_answer_never_comes() {
    let (_folder, own) = impatient();
    let mut desk = Desk::open(&own, all("SSTBB").into_iter().collect(), Twice::Same).await;
    desk.breaks = Mode::AcceptThenHang;
    desk.in_flight().await;
}

/// The app, whose billing system is waited for one second and no longer.
fn impatient() -> (tempfile::TempDir, std::path::PathBuf) {
    altered("contracts", "connectors/billing.yaml", "timeout: 15 seconds", "timeout: 1 second")
}

async fn every_order_kept_up(twice: Twice) {
    Desk::open(&app::folder("contracts"), orders_of_table(), twice).await.kept_up().await;
}

async fn every_order_in_flight(twice: Twice) {
    Desk::open(&app::folder("contracts"), orders_of_table(), twice).await.in_flight().await;
}

/// The rows of the table by order, each by its columns.
fn table() -> BTreeMap<String, BTreeMap<&'static str, &'static str>> {
    let mut lines = include_str!("data/contracts.csv").lines();
    let head: Vec<&str> = lines.next().expect("a head").split(',').collect();
    let row = |line: &'static str| {
        let cells: BTreeMap<&str, &str> = head.iter().copied().zip(line.split(',')).collect();
        (cells["order"].replace('-', ""), cells)
    };
    lines.map(row).collect()
}

/// The orders of the table, which are all there are.
fn orders_of_table() -> Vec<String> {
    let orders = all("SSTBB");
    let beginnings = beginnings(&orders);
    assert_eq!((orders.len(), beginnings.len()), (30, 90));
    assert!(table().keys().eq(beginnings.iter()), "the table has a row for each and no other");
    beginnings.into_iter().collect()
}

struct Deal {
    order: String,
    reference: String,
    envelope: String,
    /// When the first signature was told.
    signed_s: Option<i64>,
}

/// A deal for each order, all sent for signature.
struct Desk {
    world: World,
    deals: Vec<Deal>,
    twice: Twice,
    /// How the billing system's connection breaks.
    breaks: Mode,
    billing: String,
}

impl Desk {
    async fn open(folder: &Path, orders: Vec<String>, twice: Twice) -> Desk {
        let secrets = format!("dropbox_sign_key: {SIGN_KEY}\nbilling_key: any\nbilling_hook: whsec_{HOOK}\n");
        let mut world = World::of(folder, &STAND_INS, &secrets).await;
        let signing = world.address("esign").await;
        world.hook("dropboxsign", &signing, SIGN_KEY);
        let billing = world.address("billing").await;
        // Nobody learns anything by asking, until the end.
        world.mute(&[("billing", "invoices.list"), ("dropboxsign", "signature_request.list")]);
        let rep = member("contracts", "sales").id();
        let rows: Vec<String> = orders
            .iter()
            .map(|order| format!("((select id from contracts_admin.client), '{rep}', 'deal {order}', 'IS', 'ISK', 613875, 147330, 'Bergþóra Ýr', 'b@hvitabrim.example')"))
            .collect();
        let mut script = format!(
            "insert into contracts_admin.client (name, kind, country, vat_id, email) values ('Hvítabrim ehf.', 'business', 'IS', 'IS114422', 's@hvitabrim.example');\n\
             insert into contracts_admin.deal (client, rep, title, market, currency, net, vat, signer_name, signer_email) values {};\n",
            rows.join(", ")
        );
        for verb in ["price", "propose", "generate", "send"] {
            script.push_str(&format!("update contracts_admin.deal set fire = '{verb}';\n"));
        }
        world.db.psql_as(&member("contracts", "admin"), &script).ok();
        world.settle(10 * MINUTES).await;
        // The title of a request ends in the reference of its deal.
        let sent = world.sandbox.log("dropboxsign").into_iter().filter_map(|line| line.sent);
        let envelopes: BTreeMap<String, String> = sent.map(|sent| (sent.text, sent.id)).collect();
        let mut deals = Vec::new();
        for order in orders {
            let reference = world.ask(&format!("select reference from contracts.deal where title = 'deal {order}'")).await;
            let envelope = envelopes[&format!("deal {order} ({reference})")].clone();
            deals.push(Deal { order, reference, envelope, signed_s: None });
        }
        Desk { world, deals, twice, breaks: Mode::AcceptThenReset, billing }
    }

    async fn kept_up(mut self) {
        for step in 0..5 {
            self.comes(step).await;
            self.bill_in_doubt(step).await;
            self.ring_where("e.state = 'signed_awaiting_billing'").await;
            self.world.settle(MINUTES).await;
        }
        self.compare("kept_up", "kept_up_invoices").await;
        self.end().await;
    }

    async fn in_flight(mut self) {
        for step in 0..5 {
            self.comes(step).await;
            self.bill_in_doubt(step).await;
        }
        self.compare("in_flight", "in_flight_invoices").await;
        self.world.settle(10 * MINUTES).await;
        self.compare("rested", "rested_invoices").await;
        self.end().await;
    }

    /// What comes next in each order is delivered and applied; no bill goes out of itself.
    async fn comes(&mut self, step: usize) {
        for at in 0..self.deals.len() {
            match self.deals[at].order.as_bytes().get(step) {
                Some(b'S') => self.sign(at).await,
                Some(b'B') => self.tell_invoice(at, step).await,
                _ => {}
            }
        }
        self.world.turn().await;
        self.world.ask("update statehouse.timer set due_at = 'infinity' where verb = 'bill'").await;
    }

    async fn sign(&mut self, at: usize) {
        let now_s = self.world.now_s();
        let deal = &mut self.deals[at];
        let age_s = match (deal.signed_s, self.twice) {
            (Some(signed_s), Twice::Same) => now_s - signed_s,
            (Some(signed_s), Twice::Another) => now_s - signed_s - 7,
            (None, _) => 0,
        };
        deal.signed_s.get_or_insert(now_s);
        let wish = Wish { age_s, ..Wish::new("dropboxsign", "signature_request_all_signed", json!({ "id": deal.envelope })) };
        let told = self.world.sandbox.hook(wish).await.expect("it happens");
        assert_eq!(told.iter().map(|told| told.status).collect::<Vec<_>>(), [Some(200)], "{}", deal.order);
    }

    /// By the specification of Standard Webhooks, since there may be no invoice yet that the stand-in could tell of.
    async fn tell_invoice(&self, at: usize, step: usize) {
        let deal = &self.deals[at];
        let nth = if self.twice == Twice::Another { deal.order[..step].matches('B').count() } else { 0 };
        let kind = ["invoice.created", "invoice.issued"][nth];
        let number = format!("B-{}", deal.reference);
        let body = json!({ "type": kind, "data": { "id": "inv_1", "reference": deal.reference, "number": number, "status": "issued" } });
        let (body, id, at) = (body.to_string(), format!("msg_{}_{nth}", deal.reference), machine_s().to_string());
        let key = STANDARD.decode(HOOK).expect("base64");
        let signature = format!("v1,{}", STANDARD.encode(hmac_sha256(&key, format!("{id}.{at}.{body}").as_bytes())));
        let headers =
            [("content-type", "application/json"), ("webhook-id", &id), ("webhook-timestamp", &at), ("webhook-signature", &signature)];
        assert_eq!(self.world.post(&self.billing, &headers, &body).await, 200, "{}", deal.order);
    }

    /// Those that are signed and whose bill times out, and of which one of both has just come, are billed one by one: each
    /// invoice is made, and the connection breaks before anybody says so.
    async fn bill_in_doubt(&self, step: usize) {
        let mut now = Vec::new();
        for deal in self.deals.iter().filter(|deal| deal.order.len() > step) {
            let both = |order: &str| order.contains('S') && order.contains('T');
            let state = format!("select state from contracts.deal where reference = '{}'", deal.reference);
            if both(&deal.order[..=step]) && !both(&deal.order[..step]) && self.world.ask(&state).await == "signed_awaiting_billing" {
                now.push(deal);
            }
        }
        for deal in now {
            // The provider's rate and its breaker are not what this is about.
            self.world.ask("update statehouse.gate set state = 'closed', failures = 0, opened_at = null, open_until = null, probe_until = null, tokens = null, filled_at = null").await;
            let before = self.world.sandbox.log("billing").len();
            self.world.sandbox.fault(Switch::new("billing", self.breaks).on("invoices.create").times(1)).expect("a switch");
            self.ring_where(&format!("e.reference = '{}'", deal.reference)).await;
            self.world.turn().await;
            let asked: Vec<_> = self.world.sandbox.log("billing").split_off(before);
            let made: Vec<_> = asked.iter().filter(|line| line.op == "invoices.create").map(|line| (line.effect, line.status)).collect();
            assert_eq!(made, [(true, None)], "{}: it is made and nobody says so", deal.order);
        }
    }

    /// The clock rings for these deals.
    async fn ring_where(&self, which: &str) {
        let timers =
            "update statehouse.timer t set due_at = statehouse.now() from contracts.deal e where t.record = e.id and t.verb = 'bill'";
        self.world.ask(&format!("{timers} and {which}")).await;
    }

    /// The clock rings for all, providers tell when they are asked, and time goes by.
    async fn end(&mut self) {
        self.world.sandbox.clear_faults();
        self.ring_where("true").await;
        self.world.settle(10 * MINUTES).await;
        for _ in 0..6 {
            self.world.wait(6 * MINUTES).await;
            self.world.settle(MINUTES).await;
        }
        for _ in 0..2 {
            self.world.wait(16 * DAYS).await;
            self.world.turn().await;
        }
        self.compare("in_the_end", "invoices").await;
        let most = "select coalesce(max(n), 0) from (select count(*) n from statehouse.event where verb in ('sign', 'bill.done', 'settle') group by record, verb) s";
        assert_eq!(self.world.ask(most).await, "1", "each moves a deal once");
        let one = "select count(*) from contracts.deal where state = 'done' and (signed_at is null or invoice is null)";
        assert_eq!(self.world.ask(one).await, "0");
        // The same bytes again are the same message; whatever came is over, but for the word of invoices of deals nobody signed.
        let by_hand = "select count(*) from statehouse.message where coverage <> 'polled'";
        let letters = |letter: char| match self.twice {
            Twice::Same => self.deals.iter().filter(|deal| deal.order.contains(letter)).count(),
            Twice::Another => self.deals.iter().map(|deal| deal.order.matches(letter).count()).sum(),
        };
        assert_eq!(self.world.ask(by_hand).await, (letters('S') + letters('B')).to_string());
        let open = "select distinct m.state || ' ' || coalesce(d.state, '-') from statehouse.message m left join contracts.deal d on d.id = m.record
                     where m.state not in ('done', 'ignored') order by 1";
        let unsigned = self.deals.iter().any(|deal| deal.order.contains('B') && !deal.order.contains('S'));
        // The letters number their invoices by themselves, and the list tells what the billing system calls them: another fact.
        let late: &[&str] = if unsigned { &["late done", "late expired"] } else { &["late done"] };
        assert_eq!(self.world.column(open).await, late);
    }

    /// Where every deal stands and how many invoices the billing system has made for it, beside the table.
    async fn compare(&self, state: &str, invoices: &str) {
        let (table, made) = (table(), self.invoices());
        let stand = self.world.column("select reference || ' ' || state from contracts.deal").await;
        let stand: BTreeMap<&str, &str> = stand.iter().filter_map(|line| line.split_once(' ')).collect();
        let count = |deal: &Deal| made.get(&deal.reference).copied().unwrap_or_default();
        let seen: Vec<String> =
            self.deals.iter().map(|deal| format!("{} {} {}", deal.order, stand[deal.reference.as_str()], count(deal))).collect();
        let meant: Vec<String> = self
            .deals
            .iter()
            .map(|deal| format!("{} {} {}", deal.order, table[&deal.order][state], table[&deal.order][invoices]))
            .collect();
        let wrong: Vec<_> = seen.iter().zip(&meant).filter(|(seen, meant)| seen != meant).collect();
        assert!(wrong.is_empty(), "{state}: seen and meant: {wrong:#?}");
    }

    /// Invoices made, by reference, from the billing system's own log.
    fn invoices(&self) -> BTreeMap<String, usize> {
        let mut made = BTreeMap::new();
        for line in self.world.sandbox.log("billing").into_iter().filter(|line| line.effect && line.op == "invoices.create") {
            *made.entry(line.reference.unwrap_or_default()).or_default() += 1;
        }
        made
    }
}
