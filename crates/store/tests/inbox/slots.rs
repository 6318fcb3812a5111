//! Slots: each time of a schedule once, from where it was left.

use std::time::{Duration, SystemTime};

use statehouse_store::time::{self, Batch, Firing, Slot};
use statehouse_testkit::people::{BALTYK, NORDUR, Persona};

use crate::world::{LEASE, World, world};

const REMIND: Firing<'static> = Firing { entity: "bill", verb: "remind" };

fn at(hours: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000 + hours * 3600)
}

async fn open(world: &World, hours: u64) -> bool {
    time::open_slot(&world.worker, NORDUR.number, "till", "dunning", at(hours), false).await.unwrap()
}

async fn claim(world: &World, worker: &str) -> Option<Slot> {
    time::claim_slot(&world.worker, worker, &["till".into()], LEASE).await.unwrap()
}

async fn batch(world: &World, worker: &str, slot: &Slot, most: i32) -> Option<Batch> {
    time::slot_batch(&world.worker, worker, slot, REMIND, most, LEASE).await.unwrap()
}

fn bills(world: &World, many: usize) {
    let clerk = Persona::member("till", NORDUR, "clerk");
    let insert = format!(
        "insert into till_clerk.bill (gross, paid) select 10, case when n % 5 = 0 then 10 else 0 end from generate_series(1, {many}) n"
    );
    world.database.psql_as(&clerk, &insert).ok();
}

#[tokio::test]
async fn a_time_is_written_down_once_and_a_tenant_says_how_far_it_is() {
    let world = world("slots").await;
    let standing = time::slots_standing(&world.worker, "till", "dunning").await.unwrap();
    assert_eq!(standing.iter().map(|one| (one.slug.as_str(), one.last)).collect::<Vec<_>>(), [("nordur", None), ("baltyk", None)]);
    assert_eq!(time::slots_standing(&world.worker, "orders", "dunning").await.unwrap(), []);
    assert!(time::open_slot(&world.worker, NORDUR.number, "till", "dunning", at(0), true).await.unwrap());
    assert!(open(&world, 24).await);
    assert!(!open(&world, 24).await);
    assert!(!time::open_slot(&world.worker, NORDUR.number, "till", "dunning", at(0), false).await.unwrap(), "what is skipped stays so");
    assert!(time::open_slot(&world.worker, BALTYK.number, "till", "dunning", at(24), false).await.unwrap(), "each tenant has its own");
    let standing = time::slots_standing(&world.worker, "till", "dunning").await.unwrap();
    assert_eq!(standing.iter().map(|one| one.last).collect::<Vec<_>>(), [Some(at(24)), Some(at(24))]);
    assert!(!time::open_slot(&world.worker, 99, "till", "dunning", at(0), false).await.unwrap());
    let [one, two] = [claim(&world, "w").await.unwrap(), claim(&world, "w").await.unwrap()];
    assert_ne!(one.tenant, two.tenant);
    assert_eq!(claim(&world, "w").await, None, "the skipped one is nobody's");
}

#[tokio::test]
async fn a_slot_fires_on_the_records_that_fit_and_on_nobody_elses() {
    let world = world("slot_fires").await;
    bills(&world, 10);
    world.database.psql_as(&Persona::member("till", BALTYK, "clerk"), "insert into till_clerk.bill (gross) values (7)").ok();
    open(&world, 0).await;
    let slot = claim(&world, "w").await.unwrap();
    assert_eq!(batch(&world, "w", &slot, 100).await, Some(Batch { moved: 8, refused: 0, finished: true }));
    assert_eq!(world.ask("select string_agg(distinct tenant || ' ' || paid || ' ' || reminded, ', ' order by tenant || ' ' || paid || ' ' || reminded) from till.bill"), "1 0 1, 1 10 0, 2 0 0");
    assert_eq!(world.ask("select string_agg(distinct kind || ' ' || tenant, '') from statehouse.event where verb = 'remind'"), "system 1");
    assert_eq!(world.ask("select state || ' ' || moved || ' ' || refused from statehouse.slot"), "done 8 0");
    assert_eq!(batch(&world, "w", &slot, 100).await, None, "it is done");
    assert_eq!(world.ask("select count(*) from statehouse.session where role = 'system'"), "0");
}

