//! Calls of claiming transitions: what became of one, and the move that says so, are both there or neither.

use std::time::Duration;

use serde_json::{Value, json};
use statehouse_store::effects::{self, Called, End, Held, Move, Outcome};
use statehouse_testkit::people::NORDUR;
use uuid::Uuid;

use crate::world::{APP, World, world};

async fn said(world: &World, held: Held, end: End, verb: &str, input: Option<&Value>) -> Called {
    let fired = Move { app: APP, entity: "sale", verb, input };
    effects::settle_call(&world.worker, "w1", &Outcome::new(held, end), &fired).await.unwrap()
}

fn done() -> End {
    End::Done { result: json!({"payment": "pay_1"}) }
}

/// A sale that is being charged, and the claim of its call.
async fn charging(world: &World) -> (Uuid, Held) {
    let sale = world.sales("charge", 1).await[0];
    (sale, world.take("w1", "bank").await.held)
}

async fn both(world: &World, sale: Uuid) -> String {
    format!("{}, {}", world.state(sale).await, world.stands(sale).await)
}

#[tokio::test]
async fn a_call_is_settled_with_its_move() {
    let world = world("calls").await;
    let (sale, held) = charging(&world).await;
    let input = json!({"payment": "pay_1"});
    let called = said(&world, held, done(), "charge.done", Some(&input)).await;
    assert!(matches!(&called, Called::Moved(moved) if moved.state == "paid"), "{called:?}");
    assert_eq!(both(&world, sale).await, "paid, done 1");
    assert_eq!(world.text("select payment from till.sale").await, "pay_1");
    assert!(matches!(said(&world, held, done(), "charge.done", Some(&input)).await, Called::Lost));
    assert_eq!(world.text("select kind from statehouse.event where verb = 'charge.done'").await, "connector");
    assert_eq!(world.text("select count(*) from statehouse.session where kind = 'connector'").await, "0", "a session stayed");
    assert_eq!(world.text("select count(*) from statehouse.effect where result is not null").await, "1");

    let (sale, held) = charging(&world).await;
    let input = json!({"reason": "no funds"});
    let failed = End::Failed { result: json!({}) };
    assert!(matches!(said(&world, held, failed, "charge.failed", Some(&input)).await, Called::Moved(_)));
    assert_eq!(both(&world, sale).await, "open, failed 1");
}

/// Whatever the law says against the verb, nothing is written and the lease still runs.
#[tokio::test]
async fn what_the_law_refuses_settles_nothing() {
    let world = world("calls_refused").await;
    let (sale, held) = charging(&world).await;
    let input = json!({"surprise": 1});
    for (end, verb, input, code) in [
        (done(), "charge.done", Some(&input), "SH4009"),
        (done(), "charge.failed", None, "SH4021"),
        (done(), "charge.unknown", None, "SH4021"),
        (done(), "charge.nonsense", None, "SH4001"),
        (done(), "trust.done", None, "SH4002"),
        (End::Failed { result: json!({}) }, "charge.done", None, "SH4021"),
        (End::Unknown, "charge.done", None, "SH4021"),
        (End::Unknown, "charge.resolve_done", None, "SH4003"),
    ] {
        let called = said(&world, held, end, verb, input).await;
        assert!(matches!(&called, Called::Refused(fault) if fault.code.code == code), "{verb}: {called:?}");
        assert_eq!(both(&world, sale).await, "charging, leased 1", "{verb}");
    }
    // Of another record nobody hears; of a suspended tenant everything waits.
    world.admin.batch_execute("update statehouse.tenant set suspended_at = now() where tenant = 1").await.unwrap();
    let called = said(&world, held, done(), "charge.done", None).await;
    assert!(matches!(&called, Called::Refused(fault) if fault.code.code == "SH2011"), "{called:?}");
    assert_eq!(both(&world, sale).await, "charging, leased 1");
    // Nobody can make the verb true, so it is given up where somebody sees it, and tried again when it can.
    world.admin.batch_execute("update statehouse.tenant set suspended_at = null").await.unwrap();
    assert!(world.settle("w1", held, End::Dead).await);
    assert_eq!(both(&world, sale).await, "charging, dead 1 doubt", "whoever lets it go out again does not know what became of it");
}

/// Plain words about a call say only that it is tried again or given up.
#[tokio::test]
async fn a_call_ends_with_its_move_or_not_at_all() {
    let world = world("calls_plain").await;
    let (sale, held) = charging(&world).await;
    for end in [done(), End::Failed { result: json!({}) }, End::Unknown] {
        assert!(!world.settle("w1", held, end).await);
    }
    assert_eq!(both(&world, sale).await, "charging, leased 1");
    // A worker that settles by hand and forgets the verb cannot commit.
    let client = world.db.connect("statehouse_worker").await;
    let outcome = json!({"tenant": 1, "record": sale, "seq": held.seq, "n": held.n, "attempt": 1, "to": "done"});
    client.batch_execute("begin").await.unwrap();
    client.execute("select statehouse.settle_call('w1', $1)", &[&outcome]).await.unwrap();
    let refused = client.batch_execute("commit").await.unwrap_err();
    assert_eq!(refused.code().unwrap().code(), "S7024");
    assert_eq!(both(&world, sale).await, "charging, leased 1");
    // Whoever does not hold it is refused at once, so that nothing after it in the transaction happens.
    let refused = client.execute("select statehouse.settle_call('w2', $1)", &[&outcome]).await.unwrap_err();
    assert_eq!(refused.code().unwrap().code(), "S7020");
    // Nor one that fires the verb and forgets to settle.
    let fired = client
        .batch_execute("begin; select statehouse.enter_for('connector', 1, 'till'); update till_system.sale set fire = 'charge.done'")
        .await;
    assert_eq!(fired.unwrap_err().code().unwrap().code(), "S4021");
    client.batch_execute("rollback").await.unwrap();
    // Without the trigger the first would have: that is what the trigger is for.
    world.admin.batch_execute("drop trigger call_moves on statehouse.effect").await.unwrap();
    client.execute("select statehouse.settle_call('w1', $1)", &[&outcome]).await.unwrap();
    assert_eq!(both(&world, sale).await, "charging, done 1");
    // A plain effect is no call.
    world.sales("post", 1).await;
    let plain = world.take("w1", "post").await.held;
    assert!(matches!(said(&world, plain, done(), "charge.done", None).await, Called::Lost));
}

