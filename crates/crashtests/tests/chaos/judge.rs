//! Whether what was acknowledged, what the database holds and what the providers saw are the same, by count and by key.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::asked::{Acked, Kind};
use crate::facts::{Facts, Move};

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Moves and messages acknowledged.
    pub acked: usize,
    /// Moves made of them.
    pub moves: usize,
    /// Effects of these.
    pub effects: usize,
    /// Effects that happened, by the providers' log.
    pub lines: usize,
    /// What is missing.
    pub lost: BTreeSet<String>,
    /// What is there too often, or was asked for by nobody.
    pub doubled: BTreeSet<String>,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Verdict { acked, moves, effects, lines, lost, doubled } = self;
        write!(
            f,
            "{acked} acknowledged = {moves} moves, {effects} effects = {lines} at the providers; lost {}, doubled {}",
            lost.len(),
            doubled.len()
        )
    }
}

impl Verdict {
    /// Nothing lost and nothing doubled, and the counts say so too.
    pub fn assert(&self) {
        assert!(self.lost.is_empty() && self.doubled.is_empty(), "{self}\nlost: {:#?}\ndoubled: {:#?}", self.lost, self.doubled);
        assert_eq!((self.acked, self.effects), (self.moves, self.lines), "{self}");
    }
}

/// What of `acked` the database does not hold.
pub fn missing(acked: &[Acked], keys: &[(String, Move)], messages: &[(String, String)]) -> BTreeSet<String> {
    let keys: BTreeSet<&str> = keys.iter().map(|(key, _)| key.as_str()).collect();
    let messages: BTreeSet<&str> = messages.iter().map(|(key, _)| key.as_str()).collect();
    let there = |one: &Acked| if one.kind == Kind::Scan { messages.contains(one.key.as_str()) } else { keys.contains(one.key.as_str()) };
    acked.iter().filter(|one| !there(one)).map(|one| format!("{one:?} was acknowledged and is not there")).collect()
}

/// Judges. Every caller repeats until it is acknowledged, so nothing may be there that was not.
pub fn judge(facts: &Facts) -> Verdict {
    let mut verdict = Verdict { acked: facts.acked.len(), ..Verdict::default() };
    verdict.lost.extend(missing(&facts.acked, &facts.keys, &facts.messages));
    verdict.lost.extend(facts.audit.iter().map(|finding| format!("the audit: {finding}")));
    moves(facts, &mut verdict);
    scans(facts, &mut verdict);
    effects(facts, &mut verdict);
    verdict
}

/// Each acknowledged move is an event, each event of a move was acknowledged, each charge came to its end once.
fn moves(facts: &Facts, verdict: &mut Verdict) {
    let events: BTreeMap<&Move, &str> = facts.events.iter().map(|(of, verb)| (of, verb.as_str())).collect();
    let mut asked: BTreeMap<&Move, &str> = BTreeMap::new();
    let keys: BTreeMap<&str, &Move> = facts.keys.iter().map(|(key, of)| (key.as_str(), of)).collect();
    for one in facts.acked.iter().filter(|one| one.kind != Kind::Scan) {
        let verb = if one.kind == Kind::Tell { "tell" } else { "charge" };
        match keys.get(one.key.as_str()) {
            Some(of) if of.0 == one.record && events.get(of) == Some(&verb) => {
                if let Some(other) = asked.insert(of, &one.key) {
                    verdict.lost.insert(format!("`{}` and `{other}` made one move", one.key));
                }
            }
            Some(of) => _ = verdict.lost.insert(format!("`{}` made {of:?}, which is {:?}", one.key, events.get(of))),
            None => {}
        }
    }
    let mut ended: BTreeMap<&str, usize> = BTreeMap::new();
    for (of, verb) in &facts.events {
        match verb.as_str() {
            "tell" | "charge" if asked.contains_key(of) => verdict.moves += 1,
            "tell" | "charge" => _ = verdict.doubled.insert(format!("`{verb}` {of:?}, for which nobody asked")),
            "scan" => verdict.moves += 1,
            "charge.done" => *ended.entry(&of.0).or_default() += 1,
            "created" => {}
            other => _ = verdict.doubled.insert(format!("`{other}` {of:?}")),
        }
    }
    for (of, _) in facts.events.iter().filter(|(_, verb)| verb == "charge") {
        match ended.get(of.0.as_str()).copied().unwrap_or(0) {
            0 => _ = verdict.lost.insert(format!("the outcome of the charge {of:?}")),
            1 => {}
            many => _ = verdict.doubled.insert(format!("{many} outcomes of the charge {of:?}")),
        }
    }
}

/// Each message that was thanked for is there once and is one move.
fn scans(facts: &Facts, verdict: &mut Verdict) {
    let mut states: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (key, state) in &facts.messages {
        states.entry(key).or_default().push(state);
    }
    let mut wanted: BTreeMap<&str, i64> = BTreeMap::new();
    for one in facts.acked.iter().filter(|one| one.kind == Kind::Scan) {
        *wanted.entry(&one.record).or_default() += 1;
        match states.remove(one.key.as_str()).as_deref() {
            Some(["done"]) | None => {}
            Some([state]) => _ = verdict.lost.insert(format!("message `{}` is {state}", one.key)),
            Some(many) => _ = verdict.doubled.insert(format!("message `{}`: {many:?}", one.key)),
        }
    }
    verdict.doubled.extend(states.keys().map(|key| format!("message `{key}`, for which nobody was thanked")));
    for (of, _) in facts.events.iter().filter(|(_, verb)| verb == "scan") {
        *wanted.entry(&of.0).or_default() -= 1;
    }
    for (record, left) in wanted {
        match left {
            0 => {}
            1.. => _ = verdict.lost.insert(format!("{left} scans of {record}")),
            _ => _ = verdict.doubled.insert(format!("{} scans of {record}", -left)),
        }
    }
}

