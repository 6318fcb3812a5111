//! Who may fire, with what, and what is owed.

use std::collections::BTreeSet;

use crate::check::{Judge, from, keys, mapped, roles_of, scheduled, sees};
use crate::expr::{self, Place, Purpose};
use crate::finding::{Finding, quoted_list};
use crate::model::{Actor, Entity, FieldKind, Kind, Transition, Wait};

pub(super) fn judge(judge: &mut Judge<'_>, entity: &Entity) {
    for (verb, transition) in &entity.transitions {
        somebody(judge, entity, verb, transition);
        sight(judge, entity, verb, transition);
        written(judge, entity, verb, transition);
        lock(judge, entity, verb, transition);
        effects(judge, entity, verb, transition);
    }
    alike(judge, entity);
}

/// SH3019: neither people nor the engine would ever take it.
fn somebody(judge: &mut Judge<'_>, entity: &Entity, verb: &str, transition: &Transition) {
    let cascaded = judge
        .app
        .entities
        .values()
        .flat_map(|other| other.transitions.values())
        .any(|other| other.each.iter().any(|cascade| cascade.of == entity.name && cascade.verb == verb));
    let timed = entity.states.values().any(|state| match &state.wait {
        Wait::Within { verb: Some(due), .. } | Wait::Until { verb: Some(due), .. } => due == verb,
        _ => false,
    });
    let scheduled = scheduled(judge.app, entity, verb);
    let fired = transition.by.iter().any(|actor| match actor {
        Actor::Role(_) | Actor::Capability(_) => true,
        Actor::Kind(Kind::Connector) => transition.outcome.is_some() || mapped(judge.app, entity, verb),
        Actor::Kind(Kind::Timer) => timed,
        Actor::Kind(Kind::System) => transition.auto || cascaded || scheduled,
    });
    // Who resolves a call is asked for where the call is judged.
    if fired || transition.auto || cascaded || transition.outcome.is_some() {
        return;
    }
    let finding = Finding::error("SH3019", &transition.at, format!("nobody may fire `{verb}`"));
    judge.push(match transition.by.first() {
        Some(Actor::Kind(Kind::Timer)) => {
            finding.help(format!("name it as `then: {verb}` or `late: {verb}` of a state, or name a role under `by`"))
        }
        Some(Actor::Kind(Kind::System)) => finding.help("mark it `auto: true`, or name a role under `by`"),
        Some(Actor::Kind(Kind::Connector)) => {
            finding.help(format!("name it as `verb: {verb}` of a message in `inbox/`, or name a role under `by`"))
        }
        _ => finding.help("name who may, under `by`"),
    });
}

/// SH3020: a role that may fire it never sees a record it could fire it on.
fn sight(judge: &mut Judge<'_>, entity: &Entity, verb: &str, transition: &Transition) {
    for (n, actor) in transition.by.iter().enumerate() {
        let roles = roles_of(judge.app, actor);
        let known = roles.iter().any(|role| judge.app.roles.contains_key(*role));
        if !known {
            continue;
        }
        let states: Vec<&str> = from(entity, transition).map(|(name, _)| name).collect();
        let blind = |state: &&&str| !roles.iter().any(|role| sees(judge.app, entity, role, state));
        let unseen: Vec<&str> = states.iter().filter(blind).copied().collect();
        let name = match actor {
            Actor::Role(name) | Actor::Capability(name) => name,
            Actor::Kind(_) => continue,
        };
        if unseen.is_empty() {
            continue;
        }
        let at = judge.at(entity, &format!("transitions/{verb}/by/{n}"));
        let message = format!("`{name}` may fire `{verb}`, and sees no `{}` in {}", entity.name, quoted_list(&unseen));
        // A role that sees some of the states has a use for the verb there, so the rest may be meant.
        judge.push(match unseen.len() < states.len() {
            true => Finding::warning("SH3020", &at, message).help("let the role see the record there, or split the verb"),
            false => Finding::error("SH3020", &at, message).help("let the role see the record, or take it out of `by`"),
        });
    }
}

/// SH3010, SH3041: `input` and `set` write what a person may write.
fn written(judge: &mut Judge<'_>, entity: &Entity, verb: &str, transition: &Transition) {
    let inputs = transition.input.keys().map(|field| ("input", field));
    for (place, field) in inputs.chain(transition.set.keys().map(|field| ("set", field))) {
        let path = format!("transitions/{verb}/{place}");
        let at = match transition.input.get_index_of(field).filter(|_| place == "input") {
            Some(n) if !judge.app.places.has(&format!("entity/{}/{path}/{field}", entity.name)) => judge.at(entity, &format!("{path}/{n}")),
            _ => judge.key(entity, &format!("{path}/{field}")),
        };
        match judge.unwritable(entity, field) {
            Some(why) => judge.push(Finding::error("SH3041", &at, why).help("leave it out")),
            None => {
                judge.field(entity, field, &at);
            }
        }
    }
}

