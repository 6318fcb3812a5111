//! Who gets what is due.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::future::join_all;
use statehouse_store::effects::{self, End, Known};
use statehouse_testkit::people::{BALTYK, NORDUR, Persona};
use tokio_postgres::Client;

use crate::world::{APP, LEASE, World, known, ungreeted, world};

/// Every effect is claimed once, by one of eight workers who all ask at once until nothing is left.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn eight_workers_never_share_one() {
    let world = Arc::new(world("claim_eight").await);
    for connector in ["post", "text", "ring"] {
        world.sales(connector, 80).await;
    }
    let workers = (0..8).map(|n| {
        let world = Arc::clone(&world);
        tokio::spawn(async move {
            let (name, mut mine) = (format!("w{n}"), Vec::new());
            for _ in 0..200 {
                let claimed = world.claim(&name, &["post", "text", "bell"], 7).await;
                mine.extend(claimed.iter().map(|one| (one.held, one.key())));
                if claimed.is_empty() && world.text("select count(*) from statehouse.effect where state = 'due'").await == "0" {
                    break;
                }
            }
            mine
        })
    });
    let all: Vec<_> = join_all(workers).await.into_iter().flat_map(Result::unwrap).collect();
    assert_eq!(all.len(), 240);
    assert_eq!(all.iter().map(|(_, key)| key).collect::<BTreeSet<_>>().len(), 240, "somebody's effect was lent twice");
    assert!(all.iter().all(|(held, _)| held.attempt == 1));
    assert_eq!(world.text("select distinct state || attempt from statehouse.effect").await, "leased1");
}

/// Without its locks and its law the claim of a second worker, who waited for the first, takes what the first has.
#[tokio::test]
async fn the_locks_are_why() {
    let world = world("claim_locks").await;
    world.sales("post", 1).await;
    world.rewrite("claim_gate", "limit most\n         for update skip locked)", "limit most)").await;
    world.rewrite("claim_gate", "f.connector = wanted_connector for update skip locked;", "f.connector = wanted_connector;").await;
    world.admin.batch_execute("drop trigger effect_law_2_states on statehouse.effect").await.unwrap();
    let first = world.db.connect("statehouse_worker").await;
    let ask = "select attempt from statehouse.claim_effects('w', '[{\"app\": \"till\", \"connector\": \"post\", \"versions\": [1], \"most\": 10}]', 10, '1 minute')";
    first.batch_execute("begin").await.unwrap();
    assert_eq!(first.query_one(ask, &[]).await.unwrap().get::<_, i32>(0), 1);
    let second = world.db.connect("statehouse_worker").await;
    let waiting = tokio::spawn(async move { second.query_one(ask, &[]).await.unwrap().get::<_, i32>(0) });
    world.until("select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'", "1").await;
    first.batch_execute("commit").await.unwrap();
    assert_eq!(waiting.await.unwrap(), 2, "the same effect was not lent twice: the test proves nothing");
}

#[tokio::test]
async fn a_worker_gets_what_it_knows_and_no_more() {
    let world = world("claim_known").await;
    world.sales("post", 3).await;
    world.sales("text", 3).await;
    assert!(world.claim("w1", &["bell"], 10).await.is_empty());
    let other = [Known { versions: vec![2], ..known(&["post"]).remove(0) }];
    assert!(effects::claim(&world.worker, "w1", &other, 10, LEASE).await.unwrap().is_empty());
    let two = [Known { most: 2, ..known(&["post"]).remove(0) }];
    let claimed = effects::claim(&world.worker, "w1", &two, 10, LEASE).await.unwrap();
    assert_eq!(claimed.len(), 2);
    let one = &claimed[0];
    assert_eq!((one.slug.as_str(), one.app.as_str(), one.entity.as_str(), one.verb.as_str()), ("nordur", "till", "sale", "post"));
    assert_eq!((one.connector.as_str(), one.action.as_str(), one.version, one.tries), ("post", "tell", 1, 1));
    assert_eq!(one.args["to"], "S-000001");
    assert_eq!(one.key(), format!("{}-2-1", one.held.record.simple()));
    assert_eq!(effects::Id::parse(&one.key()), Some(one.id()));
    assert_eq!((one.first_at, one.until), (one.now, one.now + LEASE));
    assert_eq!(world.claim("w2", &["post", "text"], 10).await.len(), 4);
}

