//! Who lost the lease writes and sends nothing, and who works does not lose it.

use std::path::Path;
use std::time::Duration;

use nix::sys::signal::Signal;

use super::{Held, counts, holds, holds_all, rests, stand, tail};
use crate::check::Invariant::{Fences, Quiet, Zombie};
use crate::scene::{BOUND, Run, Scene, Worker};
use crate::wait;

/// What is owed, now or later, and in whose hands ever.
const OPEN: &str = "select (select count(*) from statehouse.effect where state in ('due', 'leased'))
    + (select count(*) from statehouse.message where state in ('due', 'leased'))
    + (select count(*) from statehouse.slot where state in ('due', 'leased'))
    + (select count(*) from statehouse.timer where due_at <= statehouse.now())";

const LEASED: &str = "select count(*) from statehouse.effect where state = 'leased'";

pub(super) async fn run(program: &Path) -> Held {
    keeps(program).await?;
    overtaken(program).await?;
    told(program).await?;
    unmarked(program).await?;
    for point in ["connect.send:before", "store.settle_effects:before"] {
        sleeps(program, point).await?;
    }
    Ok(())
}

fn leased(seconds: u32, points: bool) -> Run {
    Run { points, env: vec![("STATEHOUSE_WORKER__LEASE_S".into(), seconds.to_string())], ..Run::default() }
}

/// Takes no more in hand than so many.
fn busy(run: Run, batch: u32) -> Run {
    let env = [run.env, vec![("STATEHOUSE_WORKER__BATCH".into(), batch.to_string())]].concat();
    Run { env, ..run }
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
    let due = "select count(*) from statehouse.effect where state = 'due' and due_at <= statehouse.now()";
    let all_sent = wait::within(BOUND, async || {
        scene.count(due).await == 0
            && seen(&scene, "connect.send:before") >= 8
            && seen(&scene, "connect.send:before") == seen(&scene, "connect.send:after")
    })
    .await;
    holds(Quiet, all_sent, "not everything is sent")?;
    first.process.signal(Signal::SIGSTOP);
    let at_loss = scene.rows.effects().await;
    // It may stand there more than once, with some each time.
    let stood = scene.points.held().len();
    scene.pass("25 seconds").await;
    let second = scene.worker(&leased(24, true));
    let theirs = format!("select count(*) from statehouse.effect where state = 'leased' and worker = '{}'", second.id);
    let in_hand = wait::within(BOUND, async || scene.count(&theirs).await > 0).await;
    holds(Quiet, in_hand, format!("nobody takes over:\n{}", tail(&second.process.said())))?;
    stand(&scene, point, stood + 1, "overtaken").await?;
    let before = scene.count(&theirs).await;
    let settled = seen(&scene, "store.settle_effects:after");
    first.process.signal(Signal::SIGCONT);
    scene.points.release(point).await;
    let went = wait::within(BOUND, async || seen(&scene, "store.settle_effects:after") > settled).await;
    holds(Quiet, went, "it does not go on")?;
    holds(Fences, before > 0 && scene.count(&theirs).await >= before, "it settles what another has in hand")?;
    scene.points.open().await;
    rests(&scene, &second, "overtaken").await?;
    holds_all(&mut scene, &[at_loss], false, "overtaken").await?;
    drop((first, second));
    Ok(())
}

/// The clock of the database jumps ahead, so that its leases are over long before it would think so. From the next
/// heartbeat it knows, and begins nothing more of what was its own.
async fn told(program: &Path) -> Held {
    let point = "connect.send:before";
    let mut scene = Scene::new(program, "told").await;
    let first = scene.worker(&busy(leased(20, true), 6));
    scene.points.hold_only(point);
    // All of class K: the provider knows again what is on its way already.
    scene.owe(0, 6).await;
    holds(Quiet, counts(&scene, LEASED, 6, BOUND).await, "not everything is claimed")?;
    stand(&scene, point, 1, "told").await?;
    let at_loss = scene.rows.effects().await;
    scene.pass("21 seconds").await;
    let before = seen(&scene, "store.beat_effects:before");
    let second = scene.worker(&leased(60, false));
    rests(&scene, &second, "told").await?;
    holds(
        Quiet,
        wait::within(BOUND, async || seen(&scene, "store.beat_effects:after") > before).await,
        "nobody asks whether a lease is still its own",
    )?;
    let stood = scene.points.held().len();
    let sent = scene.provider.calls().len();
    scene.points.open().await;
    let went = async |many, bound| wait::within(bound, async || seen(&scene, "connect.send:after") >= many).await;
    holds(Quiet, went(stood as u64, BOUND).await, "it does not go on")?;
    // Whoever begins another would do so now.
    let _ = went(stood as u64 + 1, Duration::from_secs(1)).await;
    let late = scene.provider.calls().len() - sent;
    holds(Zombie, late <= stood, format!("told that its leases are over, it begins {late} sends, and {stood} had begun"))?;
    holds_all(&mut scene, &[at_loss], false, "told").await?;
    drop((first, second));
    Ok(())
}

/// Its lease ends while it is about to write down that it sends: it is told no, and does not.
async fn unmarked(program: &Path) -> Held {
    let point = "store.mark_sending:before";
    let mut scene = Scene::new(program, "unmarked").await;
    let before = scene.worker(&leased(60, false));
    // Payments that have come so far that what they owe next is of class N.
    for payments in [4, 0] {
        scene.owe(0, payments).await;
        rests(&scene, &before, "unmarked").await?;
        holds_all(&mut scene, &[], false, "unmarked").await?;
    }
    scene.kill(before).await;
    let first = scene.worker(&busy(leased(120, true), 4));
    scene.points.hold_only(point);
    scene.owe(0, 0).await;
    holds(Quiet, counts(&scene, LEASED, 4, BOUND).await, "not everything is claimed")?;
    stand(&scene, point, 1, "unmarked").await?;
    let at_loss = scene.rows.effects().await;
    scene.pass("121 seconds").await;
    let second = scene.worker(&leased(60, false));
    rests(&scene, &second, "unmarked").await?;
    let (effects, sent) = (scene.rows.effects().await, scene.provider.calls().len());
    goes_on(&scene, &first).await?;
    let asked = async |many, bound| wait::within(bound, async || seen(&scene, "store.mark_sending:after") >= many).await;
    holds(Quiet, asked(1, BOUND).await, "it does not go on")?;
    let _ = asked(4, Duration::from_secs(1)).await;
    holds(Zombie, scene.provider.calls().len() == sent, "what could not be written down is sent")?;
    holds(Fences, scene.rows.effects().await == effects, "a late write")?;
    holds_all(&mut scene, &[at_loss], false, "unmarked").await?;
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
    // Messages too: what they move owes something more.
    let done = wait::within(BOUND, async || scene.count(OPEN).await == 0).await;
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

/// How often a point was reached.
fn seen(scene: &Scene, point: &str) -> u64 {
    scene.points.seen().get(point).copied().unwrap_or(0)
}

/// Nobody is held, and it comes round a few times.
async fn goes_on(scene: &Scene, worker: &Worker) -> Held {
    let round = || seen(scene, "store.claim_effects:before");
    let wanted = round() + 3;
    scene.points.open().await;
    let goes_on = wait::within(BOUND, async || {
        scene.rows.value("select pg_notify('statehouse_due', '')").await;
        round() >= wanted
    })
    .await;
    holds(Quiet, goes_on, format!("a sleeper does not go on:\n{}", tail(&worker.process.said())))
}
