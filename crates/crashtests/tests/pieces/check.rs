//! The checker on facts made by hand: what is right passes, and each thing that can be wrong is seen.

use serde_json::{Value, json};
use statehouse_crashtests::check::{Breach, Invariant, Story, check, owed};
use statehouse_crashtests::detour::stand_in;
use statehouse_crashtests::facts::{Call, Effect, Event, Facts, Record};

const PARCEL: &str = "00000000-0000-7000-8000-0000000000a1";
const PAYMENT: &str = "00000000-0000-7000-8000-0000000000b2";

/// A parcel that was told of over all three, and a payment that went all its way.
fn right() -> Facts {
    let effects = [
        (PARCEL, "parcel", 2, 1, "tell", "k", "K", "done"),
        (PARCEL, "parcel", 2, 2, "tell", "q", "Q", "done"),
        (PARCEL, "parcel", 2, 3, "tell", "n", "N", "done"),
        (PAYMENT, "payment", 2, 1, "charge", "k", "K", "done"),
        (PAYMENT, "payment", 4, 1, "book", "q", "Q", "done"),
        (PAYMENT, "payment", 6, 1, "post", "n", "N", "done"),
        (PARCEL, "parcel", 2, 4, "tell", "n", "N", "done"),
    ];
    let effects: Vec<Effect> = effects.into_iter().map(|(record, entity, seq, n, verb, connector, class, state)| effect(json!({
        "tenant": 1, "record": record, "seq": seq, "n": n, "entity": format!("proof.{entity}"), "verb": verb, "connector": connector,
        "action": "put", "class": class, "args": {}, "state": state, "attempt": 1, "worker": null, "sending": class == "N", "doubt": false,
        "result": { "id": "x" }, "finished_at": "2026-11-20T12:00:00+00:00",
    }))).collect();
    let calls = effects.iter().zip(1..).map(|(effect, n)| call(n, &effect.key(), &effect.connector, true)).collect();
    let events = [
        (PARCEL, "parcel", 1, "created", "new"),
        (PARCEL, "parcel", 2, "tell", "told"),
        (PAYMENT, "payment", 1, "created", "open"),
        (PAYMENT, "payment", 2, "charge", "charging"),
        (PAYMENT, "payment", 3, "charge.done", "charged"),
        (PAYMENT, "payment", 4, "book", "booking"),
        (PAYMENT, "payment", 5, "book.done", "booked"),
        (PAYMENT, "payment", 6, "post", "posting"),
        (PAYMENT, "payment", 7, "post.done", "posted"),
    ];
    let events = events.into_iter().map(|(record, entity, seq, verb, to)| event(record, entity, seq, verb, to)).collect();
    let record = |id: &str, entity: &str, state: &str, version: i32| Record {
        tenant: 1,
        entity: format!("proof.{entity}"),
        id: id.into(),
        state: state.into(),
        version,
        fields: serde_json::Map::new(),
    };
    Facts {
        effects,
        events,
        calls,
        records: vec![record(PARCEL, "parcel", "told", 2), record(PAYMENT, "payment", "posted", 7)],
        ..Facts::default()
    }
}

fn effect(row: Value) -> Effect {
    serde_json::from_value(row).expect("a row")
}

fn call(n: u64, key: &str, provider: &str, happened: bool) -> Call {
    serde_json::from_value(
        json!({ "n": n, "provider": provider, "op": "send", "key": key, "ref": null, "effect": happened, "body": { "a": 1 } }),
    )
    .expect("a line")
}

fn event(record: &str, entity: &str, seq: i32, verb: &str, to: &str) -> Event {
    Event { tenant: 1, entity: format!("proof.{entity}"), record: record.into(), seq, verb: verb.into(), to_state: to.into() }
}

fn seen(facts: &Facts, at_kills: &[Vec<Effect>]) -> Vec<Breach> {
    check(facts, &owed::all(), Story { at_kills, faults: false, ..Story::default() })
}

/// Changes what is right, and looks for the first thing that is seen to be wrong.
#[track_caller]
fn wrong(expected: Invariant, change: impl FnOnce(&mut Facts)) {
    let mut facts = right();
    change(&mut facts);
    let breaches = seen(&facts, &[right().effects]);
    assert!(breaches.iter().any(|breach| breach.invariant == expected), "{expected} is not among {breaches:#?}");
}

/// What a kill found in somebody's hands.
fn leased(attempt: i32, sending: bool) -> Vec<Effect> {
    let mut effects = right().effects;
    for effect in &mut effects {
        (effect.state, effect.worker, effect.attempt, effect.result, effect.finished_at) =
            ("leased".into(), Some("w".into()), attempt, None, None);
        effect.sending = sending && effect.class == "N";
    }
    effects
}

#[test]
fn what_is_right_passes() {
    assert_eq!(seen(&right(), &[right().effects]), []);
}

