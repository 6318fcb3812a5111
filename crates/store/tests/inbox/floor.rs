//! Claims stay cheap while somebody holds an old snapshot: what they read does not grow with what was claimed before.

use serde_json::Value;
use statehouse_store::inbox::{self, End, Outcome};
use statehouse_testkit::people::NORDUR;

use crate::world::{World, world};

const MANY: i32 = 4000;

/// What one claim reads, in pages, by Postgres's own count.
async fn pages(world: &World, before: &str) -> i64 {
    let client = world.database.connect_as_superuser().await;
    // The first in a connection reads the catalog too.
    client.batch_execute("select from statehouse.claim_messages('w', '{nobodys}', 10, '1 minute')").await.unwrap();
    client.batch_execute(before).await.unwrap();
    let explain =
        "explain (analyze, buffers, timing off, format json) select * from statehouse.claim_messages('w', '{till}', 10, '1 minute')";
    let told: Value = client.query_one(explain, &[]).await.unwrap().get(0);
    let plan = &told[0]["Plan"];
    assert!(plan["Actual Rows"].as_f64().unwrap() > 0.0, "it claims what is due: {told}");
    plan["Shared Hit Blocks"].as_i64().unwrap() + plan["Shared Read Blocks"].as_i64().unwrap()
}

async fn flood(world: &World) {
    world.tamper(&format!(
        "insert into statehouse.message (tenant, app, source, key, type, body, received_at, coverage, fingerprint, due_at)
         select 1, 'till', 'pay', 'flood_' || n, 'payment.authorized', '{{}}', statehouse.now(), 'whole', sha256(n::text::bytea), statehouse.now() - interval '1 hour' + n * interval '100 milliseconds'
           from generate_series(1, {MANY}) n"
    ));
    world.tamper("update statehouse.inflow set floor = '-infinity', sweep_at = '-infinity'");
    let mut worked = 0;
    while worked < MANY {
        let claimed = world.claim("w", 500).await;
        assert!(!claimed.is_empty(), "{worked}");
        worked += claimed.len() as i32;
        let outcomes: Vec<Outcome> = claimed.iter().map(|one| Outcome::new(one.held, End::Ignored)).collect();
        assert_eq!(inbox::settle(&world.worker, "w", &outcomes).await.unwrap().len(), claimed.len());
    }
}

#[tokio::test]
async fn a_claim_does_not_read_what_is_over() {
    let world = world("floor").await;
    let token = world.endpoint(NORDUR, None).await;
    world.arrives(&token, "evt_0", "payment.authorized", "ch_1").await;
    let alone = pages(&world, "").await;
    // Somebody looks at the database for long: no dead entry of an index may be passed over meanwhile.
    let other = world.database.connect_as_superuser().await;
    other.batch_execute("begin isolation level repeatable read; select count(*) from statehouse.message").await.unwrap();
    flood(&world).await;
    // As between two sweeps, which are seconds apart.
    world.tamper("update statehouse.inflow set sweep_at = 'infinity'");
    world.arrives(&token, "evt_1", "payment.authorized", "ch_1").await;
    let floored = pages(&world, "").await;
    world.arrives(&token, "evt_2", "payment.authorized", "ch_1").await;
    let without = pages(&world, "update statehouse.inflow set floor = '-infinity'").await;
    eprintln!("pages of a claim: {alone} alone, {floored} behind {MANY} that are over, {without} without the floor");
    assert!(floored < alone + 30, "{alone} alone, {floored} with the floor");
    assert!(without > floored + 150, "{without} pages: without the floor all of it is read again, so this test can fail");
    other.batch_execute("rollback").await.unwrap();
}

/// Who committed late, below the floor, is found by the sweep.
#[tokio::test]
async fn what_comes_late_below_the_floor_is_found() {
    let world = world("below").await;
    let token = world.endpoint(NORDUR, None).await;
    world.arrives(&token, "evt_1", "payment.authorized", "ch_1").await;
    world.arrives(&token, "evt_2", "payment.authorized", "ch_1").await;
    world.later("1 hour");
    assert_eq!(world.claim("w", 1).await.len(), 1);
    world.tamper("update statehouse.inflow set floor = statehouse.now() - interval '1 second', sweep_at = 'infinity'");
    assert_eq!(world.claim("w", 10).await.len(), 0, "between two sweeps nobody looks below");
    world.tamper("update statehouse.inflow set sweep_at = clock_timestamp()");
    assert_eq!(world.claim("w", 10).await.len(), 1);
}
