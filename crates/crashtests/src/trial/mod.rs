//! A short trial of a program: real processes over a real database, for what only its source can do wrong. Killed at a few
//! points, asleep past its lease, told to end, cut off, with providers that misbehave; shorter than the matrix, and wide.
//!
//! `deaths` killed, and told to end · `faults` providers that misbehave · `sleepers` who lost the lease · `ends` outcomes
//! that cannot be written, commits that are cut, another epoch · `inbound` messages at the server's door.

mod deaths;
mod ends;
mod faults;
mod inbound;
mod sleepers;

use std::path::Path;
use std::time::Duration;

use crate::check::{Breach, Invariant};
use crate::facts::Effect;
use crate::run::judge;
use crate::scene::{BOUND, Run, Scene, Worker};
use crate::wait;

/// Found is found: the first thing that does not hold ends the trial.
type Held<T = ()> = Result<T, Breach>;

/// What it consists of, in the order in which it is gone through.
const PARTS: [&str; 5] = ["deaths", "faults", "sleepers", "ends", "inbound"];

/// Goes through all of it; `STATEHOUSE_TRIAL` names parts of it (`deaths ends`).
///
/// # Errors
/// The first thing that does not hold.
///
/// # Panics
/// When the program cannot be run, or does not get anywhere.
pub async fn run(program: &Path) -> Held {
    let named = std::env::var("STATEHOUSE_TRIAL").unwrap_or_default();
    let wanted = |part: &str| named.is_empty() || named.split_whitespace().any(|name| name == part);
    for part in PARTS.into_iter().filter(|part| wanted(part)) {
        match part {
            "deaths" => deaths::run(program).await?,
            "faults" => faults::run(program).await?,
            "sleepers" => sleepers::run(program).await?,
            "ends" => ends::run(program).await?,
            _ => inbound::run(program).await?,
        }
    }
    Ok(())
}

fn holds(invariant: Invariant, holds: bool, what: impl Into<String>) -> Held {
    if holds { Ok(()) } else { Err(Breach::new(invariant, what)) }
}

/// A worker that is not looked at.
fn free() -> Run {
    Run { points: false, ..Run::default() }
}

/// Waits until nothing is owed any more.
async fn rests(scene: &Scene, worker: &Worker, what: &str) -> Held {
    let rests = scene.rests_at_last(worker).await;
    holds(Invariant::Quiet, rests, format!("{what}: it does not come to rest:\n{}", tail(&worker.process.said())))
}

/// What it says last.
fn tail(said: &str) -> String {
    let lines: Vec<&str> = said.lines().collect();
    lines[lines.len().saturating_sub(3)..].join("\n")
}

/// Judges all there is; what holds now is known from here on.
async fn holds_all(scene: &mut Scene, at_kills: &[Vec<Effect>], faults: bool, what: &str) -> Held {
    if let Some(breach) = judge(scene, at_kills, faults).await.into_iter().next() {
        return Err(Breach::new(breach.invariant, format!("{what}: {}", breach.what)));
    }
    let effects = scene.rows.effects().await;
    results(scene, &effects, what)?;
    scene.keep(&effects);
    Ok(())
}

/// What is kept of an answer is what the provider said to this effect and to no other.
fn results(scene: &mut Scene, effects: &[Effect], what: &str) -> Held {
    let calls = scene.provider.calls();
    for effect in effects.iter().filter(|effect| effect.state == "done") {
        let key = effect.key();
        let said: Vec<String> = calls
            .iter()
            .filter(|call| call.effect && call.of() == Some(&key))
            .map(|call| format!("{}_{}", call.provider, call.n))
            .collect();
        let kept = effect.result.as_ref().and_then(|result| result["id"].as_str()).unwrap_or_default();
        holds(Invariant::Result, said.iter().any(|id| id == kept), format!("{what}: {key} was answered {said:?}, and `{kept}` is kept"))?;
    }
    Ok(())
}

/// Waits until so many stand at a point.
async fn stand(scene: &Scene, point: &str, many: usize, what: &str) -> Held {
    let stand = wait::within(BOUND, async || scene.points.held().iter().filter(|name| *name == point).count() >= many).await;
    holds(Invariant::Quiet, stand, format!("{what}: {point} is not reached by {many}, but by {:?}", scene.points.held()))
}

/// Waits until a statement counts so many.
async fn counts(scene: &Scene, statement: &str, many: usize, within: Duration) -> bool {
    wait::within(within, async || scene.count(statement).await == many).await
}
