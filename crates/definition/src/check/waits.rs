//! S9: nothing waits unseen. Timers fire what can be fired, and every record can be moved by somebody or something.

use crate::check::{Judge, from, has_members, is_date, keys, mapped, moves_on, roles_of, sees};
use crate::finding::Finding;
use crate::model::{Actor, Entity, Kind, State, Wait};

pub(super) fn judge(judge: &mut Judge<'_>, entity: &Entity) {
    for (name, state) in &entity.states {
        timer(judge, entity, name, state);
        if state.end {
            ended(judge, entity, name, state);
            continue;
        }
        if matches!(state.wait, Wait::Unstated) && !state.claim {
            let finding = Finding::error("SH3021", &state.at, format!("`{name}` says not how long it may wait"));
            judge.push(finding.help("add `within: 24 hours`, `until: FIELD` or `may_wait: forever`"));
        }
        owner(judge, entity, name, state);
        moved(judge, entity, name, state);
    }
}

/// Who must act must see the record.
fn owner(judge: &mut Judge<'_>, entity: &Entity, name: &str, state: &State) {
    let Some(owner) = state.owner.as_deref().filter(|owner| judge.app.roles.contains_key(*owner)) else {
        return;
    };
    if !sees(judge.app, entity, owner, name) {
        let at = judge.at(entity, &format!("states/{name}/owner"));
        let message = format!("`{owner}` owns `{name}`, and sees no `{}` there", entity.name);
        judge.push(Finding::error("SH3020", &at, message).help("let the role see the record, or name another owner"));
    }
}

fn ended(judge: &mut Judge<'_>, entity: &Entity, name: &str, state: &State) {
    for key in ["within", "until", "may_wait"] {
        if !matches!(state.wait, Wait::Unstated) && judge.app.places.has(&path(entity, name, key)) {
            let at = judge.key(entity, &format!("states/{name}/{key}"));
            let finding = Finding::error("SH3018", &at, format!("`{name}` is final and waits for nothing"));
            judge.push(finding.help(format!("remove `{key}`, or `final`")));
        }
    }
}

fn path(entity: &Entity, state: &str, key: &str) -> String {
    format!("entity/{}/states/{state}/{key}", entity.name)
}

fn timer(judge: &mut Judge<'_>, entity: &Entity, name: &str, state: &State) {
    if let Wait::Until { field, .. } = &state.wait {
        let at = judge.at(entity, &format!("states/{name}/until"));
        if judge.field(entity, field, &at) && !is_date(&entity.fields[field].kind) {
            let message = format!("`until` takes a date or timestamp, and `{field}` is none");
            judge.push(Finding::error("SH3006", &at, message).help("name a field of type `date` or `timestamp`"));
        }
    }
    let (Wait::Within { verb: Some(verb), .. } | Wait::Until { verb: Some(verb), .. }) = &state.wait else {
        return;
    };
    let key = if judge.app.places.has(&path(entity, name, "late")) { "late" } else { "then" };
    let at = judge.at(entity, &format!("states/{name}/{key}"));
    let Some(transition) = entity.transitions.get(verb) else {
        let finding = Finding::error("SH3014", &at, format!("`{}` has no verb `{verb}`", entity.name));
        return judge.push(finding.nearest(verb, keys(&entity.transitions), "add it under `transitions`"));
    };
    if !transition.from.iter().any(|from| from == name) {
        let finding = Finding::error("SH3014", &at, format!("`{verb}` does not leave `{name}`"));
        judge.push(finding.help(format!("add `{name}` to `from` of `{verb}`, or name another verb")));
    } else if !transition.by.contains(&Actor::Kind(Kind::Timer)) {
        let finding = Finding::error("SH3014", &at, format!("`{verb}` is not fired by a timer"));
        judge.push(finding.help(format!("add `timer` to `by` of `{verb}`")));
    }
    // An app read back from the database has lost the word, and was checked before.
    if judge.app.places.has(&path(entity, name, key)) {
        let moving = moves_on(transition, name);
        match (key, moving) {
            ("then", None) => {
                let finding = Finding::error("SH3014", &at, format!("`{verb}` stays in `{name}`, and `then` must move on"));
                judge.push(finding.help(format!("write `late: {verb}`, or name a verb that leads on")));
            }
            ("late", Some(to)) => {
                let finding = Finding::error("SH3014", &at, format!("`{verb}` moves to `{to}`, and `late` only tells"));
                judge.push(finding.help(format!("write `then: {verb}`, or name a verb that stays")));
            }
            _ => {}
        }
    }
}

/// Somebody sees the record and has a way on, or the engine or an outside message moves it.
fn moved(judge: &mut Judge<'_>, entity: &Entity, name: &str, state: &State) {
    let mut out = entity
        .transitions
        .iter()
        .filter(|(_, one)| from(entity, one).any(|(from, _)| from == name) && moves_on(one, name).is_some())
        .peekable();
    // Without any way out it is a dead end and was named as such.
    if state.claim || out.peek().is_none() {
        return;
    }
    let due = match &state.wait {
        Wait::Within { verb, .. } | Wait::Until { verb, .. } => verb.as_deref(),
        _ => None,
    };
    let alive = out.any(|(verb, one)| {
        one.auto
            || one.by.iter().any(|actor| match actor {
                Actor::Kind(Kind::Connector) => one.outcome.is_some() || mapped(judge.app, entity, verb),
                Actor::Kind(Kind::Timer) => due == Some(verb),
                // One that picks some of the records promises nothing to the others.
                Actor::Kind(Kind::System) => judge
                    .app
                    .schedules
                    .values()
                    .any(|due| due.fire.entity == entity.name && due.fire.verb == **verb && due.fire.only.is_none()),
                // Nobody has to hold a link, so its holder is no way on to count with.
                people => {
                    roles_of(judge.app, people).iter().any(|role| has_members(judge.app, role) && sees(judge.app, entity, role, name))
                }
            })
            || cascaded(judge, entity, verb)
    });
    if !alive {
        let message = format!("in `{name}` nobody sees the record and has a way on");
        let finding = Finding::error("SH3021", &state.at, message);
        judge.push(finding.help("let a role that may fire a way out see the record here, or let a timer move it"));
    }
}

fn cascaded(judge: &Judge<'_>, entity: &Entity, verb: &str) -> bool {
    let all = judge.app.entities.values().flat_map(|other| other.transitions.values());
    all.flat_map(|one| &one.each).any(|cascade| cascade.of == entity.name && cascade.verb == verb)
}