/// In flight no other verb is open, and it says why.
#[tokio::test]
async fn in_flight_everything_else_waits() {
    let world = world("calls_flight").await;
    let (clerk, keeper) = (world.enter(NORDUR, "clerk").await, world.enter(NORDUR, "keeper").await);
    let (sale, held) = charging(&world).await;
    let evidence = json!({"charge_evidence": "statement, line 7"});
    for (who, verb, input, code) in [
        (&clerk, "post", None, "SH4021"),
        (&clerk, "charge", None, "SH4021"),
        (&keeper, "close", None, "SH4021"),
        (&keeper, "charge.resolve_done", Some(&evidence), "SH4021"),
        (&keeper, "charge.resolve_failed", Some(&evidence), "SH4021"),
        (&keeper, "charge.done", None, "SH4003"),
        (&clerk, "charge.resolve_done", Some(&evidence), "SH4003"),
    ] {
        assert_eq!(world.fire(who, sale, verb, input).await, Err(code.to_owned()), "{verb}");
    }
    let asked = world.db.psql_as(
        &statehouse_testkit::people::Persona::member(APP, NORDUR, "clerk"),
        &format!("update till_clerk.sale set fire = 'post' where id = '{sale}'"),
    );
    let told = asked.stderr;
    for words in ["`post` has to wait: `charge` is in flight", "\"effect\": \"leased\"", "wait for its outcome, then decide again"] {
        assert!(told.contains(words), "{words} is not in: {told}");
    }
    assert!(matches!(said(&world, held, End::Unknown, "charge.unknown", None).await, Called::Moved(_)));
    assert_eq!(both(&world, sale).await, "charging, unknown 1 doubt");
    assert_eq!(world.fire(&clerk, sale, "post", None).await, Err("SH4021".into()), "unknown is in flight still");
}

/// Where nobody can tell, a person does: the verb needs evidence, and ends the effect.
#[tokio::test]
async fn a_person_resolves() {
    let world = world("calls_resolve").await;
    let keeper = world.enter(NORDUR, "keeper").await;
    for (verb, leads, ends) in [("charge.resolve_done", "paid", "done"), ("charge.resolve_failed", "open", "failed")] {
        let (sale, held) = charging(&world).await;
        assert!(matches!(said(&world, held, End::Unknown, "charge.unknown", None).await, Called::Moved(_)));
        assert_eq!(world.fire(&keeper, sale, verb, None).await, Err("SH4009".into()));
        let evidence = json!({"charge_evidence": "statement of 12 March"});
        assert_eq!(world.fire(&keeper, sale, verb, Some(&evidence)).await, Ok(leads.into()));
        assert_eq!(both(&world, sale).await, format!("{leads}, {ends} 1 doubt"));
        assert_eq!(world.fire(&keeper, sale, verb, Some(&evidence)).await, Err("SH4002".into()), "once");
        // The worker that comes back with an answer has lost it.
        assert!(matches!(said(&world, held, done(), "charge.done", None).await, Called::Lost));
    }
}

/// The verdict asks the newest call: that an older one was done opens nothing.
#[tokio::test]
async fn the_newest_call_decides() {
    let world = world("calls_newest").await;
    let (sale, held) = charging(&world).await;
    assert!(matches!(said(&world, held, End::Failed { result: json!({}) }, "charge.failed", None).await, Called::Moved(_)));
    let clerk = world.enter(NORDUR, "clerk").await;
    assert_eq!(world.fire(&clerk, sale, "charge", None).await, Ok("charging".into()));
    let client = world.db.connect("statehouse_worker").await;
    client.batch_execute("select statehouse.enter_as('connector', 1, 'till')").await.unwrap();
    let refused = client.batch_execute("update till_system.sale set fire = 'charge.failed'").await.unwrap_err();
    assert_eq!(refused.code().unwrap().code(), "S4021");
    let again = world.take("w1", "bank").await.held;
    assert!(again.seq > held.seq);
    let wait = End::Again { after: Duration::ZERO, doubt: false, counts: true };
    assert!(world.settle("w1", again, wait).await, "a call may be tried again like any other");
    let again = world.take("w1", "bank").await.held;
    assert!(matches!(said(&world, again, done(), "charge.done", None).await, Called::Moved(_)));
}
