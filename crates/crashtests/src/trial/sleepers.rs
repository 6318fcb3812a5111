//! Who lost the lease writes and sends nothing, and who works does not lose it.

use std::path::Path;
use std::time::Duration;

use nix::sys::signal::Signal;

use super::{Held, holds, holds_all, rests, stand, tail};
use crate::check::Invariant::{Fences, Quiet, Zombie};
use crate::scene::{BOUND, Run, Scene, Worker};
use crate::wait;

pub(super) async fn run(program: &Path) -> Held {
    keeps(program).await?;
    overtaken(program).await?;
    for point in ["connect.send:before", "store.settle_effects:before"] {
        sleeps(program, point).await?;
    }
    Ok(())
}

fn leased(seconds: u32, points: bool) -> Run {
    Run { points, env: vec![("STATEHOUSE_WORKER__LEASE_S".into(), seconds.to_string())], ..Run::default() }
}

/// A lease is kept for as long as somebody is at it.
async fn keeps(program: &Path) -> Held {
    let mut scene = Scene::new(program, "keeps").await;
    let worker = scene.worker(&leased(4, true));
    scene.points.hold_only("connect.send:after");
    scene.owe(1, 1).await;
    stand(&scene, "connect.send:after", 3, "kept").await?;
    let ends = "select min(leased_until)::text from statehouse.effect where state = 'leased'";
    let before = scene.rows.value(ends).await;
    scene.pass("2 seconds").await;
    let kept = wait::within(Duration::from_secs(6), async || scene.rows.value(ends).await > before).await;
    holds(Fences, kept, "a lease is not kept while somebody is at it")?;
    scene.points.open().await;
    rests(&scene, &worker, "kept").await?;
    holds_all(&mut scene, &[], false, "kept").await
}

/// It wakes while another has in hand what was its own.
async fn overtaken(program: &Path) -> Held {
    let point = "store.settle_effects:before";
    let mut scene = Scene::new(program, "overtaken").await;
    let first = scene.worker(&leased(24, true));
    scene.points.hold_only(point);
    scene.owe(2, 0).await;
    stand(&scene, point, 1, "overtaken").await?;
    // Nobody stands between the fence, which is of the real clock, and the first byte.
    let seen = |name: &str| scene.points.seen().get(name).copied().unwrap_or(0);
    let due = "select count(*) from statehouse.effect where state = 'due' and due_at <= statehouse.now()";
    let all_sent = wait::within(BOUND, async || {
        scene.count(due).await == 0 && seen("connect.send:before") >= 8 && seen("connect.send:before") == seen("connect.send:after")
    })
    .await;
    holds(Quiet, all_sent, "not everything is sent")?;
    first.process.signal(Signal::SIGSTOP);
    let at_loss = scene.rows.effects().await;
    scene.pass("25 seconds").await;
    let second = scene.worker(&leased(24, true));
    // The one that sleeps stands there as well.
    stand(&scene, point, 2, "overtaken").await?;
    let theirs = format!("select count(*) from statehouse.effect where state = 'leased' and worker = '{}'", second.id);
    let before = scene.count(&theirs).await;
    let settled = scene.points.seen().get("store.settle_effects:after").copied().unwrap_or(0);
    first.process.signal(Signal::SIGCONT);
    scene.points.release(point).await;
    let went = wait::within(BOUND, async || scene.points.seen().get("store.settle_effects:after").copied().unwrap_or(0) > settled).await;
    holds(Quiet, went, "it does not go on")?;
    holds(Fences, before > 0 && scene.count(&theirs).await >= before, "it settles what another has in hand")?;
    scene.points.open().await;
    rests(&scene, &second, "overtaken").await?;
    holds_all(&mut scene, &[at_loss], false, "overtaken").await?;
    drop((first, second));
    Ok(())
}

/// Stopped until its lease is over by all clocks.
async fn sleeps(program: &Path, point: &str) -> Held {
    let mut scene = Scene::new(program, "sleeps").await;
    scene.rows.run("create or replace function statehouse.now() returns timestamptz language sql stable parallel safe as 'select pg_catalog.now()'").await;
    let sleeper = scene.worker(&leased(2, true));
    scene.points.hold_from(point, 1);
    scene.owe(3, 2).await;
    stand(&scene, point, 1, "asleep").await?;
    sleeper.process.signal(Signal::SIGSTOP);
    let at_loss = scene.rows.effects().await;
    let over = "select count(*) from statehouse.effect where state = 'leased' and leased_until > pg_catalog.now()";
    holds(Quiet, wait::within(BOUND, async || scene.count(over).await == 0).await, "leases do not run out")?;
    let second = scene.worker(&leased(2, false));
    let open = "select count(*) from statehouse.effect where state in ('due', 'leased')";
    let done = wait::within(BOUND, async || scene.count(open).await == 0).await;
    holds(Quiet, done, format!("{point}: nobody takes over:\n{}", tail(&second.process.said())))?;
    let (effects, calls) = (scene.rows.effects().await, scene.provider.calls().len());
    sleeper.process.signal(Signal::SIGCONT);
    goes_on(&scene, &sleeper).await?;
    holds(Zombie, scene.provider.calls().len() == calls, format!("{point}: a late send"))?;
    holds(Fences, scene.rows.effects().await == effects, format!("{point}: a late write"))?;
    holds_all(&mut scene, &[at_loss], true, point).await?;
    drop((sleeper, second));
    Ok(())
}

/// Nobody is held, and it comes round a few times.
async fn goes_on(scene: &Scene, worker: &Worker) -> Held {
    let round = || scene.points.seen().get("store.claim_effects:before").copied().unwrap_or(0);
    let wanted = round() + 3;
    scene.points.open().await;
    let goes_on = wait::within(BOUND, async || {
        scene.rows.value("select pg_notify('statehouse_due', '')").await;
        round() >= wanted
    })
    .await;
    holds(Quiet, goes_on, format!("a sleeper does not go on:\n{}", tail(&worker.process.said())))
}
