//! A definition under which records may still stand in states it no longer has: a role that sees or edits the new state
//! sees and edits the old one too, until every record has moved on.

use std::collections::BTreeMap;

use statehouse_definition::App;
use statehouse_definition::model::{Access, Edit};

use crate::plan::{Mapping, Target};

/// The app with retired states beside the states that took their place.
pub fn widened(app: &App, mapping: &Mapping) -> App {
    let mut app = app.clone();
    for (entity, moves) in &mapping.0 {
        let Some(entity) = app.entities.get_mut(entity) else { continue };
        for (old, target) in moves {
            let new: Vec<&String> = match target {
                Target::One(one) => vec![&one.to],
                Target::Many(many) => many.split.iter().map(|branch| &branch.to).collect(),
            };
            for access in entity.access.values_mut() {
                widen(access, old, &new);
            }
        }
    }
    for (entity, moves) in &mapping.0 {
        for (old, target) in moves {
            cascades(&mut app, entity, old, target);
        }
    }
    app
}

/// A cascade reaches records of a retired state too.
fn cascades(app: &mut App, entity: &str, old: &str, target: &Target) {
    let new: Vec<String> = match target {
        Target::One(one) => vec![one.to.clone()],
        Target::Many(many) => many.split.iter().map(|branch| branch.to.clone()).collect(),
    };
    let leaves: BTreeMap<String, Vec<String>> =
        app.entities.get(entity).map(|e| e.transitions.iter().map(|(v, t)| (v.clone(), t.from.clone())).collect()).unwrap_or_default();
    for transition in app.entities.values_mut().flat_map(|e| e.transitions.values_mut()) {
        for cascade in transition.each.iter_mut().filter(|c| c.of == entity) {
            let mut only =
                if cascade.only.is_empty() { leaves.get(&cascade.verb).cloned().unwrap_or_default() } else { cascade.only.clone() };
            if only.iter().any(|state| new.contains(state)) {
                only.push(old.to_owned());
                cascade.only = only;
            }
        }
    }
}

fn widen(access: &mut Access, old: &str, new: &[&String]) {
    if access.only.iter().any(|state| new.contains(&state)) {
        access.only.push(old.to_owned());
    }
    // What is masked in one of the new states is masked in the old one: rather too little than too much.
    let masked: Vec<String> =
        access.hide_in.iter().filter(|(state, _)| new.contains(state)).flat_map(|(_, columns)| columns.clone()).collect();
    if !masked.is_empty() {
        access.hide_in.insert(old.to_owned(), masked);
    }
    if let Edit::ByState(states) = &mut access.edit {
        let editable: Vec<String> = states.iter().filter(|(state, _)| new.contains(state)).flat_map(|(_, fields)| fields.clone()).collect();
        if !editable.is_empty() {
            states.insert(old.to_owned(), editable);
        }
    }
}
