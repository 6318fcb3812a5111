//! One run: effects are owed, a worker is stopped somewhere and killed from outside, another goes on, and what there is
//! is judged.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::check::{Breach, Invariant, Story, check, owed};
use crate::facts::Effect;
use crate::kill::{Fault, How, Kill, Way};
use crate::provider::NAMES;
use crate::scene::{BOUND, Run, Scene, Worker};
use crate::{wait, ways};

/// How long a point is waited for; one that is not reached by then is not on this run's way. One that is still to be met
/// is waited for as long as anything.
const REACHED_WITHIN: Duration = Duration::from_secs(10);
/// So often is looked until nobody is on the way to anywhere any more.
const LOOKS_MAX: u32 = 50;
/// Records of a run: so many that some fifty effects are owed at once.
const PARCELS: u32 = 8;
const PAYMENTS: u32 = 6;

/// How many have gone another way, ever.
const ASTRAY: &str = "select count(*) from statehouse.effect where through is not null";

/// What came of it.
#[derive(Debug, Default)]
pub struct Ended {
    /// Effects that were not finished at the kill.
    pub pairs: usize,
    /// Those of them that the killed worker had claimed.
    pub in_hand: usize,
    /// How many of them, by class, were on their way through another connector than their own.
    pub astray: BTreeMap<String, usize>,
    /// Whether the point was reached.
    pub reached: bool,
    /// Whether rows or log differed between just before the point and just after it.
    pub exercised: bool,
    /// What does not hold.
    pub breaches: Vec<Breach>,
}

/// Does it. `worker` is the one that works; the one that works afterwards takes its place. `looks`: whether it is looked
/// for what changes at the point.
pub async fn run(scene: &mut Scene, worker: &mut Option<Worker>, kill: &Kill, looks: bool) -> Ended {
    let mut ended = Ended::default();
    let mut at_kills: Vec<Vec<Effect>> = Vec::new();
    let way = kill.way();
    let reached_within = if looks { BOUND } else { REACHED_WITHIN };
    scene.begin().await;
    scene.pass(if way == Way::Morning { "1 day" } else { "61 minutes" }).await;
    way.prepare(scene).await;
    if !way.run().env.is_empty() {
        // Another kind of worker is needed; the one that is there has nothing to do.
        if let Some(idle) = worker.take() {
            scene.kill(idle).await;
        }
    }
    let mut running = worker.take();
    let faults = misbehaviour(kill);
    if !faults.is_empty() {
        scene.provider.misbehave(&faults, at(kill)).await;
    }
    match &kill.how {
        How::Moment { us, .. } => {
            running.get_or_insert_with(|| scene.worker(&way.run()));
            let before = scene.count(ASTRAY).await;
            scene.owe(PARCELS, PAYMENTS).await;
            if way == Way::Astray {
                wait::within(BOUND, async || scene.count(ASTRAY).await > before).await;
            }
            // The moment of the kill is the thing itself, so it is a length of time.
            let us = *us;
            let _ = tokio::task::spawn_blocking(move || std::thread::sleep(Duration::from_micros(us))).await;
            ended.reached = true;
        }
        How::Point { name, after, nth, .. } => {
            let (before, behind) = (format!("{name}:before"), format!("{name}:after"));
            if way.succeeds() {
                // One dies in the middle of things, so that the next has something to take up; the first one of a database has
                // nobody before it.
                let (dies, at) = match way {
                    Way::TellingOn => ("store.settle_deliveries:before", 1),
                    _ if name.contains("message") => ("store.apply_message:before", 1),
                    _ => ("connect.send:before", 4),
                };
                scene.points.hold_from(dies, at);
                if way == Way::TellingOn {
                    running = Some(scene.worker(&way.run()));
                }
                scene.owe(PARCELS, PAYMENTS).await;
                if let Some(first) = running.take() {
                    scene.points.stands_at(dies, reached_within).await;
                    at_kills.push(scene.kill(first).await);
                    scene.pass("61 seconds").await;
                }
                scene.points.hold_from(&before, *nth);
                running = Some(scene.worker(&way.run()));
            } else {
                running.get_or_insert_with(|| scene.worker(&way.run()));
                if way.after_fan_out(name) {
                    scene.owe(PARCELS, PAYMENTS).await;
                    let owed = "select count(*) from statehouse.delivery where state in ('due', 'leased')";
                    wait::within(reached_within, async || scene.count(owed).await > 0).await;
                    scene.points.hold_from(&before, *nth);
                } else {
                    scene.points.hold_from(&before, *nth);
                    scene.owe(PARCELS, PAYMENTS).await;
                }
                way.happens(scene).await;
            }
            ended.reached = scene.points.stands_at(&before, reached_within).await;
            if let Some(time) = way.while_held(name).filter(|_| ended.reached) {
                scene.pass(time).await;
            }
            if ended.reached && *after {
                ended.exercised = passes(scene, &before, &behind, looks).await;
            }
        }
    }
    let Some(running) = running else { return ended };
    let id = running.id.clone();
    let found = scene.kill(running).await;
    ended.pairs = found.iter().filter(|effect| effect.open()).count();
    ended.in_hand = found.iter().filter(|effect| effect.worker.as_deref() == Some(&id)).count();
    for effect in found.iter().filter(|effect| effect.open() && effect.through.is_some()) {
        *ended.astray.entry(effect.class.clone()).or_default() += 1;
    }
    at_kills.push(found);
    if !faults.is_empty() {
        scene.provider.behave().await;
    }
    if kill.lapses {
        scene.pass("61 seconds").await;
    }
    let next = scene.worker(&if way.tells() { way.run() } else { Run::default() });
    if !scene.rests(&next).await {
        ended.breaches.push(Breach::new(Invariant::Quiet, format!("it does not come to rest; the worker says:\n{}", next.process.said())));
    }
    let (facts, kept) = scene.facts_of_run().await;
    ended.breaches.extend(check(
        &facts,
        &owed::all(),
        Story { at_kills: &at_kills, before: &kept, faults: !faults.is_empty(), away: way == Way::Astray },
    ));
    ended.breaches.extend(messages(scene).await);
    if way.tells() {
        ended.breaches.extend(ways::told(scene).await);
    }
    scene.keep(&facts.effects);
    *worker = Some(next);
    ended
}