/// Each move owes what it owes, each effect is done, and each happened once.
fn effects(facts: &Facts, verdict: &mut Verdict) {
    let mut there: BTreeMap<(&Move, i32), Vec<&str>> = BTreeMap::new();
    for (of, n, state) in &facts.effects {
        there.entry((of, *n)).or_default().push(state);
    }
    let mut happened: BTreeMap<&str, usize> = BTreeMap::new();
    for call in facts.calls.iter().filter(|call| call.effect) {
        verdict.lines += 1;
        *happened.entry(call.of().unwrap_or_default()).or_default() += 1;
    }
    for (of, verb) in &facts.events {
        let owed = match verb.as_str() {
            "tell" => 2,
            "charge" | "scan" => 1,
            _ => 0,
        };
        for n in 1..=owed {
            verdict.effects += 1;
            match there.remove(&(of, n)).as_deref() {
                Some(["done"]) => {}
                Some([state]) => _ = verdict.lost.insert(format!("effect {n} of {of:?} is {state}")),
                other => _ = verdict.lost.insert(format!("effect {n} of {of:?}: {other:?}")),
            }
            let key = format!("{}-{}-{n}", of.0.replace('-', ""), of.1);
            match happened.remove(key.as_str()).unwrap_or(0) {
                0 => _ = verdict.lost.insert(format!("effect {key} never happened")),
                1 => {}
                many => _ = verdict.doubled.insert(format!("effect {key} happened {many} times")),
            }
        }
    }
    verdict.doubled.extend(there.keys().map(|(of, n)| format!("effect {n} of {of:?}, which nothing owes")));
    verdict.doubled.extend(happened.keys().map(|key| format!("`{key}` happened, which nothing owes")));
}

#[cfg(test)]
mod tests {
    use statehouse_crashtests::facts::Call;

    use super::*;

    fn call(key: &str) -> Call {
        serde_json::from_value(serde_json::json!({ "n": 1, "provider": "k", "op": "send", "key": key, "effect": true })).expect("a line")
    }

    /// One move of each kind, in order.
    fn fine() -> Facts {
        let acked = |key: &str, kind, record: &str| Acked { key: key.into(), kind, record: record.into() };
        let of = |record: &str, seq| (record.to_owned(), seq);
        Facts {
            acked: vec![acked("c0", Kind::Tell, "p"), acked("c1", Kind::Charge, "q"), acked("c2", Kind::Scan, "p")],
            keys: vec![("c0".into(), of("p", 2)), ("c1".into(), of("q", 2))],
            messages: vec![("c2".into(), "done".into())],
            events: [
                ("p", 1, "created"),
                ("p", 2, "tell"),
                ("p", 3, "scan"),
                ("q", 1, "created"),
                ("q", 2, "charge"),
                ("q", 3, "charge.done"),
            ]
            .map(|(record, seq, verb)| (of(record, seq), verb.to_owned()))
            .into(),
            effects: [("p", 2, 1), ("p", 2, 2), ("p", 3, 1), ("q", 2, 1)]
                .map(|(record, seq, n)| (of(record, seq), n, "done".into()))
                .into(),
            calls: ["p-2-1", "p-2-2", "p-3-1", "q-2-1"].map(call).into(),
            audit: vec![],
        }
    }

    #[test]
    fn what_is_in_order_is_not_found_fault_with() {
        let verdict = judge(&fine());
        verdict.assert();
        assert_eq!(verdict.to_string(), "3 acknowledged = 3 moves, 4 effects = 4 at the providers; lost 0, doubled 0");
    }

    #[test]
    fn whatever_is_lost_or_doubled_is_seen() {
        type Harm = fn(&mut Facts);
        let lost: [(&str, Harm); 9] = [
            ("a move that was acknowledged", |facts| _ = facts.keys.remove(0)),
            ("its event", |facts| _ = facts.events.remove(1)),
            ("a message", |facts| facts.messages.clear()),
            ("a message that nobody works off", |facts| facts.messages[0].1 = "dead".into()),
            ("the move of a message", |facts| _ = facts.events.remove(2)),
            ("the outcome of a call", |facts| _ = facts.events.pop()),
            ("an effect", |facts| _ = facts.effects.remove(0)),
            ("an effect that nobody knows about", |facts| facts.effects[0].2 = "unknown".into()),
            ("what happened", |facts| _ = facts.calls.remove(0)),
        ];
        for (what, harm) in lost {
            let mut facts = fine();
            harm(&mut facts);
            assert!(!judge(&facts).lost.is_empty(), "{what}");
        }
        let doubled: [(&str, Harm); 7] = [
            ("a move", |facts| facts.events.push((("p".into(), 4), "tell".into()))),
            ("the move of a message", |facts| facts.events.push((("p".into(), 4), "scan".into()))),
            ("a message", |facts| facts.messages.push(("c2".into(), "conflict".into()))),
            ("a message from nowhere", |facts| facts.messages.push(("x".into(), "done".into()))),
            ("the outcome of a call", |facts| facts.events.push((("q".into(), 4), "charge.done".into()))),
            ("an effect", |facts| facts.effects.push((("p".into(), 2), 3, "done".into()))),
            ("what happened", |facts| facts.calls.push(call("p-2-1"))),
        ];
        for (what, harm) in doubled {
            let mut facts = fine();
            harm(&mut facts);
            assert!(!judge(&facts).doubled.is_empty(), "{what}");
        }
    }
}
