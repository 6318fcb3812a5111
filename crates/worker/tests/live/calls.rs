//! Claiming transitions: the record waits for the outcome, and moves with it.

use std::time::Duration;

use statehouse_sandbox::{Mode, Switch};

use crate::world::{World, admin};
use statehouse_testkit::people::NORDUR;

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test(flavor = "multi_thread")]
async fn an_outcome_moves_the_record() {
    let world = World::new().await;
    let worker = world.worker("one").await;
    for class in ["k", "q", "n"] {
        world.payment(class, &format!("charge_{class}"));
    }
    assert_eq!(world.stands("k"), "charging_k||");
    let turned = worker.turn().await.expect("a turn");
    assert_eq!(turned.done, 3, "{turned:?}");
    for class in ["k", "q", "n"] {
        let stands = world.stands(class);
        assert!(stands.starts_with(&format!("charged|{class}_")), "the provider's id is kept: {stands}");
        assert_eq!(world.effects(class), [1]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_moves_the_record_back() {
    let world = World::new().await;
    let worker = world.worker("one").await;
    for class in ["k", "q", "n"] {
        world.sandbox.fault(Switch::status(class, 402)).expect("a switch");
        world.payment(class, &format!("charge_{class}"));
    }
    let turned = worker.turn().await.expect("a turn");
    assert_eq!(turned.failed, 3, "{turned:?}");
    for class in ["k", "q", "n"] {
        assert_eq!(world.stands(class), "open||SH7004", "{class}");
        assert_eq!(world.effects(class), [0; 0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_doubt_is_looked_into_and_then_told() {
    let world = World::new().await;
    let worker = world.worker("one").await;
    for class in ["k", "q", "n"] {
        world.sandbox.fault(Switch::new(class, Mode::AcceptThenReset).times(1)).expect("a switch");
        world.payment(class, &format!("charge_{class}"));
    }
    world.settle(&worker, HOUR).await;
    for class in ["k", "q"] {
        assert!(world.stands(class).starts_with(&format!("charged|{class}_")), "{class}: {}", world.stands(class));
        assert_eq!(world.effects(class), [1], "{class}");
    }
    assert_eq!(world.stands("n"), "charging_n||");
    assert_eq!(world.ask("select state from statehouse.effect where connector = 'n'").await, "unknown");
    assert_eq!(world.ask("select count(*) from statehouse.event where verb = 'charge_n.unknown'").await, "1");
    // Somebody looks, and says what happened.
    let said = "update outward_admin.payment set fire = 'charge_n.resolve_done', input = '{\"charge_n_evidence\": \"seen at the provider\"}' where title = 'n'";
    world.db.psql_as(&admin(NORDUR), &format!("{said};")).ok();
    assert!(world.stands("n").starts_with("charged|"));
    assert_eq!(world.states().await, "done 3");
}

/// A doubt that goes on is told after as long as the record may wait, and not before.
#[tokio::test(flavor = "multi_thread")]
async fn a_doubt_that_goes_on_is_told_in_time() {
    for (class, op) in [("k", "send"), ("q", "*")] {
        let world = World::new().await;
        let worker = world.worker("one").await;
        world.sandbox.fault(Switch { done: Some(true), ..Switch::status(class, 500).on(op) }).expect("a switch");
        world.payment(class, &format!("charge_{class}"));
        world.settle(&worker, Duration::from_secs(590)).await;
        assert_eq!(world.ask("select count(*) from statehouse.event where verb like '%.unknown'").await, "0", "{class}");
        world.settle(&worker, HOUR).await;
        assert_eq!(world.ask("select count(*) from statehouse.event where verb like '%.unknown'").await, "1", "{class}");
        assert_eq!(world.states().await, "unknown 1", "{class}");
        assert_eq!(world.effects(class), [1], "{class}");
    }
}

/// A record is not held for days by a provider that is away: what was not sent has failed, and that can be said.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_nobody_takes_has_failed() {
    let world = World::new().await;
    let worker = world.worker("one").await;
    world.sandbox.fault(Switch::status("n", 429)).expect("a switch");
    world.payment("n", "charge_n");
    let mut waited = Duration::ZERO;
    while world.stands("n").starts_with("charging") {
        assert!(waited < 3 * HOUR, "it is held for too long");
        world.wait(Duration::from_secs(120)).await;
        waited += Duration::from_secs(120);
        worker.turn().await.expect("a turn");
    }
    assert!(waited >= HOUR / 2);
    assert_eq!((world.stands("n").as_str(), world.effects("n").len()), ("open||SH7007", 0));
}
