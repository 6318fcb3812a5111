//! Gates: breaker, rate and parking, shared by everybody.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use statehouse_store::effects::{self, Claimed, Known, Pace, Report, claim};
use statehouse_testkit::people::BALTYK;

use crate::world::{APP, LEASE, World, known, world};

fn report<'a>(good: i32, bad: i32) -> Report<'a> {
    let open = Duration::from_secs(30);
    Report { tenant: 1, app: APP, connector: "post", good, bad, blocked: None, failures_max: 3, open }
}

async fn told(world: &World, report: &Report<'_>) -> String {
    effects::report_gate(&world.worker, report).await.unwrap()
}

/// So many workers ask at once; what they got together.
async fn crowd(world: &Arc<World>, many: usize, known: Known) -> Vec<Claimed> {
    let asked = (0..many).map(|n| {
        let (world, known) = (Arc::clone(world), known.clone());
        tokio::spawn(async move { claim(&world.worker, &format!("w{n}"), &[known], 10, LEASE).await.unwrap() })
    });
    join_all(asked).await.into_iter().flat_map(Result::unwrap).collect()
}

/// Over any stretch of the clock no more goes out than the rate and one burst.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_more_than_the_rate() {
    let world = Arc::new(world("gate_rate").await);
    world.sales("post", 100).await;
    let paced = Known { pace: Some(Pace { per_second: 2.5, burst: 5 }), ..known(&["post"]).remove(0) };
    let mut sent = 0;
    for (seconds, most) in [(0, 5), (0, 5), (1, 7), (1, 10), (60, 15), (0, 15), (2, 20)] {
        world.later(seconds).await;
        sent += crowd(&world, 8, paced.clone()).await.len();
        assert_eq!(sent, most, "after {seconds} seconds more");
    }
    // Another tenant has a rate of its own.
    world.sales_of(BALTYK, "post", 9).await;
    assert_eq!(crowd(&world, 8, paced).await.len(), 5);
}

/// Sixteen workers at a breaker that is half open: one of them tries.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn half_open_one_probes() {
    let world = Arc::new(world("gate_probe").await);
    world.sales("post", 20).await;
    let post = || known(&["post"]).remove(0);
    assert_eq!(told(&world, &report(0, 2)).await, "closed");
    assert_eq!(told(&world, &report(1, 0)).await, "closed", "an answer in between counts from the beginning");
    assert_eq!(told(&world, &report(0, 2)).await, "closed");
    assert_eq!(told(&world, &report(0, 1)).await, "open");
    assert!(crowd(&world, 16, post()).await.is_empty());
    world.later(29).await;
    assert!(crowd(&world, 16, post()).await.is_empty());
    world.later(1).await;
    let probes = crowd(&world, 16, post()).await;
    assert_eq!((probes.len(), probes[0].probe), (1, true));
    assert!(crowd(&world, 16, post()).await.is_empty(), "while one is tried nobody else goes");
    assert_eq!(told(&world, &report(0, 1)).await, "open", "it failed");
    world.later(30).await;
    assert_eq!(crowd(&world, 16, post()).await.len(), 1);
    // Its worker dies: another one tries when its lease is over.
    world.later(59).await;
    assert!(crowd(&world, 16, post()).await.is_empty());
    world.later(1).await;
    assert_eq!(crowd(&world, 16, post()).await.len(), 1);
    assert_eq!(told(&world, &report(1, 0)).await, "closed");
    assert_eq!(crowd(&world, 4, post()).await.len(), 17);
}

/// With the row no longer held, several take the one probe.
#[tokio::test]
async fn the_row_lock_is_why() {
    let world = world("gate_lock").await;
    world.sales("post", 20).await;
    told(&world, &report(0, 3)).await;
    world.later(30).await;
    world.rewrite("claim_gate", "f.connector = wanted_connector for update skip locked;", "f.connector = wanted_connector;").await;
    let ask = "select count(*) from statehouse.claim_effects('w', '[{\"app\": \"till\", \"connector\": \"post\", \"versions\": [1], \"most\": 10}]', 10, '1 minute')";
    let (first, second) = (world.db.connect("statehouse_worker").await, world.db.connect("statehouse_worker").await);
    first.batch_execute("begin").await.unwrap();
    assert_eq!(first.query_one(ask, &[]).await.unwrap().get::<_, i64>(0), 1);
    let waiting = tokio::spawn(async move { second.query_one(ask, &[]).await.unwrap().get::<_, i64>(0) });
    world.until("select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'", "1").await;
    first.batch_execute("commit").await.unwrap();
    assert_eq!(waiting.await.unwrap(), 1, "there was no second probe: the test proves nothing");
}

/// What a provider asked for is honoured in full, by everybody, whatever is said later.
#[tokio::test]
async fn retry_after_parks_the_gate() {
    let world = world("gate_parked").await;
    world.sales("post", 4).await;
    world.sales("text", 1).await;
    world.sales_of(BALTYK, "post", 1).await;
    let blocked = |seconds| Report { blocked: Some(Duration::from_secs(seconds)), ..report(1, 0) };
    told(&world, &blocked(120)).await;
    told(&world, &blocked(5)).await;
    let others = world.claim("w1", &["post", "text"], 10).await;
    assert_eq!(others.len(), 2, "other connectors and other tenants go on");
    world.later(119).await;
    assert!(world.claim("w1", &["post"], 10).await.is_empty());
    world.later(1).await;
    assert_eq!(world.claim("w1", &["post"], 10).await.len(), 4);
}

/// A tenant that comes later gets its gates at the next asking, and asking again makes none.
#[tokio::test]
async fn gates_are_opened_once() {
    let world = world("gate_open").await;
    assert_eq!(world.text("select count(*) from statehouse.gate").await, "10");
    assert_eq!(effects::open_gates(&world.worker, APP, &["post"]).await.unwrap(), 0);
    world.admin.batch_execute("insert into statehouse.tenant (slug, name) values ('thriðji', 'x')").await.unwrap_err();
    world.admin.batch_execute("insert into statehouse.tenant (slug, name) values ('third', 'x')").await.unwrap();
    assert_eq!(effects::open_gates(&world.worker, APP, &["post", "post", "text"]).await.unwrap(), 2);
    assert_eq!(effects::report_gate(&world.worker, &Report { connector: "nobody", ..report(0, 9) }).await.unwrap(), "closed");
}
