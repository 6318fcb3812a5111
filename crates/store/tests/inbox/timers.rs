//! Timers: each rings once, whoever rings; one that is refused is put off and says why.

use std::sync::Arc;

use serde_json::json;
use statehouse_store::time::{self, Rung};
use statehouse_testkit::people::{NORDUR, Persona};

use crate::world::{World, world};

async fn ring(world: &World) -> Option<Rung> {
    time::ring_one(&world.worker, &["till".into()]).await.unwrap()
}

fn pay(world: &World, bill: &str) {
    let clerk = Persona::member("till", NORDUR, "clerk");
    world.database.psql_as(&clerk, &format!("update till_clerk.bill set paid = gross where id = '{bill}'")).ok();
}

#[tokio::test]
async fn a_timer_rings_when_its_time_has_come() {
    let world = world("rings").await;
    let bill = world.bill(0);
    world.later("23 hours 59 minutes");
    assert_eq!(ring(&world).await, None);
    world.later("1 minute");
    assert_eq!(time::ring_one(&world.worker, &["orders".into()]).await.unwrap(), None, "an app that the worker does not run");
    let rung = ring(&world).await.unwrap();
    assert_eq!(
        (rung.entity.as_str(), rung.verb.as_str(), rung.moved, rung.code, rung.record.to_string()),
        ("bill", "close", true, None, bill)
    );
    assert_eq!(world.ask("select state from till.bill"), "closed");
    assert_eq!(world.ask("select verb || ' ' || kind from statehouse.event order by seq desc limit 1"), "close timer");
    assert_eq!(ring(&world).await, None);
    assert_eq!(world.ask("select count(*) from statehouse.timer"), "0");
    assert_eq!(world.ask("select count(*) from statehouse.session where role = 'system'"), "0");
}

