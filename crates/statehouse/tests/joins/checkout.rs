//! Checkout: what its four providers tell of one payment, in every order, with every part of it missing, and a hundred times at once.
//!
//! What a payment comes to depends on what was told and not on the order, so the tables in `data/checkout_*.csv` have a row for
//! each set of letters, with how many messages then wait for what has not come.
//!
//! | | letters |
//! |---|---|
//! | Stripe | `P` it is being processed, `F` a first card was declined, `S` it is paid, `A` the same told again under another id, `G` it was given back, `D` the buyer disputes it, `L` the dispute is lost |
//! | Mercado Pago | `P` it is in process, `S` approved, `A` told again, `H` given back in part, `G` given back, `M` in mediation, `C` charged back |
//! | Asaas | `U` it was edited, `K` confirmed, `R` received, `A` told again, `G` given back, `C` the buyer disputes it, `D` the dispute is defended |
//! | Pix | `S` it is paid, `A` the same in another message, `B` it is paid a second time, `T` a return is under way, `R` it was not made |

use std::collections::{BTreeMap, BTreeSet};

use crate::orders::{all, beginnings};
use crate::till::{Message, Provider, Till, name};

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_at_stripe_given_back_in_every_order() {
    every_order(Provider::Stripe, "PFSAG", include_str!("data/checkout_refunded.csv")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_at_stripe_disputed_in_every_order() {
    every_order(Provider::Stripe, "PSADL", include_str!("data/checkout_disputed.csv")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_at_mercado_pago_given_back_in_every_order() {
    every_order(Provider::MercadoPago, "PSAHG", include_str!("data/checkout_mercado_pago_refunded.csv")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_at_mercado_pago_disputed_in_every_order() {
    every_order(Provider::MercadoPago, "PSAMC", include_str!("data/checkout_mercado_pago_disputed.csv")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_at_asaas_given_back_in_every_order() {
    every_order(Provider::Asaas, "UKRAG", include_str!("data/checkout_asaas_refunded.csv")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_at_asaas_disputed_in_every_order() {
    every_order(Provider::Asaas, "UKRCD", include_str!("data/checkout_asaas_disputed.csv")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pix_paid_twice_in_every_order() {
    every_order(Provider::Pix, "SABTR", include_str!("data/checkout_pix.csv")).await;
}

async fn every_order(provider: Provider, letters: &str, table: &'static str) {
    let orders = all(letters);
    let told: BTreeSet<String> = beginnings(&orders);
    assert_eq!((orders.len(), told.len()), (120, 326));
    let table: BTreeMap<&str, &str> = table.lines().skip(1).filter_map(|line| line.split_once(',')).collect();
    assert_eq!(table.len(), 32, "a row for each set of five");
    let mut till = Till::open(provider, told.into_iter().collect()).await;
    if provider == Provider::Pix {
        till.pay_twice().await;
    }
    for step in 0..5 {
        for payment in &till.payments {
            if let Some(letter) = payment.told.as_bytes().get(step) {
                assert_eq!(till.tell(payment, *letter).await, 200, "{}", payment.told);
            }
        }
        till.world.turn().await;
    }
    let stand = "select p.title || ' ' || p.state || ',' || p.captured || ',' || p.refunded || ','
                        || (select count(*) from statehouse.message m where m.record = p.id and m.state = 'waiting') from checkout.payment p";
    let stand = till.world.column(stand).await;
    let stand: BTreeMap<&str, &str> = stand.iter().filter_map(|line| line.strip_prefix("payment ")?.split_once(' ')).collect();
    let ends = |payment: &crate::till::Payment| {
        let mut set: Vec<char> = payment.told.chars().collect();
        set.sort_unstable();
        let meant = table[name(&set.into_iter().collect::<String>())];
        let seen = stand[name(&payment.told)];
        (seen != meant).then(|| format!("{}: {seen}, meant {meant}", payment.told))
    };
    let wrong: Vec<String> = till.payments.iter().filter_map(ends).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    // Whatever is left over waits, and belongs to a payment.
    let open = "select distinct m.state || coalesce(' ' || m.code, '') || ' ' || m.type || case when m.record is null then ' of nobody' else '' end
                  from statehouse.message m where m.state not in ('done', 'ignored') and (m.state <> 'waiting' or m.record is null)";
    assert_eq!(till.world.column(open).await, [""; 0]);
    let most = "select max(n) from (select count(*) n from statehouse.event where verb in ('receive', 'settle', 'note_refund', 'dispute', 'judge', 'lose') group by record, verb) s";
    let once = if provider == Provider::Pix { "receive_pix" } else { "receive" };
    let moved = format!("select count(distinct record) from statehouse.event where verb = '{once}'");
    assert_ne!(till.world.ask(&moved).await, "0");
    assert_eq!(till.world.ask(most).await, "1", "each moves a payment once");
}

/// One message from a hundred connections at the same time, and then a hundred messages that say the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_at_once_are_one() {
    let till = Till::open(Provider::Stripe, vec!["S".into(), "A".into()]).await;
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
