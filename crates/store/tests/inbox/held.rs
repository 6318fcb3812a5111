//! What a restore holds: seen by those who look after the outside of their own tenant, let go or put away by them.

use std::time::{Duration, SystemTime};

use serde_json::json;
use statehouse_store::effects::greet;
use statehouse_store::inbox::{self, Applied, Item};
use statehouse_store::record::Session;
use statehouse_store::{held, time};
use statehouse_testkit::people::{BALTYK, NORDUR, Persona};

use crate::world::{LEASE, World, world};

/// Another epoch begins: what the row of settings remembers is not where the database is.
async fn restore(world: &World) {
    world.tamper("update statehouse.setting set value = 'elsewhere' where name = 'home'");
    assert!(greet(&world.worker, None).await.unwrap().restored);
}

async fn ids(world: &World, who: &Session, kind: Option<&str>) -> Vec<String> {
    let page = held::list(&world.api, who, kind, None, 200).await.unwrap();
    page.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
}

async fn discard(world: &World, who: &Session, id: &str) -> bool {
    !held::discard(&world.api, who, &[id.to_owned()], "done by hand, see the book").await.unwrap().is_empty()
}

/// A message, a timer, a schedule and a source of the first tenant, held.
async fn one_of_each(name: &str) -> (World, String) {
    let world = world(name).await;
    let token = world.endpoint(NORDUR, None).await;
    world.payment(NORDUR, "ch_1", 100);
    world.arrives(&token, "evt_1", "payment.authorized", "ch_1").await;
    world.bill(0);
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000);
    assert!(time::open_slot(&world.worker, NORDUR.number, "till", "dunning", at, false).await.unwrap());
    restore(&world).await;
    world.later("2 days");
    (world, token)
}

#[tokio::test]
async fn only_who_looks_after_the_outside_of_the_tenant_may() {
    let (world, _) = one_of_each("held_who").await;
    let clerk = world.member(NORDUR, "clerk").await;
    let all = ids(&world, &clerk, None).await;
    assert_eq!(all.len(), 4, "{all:?}");
    let south = world.member(BALTYK, "clerk").await;
    assert_eq!(ids(&world, &south, None).await, Vec::<String>::new());
    assert_eq!(held::release(&world.api, &south, &all).await.unwrap(), Vec::<String>::new());
    assert_eq!(held::discard(&world.api, &south, &all, "not mine").await.unwrap(), Vec::<String>::new());
    assert_eq!(held::release_some(&world.api, &south, None).await.unwrap(), 0);
    let guest = world.member(NORDUR, "guest").await;
    for refused in [
        held::list(&world.api, &guest, None, None, 1).await.map(|_| ()),
        held::release(&world.api, &guest, &all).await.map(|_| ()),
        held::release_some(&world.api, &guest, None).await.map(|_| ()),
        held::discard(&world.api, &guest, &all, "because").await.map(|_| ()),
    ] {
        assert_eq!(refused.unwrap_err().fault().code.code, "SH6505");
    }
    assert_eq!(held::discard(&world.api, &clerk, &all, " x ").await.unwrap_err().fault().code.code, "SH7022");
    let many: Vec<String> = (0..201).map(|n| format!("schedule:s{n}")).collect();
    assert_eq!(held::release(&world.api, &clerk, &many).await.unwrap_err().fault().code.code, "SH8002");
    let wrong =
        ["", "effect:", "effect:x-1-1", "message:1", "timer:1:x", "schedule:", "schedule:a b", "delivery:msg_", "other:x", "message"];
    let wrong: Vec<String> = wrong.into_iter().map(str::to_owned).collect();
    assert_eq!(held::release(&world.api, &clerk, &wrong).await.unwrap(), Vec::<String>::new(), "what is no id names nothing");
    assert_eq!(held::discard(&world.api, &clerk, &wrong, "because").await.unwrap(), Vec::<String>::new());
    assert_eq!(ids(&world, &clerk, None).await, all, "and nothing has changed");
    // Page by page.
    let first = held::list(&world.api, &clerk, None, None, 3).await.unwrap();
    let last = &first[2];
    let us = format!("select (extract(epoch from '{}'::timestamptz) * 1000000)::bigint", last["due_at"].as_str().unwrap());
    let due_at = SystemTime::UNIX_EPOCH + Duration::from_micros(world.ask(&us).parse().unwrap());
    let after = held::After { due_at, id: last["id"].as_str().unwrap().to_owned() };
    let rest = held::list(&world.api, &clerk, None, Some(&after), 3).await.unwrap();
    assert_eq!(rest.iter().map(|one| one["id"].as_str().unwrap()).collect::<Vec<_>>(), [all[3].as_str()]);
}

