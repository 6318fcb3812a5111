//! SH3058: a claim state is entered by one call and left by what became of it, and somebody may say what that was.

use std::borrow::Cow;

use crate::check::{Judge, from, moves_on};
use crate::finding::{Finding, quoted_list};
use crate::model::{Actor, Call, Class, Entity, FieldKind, Outcome, OutcomeKind, Transition};

/// Where something of a derived transition is written: `transitions/charge.done/input/x` is
/// `transitions/charge/done/keep/x`.
pub(super) fn written<'p>(entity: &Entity, path: &'p str) -> Cow<'p, str> {
    let Some((verb, rest)) = path.strip_prefix("transitions/").map(|rest| rest.split_once('/').unwrap_or((rest, ""))) else {
        return Cow::Borrowed(path);
    };
    let Some(Outcome { of, kind, .. }) = entity.transitions.get(verb).and_then(|one| one.outcome.as_ref()) else {
        return Cow::Borrowed(path);
    };
    let landing = match kind {
        OutcomeKind::Done | OutcomeKind::ResolveDone => "done",
        OutcomeKind::Failed | OutcomeKind::ResolveFailed => "failed",
        OutcomeKind::Unknown => "unknown",
        OutcomeKind::LateDone => "late_done",
    };
    let (key, below) = rest.split_once('/').unwrap_or((rest, ""));
    let place = match key {
        // Those who resolve stand behind the connector where both may.
        "by" if *kind == OutcomeKind::LateDone => {
            let n = below.parse::<usize>().map_or(0, |n| n.saturating_sub(1));
            format!("unknown/by/{n}")
        }
        "by" => format!("unknown/by/{below}"),
        "from" if *kind != OutcomeKind::LateDone => "via".to_owned(),
        "input" => format!("{landing}/keep/{below}"),
        _ if below.is_empty() => format!("{landing}/{key}"),
        _ => format!("{landing}/{key}/{below}"),
    };
    Cow::Owned(format!("transitions/{of}/{place}"))
}

pub(super) fn judge(judge: &mut Judge<'_>, entity: &Entity) {
    for (verb, transition) in &entity.transitions {
        match &transition.call {
            Some(call) => self::call(judge, entity, verb, transition, call),
            None => others(judge, entity, verb, transition),
        }
        if let Some(outcome) = &transition.outcome {
            keep(judge, entity, verb, outcome);
        }
    }
    for (name, state) in entity.states.iter().filter(|(_, state)| state.claim) {
        let calls: Vec<&str> = entity
            .transitions
            .iter()
            .filter(|(_, one)| one.call.as_ref().is_some_and(|call| call.via == *name))
            .map(|(verb, _)| verb.as_str())
            .collect();
        match calls[..] {
            [_] => {}
            [] => {
                let message = format!("`{name}` claims, and no transition leads `via` it");
                wrong(judge, &state.at, message, &format!("add a transition with `via: {name}` and its `call`, or remove `claim`"));
            }
            [first, ..] => {
                let message = format!("`{name}` is the claim state of {}", quoted_list(calls));
                wrong(judge, &state.at, message, &format!("give each call a claim state of its own, and leave this to `{first}`"));
            }
        }
        if state.initial || state.end {
            wrong(
                judge,
                &state.at,
                format!("`{name}` claims, and is an end or a beginning"),
                "let a call lead to it, and its outcome out of it",
            );
        }
    }
}

fn wrong(judge: &mut Judge<'_>, at: &crate::model::Span, message: String, help: &str) {
    judge.push(Finding::error("SH3058", at, message).help(help));
}