#[tokio::test]
async fn a_refused_record_is_counted_and_passed() {
    let world = world("slot_refused").await;
    bills(&world, 10);
    for day in 0..3 {
        open(&world, 24 * day).await;
        let slot = claim(&world, "w").await.unwrap();
        let expected = if day < 2 { (8, 0) } else { (0, 8) };
        let mut sum = (0, 0);
        while let Some(done) = batch(&world, "w", &slot, 3).await {
            sum = (sum.0 + done.moved, sum.1 + done.refused);
            if done.finished {
                break;
            }
        }
        assert_eq!(sum, expected, "day {day}");
    }
    assert_eq!(
        world.ask("select string_agg(moved || ' ' || refused || coalesce(' ' || code, ''), ', ' order by slot) from statehouse.slot"),
        "8 0, 8 0, 0 8 SH4004"
    );
}

/// The worker dies after each of its batches: whoever comes next goes on with the next record, and none is fired twice.
#[tokio::test]
async fn killed_after_each_record_it_goes_on_with_the_next() {
    for most in [1, 2, 3, 8, 9] {
        let world = world(&format!("slot_killed_{most}")).await;
        bills(&world, 10);
        open(&world, 0).await;
        let mut lives = 0;
        loop {
            let slot = claim(&world, &format!("w{lives}")).await.unwrap();
            assert_eq!(slot.attempt, lives + 1);
            let done = batch(&world, &format!("w{lives}"), &slot, most).await.unwrap();
            lives += 1;
            if done.finished {
                break;
            }
            assert_eq!(claim(&world, "too early").await, None);
            world.later("61 seconds");
            assert!(lives < 20);
        }
        assert_eq!(lives, 8 / most + 1, "{most} at a time");
        assert_eq!(
            world.ask("select string_agg(distinct paid || ' ' || reminded, ', ' order by paid || ' ' || reminded) from till.bill"),
            "0 1, 10 0"
        );
        assert_eq!(world.ask("select state || ' ' || moved from statehouse.slot"), "done 8");
    }
}

#[tokio::test]
async fn who_slept_past_its_lease_fires_nothing() {
    let world = world("slot_zombie").await;
    bills(&world, 10);
    open(&world, 0).await;
    let first = claim(&world, "one").await.unwrap();
    world.later("61 seconds");
    let second = claim(&world, "two").await.unwrap();
    assert_eq!(batch(&world, "one", &first, 3).await, None);
    assert_eq!(batch(&world, "two", &second, 3).await, Some(Batch { moved: 3, refused: 0, finished: false }));
    assert_eq!(world.ask("select count(*) from statehouse.event where verb = 'remind'"), "3");
}

#[tokio::test]
async fn a_slot_goes_forward_only() {
    let world = world("slot_law").await;
    bills(&world, 3);
    open(&world, 0).await;
    let slot = claim(&world, "w").await.unwrap();
    batch(&world, "w", &slot, 1).await.unwrap();
    let as_owner = |update: &str| {
        let run = world.database.psql_as_superuser(&format!("\\set VERBOSITY sqlstate\nset role statehouse_owner; {update}"));
        if run.stderr.contains("ERROR") { run.stderr.trim().to_owned() } else { "allowed".into() }
    };
    for change in [
        "cursor = null",
        "cursor = '00000000-0000-0000-0000-000000000001'",
        "attempt = 0",
        "moved = 0",
        "slot = now()",
        "state = 'skipped', worker = null, leased_until = null, finished_at = now()",
    ] {
        assert_eq!(as_owner(&format!("update statehouse.slot set {change}")), "ERROR:  S7201", "{change}");
    }
    batch(&world, "w", &slot, 100).await.unwrap();
    assert_eq!(as_owner("update statehouse.slot set state = 'due', finished_at = null"), "ERROR:  S7201");
    assert_eq!(as_owner("delete from statehouse.slot"), "ERROR:  S4014");
    world.tamper("alter table statehouse.slot disable trigger law");
    assert_eq!(as_owner("update statehouse.slot set state = 'due', finished_at = null, cursor = null"), "allowed");
}