/// A tenant with thousands waits its turn beside one with a few, in one claim and over several.
#[tokio::test]
async fn tenants_share() {
    let world = world("claim_share").await;
    world.sales("post", 60).await;
    world.sales_of(BALTYK, "post", 5).await;
    let first = world.claim("w1", &["post"], 20).await;
    assert_eq!(first.iter().filter(|one| one.slug == "baltyk").count(), 5, "the fewer come along in the first claim");
    assert_eq!(first.len(), 20, "what they leave goes to the others");
    assert_eq!(world.claim("w1", &["post"], 100).await.len(), 45);
}

#[tokio::test]
async fn a_suspended_tenant_sends_nothing() {
    let world = world("claim_suspended").await;
    world.sales("post", 2).await;
    world.sales_of(BALTYK, "post", 2).await;
    world.admin.batch_execute("update statehouse.tenant set suspended_at = now() where slug = 'nordur'").await.unwrap();
    let claimed = world.claim("w1", &["post"], 10).await;
    assert_eq!(claimed.iter().map(|one| one.slug.as_str()).collect::<Vec<_>>(), ["baltyk"; 2]);
    world.admin.batch_execute("update statehouse.tenant set suspended_at = null").await.unwrap();
    assert_eq!(world.claim("w1", &["post"], 10).await.len(), 2);
}

/// What was owed by a transaction that began before the others and ended after them lies below the floor: it is never
/// skipped for good.
#[tokio::test]
async fn what_is_committed_late_is_found() {
    let world = world("claim_late").await;
    let late = posting(&world).await;
    world.later(10).await;
    world.sales("post", 3).await;
    assert_eq!(world.claim("w1", &["post"], 10).await.len(), 3, "what is there is lent, whoever is still at work");
    late.batch_execute("commit").await.unwrap();
    sweep(&world, "infinity").await;
    assert!(world.claim("w1", &["post"], 10).await.is_empty(), "below the floor nobody looks between two sweeps");
    sweep(&world, "-infinity").await;
    let found = world.claim("w1", &["post"], 10).await;
    assert_eq!(found.len(), 1);
    assert!(world.settle("w1", found[0].held, End::Dead).await);
    // A sweep that finds nothing leaves no floor behind.
    sweep(&world, "-infinity").await;
    assert!(world.claim("w1", &["post"], 10).await.is_empty());
    assert_eq!(world.text("select floor from statehouse.gate where connector = 'post' and tenant = 1").await, "-infinity");
}

/// Whoever began within the last second is found without a sweep.
#[tokio::test]
async fn what_is_committed_a_little_late_is_found_at_once() {
    let world = world("claim_soon").await;
    let late = posting(&world).await;
    world.later(1).await;
    world.sales("post", 3).await;
    assert_eq!(world.claim("w1", &["post"], 10).await.len(), 3);
    late.batch_execute("commit").await.unwrap();
    sweep(&world, "infinity").await;
    assert_eq!(world.claim("w1", &["post"], 10).await.len(), 1);
}

/// A transaction that owes something and is not committed yet.
async fn posting(world: &World) -> Client {
    let late = world.db.as_persona(&Persona::member(APP, NORDUR, "clerk")).await;
    // Numbers go one by one, so the record is there before.
    late.batch_execute("insert into till_clerk.sale (amount) values (1)").await.unwrap();
    late.batch_execute("begin; update till_clerk.sale set fire = 'post'").await.unwrap();
    late
}

async fn sweep(world: &World, at: &str) {
    world.admin.execute("update statehouse.gate set sweep_at = $1::text::timestamptz", &[&at]).await.unwrap();
}

#[tokio::test]
async fn nothing_is_lent_before_somebody_greets() {
    let world = ungreeted("claim_greet").await;
    effects::open_gates(&world.worker, APP, &["post"]).await.unwrap();
    world.sales("post", 1).await;
    let refused = effects::claim(&world.worker, "w1", &known(&["post"]), 10, LEASE).await.unwrap_err();
    assert_eq!(refused.fault().code.code, "SH7025");
    assert!(!effects::greet(&world.worker, None).await.unwrap().restored);
    assert_eq!(world.claim("w1", &["post"], 10).await.len(), 1);
}