#[tokio::test]
async fn what_was_done_is_put_away_once_and_for_good() {
    let (world, token) = one_of_each("held_away").await;
    let clerk = world.member(NORDUR, "clerk").await;
    for id in ids(&world, &clerk, None).await {
        assert!(discard(&world, &clerk, &id).await, "{id}");
        assert!(!discard(&world, &clerk, &id).await, "{id} twice");
    }
    assert_eq!(ids(&world, &clerk, None).await, Vec::<String>::new());
    assert_eq!(world.messages(), "evt_1 ignored SH7123");
    assert_eq!(world.ask("select why from statehouse.message"), "done by hand, see the book");
    assert_eq!(world.ask("select count(*) from statehouse.timer"), "0");
    assert_eq!(
        world.ask("select string_agg(state, ' ' order by slot) from statehouse.slot"),
        "skipped skipped",
        "its next time counts from now"
    );
    assert_eq!(world.ask("select since = statehouse.now() from statehouse.poll"), "t", "and so does the source");
    let noted = "select string_agg(what || ' ' || (about ->> 'evidence'), ', ') from statehouse.admin_event where what like 'held%'";
    assert_eq!(world.ask(noted).matches("held_discarded done by hand, see the book").count(), 4);
    // Whoever was wrong says so.
    let message = world.ask("select id from statehouse.message").parse().unwrap();
    assert_eq!(inbox::replay(&world.api, &clerk, &[message]).await.unwrap(), [message]);
    assert!(matches!(world.work_off("w").await[..], [Applied::Moved { .. }]));
    drop(token);
}

/// Also where no restore has held them: what came to nothing, or contradicts what came before.
#[tokio::test]
async fn what_came_to_nothing_is_put_away_too() {
    let world = world("away").await;
    let token = world.endpoint(NORDUR, None).await;
    let clerk = world.member(NORDUR, "clerk").await;
    world.arrives(&token, "evt_1", "payment.authorized", "ch_none").await;
    world.work_off("w").await;
    world.later("30 days");
    world.work_off("w").await;
    assert_eq!(world.messages(), "evt_1 quarantined SH7107");
    world.send_bytes(&token, "evt_1", "payment.authorized", b"{\"data\": {\"id\": \"other\"}}").await;
    let waits = || world.ask("select count(*) from statehouse.queues() where kind = 'message'");
    assert_eq!(waits(), "2");
    for id in world.ask("select string_agg('message:' || id, ' ') from statehouse.message").split(' ') {
        assert!(discard(&world, &clerk, id).await);
        assert!(!discard(&world, &clerk, id).await);
    }
    assert_eq!((world.messages().as_str(), waits().as_str()), ("evt_1 ignored SH7123, evt_1 conflict SH7123", "0"));
    // What is about to be looked at is nobody's to put away.
    world.arrives(&token, "evt_2", "payment.authorized", "ch_none").await;
    let due = world.ask("select 'message:' || id from statehouse.message where key = 'evt_2'");
    assert!(!discard(&world, &clerk, &due).await);
}