/// A bill that is not paid does not close, again and again, until it is paid.
#[tokio::test]
async fn a_refused_timer_is_put_off_and_keeps_when_it_was_due() {
    let world = world("refused_timer").await;
    let bill = world.bill(100);
    world.later("24 hours");
    let due = world.ask("select due_at from statehouse.timer");
    let minutes = [1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360];
    for (nth, pause) in minutes.into_iter().enumerate() {
        let rung = ring(&world).await.unwrap();
        assert_eq!((rung.moved, rung.code.as_deref()), (false, Some("SH4004")), "{nth}");
        assert_eq!(world.ask("select since || ' ' || attempt || ' ' || code from statehouse.timer"), format!("{due} {} SH4004", nth + 1));
        assert_eq!(world.ask("select extract(epoch from due_at - statehouse.now())::int / 60 from statehouse.timer"), pause.to_string());
        assert_eq!(ring(&world).await, None);
        world.later(&format!("{pause} minutes"));
    }
    let clerk = world.member(NORDUR, "clerk").await;
    let told = time::timers(&world.api, &clerk, 10).await.unwrap();
    assert_eq!(
        (told.len(), &told[0]["entity"], &told[0]["verb"], &told[0]["code"], &told[0]["record"]),
        (1, &json!("bill"), &json!("close"), &json!("SH4004"), &json!(bill))
    );
    pay(&world, &bill);
    assert!(ring(&world).await.unwrap().moved);
    assert_eq!(world.ask("select state from till.bill"), "closed");
    assert_eq!(world.ask("select count(*) from statehouse.timer"), "0");
    let guest = world.member(NORDUR, "guest").await;
    assert_eq!(time::timers(&world.api, &guest, 10).await.unwrap_err().fault().code.code, "SH6505");
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_workers_ring_each_timer_once() {
    let world = Arc::new(world("crowd").await);
    let clerk = Persona::member("till", NORDUR, "clerk");
    world.database.psql_as(&clerk, "insert into till_clerk.bill (gross) select n % 2 from generate_series(1, 80) n").ok();
    world.later("24 hours");
    let mut all = Vec::new();
    for _ in 0..8 {
        let world = Arc::clone(&world);
        all.push(tokio::spawn(async move {
            let mut rung = Vec::new();
            // More than there can be.
            for _ in 0..500 {
                match ring(&world).await {
                    Some(one) => rung.push(one),
                    None => break,
                }
            }
            rung
        }));
    }
    let mut rung = Vec::new();
    for one in all {
        rung.extend(one.await.unwrap());
    }
    // Those who crossed left something for the next round.
    world.later("2 seconds");
    while let Some(one) = ring(&world).await {
        rung.push(one);
    }
    let moved = rung.iter().filter(|one| one.moved).count();
    assert_eq!(moved, 40, "those that are owed nothing");
    assert_eq!(rung.iter().filter(|one| one.code.as_deref() == Some("SH4004")).count(), 40, "each of the others was refused once");
    assert_eq!(world.ask("select count(*) || ' ' || count(distinct record) from statehouse.event where verb = 'close'"), "40 40");
    assert_eq!(world.ask("select count(*) from statehouse.timer where attempt = 1 and code = 'SH4004'"), "40");
}

/// The record leaves the state while its timer is ringing: there is nothing to ring any more, and nothing is wrong.
#[tokio::test]
async fn a_timer_whose_record_has_left_is_gone() {
    let world = Arc::new(world("left").await);
    let bill = world.bill(0);
    world.later("24 hours");
    let clerk = world.database.as_persona(&Persona::member("till", NORDUR, "clerk")).await;
    clerk.batch_execute(&format!("begin; update till_clerk.bill set fire = 'close' where id = '{bill}'")).await.unwrap();
    let ringing = Arc::clone(&world);
    let rung = tokio::spawn(async move { ring(&ringing).await });
    let admin = world.place.connect_admin().await.unwrap();
    let waiting = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    let mut tries = 0;
    while admin.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0) == 0 {
        tries += 1;
        assert!(tries < 2000, "nobody waits for the record");
        tokio::task::yield_now().await;
    }
    clerk.batch_execute("commit").await.unwrap();
    let rung = rung.await.unwrap();
    assert!(rung.as_ref().is_none_or(|one| !one.moved), "{rung:?}");
    world.later("10 seconds");
    assert_eq!(ring(&world).await, None);
    assert_eq!(world.ask("select string_agg(verb || ' ' || kind, ', ') from statehouse.event where verb = 'close'"), "close member");
    assert_eq!(world.ask("select count(*) from statehouse.timer"), "0");
}

/// A record that somebody holds for long is passed by.
#[tokio::test]
async fn a_held_record_is_not_waited_for() {
    let world = world("held").await;
    let (held, free) = (world.bill(0), world.bill(0));
    world.later("24 hours");
    let holder = world.database.connect_as_superuser().await;
    holder.batch_execute(&format!("begin; select from till.bill where id = '{held}' for update")).await.unwrap();
    let mut rung = Vec::new();
    for _ in 0..2 {
        rung.extend(ring(&world).await);
    }
    rung.sort_by_key(|one| one.moved);
    let told: Vec<_> = rung.iter().map(|one| (one.record.to_string(), one.moved, one.code.as_deref())).collect();
    assert_eq!(told, [(held.clone(), false, Some("SH5002")), (free, true, None)]);
    holder.batch_execute("rollback").await.unwrap();
    world.later("2 seconds");
    let rung = ring(&world).await.unwrap();
    assert_eq!((rung.record.to_string(), rung.moved), (held, true));
}

#[tokio::test]
async fn a_suspended_tenant_finds_its_timers_as_they_were() {
    let world = world("suspended_timer").await;
    world.bill(0);
    world.later("24 hours");
    world.tamper("update statehouse.tenant set suspended_at = now() where slug = 'nordur'");
    let rung = ring(&world).await.unwrap();
    assert_eq!((rung.moved, rung.code.as_deref()), (false, Some("SH2011")));
    world.tamper("update statehouse.tenant set suspended_at = null where slug = 'nordur'");
    assert!(ring(&world).await.unwrap().moved, "at once");
}
