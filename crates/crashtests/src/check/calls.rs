//! Whether a record stands where its calls say.

use std::collections::BTreeMap;

use super::owed::Owed;
use super::{Breach, Invariant};
use crate::facts::{Effect, Event, Facts, Record};

pub(super) fn check(facts: &Facts, owed: &[Owed], breaches: &mut Vec<Breach>) {
    let records: BTreeMap<&str, &Record> = facts.records.iter().map(|record| (record.id.as_str(), record)).collect();
    let mut events: BTreeMap<&str, Vec<&Event>> = BTreeMap::new();
    for event in &facts.events {
        events.entry(&event.record).or_default().push(event);
    }
    for effect in &facts.effects {
        let Some(call) = owed.iter().find(|o| o.is_call() && o.entity == effect.entity && o.verb == effect.verb) else { continue };
        let Some(record) = records.get(effect.record.as_str()) else {
            breaches.push(Breach::new(Invariant::Calls, format!("{}: its record is gone", effect.key())));
            continue;
        };
        let history = events.get(effect.record.as_str()).map_or(&[][..], Vec::as_slice);
        one(effect, call, record, history, breaches);
    }
}

fn one(effect: &Effect, call: &Owed, record: &Record, history: &[&Event], breaches: &mut Vec<Breach>) {
    let key = effect.key();
    let mut breach = |invariant, what: String| breaches.push(Breach::new(invariant, format!("{key} ({}): {what}", effect.state)));
    // What the record did between this call and its next one.
    let since: Vec<&&Event> = history.iter().filter(|event| event.seq > effect.seq).collect();
    let until = since.iter().filter(|event| event.verb == call.verb).map(|event| event.seq).min().unwrap_or(i32::MAX);
    let outcomes: Vec<&str> =
        since.iter().filter(|event| event.seq < until).filter_map(|event| event.verb.strip_prefix(&format!("{}.", call.verb))).collect();
    let expected: &[&str] = match effect.state.as_str() {
        "done" => &["done"],
        "failed" => &["failed"],
        "unknown" => &["unknown"],
        _ => &[],
    };
    if outcomes != expected {
        breach(Invariant::Calls, format!("its outcomes are {outcomes:?}"));
    }
    let next = since.iter().find(|event| event.seq < until && expected.iter().any(|kind| event.verb == format!("{}.{kind}", call.verb)));
    let stands = match next {
        Some(event) => event.to_state.as_str(),
        None => record.state.as_str(),
    };
    let should = match effect.state.as_str() {
        "done" => &call.done,
        "failed" => &call.failed,
        _ => &call.during,
    };
    if stands != should {
        breach(Invariant::Calls, format!("its record went to `{stands}`"));
    }
    if effect.state == "done" && effect.result.is_none() {
        breach(Invariant::Result, "it has no result".into());
    }
}