/// A process that held something when its database was replaced says nothing about it afterwards.
#[tokio::test]
async fn leases_of_before_are_worth_nothing() {
    let world = world("held_leases").await;
    let token = world.endpoint(NORDUR, None).await;
    world.payment(NORDUR, "ch_1", 100);
    world.arrives(&token, "evt_1", "payment.authorized", "ch_1").await;
    world.bill(0);
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000);
    time::open_slot(&world.worker, NORDUR.number, "till", "dunning", at, false).await.unwrap();
    let claimed = world.claim("w", 1).await;
    let slot = time::claim_slot(&world.worker, "w", &["till".into()], LEASE).await.unwrap().unwrap();
    let poll = inbox::claim_poll(&world.worker, "w", &[("till".into(), "pay".into())], LEASE).await.unwrap().unwrap();
    restore(&world).await;
    assert_eq!(world.apply("w", &claimed[0]).await, Applied::Lost);
    let firing = time::Firing { entity: "bill", verb: "remind" };
    assert_eq!(time::slot_batch(&world.worker, "w", &slot, firing, 10, LEASE).await.unwrap(), None);
    // What a source says is stored, and held.
    let item = Item { key: "evt_9", kind: "payment.authorized", body: b"{\"id\": \"ch_1\"}" };
    assert!(inbox::receive_item(&world.worker, "w", &poll, &item).await.unwrap().is_some());
    world.later("1 hour");
    inbox::recover(&world.worker, 10).await.unwrap();
    assert_eq!(world.claim("w", 10).await.len(), 0);
    let clerk = world.member(NORDUR, "clerk").await;
    assert_eq!(ids(&world, &clerk, Some("message")).await.len(), 2);
    assert_eq!(world.state("ch_1"), "pending");
    // A second restore holds what is still held, and what has come since.
    world.arrives(&token, "evt_10", "payment.authorized", "ch_1").await;
    restore(&world).await;
    assert_eq!(ids(&world, &clerk, Some("message")).await.len(), 3);
    assert_eq!(held::release_some(&world.api, &clerk, Some("message")).await.unwrap(), 3);
    assert_eq!(world.claim("w", 10).await.len(), 3);
}

/// What nobody ever knew whom it was about is forgotten after a while; that it came is not.
#[tokio::test]
async fn what_is_about_nobody_is_forgotten() {
    let world = world("nobody").await;
    let token = world.endpoint(NORDUR, None).await;
    let clerk = world.member(NORDUR, "clerk").await;
    world.payment(NORDUR, "ch_1", 100);
    for (key, charge) in [("evt_1", "ch_1"), ("evt_2", "ch_none")] {
        let body = json!({"data": {"id": charge, "payer": "Steinunn"}}).to_string();
        world.send_bytes(&token, key, "payment.authorized", body.as_bytes()).await;
    }
    world.work_off("w").await;
    let month = Duration::from_secs(30 * 86_400);
    world.later("29 days");
    assert_eq!(inbox::forget(&world.worker, month, 100).await.unwrap(), 0, "the second still waits");
    world.work_off("w").await;
    assert_eq!(world.messages(), "evt_1 done, evt_2 quarantined SH7107");
    world.later("29 days");
    assert_eq!(inbox::forget(&world.worker, month, 100).await.unwrap(), 0);
    world.later("2 days");
    assert_eq!(inbox::forget(&world.worker, month, 100).await.unwrap(), 1, "of the first its record takes care");
    assert_eq!(inbox::forget(&world.worker, month, 100).await.unwrap(), 0);
    let left = "select string_agg(key || ' ' || (position('Steinunn' in convert_from(body, 'UTF8')) > 0) || ' ' || (to_jsonb(m)::text like '%Steinunn%' or to_jsonb(m)::text like '%ch_none%'), ', ' order by key) from statehouse.message m";
    assert_eq!(world.ask(left), "evt_1 true false, evt_2 false false");
    let id = world.ask("select id from statehouse.message where key = 'evt_2'").parse().unwrap();
    assert_eq!(inbox::replay(&world.api, &clerk, &[id]).await.unwrap(), Vec::<uuid::Uuid>::new(), "there is nothing to look at");
    let body = json!({"data": {"id": "ch_none", "payer": "Steinunn"}}).to_string();
    let again = world.send_bytes(&token, "evt_2", "payment.authorized", body.as_bytes()).await;
    assert_eq!(again.verdict, inbox::Verdict::Again, "it is still known");
    // Nobody else takes from a message what it said.
    let refused = world.database.psql_as_superuser("update statehouse.message set body = '' where key = 'evt_1'");
    assert!(refused.stderr.contains("SH4014"), "{}", refused.stderr);
}

#[tokio::test]
async fn a_refused_timer_is_put_away() {
    let world = world("timer_away").await;
    let bill = world.bill(100);
    let clerk = world.member(NORDUR, "clerk").await;
    let id = format!("timer:{bill}:close");
    assert!(!discard(&world, &clerk, &id).await, "it is not refused");
    world.later("24 hours");
    assert!(!time::ring_one(&world.worker, &["till".into()]).await.unwrap().unwrap().moved);
    assert!(discard(&world, &clerk, &id).await);
    assert_eq!(world.ask("select count(*) from statehouse.timer"), "0");
    let pays = Persona::member("till", NORDUR, "clerk");
    world.database.psql_as(&pays, &format!("update till_clerk.bill set paid = gross where id = '{bill}'")).ok();
}