#[test]
fn a_second_effect_is_seen() {
    for key in right().effects.iter().map(Effect::key) {
        wrong(Invariant::Once, |facts| facts.calls.push(call(9, &key, "k", true)));
    }
}

#[test]
fn what_stood_in_counts_with_whom_it_stood_in_for() {
    let mut facts = right();
    for call in &mut facts.calls {
        call.provider = stand_in(&call.provider);
    }
    assert_eq!(seen(&facts, &[right().effects]), []);
    for effect in right().effects {
        wrong(Invariant::Once, |facts| facts.calls.push(call(9, &effect.key(), &stand_in(&effect.connector), true)));
    }
}

#[test]
fn an_answer_given_again_is_no_second_effect() {
    let mut facts = right();
    facts.calls.push(call(9, &right().effects[0].key(), "k", false));
    facts.effects[0].attempt = 2;
    let mut then = right().effects;
    (then[0].state, then[0].worker, then[0].finished_at, then[0].result) = ("leased".into(), Some("w".into()), None, None);
    assert_eq!(seen(&facts, &[then]), []);
}

#[test]
fn what_is_missing_is_seen() {
    wrong(Invariant::Missing, |facts| _ = facts.calls.remove(1));
    wrong(Invariant::Missing, |facts| _ = facts.effects.remove(2));
    wrong(Invariant::Missing, |facts| _ = facts.events.remove(1));
    wrong(Invariant::Missing, |facts| facts.effects[1].connector = "k".into());
    wrong(Invariant::Missing, |facts| facts.effects[0].state = "dead".into());
    wrong(Invariant::Missing, |facts| facts.effects[0].state = "failed".into());
}

#[test]
fn a_made_up_key_or_another_body_is_seen() {
    wrong(Invariant::Key, |facts| facts.calls.push(call(9, &format!("{}-2", right().effects[0].key()), "k", true)));
    wrong(Invariant::Key, |facts| {
        let mut again = call(9, &right().effects[0].key(), "k", false);
        again.more.insert("body".into(), json!({ "a": 2 }));
        facts.calls.push(again);
    });
}

#[test]
fn a_doubt_is_visible_and_only_a_doubt_is() {
    // Killed in the middle of the send: a person is told.
    let unknown = |facts: &mut Facts| {
        (facts.effects[2].state, facts.effects[2].result, facts.effects[2].finished_at) = ("unknown".into(), None, None);
    };
    let mut facts = right();
    unknown(&mut facts);
    facts.effects.iter_mut().for_each(|effect| effect.attempt = if effect.class == "N" { 1 } else { 2 });
    (facts.effects[5].attempt, facts.effects[6].attempt) = (2, 2);
    assert_eq!(seen(&facts, &[leased(1, true)]), []);
    // The same where no send had begun.
    assert!(seen(&facts, &[leased(1, false)]).iter().any(|breach| breach.invariant == Invariant::Doubt));
    wrong(Invariant::Doubt, unknown);
    wrong(Invariant::Doubt, |facts| facts.effects[0].state = "unknown".into());
}

#[test]
fn each_claim_is_counted_once() {
    let mut facts = right();
    facts.effects.iter_mut().for_each(|effect| effect.attempt = 2);
    assert_eq!(seen(&facts, &[leased(1, false)]), []);
    for attempt in [1, 3] {
        facts.effects[0].attempt = attempt;
        assert!(seen(&facts, &[leased(1, false)]).iter().any(|breach| breach.invariant == Invariant::Attempts), "{attempt}");
    }
    wrong(Invariant::Attempts, |facts| facts.calls.push(call(9, &right().effects[0].key(), "k", false)));
}

#[test]
fn what_had_ended_stays() {
    wrong(Invariant::Fences, |facts| facts.effects[0].result = Some(json!({ "id": "y" })));
    wrong(Invariant::Fences, |facts| facts.effects[0].attempt = 2);
}

#[test]
fn a_record_stands_where_its_call_says() {
    wrong(Invariant::Calls, |facts| _ = facts.events.pop());
    wrong(Invariant::Calls, |facts| facts.events.push(event(PAYMENT, "payment", 8, "post.done", "posted")));
    wrong(Invariant::Calls, |facts| facts.events[4].verb = "charge.failed".into());
    wrong(Invariant::Calls, |facts| facts.events[4].to_state = "open".into());
    wrong(Invariant::Result, |facts| facts.effects[3].result = None);
}

#[test]
fn everything_comes_to_rest() {
    wrong(Invariant::Quiet, |facts| facts.effects[0].state = "due".into());
    wrong(Invariant::Quiet, |facts| facts.idle.push("begin".into()));
    wrong(Invariant::Chain, |facts| facts.audit.push("a chain is cut".into()));
    wrong(Invariant::Result, |facts| facts.effects[0].finished_at = None);
    wrong(Invariant::Fences, |facts| facts.effects[0].worker = Some("w".into()));
}
