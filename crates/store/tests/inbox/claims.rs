//! Leases: two workers, dead ones, tenants in turn, and the fence.

use std::collections::BTreeSet;
use std::time::Duration;

use statehouse_store::inbox::{self, Applied, End, Outcome};
use statehouse_testkit::people::{BALTYK, NORDUR};

use crate::world::{LEASE, World, world};

#[tokio::test(flavor = "multi_thread")]
async fn each_message_is_lent_once() {
    let world = std::sync::Arc::new(world("lent_once").await);
    let token = world.endpoint(NORDUR, None).await;
    for n in 0..60 {
        world.arrives(&token, &format!("evt_{n}"), "payment.captured", "ch_1").await;
    }
    let mut all = Vec::new();
    for worker in 0..8 {
        let world = std::sync::Arc::clone(&world);
        all.push(tokio::spawn(async move {
            let mut mine = Vec::new();
            loop {
                let claimed = world.claim(&format!("w{worker}"), 4).await;
                if claimed.is_empty() {
                    return mine;
                }
                mine.extend(claimed.into_iter().map(|one| one.held.id));
            }
        }));
    }
    let mut ids = Vec::new();
    for one in all {
        ids.extend(one.await.unwrap());
    }
    assert_eq!((ids.len(), ids.iter().collect::<BTreeSet<_>>().len()), (60, 60));
}

/// The first worker stands still past its lease, the second does the work, the first comes back.
async fn zombie(world: &World) -> (Applied, Applied) {
    let token = world.endpoint(NORDUR, None).await;
    world.payment(NORDUR, "ch_1", 100);
    world.arrives(&token, "evt_1", "payment.authorized", "ch_1").await;
    let first = world.claim("one", 1).await;
    world.later("61 seconds");
    let recovered = inbox::recover(&world.worker, 10).await.unwrap();
    assert_eq!(recovered.iter().map(|one| (one.held, one.dead)).collect::<Vec<_>>(), [(first[0].held, false)]);
    let second = world.claim("two", 1).await;
    assert_eq!((second[0].held.attempt, second[0].tries), (2, 2));
    let late = world.apply("one", &first[0]).await;
    (late, world.apply("two", &second[0]).await)
}

#[tokio::test]
async fn who_slept_past_its_lease_writes_nothing() {
    let world = world("zombie").await;
    let (late, right) = zombie(&world).await;
    assert_eq!(late, Applied::Lost);
    assert!(matches!(right, Applied::Moved { .. }), "{right:?}");
    assert_eq!(world.ask("select count(*) from statehouse.event where verb = 'authorize'"), "1");
}

/// The same without the fence: the record is moved by whoever comes first, whether it may or not.
#[tokio::test]
async fn without_the_fence_it_would() {
    let world = world("unfenced").await;
    world.tamper(
        "create or replace function statehouse.hold_message(worker text, wanted_tenant int, wanted_id uuid, wanted_attempt int) returns table (waits int, wait_until timestamptz)
           language plpgsql security definer set search_path = pg_catalog, pg_temp
         as $$ #variable_conflict use_column
         begin return query select m.waits, m.wait_until from statehouse.message m where m.tenant = wanted_tenant and m.id = wanted_id for update; end $$",
    );
    let (late, _) = zombie(&world).await;
    assert!(matches!(late, Applied::Moved { .. }), "{late:?}");
}

#[tokio::test]
async fn settling_and_keeping_are_fenced_too() {
    let world = world("settling").await;
    let token = world.endpoint(NORDUR, None).await;
    world.arrives(&token, "evt_1", "payment.captured", "ch_1").await;
    let first = world.claim("one", 1).await;
    let held = first[0].held;
    let dead = || [Outcome::new(held, End::Dead).because("SH7121", "nobody knows `x`")];
    assert_eq!(inbox::settle(&world.worker, "two", &dead()).await.unwrap(), []);
    assert_eq!(inbox::beat(&world.worker, "two", &[held], LEASE).await.unwrap(), []);
    world.later("50 seconds");
    assert_eq!(inbox::beat(&world.worker, "one", &[held], LEASE).await.unwrap(), [held]);
    world.later("50 seconds");
    assert_eq!(inbox::recover(&world.worker, 10).await.unwrap(), [], "it was kept");
    assert_eq!(inbox::settle(&world.worker, "one", &dead()).await.unwrap(), [held]);
    assert_eq!(inbox::settle(&world.worker, "one", &dead()).await.unwrap(), []);
    assert_eq!(world.messages(), "evt_1 dead SH7121");
    assert_eq!(world.ask("select why from statehouse.message"), "nobody knows `x`");
}