fn call(judge: &mut Judge<'_>, entity: &Entity, verb: &str, transition: &Transition, call: &Call) {
    let app = judge.app;
    let via = judge.at(entity, &format!("transitions/{verb}/via"));
    if judge.state(entity, &call.via, &via) && !entity.states[&call.via].claim {
        wrong(judge, &via, format!("`{}` does not claim", call.via), &format!("add `claim: true` to `{}`", call.via));
    }
    for (landing, state) in [("done", &call.done), ("failed", &call.failed)] {
        if entity.states.get(state).is_some_and(|state| state.claim) {
            let at = judge.at(entity, &format!("transitions/{verb}.{landing}/to"));
            wrong(
                judge,
                &at,
                format!("`{landing}` of `{verb}` leads to `{state}`, which claims"),
                "name a state in which nothing is in flight",
            );
        }
    }
    if !call.by.iter().any(|actor| !matches!(actor, Actor::Kind(_))) {
        let at = judge.at(entity, &format!("transitions/{verb}/unknown/by"));
        wrong(judge, &at, format!("nobody may say what became of `{verb}`"), "name a role or a capability under `by` of `unknown`");
    }
    if entity.fields.get(&call.evidence).is_some_and(|field| field.kind != FieldKind::Text) {
        let at = judge.key(entity, &format!("fields/{}", call.evidence));
        wrong(judge, &at, format!("`{}` holds what a person went by, and is no text", call.evidence), "make it a `text`, or take it out");
    }
    if let Some(first) = transition.from.iter().position(|from| *from == call.via) {
        let at = judge.at(entity, &format!("transitions/{verb}/from/{first}"));
        wrong(judge, &at, format!("`{verb}` leaves its own claim state"), "take it out of `from`");
    }
    let connector = transition.effects.first().and_then(|effect| app.connectors.get(&effect.connector));
    if connector.is_some_and(|one| one.money && one.class != Class::N && !call.late) {
        let message =
            format!("`{}` moves money, and `{verb}` says not what a success after `failed` means", transition.effects[0].connector);
        wrong(judge, &call.at, message, "add `late_done: STATE`, where the money is owed back");
    }
}

/// A state in which something is in flight is entered and left by the call alone.
fn others(judge: &mut Judge<'_>, entity: &Entity, verb: &str, transition: &Transition) {
    let landed = transition.outcome.as_ref().is_some_and(|outcome| outcome.kind != OutcomeKind::LateDone);
    if let Some(to) = transition.to.as_deref().filter(|_| !landed).filter(|to| entity.states.get(*to).is_some_and(|state| state.claim)) {
        let at = judge.at(entity, &format!("transitions/{verb}/to"));
        wrong(
            judge,
            &at,
            format!("`{verb}` leads to `{to}`, where nothing would be in flight"),
            &format!("write `via: {to}` with a `call`, or name another state"),
        );
    }
    let own = |state: &str| {
        let of = transition.outcome.as_ref().map(|outcome| &outcome.of);
        of.and_then(|of| entity.transitions.get(of)).and_then(|one| one.call.as_ref()).is_some_and(|call| call.via == state)
    };
    let late = transition.outcome.as_ref().is_some_and(|outcome| outcome.kind == OutcomeKind::LateDone);
    let claims: Vec<&str> = from(entity, transition).filter(|(_, state)| state.claim).map(|(name, _)| name).collect();
    for state in claims {
        if own(state) && !late {
            continue;
        }
        let n = transition.from.iter().position(|from| from == state).unwrap_or_default();
        let at = judge.at(entity, &format!("transitions/{verb}/from/{n}"));
        let does = if moves_on(transition, state).is_some() { "leaves" } else { "is fired in" };
        let message = format!("`{verb}` {does} `{state}`, where a call is in flight");
        wrong(judge, &at, message, &format!("take `{state}` out of `from`: there the record waits for what becomes of the call"));
    }
}

/// SH3056: what is kept is something the action's answer gives.
fn keep(judge: &mut Judge<'_>, entity: &Entity, verb: &str, outcome: &Outcome) {
    let app = judge.app;
    // What a person resolves keeps the same, and so does what comes late unless it says otherwise.
    let own = match outcome.kind {
        OutcomeKind::Done | OutcomeKind::Failed => true,
        OutcomeKind::LateDone => app.places.has(&format!("entity/{}/transitions/{}/late_done/keep", entity.name, outcome.of)),
        _ => false,
    };
    if !own {
        return;
    }
    let effect = entity.transitions.get(&outcome.of).and_then(|one| one.effects.first());
    let Some(action) = effect.and_then(|effect| app.connectors.get(&effect.connector)?.actions.get(&effect.action)) else { return };
    let asked = action.ask.iter().flat_map(|ask| ask.result.keys());
    let mut known: Vec<&str> = action.result.keys().chain(asked).map(String::as_str).chain(["code"]).collect();
    known.dedup();
    for (field, pattern) in &outcome.keep {
        for path in pattern.paths().filter(|path| path.len() != 1 || !known.contains(&path[0].as_str())) {
            let at = judge.at(entity, &format!("transitions/{verb}/input/{field}"));
            let path = path.join(".");
            let message = format!("`{{{path}}}` is nothing that the answer gives");
            judge.push(Finding::error("SH3056", &at, message).nearest(&path, known.iter().copied(), "add it under `result` of the action"));
        }
    }
}
