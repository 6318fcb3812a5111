//! Whether effects and moves belong together, and each claim was counted.

use std::collections::BTreeMap;

use super::owed::Owed;
use super::{Breach, Invariant, Story};
use crate::facts::{Effect, Facts};

pub(super) fn check(facts: &Facts, owed: &[Owed], story: Story<'_>, breaches: &mut Vec<Breach>) {
    let mut rows: BTreeMap<(&str, i32), Vec<&Effect>> = BTreeMap::new();
    for effect in &facts.effects {
        rows.entry((&effect.record, effect.seq)).or_default().push(effect);
        ended(effect, breaches);
    }
    for event in &facts.events {
        let found = rows.remove(&(event.record.as_str(), event.seq)).unwrap_or_default();
        let mut found: Vec<(i32, &str, &str)> = found
            .iter()
            .filter(|e| e.verb == event.verb && e.tenant == event.tenant)
            .map(|e| (e.n, e.connector.as_str(), e.class.as_str()))
            .collect();
        found.sort_unstable();
        let due = owed.iter().filter(|o| o.entity == event.entity && o.verb == event.verb);
        let due: Vec<(i32, &str, &str)> = due.map(|o| (o.n, o.connector.as_str(), o.class.as_str())).collect();
        if found != due {
            let what = format!("{} of {} ({}) owes {due:?}, and there is {found:?}", event.verb, event.record, event.seq);
            breaches.push(Breach::new(Invariant::Missing, what));
        }
    }
    for (record, seq) in rows.into_keys() {
        breaches.push(Breach::new(Invariant::Missing, format!("effects of move {seq} of {record}, which was not made")));
    }
    claims(facts, story, breaches);
}

/// What has ended says so in all its columns.
fn ended(effect: &Effect, breaches: &mut Vec<Breach>) {
    let ended = matches!(effect.state.as_str(), "done" | "failed");
    if ended != effect.finished_at.is_some() {
        breaches.push(Breach::new(
            Invariant::Result,
            format!("{}: {} and finished_at is {:?}", effect.key(), effect.state, effect.finished_at),
        ));
    }
    if (effect.state == "leased") != effect.worker.is_some() {
        breaches.push(Breach::new(Invariant::Fences, format!("{}: {} by {:?}", effect.key(), effect.state, effect.worker)));
    }
}

/// An effect that a kill found in somebody's hands is claimed once more; one that it found due, for its next time.
fn claims(facts: &Facts, story: Story<'_>, breaches: &mut Vec<Breach>) {
    let now = facts.by_key();
    for kill in story.at_kills.iter().map(Vec::as_slice).chain([story.before]) {
        for then in kill {
            let Some(effect) = now.get(&then.key()) else {
                breaches.push(Breach::new(Invariant::Missing, format!("{} is gone", then.key())));
                continue;
            };
            if effect.attempt < then.attempt {
                breaches
                    .push(Breach::new(Invariant::Attempts, format!("{}: attempt {} after {}", then.key(), effect.attempt, then.attempt)));
            }
            if !then.open() && (effect.state != then.state || effect.result != then.result || effect.attempt != then.attempt) {
                breaches
                    .push(Breach::new(Invariant::Fences, format!("{}: it had ended {} and is {}", then.key(), then.state, effect.state)));
            }
        }
    }
    // With one kill and a provider that behaves, the number is known.
    let [kill] = story.at_kills else { return };
    for then in kill.iter().filter(|then| then.open() && !story.faults && !story.away) {
        let Some(effect) = now.get(&then.key()).filter(|effect| effect.state == "done") else { continue };
        if effect.attempt != then.attempt + 1 {
            let what =
                format!("{}: {} at the kill in attempt {}, done in attempt {}", then.key(), then.state, then.attempt, effect.attempt);
            breaches.push(Breach::new(Invariant::Attempts, what));
        }
    }
}
