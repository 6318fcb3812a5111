//! What a mapping names must be there: a slip in it would leave records where they are, without a word.

use statehouse_compile::plan::{Finding, Kind, Mapping, ObjectId, Snapshot, StateChange};
use statehouse_definition::App;
use statehouse_definition::model::Span;

use super::states;

/// Entities the app does not have, and states that neither the database nor the definition knows. The mapping in force
/// names states that are gone by now, so what it says may be said again. An entity that is not made yet has no states.
pub(super) fn findings(app: &App, mapping: &Mapping, in_force: Option<&Mapping>, live: &Snapshot) -> Vec<Finding> {
    let changes = states::changes(app, live);
    let mut found = Vec::new();
    for (entity, targets) in &mapping.0 {
        let object = ObjectId::new(Kind::Table, &app.name, entity, "");
        if !app.entities.contains_key(entity) {
            let known = app.entities.keys().map(String::as_str).collect();
            found.push(unknown(object, entity, format!("the mapping names `{entity}`, which is no entity of `{}`", app.name), known));
            continue;
        }
        let Some(change) = changes.iter().find(|change| change.entity == *entity) else { continue };
        let told = |state: &str| in_force.and_then(|mapping| mapping.0.get(entity)).is_some_and(|states| states.contains_key(state));
        for state in targets.keys().filter(|state| !is_state(change, state) && !told(state)) {
            let removed = change.removed();
            let known = if removed.is_empty() { change.before.iter().map(String::as_str).collect() } else { removed };
            found.push(unknown(object.clone(), state, format!("the mapping names `{state}`, which is no state of `{entity}`"), known));
        }
    }
    found
}

fn is_state(change: &StateChange, state: &str) -> bool {
    change.before.iter().chain(&change.after).any(|known| known == state)
}

fn unknown(object: ObjectId, wrong: &str, message: String, known: Vec<&str>) -> Finding {
    // The definition's own findings know how to guess what was meant.
    let guess = statehouse_definition::Finding::error("SH3052", &Span::default(), "").nearest(wrong, known, "take it out of the mapping");
    Finding { code: "SH3052".into(), object, message, help: guess.help.unwrap_or_default(), refuses: true }
}
