//! What the provider's log says about each effect.

use std::collections::BTreeMap;

use super::{Breach, Invariant, Story};
use crate::facts::{Call, Effect, Facts};

pub(super) fn check(facts: &Facts, story: Story<'_>, breaches: &mut Vec<Breach>) {
    let effects = facts.by_key();
    let mut calls: BTreeMap<&str, Vec<&Call>> = BTreeMap::new();
    for call in &facts.calls {
        match call.of() {
            Some(key) if effects.contains_key(key) => calls.entry(key).or_default().push(call),
            // Refused before anybody read whose it is.
            None if faulted(call) && !call.effect => {}
            // A key that no effect has: a new one was made up, or nobody owed the call.
            other => {
                breaches.push(Breach::new(Invariant::Key, format!("line {} of the log has the key {other:?}, which no effect has", call.n)))
            }
        }
    }
    for (key, effect) in &effects {
        one(effect, calls.get(key.as_str()).map_or(&[], Vec::as_slice), story, breaches);
    }
}

fn one(effect: &Effect, calls: &[&Call], story: Story<'_>, breaches: &mut Vec<Breach>) {
    let key = effect.key();
    let Effect { class, state, .. } = effect;
    let mut breach = |invariant, what: String| breaches.push(Breach::new(invariant, format!("{key} ({class}, {state}): {what}")));
    let happened = calls.iter().filter(|call| call.effect).count();
    if happened > 1 {
        breach(Invariant::Once, format!("it happened {happened} times"));
    }
    match (state.as_str(), happened) {
        ("done", 0) => breach(Invariant::Missing, "it is done and never happened".into()),
        ("failed", 1..) => breach(Invariant::Missing, "it failed and happened".into()),
        ("unknown", _) if class != "N" => breach(Invariant::Doubt, "its provider can tell".into()),
        ("due" | "leased", _) => breach(Invariant::Quiet, "it does not come to rest".into()),
        ("dead" | "held", _) => breach(Invariant::Missing, "nobody asked for that".into()),
        ("failed", 0) if !story.faults => breach(Invariant::Missing, "nobody refused it".into()),
        _ => {}
    }
    // A provider that gave no clear answer leaves a doubt; the log says so of the call.
    let unclear = story.faults && calls.iter().any(|call| faulted(call));
    if effect.class == "N" && effect.state == "unknown" && !unclear && !in_doubt(effect, story) {
        breach(Invariant::Doubt, "no kill left it in doubt".into());
    }
    let sends: Vec<&&Call> = calls.iter().filter(|call| call.is_send()).collect();
    if i32::try_from(sends.len()).is_ok_and(|sends| sends > effect.attempt) {
        breach(Invariant::Attempts, format!("it was sent {} times in {} attempts", sends.len(), effect.attempt));
    }
    if sends.windows(2).any(|pair| pair[0].more.get("body") != pair[1].more.get("body")) {
        breach(Invariant::Key, "two sends have one key and two bodies".into());
    }
}

/// Whether the provider misbehaved in it.
fn faulted(call: &Call) -> bool {
    call.more.get("fault").is_some_and(|fault| !fault.is_null())
}

/// Whether one of the kills may have hit its send.
fn in_doubt(effect: &Effect, story: Story<'_>) -> bool {
    let same = |other: &&Effect| (&other.record, other.seq, other.n) == (&effect.record, effect.seq, effect.n);
    // Why it is unknown since then was judged then.
    let known = story.before.iter().find(same).is_some_and(|then| then.state == "unknown");
    let hit =
        |kill: &Vec<Effect>| kill.iter().find(same).is_some_and(|then| then.state == "unknown" || then.state == "leased" && then.sending);
    known || story.at_kills.iter().any(hit)
}
