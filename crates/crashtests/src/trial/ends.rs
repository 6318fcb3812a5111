//! Outcomes that cannot be written, commits that are cut, another epoch.

use std::path::Path;

use statehouse_testkit::Cluster;

use super::{Held, counts, free, holds, holds_all, rests, stand, tail};
use crate::check::Breach;
use crate::check::Invariant::{Calls, Doubt, Missing, Quiet, Restored};
use crate::facts::{Call, Effect};
use crate::proxy::{Cut, Proxy};
use crate::scene::{BOUND, Run, Scene};

const AGAIN: &str = "select count(*) from statehouse.effect where attempt > 1";
const UNKNOWN: &str = "select count(*) from statehouse.effect where state = 'unknown'";

pub(super) async fn run(program: &Path) -> Held {
    restored(program).await?;
    refused(program).await?;
    cut(program).await
}

/// What was owed where the database was is held where it is.
async fn restored(program: &Path) -> Held {
    let mut scene = Scene::new(program, "restored").await;
    let first = scene.worker(&free());
    scene.owe(2, 1).await;
    rests(&scene, &first, "restored").await?;
    scene.kill(first).await;
    let owed = scene.owe(2, 2).await;
    let calls = scene.provider.calls().len();
    scene.rows.run("update statehouse.setting set value = 'elsewhere' where name = 'home'").await;
    let second = scene.worker(&free());
    let held = counts(&scene, "select count(*) from statehouse.effect where state = 'held'", owed, BOUND).await;
    holds(Restored, held, format!("what was owed is not held:\n{}", tail(&second.process.said())))?;
    holds(Restored, scene.provider.calls().len() == calls, "a restored database sends by itself")
}

/// The law does not let it be written that a call is done: then it is said to be unknown, and nobody sends it again.
async fn refused(program: &Path) -> Held {
    let mut scene = Scene::new(program, "refused").await;
    scene
        .rows
        .run(
            "create function public.refuse_charged() returns trigger language plpgsql as $$
             begin perform statehouse.refuse('SH4004', 'not now', '{}', 'wait'); return null; end $$;
             create trigger refuse_charged after update on proof.payment for each row when (new.state = 'charged') execute function public.refuse_charged()",
        )
        .await;
    let worker = scene.worker(&free());
    scene.owe(1, 2).await;
    let unknown = counts(&scene, UNKNOWN, 2, BOUND).await;
    holds(Calls, unknown, format!("a call whose outcome is refused is not said to be unknown:\n{}", tail(&worker.process.said())))?;
    let charges: Vec<String> = scene.rows.effects().await.iter().filter(|effect| effect.verb == "charge").map(Effect::key).collect();
    let of_them = |call: &&Call| call.is_send() && call.of().is_some_and(|key| charges.iter().any(|charge| charge == key));
    let sent = scene.provider.calls().iter().filter(of_them).count();
    holds(Calls, sent == 2, format!("two calls were sent {sent} times"))
}

/// The line is cut where a transaction commits. The worker lives and knows what it was told, so nobody is left in doubt.
async fn cut(program: &Path) -> Held {
    let mut scene = Scene::new(program, "cut").await;
    let dir = tempfile::tempdir().map_err(|cause| Breach::new(Quiet, cause.to_string()))?;
    let proxy = Proxy::start(dir.path(), Cluster::shared().socket_dir()).map_err(|cause| Breach::new(Quiet, cause.to_string()))?;
    let through = |points| Run { points, through: Some(dir.path().to_owned()), ..Run::default() };
    let worker = scene.worker(&through(false));
    for _ in 0..2 {
        scene.owe(0, 3).await;
        rests(&scene, &worker, "cut").await?;
    }
    let mut cuts = 0;
    for naming in ["mark_sending", "settle_effects", "settle_call", "apply_message"] {
        for cut in Cut::ALL {
            let again = scene.count(AGAIN).await;
            proxy.arm(cut, naming);
            scene.pass("61 minutes").await;
            scene.owe(2, 3).await;
            cuts += 1;
            let what = format!("{naming} {cut:?}");
            let was_cut = tokio::time::timeout(BOUND, proxy.has_cut(cuts)).await.is_ok();
            holds(Quiet, was_cut, format!("{what} was not cut"))?;
            rests(&scene, &worker, &what).await?;
            holds(Doubt, scene.count(UNKNOWN).await == 0, format!("{what}: what the worker knows is not written"))?;
            // Before a send it is given back; after it the worker says again what it knows, and nobody else has to find out.
            let again = scene.count(AGAIN).await - again;
            holds(Missing, naming == "mark_sending" || again == 0, format!("{what}: {again} were taken up again"))?;
            holds_all(&mut scene, &[], false, &what).await?;
        }
    }
    scene.kill(worker).await;
    // It could not write down that it sends, and dies in the middle.
    scene.pass("61 minutes").await;
    let worker = scene.worker(&through(true));
    proxy.arm(Cut::BeforeForward, "mark_sending");
    scene.points.hold_only("connect.send:after");
    scene.owe(3, 0).await;
    let was_cut = tokio::time::timeout(BOUND, proxy.has_cut(cuts + 1)).await.is_ok();
    holds(Quiet, was_cut, "mark_sending was not cut")?;
    stand(&scene, "connect.send:after", 2, "cut").await?;
    // The one that was cut may come there as well.
    let sent = || scene.points.held().iter().filter(|name| *name == "connect.send:after").count();
    let _ = crate::wait::within(std::time::Duration::from_secs(1), async || sent() >= 4).await;
    let at_kill = scene.kill(worker).await;
    let next = scene.worker(&free());
    rests(&scene, &next, "cut").await?;
    holds_all(&mut scene, &[at_kill], false, "a send that could not be written down").await
}
