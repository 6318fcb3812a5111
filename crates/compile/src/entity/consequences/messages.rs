//! Messages that wait for a record: the move that lets one of them act wakes it, in its own transaction.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::entity::cx::Cx;
use crate::sql::{array, list, literal};

/// Wakes those that want a verb which leaves the state the record is in now; nothing where no inbox moves this entity. An
/// edit wakes too: a guard may hold now.
pub(super) fn woken(cx: &Cx<'_>) -> String {
    let mut states: BTreeMap<Vec<&str>, Vec<&str>> = BTreeMap::new();
    for state in cx.entity.states.keys() {
        let verbs = wanted(cx, state);
        if !verbs.is_empty() {
            states.entry(verbs).or_default().push(state);
        }
    }
    if states.is_empty() {
        return String::new();
    }
    let mut body = String::from("-- messages that wait for this\ncase\n");
    for (verbs, states) in states {
        let _ = writeln!(
            body,
            "  when new.state in {} then perform statehouse.wake_messages(new.tenant, {}, new.id, {});",
            list(states),
            literal(&cx.qualified()),
            array(verbs)
        );
    }
    body.push_str("  else null;\nend case;\n");
    body
}

/// Verbs that some inbox fires on this entity and that leave `state`, each once, in the order of the entity.
fn wanted<'a>(cx: &Cx<'a>, state: &str) -> Vec<&'a str> {
    let mapped = |verb: &str| {
        let mappings = cx.app.inboxes.values().flat_map(|inbox| inbox.messages.values());
        mappings.into_iter().any(|mapping| mapping.entity == cx.entity.name && mapping.verb == verb)
    };
    let leaves = cx.entity.transitions.iter().filter(|(_, transition)| transition.from.iter().any(|from| from == state));
    leaves.map(|(verb, _)| verb.as_str()).filter(|verb| mapped(verb)).collect()
}
