//! Leases that are kept, and leases that run out.

use std::time::Duration;

use serde_json::json;
use statehouse_store::effects::{self, Became, Called, End, Leases, Move, Outcome};

use crate::world::{APP, LEASE, World, world};

async fn lost(world: &World) -> Vec<Became> {
    effects::recover(&world.worker, None, 100, &effects::Rests::new()).await.unwrap().iter().map(|one| one.became).collect()
}

#[tokio::test]
async fn a_beat_keeps_what_is_mine() {
    let world = world("lease_beat").await;
    world.sales("post", 2).await;
    let held: Vec<_> = world.claim("w1", &["post"], 10).await.iter().map(|one| one.held).collect();
    world.later(50).await;
    assert_eq!(effects::beat(&world.worker, "w1", &held[..1], LEASE).await.unwrap(), held[..1]);
    assert!(effects::beat(&world.worker, "w2", &held, LEASE).await.unwrap().is_empty(), "somebody else's");
    world.later(15).await;
    assert_eq!(lost(&world).await, [Became::Doubted]);
    assert_eq!(effects::beat(&world.worker, "w1", &held, LEASE).await.unwrap(), held[..1]);
    assert_eq!(world.stands(held[0].record).await, "leased 1");
    assert_eq!(world.stands(held[1].record).await, "due 1 doubt");
}

/// K: the same key goes out again. Q: it is asked first. N: what may have been sent is for a person, what was not is due.
#[tokio::test]
async fn what_a_lost_lease_means() {
    let world = world("lease_classes").await;
    for (verb, connector, sending, became, stands) in [
        ("post", "post", false, Became::Doubted, "due 1 doubt"),
        ("text", "text", false, Became::Doubted, "due 1 doubt"),
        ("ring", "bell", false, Became::Due, "due 1"),
        ("ring", "bell", true, Became::Unknown, "unknown 1 doubt"),
        ("charge", "bank", false, Became::Doubted, "due 1 doubt"),
        ("trust", "teller", false, Became::Due, "due 1"),
        ("trust", "teller", true, Became::Doubted, "due 1 doubt"),
    ] {
        let sale = world.sales(verb, 1).await[0];
        let claimed = world.take("w1", connector).await;
        if sending {
            assert_eq!(effects::mark_sending(&world.worker, "w1", &[claimed.held]).await.unwrap(), [claimed.held]);
        }
        world.later(59).await;
        assert_eq!(lost(&world).await, [], "{verb}: the lease still runs");
        world.later(1).await;
        assert_eq!(lost(&world).await, [became], "{verb} {sending}");
        assert_eq!(world.stands(sale).await, stands, "{verb} {sending}");
        assert_eq!(lost(&world).await, [], "twice is once");
        // Out of the way of the next.
        if became != Became::Unknown {
            let claimed = world.take("w2", connector).await;
            assert_eq!((claimed.held.attempt, claimed.doubt), (2, stands.ends_with("doubt")));
            assert!(world.settle("w2", claimed.held, End::Dead).await);
        }
    }
}

/// The one send of class N is written down once in its life, unless not a byte of it went out.
#[tokio::test]
async fn class_n_is_sent_once() {
    let world = world("lease_once").await;
    world.sales("ring", 1).await;
    let mark = async |held| effects::mark_sending(&world.worker, "w1", &[held]).await.unwrap().len();
    let first = world.take("w1", "bell").await.held;
    assert_eq!((mark(first).await, mark(first).await), (1, 0));
    // Not sent after all.
    assert!(world.settle("w1", first, End::Again { after: Duration::ZERO, doubt: false, counts: true }).await);
    let second = world.take("w1", "bell").await.held;
    assert_eq!(mark(first).await, 0, "an older claim marks nothing");
    assert_eq!(mark(second).await, 1);
    // Perhaps sent: whoever asks for another try leaves it to a person.
    assert!(world.settle("w1", second, End::Again { after: Duration::ZERO, doubt: true, counts: true }).await);
    assert_eq!(world.stands(second.record).await, "unknown 2 doubt");
    assert!(world.claim("w1", &["bell"], 10).await.is_empty());
    // A lease that ran out marks nothing, though nobody has taken it up yet.
    world.sales("ring", 1).await;
    let third = world.take("w1", "bell").await.held;
    world.later(60).await;
    assert_eq!(mark(third).await, 0);
    // Other classes are sent without.
    world.sales("post", 1).await;
    let fourth = world.take("w1", "post").await.held;
    assert_eq!(mark(fourth).await, 0);
}

