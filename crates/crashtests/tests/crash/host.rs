//! What happens to the host rather than to the worker: it sleeps, its line to the database is cut, its database is another.

use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;
use statehouse_crashtests::check::Breach;
use statehouse_crashtests::program;
use statehouse_crashtests::proxy::{Cut, Proxy};
use statehouse_crashtests::run::judge;
use statehouse_crashtests::scene::{BOUND, Run, Scene};
use statehouse_crashtests::wait;
use statehouse_testkit::Cluster;

/// Transactions of the worker that are cut where they commit.
const CUT: [&str; 6] = ["claim_effects", "mark_sending", "settle_effects", "settle_call", "recover_effects", "ring_timer"];

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_is_cut_applies_once() {
    let mut scene = Scene::new(&program::under_test(false), "cut").await;
    let dir = tempfile::tempdir().expect("a directory");
    let proxy = Proxy::start(dir.path(), Cluster::shared().socket_dir()).expect("a proxy");
    let through = Run { points: false, through: Some(dir.path().to_owned()), ..Run::default() };
    let worker = scene.worker(&through);
    let (mut cuts, mut lapsed) = (0, Vec::new());
    for naming in CUT {
        for cut in Cut::ALL {
            proxy.arm(cut, naming);
            scene.pass("61 minutes").await;
            scene.owe(3, 3).await;
            if naming == "recover_effects" {
                // Only where a lease has run out is there something to commit; a look that finds none may be cut as well.
                scene.pass("2 minutes").await;
            }
            let cut_in_time = tokio::time::timeout(BOUND, proxy.has_cut(cuts + 1)).await;
            assert!(cut_in_time.is_ok(), "{naming} was not cut {cut:?}");
            cuts += 1;
            assert!(scene.rests_at_last(&worker).await, "{naming} {cut:?}: it does not come to rest:\n{}", worker.process.said());
            if naming == "recover_effects" {
                // The leases of a living worker have run out under it: what it was sending just then is in doubt.
                lapsed.push(scene.rows.effects().await);
            }
            let breaches = judge(&mut scene, &lapsed, true).await;
            assert_eq!(breaches, Vec::<Breach>::new(), "{naming} {cut:?}");
        }
    }
    println!("{cuts} commits cut, none applied twice");
}

