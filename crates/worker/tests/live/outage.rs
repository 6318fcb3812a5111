//! A worker that runs: woken, not woken, without a database for a while, and told to stop.

use std::sync::Arc;
use std::time::Duration;

use statehouse_sandbox::{Mode, Switch};
use statehouse_worker::{Turned, Worker};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::world::World;

/// A worker that runs until it is told to stop.
struct Running {
    stop: Arc<Notify>,
    ended: JoinHandle<Turned>,
}

impl Running {
    fn start(worker: Worker) -> Running {
        let stop = Arc::new(Notify::new());
        let told = Arc::clone(&stop);
        Running { stop, ended: tokio::spawn(worker.run(async move { told.notified().await })) }
    }

    async fn stop(self) -> Turned {
        self.stop.notify_one();
        tokio::time::timeout(Duration::from_secs(60), self.ended).await.expect("it ends in time").expect("it ends well")
    }
}

fn titles(what: &str, many: usize) -> Vec<String> {
    (0..many).map(|nth| format!("{what}{nth}")).collect()
}

fn texts(all: &[String]) -> Vec<&str> {
    all.iter().map(String::as_str).collect()
}

/// Whoever sleeps is rung: an effect is sent long before the sleeper would look by itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_wakes_the_worker() {
    let mut world = World::new().await;
    world.settings.worker.poll_ms = 600_000;
    let running = Running::start(world.worker("one").await);
    let asleep = "select count(*) from pg_locks where locktype = 'advisory' and classid = x'5348'::int and mode = 'ExclusiveLock' and granted \
                  and database = (select oid from pg_database where datname = current_database())";
    bounded("it lies down", async || world.ask(asleep).await == "1").await;
    world.notes(&["a"], "tell_k");
    assert!(world.sandbox.until(|sandbox| sandbox.effects("k").len() == 1).await, "it was not woken");
    assert_eq!(running.stop().await.done, 1);
}

/// E20: nobody rings, and it is found all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_notification_is_found_by_looking() {
    let world = World::new().await;
    world.ask("create or replace function statehouse.ring() returns void language sql begin atomic select null::void; end").await;
    let running = Running::start(world.worker("one").await);
    world.notes(&["a"], "tell_k");
    assert!(world.sandbox.until(|sandbox| sandbox.effects("k").len() == 1).await, "it was not found");
    assert_eq!(running.stop().await.done, 1);
}

/// A ring while outcomes are being written down breaks nothing off: no lease is kept without anybody at work on it.
#[tokio::test(flavor = "multi_thread")]
async fn a_ring_while_outcomes_are_written_loses_none() {
    let world = World::new().await;
    let running = Running::start(world.worker("one").await);
    let scene = world.db.connect_as_superuser().await;
    for nth in 0..5 {
        world.sandbox.fault(Switch::new("k", Mode::Slow).ms(200).times(1)).expect("a switch");
        world.notes(&[&format!("a{nth}")], "tell_k");
        bounded("it is sent", async || world.sandbox.effects("k").len() == 2 * nth + 1).await;
        // The effect is held, so that writing its outcome waits; meanwhile something else becomes due, which rings.
        scene.batch_execute("begin; select from statehouse.effect where state = 'leased' for update").await.expect("held");
        world.notes(&[&format!("b{nth}")], "tell_k");
        bounded("the other is sent", async || world.sandbox.effects("k").len() == 2 * nth + 2).await;
        scene.batch_execute("commit").await.expect("let go");
        bounded("both are written down", async || world.states().await == format!("done {}", 2 * nth + 2)).await;
    }
    running.stop().await;
}

/// P3: its connections are cut again and again, and everything is done once.
#[tokio::test(flavor = "multi_thread")]
async fn cut_connections_lose_nothing() {
    let world = World::new().await;
    let running = Running::start(world.worker("one").await);
    let cut = "select count(pg_terminate_backend(pid)) from pg_stat_activity where usename = 'statehouse_worker' and datname = current_database()";
    let mut owed = 0;
    for nth in 0..6 {
        for class in ["k", "q", "n"] {
            let some = titles(&format!("{class}{nth}-"), 10);
            world.notes(&texts(&some), &format!("tell_{class}"));
            owed += 10;
            world.ask(cut).await;
        }
    }
    // What was lent when its connection was cut comes back when the lease has run out.
    bounded("all come to an end", async || {
        world.wait(Duration::from_secs(5)).await;
        world.ask("select count(*) from statehouse.effect where state not in ('done', 'unknown')").await == "0"
    })
    .await;
    running.stop().await;
    assert_eq!(world.ask("select count(*) from statehouse.effect").await, owed.to_string());
    assert_eq!((world.effects("k"), world.effects("q")), (vec![1; 60], vec![1; 60]));
    assert!(world.effects("n").iter().all(|times| *times == 1));
    let done: usize =
        world.ask("select count(*) from statehouse.effect where state = 'done' and connector = 'n'").await.parse().expect("a number");
    assert!(world.effects("n").len() >= done);
    assert_eq!(world.ask("select count(*) from statehouse.effect where state = 'unknown' and connector <> 'n'").await, "0");
}

/// Told to stop: what is under way is finished, the rest is given back and counts for nothing.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_sent_is_given_back() {
    let mut world = World::new().await;
    world.settings.worker.concurrency = 2;
    world.sandbox.fault(Switch::new("k", Mode::Slow).ms(1000)).expect("a switch");
    let all = titles("n", 20);
    world.notes(&texts(&all), "tell_k");
    let running = Running::start(world.worker("one").await);
    assert!(world.sandbox.until(|sandbox| !sandbox.effects("k").is_empty()).await);
    let turned = running.stop().await;
    assert!(turned.done >= 1 && turned.done < 20, "{turned:?}");
    assert_eq!(world.states().await, format!("done {}, due {}", turned.done, 20 - turned.done));
    assert_eq!(world.effects("k").len(), turned.done as usize);
    assert_eq!(world.ask("select bool_and(attempt = spared) from statehouse.effect where state = 'due'").await, "t");
}

async fn bounded(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(60), waiting).await.is_ok(), "{what}");
}
