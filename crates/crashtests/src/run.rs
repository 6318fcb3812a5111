//! One run: effects are owed, a worker is stopped somewhere and killed from outside, another goes on, and what there is
//! is judged.

use std::time::Duration;

use crate::check::{Breach, Invariant, Story, check, owed};
use crate::facts::Effect;
use crate::scene::{Run, Scene, Worker};

/// How long a point is waited for; one that is not reached by then is not on this run's way.
const REACHED_WITHIN: Duration = Duration::from_secs(3);

/// Where it is killed.
#[derive(Debug, Clone)]
pub enum How {
    /// At a point: the `nth` time it is reached, before it or after it, by a worker that is running or one that starts
    /// after another was killed.
    Point {
        /// Such as `store.settle_effects`.
        name: String,
        /// After it rather than before.
        after: bool,
        /// From 1.
        nth: u64,
        /// Whether the worker starts then.
        starting: bool,
    },
    /// So long after the moves.
    Moment {
        /// Microseconds.
        us: u64,
    },
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Ended {
    /// Effects that were not finished at the kill.
    pub pairs: usize,
    /// Whether the point was reached.
    pub reached: bool,
    /// Whether rows or log differed between just before the point and just after it.
    pub exercised: bool,
    /// What does not hold.
    pub breaches: Vec<Breach>,
}

/// Does it. `worker` is the one that works; the one that works afterwards takes its place.
pub async fn run(scene: &mut Scene, worker: &mut Option<Worker>, how: &How) -> Ended {
    let mut ended = Ended::default();
    let mut at_kills: Vec<Vec<Effect>> = Vec::new();
    let day = matches!(how, How::Point { name, .. } if name.contains("slot"));
    scene.pass(if day { "1 day" } else { "61 minutes" }).await;
    let mut running = worker.take();
    match how {
        How::Moment { us } => {
            running.get_or_insert_with(|| scene.worker(&Run::default()));
            scene.owe(4, 4).await;
            // The moment of the kill is the thing itself, so it is a length of time.
            let us = *us;
            let _ = tokio::task::spawn_blocking(move || std::thread::sleep(Duration::from_micros(us))).await;
            ended.reached = true;
        }
        How::Point { name, after, nth, starting } => {
            let (before, behind) = (format!("{name}:before"), format!("{name}:after"));
            if *starting {
                // One dies in the middle of things, so that the next has something to take up; a first one finds a fresh database.
                let (dies, at) = if name.contains("message") { ("store.apply_message:before", 1) } else { ("connect.send:before", 4) };
                scene.points.hold_from(dies, at);
                scene.owe(4, 4).await;
                if let Some(first) = running.take() {
                    scene.points.stands_at(dies, REACHED_WITHIN).await;
                    at_kills.push(scene.kill(first).await);
                    scene.pass("61 seconds").await;
                }
                scene.points.hold_from(&before, *nth);
                running = Some(scene.worker(&Run::default()));
            } else {
                running.get_or_insert_with(|| scene.worker(&Run::default()));
                scene.points.hold_from(&before, *nth);
                scene.owe(4, 4).await;
            }
            ended.reached = scene.points.stands_at(&before, REACHED_WITHIN).await;
            if ended.reached && *after {
                ended.exercised = passes(scene, &before, &behind).await;
            }
        }
    }
    let Some(running) = running else { return ended };
    let open = scene.open().await;
    at_kills.push(scene.kill(running).await);
    ended.pairs = open;
    let next = scene.worker(&Run::default());
    let rests = scene.rests(&next).await;
    if !rests {
        ended.breaches.push(Breach::new(Invariant::Quiet, format!("it does not come to rest; the worker says:\n{}", next.process.said())));
    }
    ended.breaches.extend(judge(scene, &at_kills, false).await);
    *worker = Some(next);
    ended
}

/// Lets the one who stands before a write pass it, all others being held; whether rows or log are others then.
async fn passes(scene: &mut Scene, before: &str, behind: &str) -> bool {
    // Whoever else was on the way when the first was held has arrived somewhere by the time two looks agree.
    let mut then = look(scene).await;
    for _ in 0..20 {
        let again = look(scene).await;
        if again == then {
            break;
        }
        then = again;
    }
    scene.points.release(before).await;
    scene.points.stands_at(behind, REACHED_WITHIN).await && look(scene).await != then
}

async fn look(scene: &mut Scene) -> (String, usize) {
    (scene.rows.print().await, scene.provider.calls().len())
}

/// Everything that does not hold.
pub async fn judge(scene: &mut Scene, at_kills: &[Vec<Effect>], faults: bool) -> Vec<Breach> {
    let facts = scene.facts().await;
    let mut breaches = check(&facts, &owed::all(), Story { at_kills, faults });
    // Each message moved its record once.
    let scanned = "select coalesce(string_agg(m.id::text, ' '), '') from (
        select m.record as id, count(*) as told, (select count(*) from statehouse.event e where e.tenant = m.tenant and e.record = m.record and e.verb = 'scan') as scans
          from statehouse.message m where m.state = 'done' and m.code is null group by m.tenant, m.record) m where m.told <> m.scans";
    let wrong = scene.rows.value(scanned).await;
    if !wrong.is_empty() {
        breaches.push(Breach::new(Invariant::Once, format!("not every message of {wrong} moved it once")));
    }
    breaches
}
