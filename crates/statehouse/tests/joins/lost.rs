//! Not one message of a provider comes, and 250 payments are found by asking it: its list has more pages than one.

use std::path::Path;
use std::time::Duration;

use statehouse_testkit::app;

use crate::till::{Provider, Till};
use crate::world::altered;

const PAYMENTS: usize = 250;

/// What came of it.
struct Heard {
    /// How many count as paid after one poll.
    first: usize,
    /// And an hour of polls later.
    later: usize,
    /// Pages that the first poll asked for.
    pages: usize,
    /// What the poll says of itself: its code, and whether it was ever whole.
    says: String,
}

/// 250 payments are paid at the provider, which tells nobody.
async fn paid_unheard(folder: &Path, provider: Provider) -> Heard {
    let mut till = Till::of(folder, provider, (0..PAYMENTS).map(|n| format!("N{n:03}")).collect()).await;
    let (stand_in, op) = provider.list();
    let asked = |till: &Till| till.world.sandbox.log(stand_in).iter().filter(|line| line.op == op).count();
    let paid = "select count(*) from checkout.payment where state = 'paid'";
    // What was looked at before there was something to be seen is of no interest.
    let (before, due) = (asked(&till), "update statehouse.poll set due_at = statehouse.now()");
    till.pay().await;
    till.world.ask(due).await;
    till.world.turn().await;
    till.world.turn().await;
    let first = till.world.ask(paid).await.parse().expect("a number");
    let pages = asked(&till) - before;
    for _ in 0..4 {
        till.world.wait(Duration::from_secs(900)).await;
        till.world.turn().await;
    }
    let later = till.world.ask(paid).await.parse().expect("a number");
    let says = till
        .world
        .ask("select coalesce(code, 'good') || case when since is null then ', never whole' else '' end from statehouse.poll")
        .await;
    let by_hand = "select count(*) from statehouse.message where coverage <> 'polled'";
    assert_eq!(till.world.ask(by_hand).await, "0", "nothing came of itself");
    let twice = "select count(*) from (select from statehouse.event where verb = 'settle' group by record having count(*) > 1) s";
    assert_eq!(till.world.ask(twice).await, "0");
    Heard { first, later, pages, says }
}

async fn found(provider: Provider) {
    let Heard { first, later, pages, says } = paid_unheard(&app::folder("checkout"), provider).await;
    assert_eq!((first, later, says.as_str()), (PAYMENTS, PAYMENTS, "good"), "{provider:?}");
    assert!(pages >= 3, "{provider:?}: {pages} pages of at most a hundred");
}

/// The same list without its `pages`: the first one is all that is ever read, and who stands behind it is never found.
async fn left_behind(provider: Provider, pages: &str, page: &str) {
    let name = provider.name();
    let (folder, own) = altered("checkout", &format!("inbox/{name}.yaml"), pages, "");
    let inbox = own.join(format!("inbox/{name}.yaml"));
    let text = std::fs::read_to_string(&inbox).expect("a file");
    let other = text.replace("{page}", page);
    assert_ne!(text, other);
    std::fs::write(&inbox, other).expect("written");
    let Heard { first, later, pages, .. } = paid_unheard(&own, provider).await;
    assert!(first < PAYMENTS && later < PAYMENTS && pages == 1, "{provider:?}: {first}, {later} paid by {pages} pages");
    drop(folder);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_word_of_stripe_is_lost() {
    found(Provider::Stripe).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_word_of_mercado_pago_is_lost() {
    found(Provider::MercadoPago).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_word_of_asaas_is_lost() {
    found(Provider::Asaas).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_word_of_a_bank_is_lost() {
    found(Provider::Pix).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_the_first_page_alone_some_payments_are_never_found() {
    left_behind(Provider::Asaas, "  pages: { next: offset, more: \"{answer.hasMore}\" }\n", "0").await;
}

/// A source that does not know the parameter answers with its first page for ever: that is told, and the time from which it is asked
/// does not move.
#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_does_not_turn_its_pages_is_told_of() {
    let (_folder, own) = altered("checkout", "connectors/asaas.yaml", "offset: \"{offset}\"", "begin: \"{offset}\"");
    let Heard { first, later, pages, says } = paid_unheard(&own, Provider::Asaas).await;
    assert_eq!((first, later, says.as_str()), (100, 100, "SH7009, never whole"));
    assert!(pages >= 8, "each page is asked for twice, and all of it four times: {pages}");
}
