//! The fence: whoever has lost an effect says nothing about it.

use std::time::Duration;

use serde_json::json;
use statehouse_store::effects::{self, Called, End, Held, Move, Outcome};

use crate::world::{APP, LEASE, World, world};

/// An effect that w1 has lost to w2: both claims.
async fn overtaken(world: &World, verb: &str, connector: &str) -> (Held, Held) {
    world.sales(verb, 1).await;
    let first = world.take("w1", connector).await.held;
    world.later(60).await;
    effects::recover(&world.worker, None, 10, &effects::Rests::new()).await.unwrap();
    let second = world.take("w2", connector).await.held;
    assert_eq!((first.attempt, second.attempt), (1, 2));
    (first, second)
}

fn ends() -> Vec<End> {
    let again = |doubt| End::Again { after: Duration::from_secs(1), doubt, counts: true };
    vec![End::Done { result: json!({}) }, End::Failed { result: json!({}) }, again(false), again(true), End::Unknown, End::Dead]
}

#[tokio::test]
async fn a_stale_attempt_settles_nothing() {
    let world = world("fence_stale").await;
    let (first, second) = overtaken(&world, "post", "post").await;
    for end in ends() {
        assert!(!world.settle("w1", first, end.clone()).await, "{end:?} by its old attempt");
        assert!(!world.settle("w2", first, end.clone()).await, "{end:?} under a number that is over");
        assert!(!world.settle("w1", second, end.clone()).await, "{end:?} by another worker");
        assert!(!world.settle("w2", Held { tenant: 2, ..second }, end.clone()).await, "{end:?} of another tenant");
        assert_eq!(world.stands(second.record).await, "leased 2 doubt", "{end:?}");
    }
    assert!(effects::beat(&world.worker, "w1", &[first], LEASE).await.unwrap().is_empty());
    assert!(world.settle("w2", second, End::Done { result: json!({"id": 7}) }).await);
    assert_eq!(world.stands(second.record).await, "done 2 doubt");
    assert!(!world.settle("w2", second, End::Dead).await, "an end is an end");
    assert_eq!(world.text("select result from statehouse.effect").await, r#"{"id": 7}"#);
}

/// The same with the fence taken out of the function: the late word of w1 counts.
#[tokio::test]
async fn the_fence_is_why() {
    let world = world("fence_removed").await;
    let (first, _) = overtaken(&world, "post", "post").await;
    world.rewrite("settle_within", "and e.attempt = s.attempt and e.worker = settle_within.worker", "").await;
    assert!(world.settle("w1", first, End::Done { result: json!({}) }).await, "the late word did not count: the test above proves nothing");
    assert_eq!(world.stands(first.record).await, "done 2 doubt");
}

#[tokio::test]
async fn a_stale_call_moves_nothing() {
    let world = world("fence_call").await;
    let (first, second) = overtaken(&world, "charge", "bank").await;
    let done = Move { app: APP, entity: "sale", verb: "charge.done", input: None };
    let said = |held| Outcome::new(held, End::Done { result: json!({}) });
    for (worker, held) in [("w1", first), ("w2", first), ("w1", second)] {
        let called = effects::settle_call(&world.worker, worker, &said(held), &done).await.unwrap();
        assert!(matches!(called, Called::Lost), "{called:?}");
        assert_eq!((world.state(first.record).await.as_str(), world.stands(first.record).await.as_str()), ("charging", "leased 2 doubt"));
    }
    world.rewrite("settle_within", "and e.attempt = s.attempt and e.worker = settle_within.worker", "").await;
    let called = effects::settle_call(&world.worker, "w1", &said(first), &done).await.unwrap();
    assert!(matches!(called, Called::Moved(_)), "without the fence it moves: {called:?}");
}

/// One of many that is lost takes none of the others with it, and neither does what a provider said.
#[tokio::test]
async fn each_for_itself() {
    let world = world("fence_many").await;
    world.sales("post", 3).await;
    world.sales_of(statehouse_testkit::people::BALTYK, "post", 1).await;
    let held: Vec<Held> = world.claim("w1", &["post"], 10).await.iter().map(|one| one.held).collect();
    let large = "x".repeat(20_000);
    let mut outcomes: Vec<Outcome> = held.iter().map(|one| Outcome::new(*one, End::Done { result: json!({"zero": "a\0b"}) })).collect();
    outcomes[0].held.attempt = 9;
    outcomes[1].end = End::Done { result: json!({ "long": large }) };
    outcomes[1].code = Some("a\0".repeat(300));
    let settled = effects::settle(&world.worker, "w1", &outcomes).await.unwrap();
    assert_eq!(settled.len(), 3);
    assert_eq!(world.text("select state from statehouse.effect order by state").await, "done done done leased");
    let kept = "select coalesce(result ->> 'zero', result::text) from statehouse.effect where state = 'done' order by 1";
    assert_eq!(world.text(kept).await, r#"ab ab {"too_large": 20012}"#);
    assert_eq!(world.text("select length(code) from statehouse.effect where code is not null").await, "200");
}

/// What is due again counts its attempts, but for those that were given back; the last ten are written down.
#[tokio::test]
async fn attempts_are_counted() {
    let world = world("fence_tries").await;
    world.sales("post", 1).await;
    for attempt in 1..=12 {
        let claimed = world.take("w1", "post").await;
        assert_eq!((claimed.held.attempt, claimed.tries), (attempt, (attempt + 1) / 2));
        let after = Duration::from_secs(30);
        let end = End::Again { after, doubt: false, counts: attempt % 2 == 0 };
        let outcome =
            Outcome { code: Some("SH7005".into()), status: Some(503), took: Duration::from_millis(12), ..Outcome::new(claimed.held, end) };
        assert_eq!(effects::settle(&world.worker, "w1", &[outcome]).await.unwrap().len(), 1);
        world.later(29).await;
        assert!(world.claim("w1", &["post"], 10).await.is_empty());
        world.later(1).await;
    }
    let tried = "select jsonb_array_length(tried) || ' ' || (tried -> 0 ->> 'attempt') || ' ' || ((tried -> 9) - 'at')::text from statehouse.effect";
    assert_eq!(world.text(tried).await, r#"10 3 {"ms": 12, "to": "due", "code": "SH7005", "status": 503, "worker": "w1", "attempt": 12}"#);
}
