//! Messages that were lost are asked for.

use std::time::Duration;

use statehouse_store::inbox::{self, Item, Poll, Verdict};
use statehouse_testkit::people::{BALTYK, NORDUR};

use crate::world::{LEASE, Sent, World, world};

async fn claim(world: &World, worker: &str) -> Option<Poll> {
    inbox::claim_poll(&world.worker, worker, &[("till".into(), "pay".into())], LEASE).await.unwrap()
}

const EVERY: Duration = Duration::from_secs(300);

#[tokio::test]
async fn a_source_is_asked_for_each_tenant_that_has_an_address_for_it() {
    let world = world("polls").await;
    assert_eq!(claim(&world, "w").await, None, "nobody takes its messages yet");
    world.endpoint(NORDUR, None).await;
    world.endpoint(NORDUR, None).await;
    let first = claim(&world, "w").await.unwrap();
    assert_eq!((first.slug.as_str(), first.source.as_str(), first.since, first.failures), ("nordur", "pay", None, 0));
    assert_eq!(claim(&world, "other").await, None, "it is lent to one at a time");
    let other = inbox::claim_poll(&world.worker, "w", &[("till".into(), "other".into())], LEASE).await.unwrap();
    assert_eq!(other, None, "a source that the worker does not know");
    assert!(!inbox::finish_poll(&world.worker, "other", &first, true, EVERY, None).await.unwrap());
    assert!(inbox::finish_poll(&world.worker, "w", &first, true, EVERY, None).await.unwrap());
    world.endpoint(BALTYK, None).await;
    let other = claim(&world, "w").await.unwrap();
    assert_eq!(other.slug, "baltyk");
    inbox::finish_poll(&world.worker, "w", &other, true, EVERY * 100, None).await.unwrap();
    assert_eq!(claim(&world, "w").await, None);
    world.later("5 minutes");
    let second = claim(&world, "w").await.unwrap();
    assert_eq!((second.slug.as_str(), second.since), ("nordur", Some(first.started_at)), "from where the last good one began");
    // One that fails moves nothing, and is seen.
    inbox::finish_poll(&world.worker, "w", &second, false, EVERY, Some("SH7005")).await.unwrap();
    world.later("5 minutes");
    let third = claim(&world, "w").await.unwrap();
    assert_eq!((third.since, third.failures), (Some(first.started_at), 1));
}

/// Where the list goes on is kept; the time from which the next asks moves with the last page alone, to when the first was read.
#[tokio::test]
async fn a_poll_that_stops_at_a_page_goes_on_there() {
    let world = world("poll_pages").await;
    world.endpoint(NORDUR, None).await;
    let first = claim(&world, "one").await.unwrap();
    assert_eq!(first.place, None);
    let place = serde_json::json!({ "read": 100, "last": "evt_100" });
    let stopped = Poll { place: Some(place.clone()), ..first.clone() };
    assert!(inbox::finish_poll(&world.worker, "one", &stopped, true, Duration::ZERO, None).await.unwrap());
    world.later("10 minutes");
    let second = claim(&world, "two").await.unwrap();
    assert_eq!((second.place.as_ref(), second.since, second.started_at), (Some(&place), None, first.started_at));
    // Nobody answers: it stays there.
    assert!(inbox::finish_poll(&world.worker, "two", &second, false, EVERY, Some("SH7005")).await.unwrap());
    world.later("10 minutes");
    let third = claim(&world, "two").await.unwrap();
    assert_eq!((third.place.as_ref(), third.started_at, third.failures), (Some(&place), first.started_at, 1));
    // The source refuses the place: the list is read anew, from the same time.
    let refused = Poll { place: None, ..third };
    assert!(inbox::finish_poll(&world.worker, "two", &refused, false, EVERY, Some("SH7004")).await.unwrap());
    world.later("10 minutes");
    let fourth = claim(&world, "two").await.unwrap();
    assert_eq!((fourth.place.as_ref(), fourth.since), (None, None));
    assert!(fourth.started_at > first.started_at);
    assert!(inbox::finish_poll(&world.worker, "two", &fourth, true, EVERY, None).await.unwrap());
    world.later("10 minutes");
    assert_eq!(claim(&world, "two").await.unwrap().since, Some(fourth.started_at));
}

#[tokio::test]
async fn a_poll_left_in_the_middle_is_taken_up_and_its_first_worker_stores_nothing_more() {
    let world = world("poll_left").await;
    world.endpoint(NORDUR, None).await;
    let first = claim(&world, "one").await.unwrap();
    world.later("61 seconds");
    let second = claim(&world, "two").await.unwrap();
    assert_eq!(second.attempt, first.attempt + 1);
    let item = Item { key: "ch_1:paid", kind: "payment.authorized", body: b"{}" };
    assert_eq!(inbox::receive_item(&world.worker, "one", &first, &item).await.unwrap(), None);
    assert_eq!(inbox::receive_item(&world.worker, "two", &second, &item).await.unwrap().unwrap().verdict, Verdict::New);
    assert!(!inbox::finish_poll(&world.worker, "one", &first, true, EVERY, None).await.unwrap());
}

/// Every webhook lost: what is asked for takes the same way. What comes twice, by both ways, is one message.
#[tokio::test]
async fn an_item_is_a_message_like_any_other() {
    let world = world("items_polled").await;
    let token = world.endpoint(NORDUR, None).await;
    world.payment(NORDUR, "ch_1", 100);
    let poll = claim(&world, "w").await.unwrap();
    let item = |key| Item { key, kind: "payment.authorized", body: br#"{"id": "ch_1"}"# };
    assert_eq!(inbox::receive_item(&world.worker, "w", &poll, &item("evt_1")).await.unwrap().unwrap().verdict, Verdict::New);
    let more = Item { body: br#"{"id": "ch_1", "seen": 2}"#, ..item("evt_1") };
    assert_eq!(inbox::receive_item(&world.worker, "w", &poll, &more).await.unwrap().unwrap().verdict, Verdict::Again);
    let hook = Sent { key: "evt_1", kind: "payment.authorized", charge: "ch_1" };
    assert_eq!(world.send(&token, hook).await.verdict, Verdict::Again, "the webhook after all, in other bytes");
    world.work_off("w").await;
    assert_eq!(world.state("ch_1"), "authorized");
    assert_eq!(world.messages(), "evt_1 done");
    // And the other way round.
    let hook = Sent { key: "evt_2", kind: "payment.captured", charge: "ch_1" };
    assert_eq!(world.send(&token, hook).await.verdict, Verdict::New);
    assert_eq!(
        inbox::receive_item(&world.worker, "w", &poll, &Item { kind: "payment.captured", ..item("evt_2") }).await.unwrap().unwrap().verdict,
        Verdict::Again
    );
}

#[tokio::test]
async fn a_suspended_tenant_and_one_without_a_living_address_are_not_asked_for() {
    let world = world("poll_ends").await;
    world.endpoint(NORDUR, None).await;
    world.tamper("update statehouse.tenant set suspended_at = now() where slug = 'nordur'");
    assert_eq!(claim(&world, "w").await, None);
    world.tamper(
        "update statehouse.tenant set suspended_at = null where slug = 'nordur'; update statehouse.endpoint set revoked_at = now()",
    );
    assert_eq!(claim(&world, "w").await, None);
    world.tamper("update statehouse.endpoint set revoked_at = null");
    assert!(claim(&world, "w").await.is_some());
}
