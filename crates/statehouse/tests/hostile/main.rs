//! Hostile traffic against the shipped binary, while people who mean it go on working.
//!
//! `server` the binary under attack · `wire` HTTP by hand · `traffic` the people · `attack` the others · `cpu` whose the
//! processors were. Quiet and hostile windows alternate within one run, because a machine is never as fast twice; the figures
//! are printed.

mod attack;
mod cpu;
mod server;
mod traffic;
mod wire;

use std::time::{Duration, Instant};

use statehouse_testkit::people::NORDUR;
use statehouse_testkit::{Cluster, app, orders};

use attack::Attack;
use server::Server;
use traffic::Window;

/// Windows of each kind, for each attack: more are looked at while the middle ones are too far apart, since whatever else
/// the machine does falls on some of them. A server that is really slowed down stays too slow in all of them.
const ROUNDS: usize = 3;
const ROUNDS_MAX: usize = 9;
/// Requests at once when the pool is exhausted, and the connections it has by default.
const CALLERS: usize = 60;
const POOL: usize = 16;
const GROWTH_MAX_KIB: u64 = 64 << 10;

#[test]
fn people_go_on_working() {
    attack::raise_the_limit_of_open_files();
    let cluster = Cluster::shared();
    let db = cluster.database_from(&app::template(cluster, &app::folder("orders")), "hostile");
    for number in 0..20 {
        orders::client(&db, NORDUR, &format!("client {number}"), 100_000);
    }
    let server = Server::start(&db.url("postgres"));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    runtime.block_on(async {
        traffic::window(&server, Duration::from_secs(2)).await;
        let before_kib = server.rss_kib();
        let mut most_kib = before_kib;
        let (mut told, mut wrong) = (Vec::new(), Vec::new());
        for kind in [Attack::SlowLoris, Attack::GiantBodies, Attack::InvalidKeys] {
            let (mut quiet, mut hostile) = (Vec::new(), Vec::new());
            for round in 1..=ROUNDS_MAX {
                quiet.push(traffic::window(&server, Duration::from_secs(3)).await);
                let attackers = attack::begin(kind, server.address).await;
                hostile.push(traffic::window(&server, Duration::from_secs(4)).await);
                most_kib = most_kib.max(server.rss_kib());
                let count = attackers.end().await;
                told.push(format!("{kind:?}: {count}"));
                for (name, windows) in [("quiet", &quiet), ("hostile", &hostile)] {
                    let Some(Window { p50, p99, used, .. }) = windows.last() else { continue };
                    eprintln!("{kind:?} {name}: p50 {p50:.1?}, p99 {p99:.1?}; percent of a processor: {used}");
                }
                if round >= ROUNDS && Window::typical_p99(&hostile) <= Window::typical_p99(&quiet) * 2 {
                    break;
                }
            }
            let recovered = recovery(&server, Window::typical_p99(&quiet)).await;
            let (calm, under) = (Window::typical_p99(&quiet), Window::typical_p99(&hostile));
            eprintln!(
                "{kind:?}: p99 quiet {calm:.1?} (windows {:.1?}), hostile {under:.1?} (windows {:.1?}), ratio {:.2}, refused to the good {}, recovered in {recovered:.1?}",
                quiet.iter().map(|window| window.p99).collect::<Vec<_>>(),
                hostile.iter().map(|window| window.p99).collect::<Vec<_>>(),
                under.as_secs_f64() / calm.as_secs_f64(),
                hostile.iter().map(|window| window.refused).sum::<usize>(),
            );
            let turned_down = hostile.iter().chain(&quiet).map(|window| window.refused).sum::<usize>();
            if turned_down > 0 {
                wrong.push(format!("{kind:?}: {turned_down} requests of people who mean it were refused"));
            }
            if under > calm * 2 {
                wrong.push(format!("{kind:?}: p99 {under:?}, quiet {calm:?}"));
            }
            if recovered > Duration::from_secs(5) {
                wrong.push(format!("{kind:?}: recovered only after {recovered:?}"));
            }
        }
        eprintln!("{}", told.join("\n"));
        let growth_kib = most_kib.saturating_sub(before_kib);
        eprintln!("memory: {before_kib} KiB before, {most_kib} KiB at most, growth {growth_kib} KiB");
        assert!(growth_kib <= GROWTH_MAX_KIB, "memory grew by {growth_kib} KiB");
        exhausted(&server, &db).await;
        // Said last, so that every figure is there to be read.
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}

/// How long until the people are served as before.
async fn recovery(server: &Server, calm: Duration) -> Duration {
    let began = Instant::now();
    for _ in 0..20 {
        let window = traffic::window(server, Duration::from_millis(500)).await;
        if window.refused == 0 && window.p99 <= calm * 2 {
            break;
        }
    }
    began.elapsed().saturating_sub(Duration::from_millis(500))
}

/// Every connection to the database waits for a lock; whoever comes is answered all the same.
async fn exhausted(server: &Server, db: &statehouse_testkit::TestDatabase) {
    let other = db.connect_as_superuser().await;
    other.batch_execute("begin; lock table orders.client in access exclusive mode").await.expect("locked");
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..CALLERS {
        callers.spawn(wire::ask(server.address, wire::get("/v1/client", traffic::KEY)));
    }
    // Those who hold a connection wait for the lock; everybody else is told to come again.
    let mut refused = Vec::new();
    while refused.len() < CALLERS - POOL {
        let answered = tokio::time::timeout(Duration::from_secs(10), callers.join_next()).await.expect("nobody was told to come again");
        let (status, took) = answered.expect("somebody").expect("joined").expect("an answer");
        assert_eq!(status, 503, "served in spite of the lock");
        refused.push(took);
    }
    let ready = wire::ask(server.address, wire::get("/health/ready", traffic::KEY)).await.expect("an answer");
    other.batch_execute("rollback").await.expect("unlocked");
    let freed = Instant::now();
    while wire::ask(server.address, wire::get("/v1/client", traffic::KEY)).await.expect("an answer").0 != 200 {
        assert!(freed.elapsed() < Duration::from_secs(5), "not served again");
    }
    let recovered = freed.elapsed();
    while let Some(answered) = callers.join_next().await {
        assert_eq!(answered.expect("joined").expect("an answer").0, 200, "who had a connection is served");
    }
    let slowest = refused.iter().max().copied().unwrap_or_default();
    eprintln!("pool exhausted: 503 within {slowest:.1?}, health {} meanwhile, served again {recovered:.1?} after", ready.0);
    assert!(slowest <= Duration::from_secs(1), "503 took {slowest:?}");
    assert_eq!(ready.0, 200);
}