/// SH3040: what is written first must be there.
fn lock(judge: &mut Judge<'_>, entity: &Entity, verb: &str, transition: &Transition) {
    let Some(lock) = &transition.lock else { return unlocked(judge, entity, verb, transition) };
    let at = judge.at(entity, &format!("transitions/{verb}/lock"));
    let is_ref = |field: &&crate::model::Field| matches!(field.kind, FieldKind::Ref(_));
    let references: Vec<&str> = entity.fields.iter().filter(|(_, field)| is_ref(field)).map(|(name, _)| name.as_str()).collect();
    match entity.fields.get(lock).filter(is_ref) {
        Some(field) if field.required => {}
        Some(_) => {
            let finding = Finding::error("SH3040", &at, format!("`{lock}` may be empty, and nothing would be locked"));
            judge.push(finding.help(format!("add `required: true` to `{lock}`")));
        }
        None => {
            let finding = Finding::error("SH3040", &at, format!("`{}` has no reference `{lock}`", entity.name));
            judge.push(finding.nearest(lock, references, "name a reference of this entity"));
        }
    }
}

/// SH3040: a guard that looks at other records is judged by two moves at once as if each were alone, unless both lock the
/// same record first. An entity without a reference has nothing it could lock, so there nothing is said.
fn unlocked(judge: &mut Judge<'_>, entity: &Entity, verb: &str, transition: &Transition) {
    let app = judge.app;
    let place = Place { app, entity, child: None, row: "new", parent: None, steps: &[], on: None, purpose: Purpose::Guard };
    if !entity.fields.values().any(|field| matches!(field.kind, FieldKind::Ref(_))) {
        return;
    }
    for (name, guard) in &transition.guards {
        let printed = expr::parse(&guard.that).and_then(|parsed| expr::print(&parsed, &place));
        if !printed.is_ok_and(|printed| !printed.uses.entities.is_empty()) {
            continue;
        }
        let message = format!("guard `{name}` of `{verb}` looks at other records, and nothing is locked");
        let finding = Finding::warning("SH3040", &guard.that.at, message);
        judge.push(finding.help("add `lock: REFERENCE`, a required reference that all records it looks at share"));
    }
}

/// SH3031, SH3002, SH3005: what is owed is an action of a connector, with its arguments.
fn effects(judge: &mut Judge<'_>, entity: &Entity, verb: &str, transition: &Transition) {
    let key = if transition.call.is_some() { "call".to_owned() } else { "do".to_owned() };
    for (n, effect) in transition.effects.iter().enumerate() {
        let Some(action) = judge.action(&effect.connector, &effect.action, &effect.at) else { continue };
        let name = format!("{}.{}", effect.connector, effect.action);
        let place = if transition.call.is_some() { key.clone() } else { format!("{key}/{n}") };
        let places: Vec<(String, crate::model::Span)> = effect
            .args
            .keys()
            .map(|given| (given.clone(), judge.key(entity, &format!("transitions/{verb}/{place}/{name}/{given}"))))
            .collect();
        let at = |given: &str| places.iter().find(|(name, _)| name == given).map(|(_, at)| at.clone()).unwrap_or_default();
        judge.arguments(&name, action, keys(&effect.args), &effect.at, at);
    }
}

/// Nothing but its name would tell it from another: no guard does, no call it belongs to, and people fire it.
fn only_by_name(one: &Transition) -> bool {
    one.to.is_some() && one.guards.is_empty() && !one.auto && one.outcome.is_none()
}

/// SH3043: a direct write of `state` could mean either.
fn alike(judge: &mut Judge<'_>, entity: &Entity) {
    let sorted = |transition: &Transition| {
        let from: BTreeSet<String> = transition.from.iter().cloned().collect();
        let mut by: Vec<String> = transition.by.iter().map(|actor| format!("{actor:?}")).collect();
        by.sort();
        (from, transition.to.clone(), by)
    };
    let plain: Vec<_> = entity.transitions.iter().filter(|(_, one)| only_by_name(one)).collect();
    for (n, (verb, transition)) in plain.iter().enumerate() {
        if let Some((first, _)) = plain[..n].iter().find(|(_, other)| sorted(other) == sorted(transition)) {
            let finding = Finding::hint("SH3043", &transition.at, format!("`{first}` and `{verb}` are alike"));
            judge.push(finding.help("check that both are meant; writing `state` directly cannot tell them apart"));
        }
    }
}