/// How the providers misbehave until the kill.
fn misbehaviour(kill: &Kill) -> Vec<(&'static str, Fault)> {
    match kill.way() {
        Way::Waiting => vec![("k", Fault::Hang)],
        Way::Refused => NAMES.into_iter().map(|name| (name, Fault::Away)).collect(),
        _ => kill.faults.clone(),
    }
}

/// A seed for the calls in which they do.
fn at(kill: &Kill) -> u64 {
    match kill.how {
        How::Moment { us, .. } => us,
        How::Point { nth, .. } => nth,
    }
}

/// Lets the one who stands before a write pass it, all others being held; whether rows or log are others then.
async fn passes(scene: &mut Scene, before: &str, behind: &str, looks: bool) -> bool {
    if !looks {
        scene.points.passes(before, behind, REACHED_WITHIN).await;
        return false;
    }
    // Whoever else was on the way when the first was held has arrived somewhere by the time two looks agree.
    let mut then = look(scene).await;
    for _ in 0..LOOKS_MAX {
        let again = look(scene).await;
        if again == then && scene.is_idle().await {
            break;
        }
        then = again;
    }
    scene.points.passes(before, behind, BOUND).await && look(scene).await != then
}

async fn look(scene: &mut Scene) -> (String, usize) {
    (scene.rows.print().await, scene.provider.calls().len())
}

/// Everything that does not hold in the whole scene.
pub async fn judge(scene: &mut Scene, at_kills: &[Vec<Effect>], faults: bool) -> Vec<Breach> {
    let facts = scene.facts().await;
    let kept = scene.kept();
    let mut breaches = check(&facts, &owed::all(), Story { at_kills, before: &kept, faults, away: false });
    breaches.extend(messages(scene).await);
    breaches
}

/// Each message moved its record once.
async fn messages(scene: &Scene) -> Option<Breach> {
    let scanned = "select coalesce(string_agg(m.id::text, ' '), '') from (
        select m.record as id, count(*) as told, (select count(*) from statehouse.event e where e.tenant = m.tenant and e.record = m.record and e.verb = 'scan') as scans
          from statehouse.message m where m.state = 'done' and m.code is null group by m.tenant, m.record) m where m.told <> m.scans";
    let wrong = scene.rows.value(scanned).await;
    (!wrong.is_empty()).then(|| Breach::new(Invariant::Once, format!("not every message of {wrong} moved it once")))
}