/// Eight deaths in a row, whoever they were; then it is nobody's any more, and its neighbours never noticed.
#[tokio::test]
async fn poison_is_given_up_and_its_neighbours_are_not_touched() {
    let world = world("poison").await;
    let token = world.endpoint(NORDUR, None).await;
    world.payment(NORDUR, "ch_1", 100);
    world.arrives(&token, "poison", "payment.authorized", "ch_1").await;
    for death in 1..=8 {
        let claimed = world.claim("w", 5).await;
        assert_eq!(claimed.iter().map(|one| (one.key.as_str(), one.tries)).collect::<Vec<_>>(), [("poison", death)]);
        // A neighbour comes while the worker is dying, and is done at once.
        let charge = format!("ch_{}", death + 1);
        world.payment(NORDUR, &charge, 100);
        world.arrives(&token, &format!("evt_{death}"), "payment.authorized", &charge).await;
        assert_eq!(world.work_off("other").await.len(), 1);
        assert_eq!(world.state(&charge), "authorized");
        world.later("61 seconds");
        assert_eq!(inbox::recover(&world.worker, 10).await.unwrap()[0].dead, death == 8);
    }
    assert_eq!(world.claim("w", 5).await.len(), 0);
    assert_eq!(world.ask("select state || ' ' || code || ' ' || attempt from statehouse.message where key = 'poison'"), "dead SH7108 8");
    assert_eq!(world.ask("select string_agg(distinct state, ' ') from statehouse.message where key <> 'poison'"), "done");
    // Replayed by a person it has eight lives more, and works.
    let clerk = world.member(NORDUR, "clerk").await;
    let id = world.ask("select id from statehouse.message where key = 'poison'").parse().unwrap();
    assert_eq!(inbox::replay(&world.api, &clerk, &[id]).await.unwrap(), [id]);
    world.work_off("w").await;
    assert_eq!(world.state("ch_1"), "authorized");
}

/// A failure that is told counts like a death; one that is a wait does not.
#[tokio::test]
async fn failures_are_bounded_and_waits_are_not() {
    let world = world("failures").await;
    let token = world.endpoint(NORDUR, None).await;
    world.arrives(&token, "evt_1", "payment.captured", "ch_1").await;
    let wait = End::Waiting { after: Duration::from_secs(30), wait: Duration::from_secs(86_400) };
    for n in 0..20 {
        let claimed = world.claim("w", 5).await;
        assert_eq!((claimed.len(), claimed[0].tries, claimed[0].waits), (1, 1, n), "busy is no failure");
        let busy = Outcome::new(claimed[0].held, wait.clone()).because("SH7007", "the provider is busy");
        assert_eq!(inbox::settle(&world.worker, "w", &[busy]).await.unwrap(), [claimed[0].held]);
        assert_eq!(world.claim("w", 5).await.len(), 0);
        world.later("30 seconds");
    }
    for failure in 1..=8 {
        let claimed = world.claim("w", 5).await;
        assert_eq!((claimed.len(), claimed[0].tries), (1, failure));
        let failed = Outcome::new(claimed[0].held, End::Again { after: None }).because("SH7005", "not reached");
        inbox::settle(&world.worker, "w", &[failed]).await.unwrap();
        world.later("2 hours");
    }
    assert_eq!(world.claim("w", 5).await.len(), 0);
    assert_eq!(world.messages(), "evt_1 dead SH7005");
}

#[tokio::test]
async fn a_flood_of_one_tenant_does_not_keep_another_waiting() {
    let world = world("fair").await;
    let (north, south) = (world.endpoint(NORDUR, None).await, world.endpoint(BALTYK, None).await);
    for n in 0..40 {
        world.arrives(&north, &format!("evt_{n}"), "payment.captured", "ch_1").await;
    }
    world.later("1 minute");
    for n in 0..3 {
        world.arrives(&south, &format!("evt_{n}"), "payment.captured", "ch_1").await;
    }
    let claimed = world.claim("w", 10).await;
    let south = claimed.iter().filter(|one| one.slug == "baltyk").count();
    assert_eq!((claimed.len(), south), (8, 3), "five of ten are a tenant's share while two have something");
    assert_eq!(world.claim("w", 10).await.len(), 10, "alone, a tenant has all of it");
}

