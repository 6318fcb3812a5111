//! Killed at a few points, and told to end in the middle of things.

use std::path::Path;

use nix::sys::signal::Signal;

use super::{Held, free, holds_all, rests, stand};
use crate::scene::{Run, Scene};

/// Where it dies, and how many stand there then: one in each lane to a provider.
const POINTS: [(&str, usize); 8] = [
    ("connect.send:after", 3),
    ("connect.send:before", 3),
    ("store.mark_sending:after", 1),
    ("store.settle_effects:before", 1),
    ("store.settle_call:before", 1),
    ("store.settle_call:after", 1),
    ("store.claim_effects:after", 1),
    ("store.apply_message:after", 1),
];

pub(super) async fn run(program: &Path) -> Held {
    let mut scene = Scene::new(program, "deaths").await;
    let mut worker = scene.worker(&Run::default());
    // Payments go one step each time, so that from the third on there are calls of all three classes.
    for _ in 0..3 {
        scene.owe(3, 3).await;
        rests(&scene, &worker, "undisturbed").await?;
        holds_all(&mut scene, &[], false, "undisturbed").await?;
    }
    for (point, many) in POINTS {
        scene.pass("61 minutes").await;
        scene.points.hold_only(point);
        scene.owe(3, 3).await;
        stand(&scene, point, many, "killed").await?;
        let at_kill = scene.kill(worker).await;
        worker = scene.worker(&Run::default());
        rests(&scene, &worker, point).await?;
        holds_all(&mut scene, &[at_kill], false, point).await?;
    }
    // Told to end: what is under way ends, or is left as it is.
    scene.points.hold_only("connect.send:after");
    scene.owe(3, 3).await;
    stand(&scene, "connect.send:after", 3, "told to end").await?;
    worker.process.signal(Signal::SIGTERM);
    worker.process.ends().await;
    let at_end = scene.rows.effects().await;
    scene.points.forget();
    let next = scene.worker(&free());
    rests(&scene, &next, "told to end").await?;
    holds_all(&mut scene, &[at_end], false, "told to end").await
}