/// Leases by the real clock, because the fence of a sleeper is its own.
#[tokio::test(flavor = "multi_thread")]
async fn who_sleeps_past_its_lease_writes_and_sends_nothing() {
    for point in ["connect.send:before", "store.mark_sending:before", "store.settle_effects:before", "store.settle_call:before"] {
        let mut scene = Scene::new(&program::under_test(false), "zombie").await;
        scene.rows.run("create or replace function statehouse.now() returns timestamptz language sql stable parallel safe as 'select pg_catalog.now()'").await;
        let short = Run { env: vec![("STATEHOUSE_WORKER__LEASE_S".into(), "2".into())], ..Run::default() };
        let sleeper = scene.worker(&short);
        // What is asked of customs is sent too, so that the first who sends need not send an effect; each of three providers is
        // sent one at first.
        let many = if point == "connect.send:before" { 3 } else { 1 };
        if many > 1 {
            scene.points.hold_only(point)
        } else {
            scene.points.hold_from(point, 1)
        }
        scene.owe(4, 4).await;
        let stand = || scene.points.held().iter().filter(|name| *name == point).count();
        assert!(wait::within(BOUND, async || stand() >= many).await, "{point} is not reached:\n{}", sleeper.process.said());
        sleeper.process.signal(Signal::SIGSTOP);
        let over = "select count(*) from statehouse.effect where state = 'leased' and leased_until > pg_catalog.now()";
        assert!(wait::within(BOUND, async || scene.count(over).await == 0).await, "leases do not run out");
        // What it was sending when it fell asleep is in doubt.
        let asleep = [scene.rows.effects().await];
        // Its own leases are as long as ever: a slow machine must not take them from it.
        let second = scene.worker(&Run { points: false, ..Run::default() });
        // A message that the sleeper had in hand moves its record once its lease has run out, and that owes something again.
        let open = "select (select count(*) from statehouse.effect where state in ('due', 'leased')) + (select count(*) from statehouse.message where state in ('due', 'leased'))";
        assert!(wait::within(BOUND, async || scene.count(open).await == 0).await, "{point}: nobody takes over:\n{}", second.process.said());
        let (effects, calls) = (scene.rows.effects().await, scene.provider.calls().len());
        // It wakes, and goes on where it stood.
        sleeper.process.signal(Signal::SIGCONT);
        scene.points.open().await;
        let greeted = scene.points.seen().get("store.claim_effects:before").copied().unwrap_or(0) + 3;
        let goes_on =
            wait::within(BOUND, async || scene.points.seen().get("store.claim_effects:before").copied().unwrap_or(0) >= greeted).await;
        assert!(goes_on, "{point}: the sleeper does not go on:\n{}", sleeper.process.said());
        assert_eq!(scene.provider.calls().len(), calls, "{point}: a late send");
        assert_eq!(scene.rows.effects().await, effects, "{point}: a late write");
        let breaches: Vec<Breach> = judge(&mut scene, &asleep, true).await;
        assert_eq!(breaches, [], "{point}");
        drop((sleeper, second));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_backup_holds_what_it_owed() {
    let mut scene = Scene::new(&program::under_test(false), "origin").await;
    let first = scene.worker(&Run::default());
    scene.owe(3, 3).await;
    assert!(scene.rests(&first).await, "it does not come to rest");
    scene.kill(first).await;
    let owed = scene.owe(3, 3).await;
    assert!(owed > 0);
    let restored = Cluster::shared().database("restored");
    let bin = statehouse_postgres::Binaries::find(None).expect("binaries");
    let tool = |name: &str| {
        let mut command = Command::new(bin.program(name));
        command.arg("--host").arg(Cluster::shared().socket_dir()).args(["--username", "postgres", "--port", "5432"]);
        command
    };
    let file = scene.dir().join("backup");
    let dumped = tool("pg_dump").args(["--format", "custom", "--file"]).arg(&file).arg(scene.db.name()).status().expect("pg_dump");
    let loaded = tool("pg_restore").args(["--dbname", restored.name()]).arg(&file).status().expect("pg_restore");
    assert!(dumped.success() && loaded.success(), "the backup is not whole");
    let calls = scene.provider.calls().len();
    let origin = std::mem::replace(&mut scene.db, restored);
    let second = scene.worker(&Run { points: false, ..Run::default() });
    let held = "select count(*) from statehouse.effect where state = 'held'";
    let stands = wait::within(BOUND, async || scene.db.value_as_superuser(held) == owed.to_string()).await;
    assert!(stands, "what was owed is not held:\n{}", second.process.said());
    // It looks again and again, and sends none of it; what messages of the backup bring about now is of the new epoch.
    let keys: Vec<String> = scene.rows.effects().await.iter().map(statehouse_crashtests::facts::Effect::key).collect();
    let mut again =
        || scene.provider.calls()[calls..].iter().filter(|call| call.of().is_some_and(|key| keys.iter().any(|old| old == key))).count();
    let _ = wait::within(Duration::from_secs(1), async || again() > 0).await;
    assert_eq!(again(), 0, "a restored database sends by itself");
    let epoch = "select count(*) from statehouse.effect where state in ('due', 'leased') and epoch = 1";
    assert_eq!(scene.db.value_as_superuser(epoch), "0");
    drop((second, origin));
}

/// Its sessions end under it, again and again, while it works.
#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_end_lose_nothing() {
    let mut scene = Scene::new(&program::under_test(false), "terminated").await;
    let mut worker = scene.worker(&Run { points: false, ..Run::default() });
    // One that loses its first session while it begins says so and ends.
    worker.process.says(|line| line.contains("works for").then_some(())).await;
    for _ in 0..10 {
        scene.owe(4, 4).await;
        scene.rows.run("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'statehouse_worker' and datname = current_database()").await;
        assert!(scene.rests_at_last(&worker).await, "it does not come to rest:\n{}", worker.process.said());
        assert_eq!(judge(&mut scene, &[], true).await, Vec::<Breach>::new());
    }
}