/// Of a call of class N that may have been sent, the next who claims it says so, and cannot send it.
#[tokio::test]
async fn a_doubtful_call_becomes_unknown_with_its_move() {
    let world = world("lease_call").await;
    let sale = world.sales("trust", 1).await[0];
    let first = world.take("w1", "teller").await.held;
    effects::mark_sending(&world.worker, "w1", &[first]).await.unwrap();
    world.later(60).await;
    assert_eq!(lost(&world).await, [Became::Doubted]);
    let second = world.take("w2", "teller").await;
    assert!(second.doubt && second.call);
    assert!(effects::mark_sending(&world.worker, "w2", &[second.held]).await.unwrap().is_empty());
    let unknown = Move { app: APP, entity: "sale", verb: "trust.unknown", input: None };
    let called = effects::settle_call(&world.worker, "w2", &Outcome::new(second.held, End::Unknown), &unknown).await.unwrap();
    assert!(matches!(called, Called::Moved(_)), "{called:?}");
    assert_eq!((world.state(sale).await.as_str(), world.stands(sale).await.as_str()), ("trusting", "unknown 2 doubt"));
}

/// A look that begins where the last one ended sees what ran out since, and now and then all are looked at.
#[tokio::test]
async fn looking_goes_on_where_it_ended() {
    let world = world("lease_since").await;
    let mut leases = Leases::default();
    for _ in 0..3 {
        world.sales("post", 2).await;
        assert_eq!(world.claim("w1", &["post"], 10).await.len(), 2);
        assert!(leases.recover(&world.worker, 100, &effects::Rests::new()).await.unwrap().is_empty());
        world.later(60).await;
        assert_eq!(leases.recover(&world.worker, 1, &effects::Rests::new()).await.unwrap().len(), 1);
        assert_eq!(leases.recover(&world.worker, 100, &effects::Rests::new()).await.unwrap().len(), 1);
        assert!(leases.recover(&world.worker, 100, &effects::Rests::new()).await.unwrap().is_empty());
        for one in world.claim("w1", &["post"], 10).await {
            assert!(world.settle("w1", one.held, End::Done { result: json!({}) }).await);
        }
    }
}

/// A provider that is to be asked does not know at once what it was sent, and the last send may be as late as the lease.
#[tokio::test]
async fn a_question_after_a_lapse_rests_first() {
    let world = world("lease_rests").await;
    let asked = world.sales("text", 1).await[0];
    let other = world.sales("post", 1).await[0];
    assert_eq!(world.claim("w1", &["text", "post"], 10).await.len(), 2);
    world.later(70).await;
    let rests = effects::Rests::from([(format!("{APP}.text"), 30.0), (format!("{APP}.post"), 30.0)]);
    assert_eq!(effects::recover(&world.worker, None, 10, &rests).await.unwrap().len(), 2);
    // The lease ended ten seconds ago. The same key goes out at once, the question in twenty.
    let first: Vec<_> = world.claim("w2", &["text", "post"], 10).await.iter().map(|one| one.held.record).collect();
    assert_eq!(first, [other]);
    world.later(19).await;
    assert!(world.claim("w2", &["text"], 10).await.is_empty());
    world.later(1).await;
    assert_eq!(world.claim("w2", &["text"], 10).await.iter().map(|one| (one.held.record, one.doubt)).collect::<Vec<_>>(), [(asked, true)]);
}