#[tokio::test]
async fn an_app_that_the_worker_does_not_run_is_left_alone() {
    let world = world("apps").await;
    let token = world.endpoint(NORDUR, None).await;
    world.arrives(&token, "evt_1", "payment.captured", "ch_1").await;
    assert_eq!(inbox::claim(&world.worker, "w", &["orders".into()], 10, LEASE).await.unwrap().len(), 0);
    assert_eq!(world.claim("w", 10).await.len(), 1);
}

/// The hot statements read by index, whatever the tables hold.
#[tokio::test]
async fn nothing_is_read_from_one_end_to_the_other() {
    let world = world("explained").await;
    world.tamper(
        "insert into statehouse.message (tenant, app, source, key, body, received_at, coverage, fingerprint, state, due_at, record, verb, entity, wait_until)
         select 1 + n % 2, 'till', 'pay', 'k' || n, '', statehouse.now(), 'whole', sha256(''), case when n % 10 = 0 then 'due' when n % 10 = 1 then 'waiting' else 'done' end,
                case when n % 10 < 2 then statehouse.now() end, gen_random_uuid(), 'capture', 'till.payment', statehouse.now()
           from generate_series(1, 20000) n;
         analyze statehouse.message",
    );
    for (statement, index) in [
        (
            "select d.tenant, d.id from statehouse.message d where d.tenant = 1 and d.state in ('due', 'waiting') and d.due_at <= now() and d.app = any ('{till}') order by d.due_at limit 5 for update skip locked",
            "message_due",
        ),
        (
            "select m.tenant from statehouse.message m where m.state in ('due', 'waiting') and m.tenant > 0 order by m.tenant limit 1",
            "message_due",
        ),
        (
            "select l.tenant, l.id from statehouse.message l where l.state = 'leased' and l.leased_until <= now() order by l.leased_until limit 5 for update skip locked",
            "message_leased",
        ),
        (
            "select w.tenant, w.id from statehouse.message w where w.tenant = 1 and w.record = '00000000-0000-7000-8000-000000000001' and w.verb = any ('{capture}') and w.state = 'waiting' and w.entity = 'till.payment' for update skip locked",
            "message_waiting",
        ),
        (
            "select m.id from statehouse.message m where m.tenant = 1 and m.app = 'till' and m.source = 'pay' and m.key = 'k1' and m.n = 0",
            "message_once",
        ),
        (
            "select m.id from statehouse.message m where m.tenant = 1 and m.app = 'till' and m.id < '01a00000-0000-7000-8000-000000000001' order by m.id desc limit 100",
            "message_pkey",
        ),
    ] {
        let plan = world.ask(&format!("explain {statement}"));
        assert!(plan.contains(index) && !plan.contains("Seq Scan"), "{statement}\n{plan}");
    }
}

/// What its sender said when asked is kept beside it, for whoever looks.
#[tokio::test]
async fn what_its_sender_contradicts_is_put_apart_with_what_the_sender_said() {
    let world = world("contradicted").await;
    let token = world.endpoint(NORDUR, None).await;
    let id = world.arrives(&token, "evt_1", "payment.captured", "ch_1").await.id;
    let claimed = world.claim("w", 1).await;
    let said = serde_json::json!({"id": "ch_1", "status": "pending"});
    let told = Outcome { fetched: Some(said.clone()), ..Outcome::new(claimed[0].held, End::Quarantined) };
    let told = told.because("SH7122", "the message says `captured`, the sender says `pending`");
    assert_eq!(inbox::settle(&world.worker, "w", &[told]).await.unwrap(), [claimed[0].held]);
    assert_eq!(world.messages(), "evt_1 quarantined SH7122");
    let clerk = world.member(NORDUR, "clerk").await;
    assert_eq!(inbox::one(&world.api, &clerk, id).await.unwrap().unwrap()["fetched"], said);
    assert_eq!(inbox::replay(&world.api, &clerk, &[id]).await.unwrap(), [id]);
    assert_eq!(world.claim("w", 1).await[0].fetched, Some(said));
}
