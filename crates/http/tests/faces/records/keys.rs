//! One key, one move.

use futures_util::future::join_all;
use statehouse_testkit::app::set_clock;

use super::scene::{count, fire, member, order, world};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twice_fifty_times_and_with_another_body() {
    let world = world("keys").await;
    let rep = member("rep");
    let id = order(&world, "mixed/quoting");
    let (events, effects) = (count(&world, "statehouse.event"), count(&world, "statehouse.effect"));
    let calls = (0..50).map(|_| fire(&world, &rep, &id, "quote", &[("idempotency-key", "k1")], None));
    let answers = join_all(calls).await;
    for answer in &answers {
        assert!([200, 409, 503].contains(&answer.status), "{:?}", answer.body);
    }
    let fresh = answers.iter().filter(|answer| answer.status == 200 && answer.header("idempotency-replayed").is_empty()).count();
    assert_eq!(fresh, 1, "{answers:?}");
    assert_eq!((count(&world, "statehouse.event"), count(&world, "statehouse.effect")), (events + 1, effects + 1));
    let versions: std::collections::BTreeSet<&str> =
        answers.iter().filter(|answer| answer.status == 200).map(|answer| answer.header("move-version")).collect();
    assert_eq!(versions.len(), 1);
    // The record moves on; the key still answers with the version of its own move.
    assert_eq!(fire(&world, &rep, &id, "accept", &[], None).await.status, 200);
    let again = fire(&world, &rep, &id, "quote", &[("idempotency-key", "k1")], None).await;
    assert_eq!(
        (again.status, again.header("idempotency-replayed"), again.header("move-version")),
        (200, "true", *versions.first().expect("one"))
    );
    // Another verb, another record: not the same request.
    let other = order(&world, "print_only/quoting");
    for (id, verb, body) in [(&id, "cancel", Some("{\"cancel_reason\":\"x\"}")), (&other, "quote", None), (&id, "accept", None)] {
        let answer = fire(&world, &rep, id, verb, &[("idempotency-key", "k1")], body).await;
        assert_eq!((answer.status, answer.code()), (422, "SH4018"), "{:?}", answer.body);
    }
    // Another person's key of the same name is another key.
    let client = member("client");
    let quoted = order(&world, "mixed/quoted");
    assert_eq!(fire(&world, &client, &quoted, "accept", &[("idempotency-key", "k1")], None).await.status, 200);
    // A refusal is not kept.
    let refused = fire(&world, &rep, &other, "accept", &[("idempotency-key", "k9")], None).await;
    assert_eq!(refused.code(), "SH4002");
    assert_eq!(fire(&world, &rep, &other, "quote", &[("idempotency-key", "k9")], None).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_lives_for_thirty_days() {
    let world = world("key_age").await;
    let rep = member("rep");
    let id = order(&world, "mixed/quoting");
    let key = [("idempotency-key", "k1")];
    assert_eq!(fire(&world, &rep, &id, "quote", &key, None).await.status, 200);
    assert_eq!(fire(&world, &rep, &id, "requote", &[], None).await.status, 200);
    set_clock(&world.db, "2026-12-19 12:00:00+00");
    let events = count(&world, "statehouse.event");
    let old = fire(&world, &rep, &id, "quote", &key, None).await;
    assert_eq!((old.status, old.header("idempotency-replayed"), &old.body["state"]), (200, "true", &"quoting".into()), "{:?}", old.body);
    assert_eq!(count(&world, "statehouse.event"), events);
    set_clock(&world.db, "2026-12-21 12:00:00+00");
    let new = fire(&world, &rep, &id, "quote", &key, None).await;
    assert_eq!((new.status, new.header("idempotency-replayed"), &new.body["state"]), (200, "", &"quoted".into()), "{:?}", new.body);
    assert_eq!(count(&world, "statehouse.event"), events + 1);
    // What is older goes; what is younger stays.
    set_clock(&world.db, "2026-12-22 12:00:00+00");
    assert_eq!(fire(&world, &rep, &id, "requote", &[("idempotency-key", "k2")], None).await.status, 200);
    set_clock(&world.db, "2027-01-21 00:00:00+00");
    let place = statehouse_store::Place::parse(&world.db.url("postgres")).expect("a place");
    let worker = statehouse_store::Db::open(&place, statehouse_store::Login::Worker, 1).expect("a pool");
    let kept = count(&world, "statehouse.key where key = 'k2'");
    let purged = statehouse_store::record::purge(&worker, 1000).await.expect("a purge");
    assert_eq!(
        (kept, purged, count(&world, "statehouse.key where key = 'k2'"), count(&world, "statehouse.key where key = 'k1'")),
        (1, 1, 1, 0)
    );
}

/// The first request is held up by somebody who holds its record: the second waits for it, not for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_in_flight_is_waited_for_two_seconds() {
    let world = world("key_flight").await;
    let rep = member("rep");
    let id = order(&world, "mixed/quoting");
    let holder = world.db.connect_as_superuser().await;
    holder.batch_execute(&format!("begin; select from orders.\"order\" where id = '{id}' for update")).await.expect("held");
    let key = [("idempotency-key", "k1")];
    let (first, second) = futures_util::future::join(fire(&world, &rep, &id, "quote", &key, None), async {
        let waiting = "statehouse.key";
        let began = std::time::Instant::now();
        // The first has claimed its key once its statement waits for the record.
        while count(
            &world,
            "pg_stat_activity where datname = current_database() and wait_event = 'transactionid' and query like 'update orders_rep%'",
        ) == 0
        {
            assert!(began.elapsed().as_secs() < 20, "the first never came to {waiting}");
            tokio::task::yield_now().await; // the first goes on in between
        }
        let began = std::time::Instant::now();
        let second = fire(&world, &rep, &id, "quote", &key, None).await;
        let took = began.elapsed();
        holder.batch_execute("commit").await.expect("let go");
        (second, took)
    })
    .await;
    let (second, took) = second;
    assert_eq!((second.status, second.code()), (409, "SH6402"), "{:?}", second.body);
    assert!((1_900..6_000).contains(&took.as_millis()), "{took:?}");
    assert_eq!(first.status, 200, "{:?}", first.body);
    let third = fire(&world, &rep, &id, "quote", &key, None).await;
    assert_eq!((third.status, third.header("idempotency-replayed")), (200, "true"));
}
