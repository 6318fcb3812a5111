//! Payment events in every order: one final state.

use statehouse_store::inbox::Applied;
use statehouse_testkit::people::NORDUR;

use crate::world::world;

/// By Heap's algorithm.
fn orders(n: usize) -> Vec<Vec<usize>> {
    fn permute(k: usize, items: &mut Vec<usize>, all: &mut Vec<Vec<usize>>) {
        if k <= 1 {
            all.push(items.clone());
            return;
        }
        for i in 0..k {
            permute(k - 1, items, all);
            items.swap(if k.is_multiple_of(2) { i } else { 0 }, k - 1);
        }
    }
    let mut all = Vec::new();
    permute(n, &mut (0..n).collect(), &mut all);
    all
}

/// The same capture under two keys, and an expiry that the money overtakes or does not.
const EVENTS: [&str; 5] = ["expired", "authorized", "captured", "captured", "refunded"];

#[tokio::test]
async fn five_events_in_every_order_end_in_one_state() {
    let world = world("permutations").await;
    let token = world.endpoint(NORDUR, None).await;
    let orders = orders(5);
    assert_eq!(orders.iter().collect::<std::collections::BTreeSet<_>>().len(), 120);
    for (nth, order) in orders.iter().enumerate() {
        let charge = format!("ch_{nth}");
        world.payment(NORDUR, &charge, 100);
        for at in order {
            world.arrives(&token, &format!("evt_{nth}_{at}"), &format!("payment.{}", EVENTS[*at]), &charge).await;
            // Half of them are worked off as they come, the others all at once.
            if nth % 2 == 0 {
                world.work_off("w").await;
            }
        }
        let applied = world.work_off("w").await;
        assert!(!applied.contains(&Applied::Lost));
        assert_eq!(world.state(&charge), "refunded", "{order:?}");
    }
    assert_eq!(
        world.ask(
            "select string_agg(distinct state || coalesce(' ' || code, ''), ', ') from statehouse.message where state not in ('done')"
        ),
        "ignored SH7106",
        "but for expiries that came too late everything is done"
    );
    assert_eq!(
        world.ask("select string_agg(verb || ' ' || n, ', ' order by verb) from (select verb, count(*) n from statehouse.event where verb in ('authorize', 'capture', 'refund') group by verb) x"),
        "authorize 120, capture 120, refund 120",
        "each once"
    );
}

/// Whatever is missing at the end, the record stands in a state of its own, and what came too early waits to be seen.
#[tokio::test]
async fn every_beginning_ends_in_a_state_that_has_a_name() {
    let world = world("truncations").await;
    let token = world.endpoint(NORDUR, None).await;
    let mut all: Vec<Vec<usize>> = orders(5).into_iter().flat_map(|order| (0..5).map(move |n| order[..n].to_vec())).collect();
    all.sort_unstable();
    all.dedup();
    for (nth, order) in all.iter().enumerate() {
        let charge = format!("ch_{nth}");
        world.payment(NORDUR, &charge, 100);
        for at in order {
            world.arrives(&token, &format!("evt_{nth}_{at}"), &format!("payment.{}", EVENTS[*at]), &charge).await;
        }
    }
    world.work_off("w").await;
    let stands = world.ask(
        "select string_agg(distinct case
            when m.state in ('done', 'ignored') then 'over'
            when m.state = 'waiting' and m.record is not null and m.wait_until is not null then 'waiting'
            else m.state end, ' ') from statehouse.message m",
    );
    assert_eq!(stands, "over waiting");
    for (nth, order) in all.iter().enumerate() {
        let has = |event: &str| order.iter().any(|at| EVENTS[*at] == event);
        let expected = match (has("authorized"), has("captured"), has("refunded"), has("expired")) {
            (true, true, true, _) => "refunded",
            (true, true, false, _) => "captured",
            (true, false, ..) => "authorized",
            (false, _, _, true) => "expired",
            (false, ..) => "pending",
        };
        assert_eq!(world.state(&format!("ch_{nth}")), expected, "{order:?}");
    }
}
