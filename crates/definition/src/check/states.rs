//! The shape of the machine: one beginning, ends that are ends, nothing out of reach, nothing stuck.

use std::collections::HashSet;

use crate::check::{Judge, from, moves_on};
use crate::finding::{Finding, quoted_list};
use crate::model::Entity;
use crate::reach::reachable;

pub(super) fn judge(judge: &mut Judge<'_>, entity: &Entity) {
    initial(judge, entity);
    reach(judge, entity);
    ends(judge, entity);
}

fn initial(judge: &mut Judge<'_>, entity: &Entity) {
    let initial: Vec<&String> = entity.states.iter().filter(|(_, state)| state.initial).map(|(name, _)| name).collect();
    match initial[..] {
        [_] => {}
        [] => {
            let at = judge.key(entity, "states");
            let help = match entity.states.first() {
                Some((first, _)) => format!("mark one `initial: true`, perhaps `{first}`"),
                None => "add a state with `initial: true`".to_owned(),
            };
            judge.push(Finding::error("SH3015", &at, format!("`{}` has no initial state", entity.name)).help(help));
        }
        [_, second, ..] => {
            let at = judge.key(entity, &format!("states/{second}/initial"));
            let message = format!("`{}` has {} initial states: {}", entity.name, initial.len(), quoted_list(&initial));
            judge.push(Finding::error("SH3015", &at, message).help("mark exactly one state `initial: true`"));
        }
    }
}

/// States that lead on, from the initial ones.
fn reach(judge: &mut Judge<'_>, entity: &Entity) {
    let initial = initial_states(entity);
    if initial.is_empty() {
        return;
    }
    let reached: HashSet<&str> = initial.iter().flat_map(|state| reachable(entity, state)).collect();
    for (name, state) in &entity.states {
        if !reached.contains(name.as_str()) {
            let finding = Finding::error("SH3016", &state.at, format!("nothing leads to `{name}`"));
            judge.push(finding.help(format!("add a transition with `to: {name}`, or remove the state")));
        }
    }
}

fn initial_states(entity: &Entity) -> Vec<&str> {
    entity.states.iter().filter(|(_, state)| state.initial).map(|(name, _)| name.as_str()).collect()
}

fn ends(judge: &mut Judge<'_>, entity: &Entity) {
    for (name, state) in &entity.states {
        if state.end || state.claim {
            continue;
        }
        let out = entity
            .transitions
            .values()
            .any(|transition| from(entity, transition).any(|(from, _)| from == name) && moves_on(transition, name).is_some());
        if !out {
            let finding = Finding::error("SH3017", &state.at, format!("nothing leads out of `{name}`"));
            judge.push(finding.help("add a way out, or mark it `final: true`"));
        }
    }
    for (verb, transition) in &entity.transitions {
        for (n, state) in transition.from.iter().enumerate() {
            if entity.states.get(state).is_some_and(|state| state.end) {
                let at = judge.at(entity, &format!("transitions/{verb}/from/{n}"));
                let finding = Finding::error("SH3018", &at, format!("`{state}` is final, and `{verb}` leads out of it"));
                judge.push(finding.help(format!("remove `final` from `{state}`, or `{state}` from `{verb}`")));
            }
        }
    }
}
