//! Objects that are there under another name. Without this a renamed column would look like one lost and one
//! foreign, and its data would be given up.

use serde_json::{Value, json};

use super::step::{Action, Draft, Phase};
use super::{Facts, Kind, ObjectId, Snapshot, ident};

/// Renames in `live` what can be told to be a wanted object under another name, and gives the steps that do so.
/// Relations and columns are known by their oid and position at the last apply; the rest by being equal otherwise.
pub(super) fn repair(live: &mut Snapshot, desired: &Snapshot, stored: Option<&Snapshot>) -> Vec<Draft> {
    let mut drafts = Vec::new();
    if let Some(stored) = stored {
        for kind in [Kind::Table, Kind::View, Kind::Column] {
            drafts.extend(missing(live, desired, kind).iter().filter_map(|id| by_identity(live, desired, stored, id)));
        }
    }
    for kind in [Kind::Constraint, Kind::Index, Kind::Trigger, Kind::Policy] {
        drafts.extend(missing(live, desired, kind).iter().filter_map(|id| by_equality(live, desired, stored, id)));
    }
    drafts
}

fn missing(live: &Snapshot, desired: &Snapshot, kind: Kind) -> Vec<ObjectId> {
    desired.objects.keys().filter(|id| id.kind == kind && live.get(id).is_none()).cloned().collect()
}

fn by_identity(live: &mut Snapshot, desired: &Snapshot, stored: &Snapshot, id: &ObjectId) -> Option<Draft> {
    let mark = if id.kind == Kind::Column { "_position" } else { "_oid" };
    let known = stored.get(id)?.get(mark).as_i64()?;
    let sibling =
        |other: &ObjectId| other.kind == id.kind && (id.kind != Kind::Column || (&other.schema, &other.name) == (&id.schema, &id.name));
    let mut others = live
        .objects
        .iter()
        .filter(|(other, facts)| sibling(other) && desired.get(other).is_none() && facts.get(mark).as_i64() == Some(known));
    let found = others.next()?.0.clone();
    if found.schema != id.schema {
        return None;
    }
    let (old, new, sql) = if id.kind == Kind::Column {
        (&found.part, &id.part, format!("alter table {} rename column {} to {}", id.sql(), ident(&found.part), ident(&id.part)))
    } else {
        (&found.name, &id.name, format!("alter {} {} rename to {}", id.kind.word(), found.sql(), ident(&id.name)))
    };
    let draft = draft(id, old, sql);
    respell(live, &found, id, &ident(old), &ident(new));
    Some(draft)
}

fn by_equality(live: &mut Snapshot, desired: &Snapshot, stored: Option<&Snapshot>, id: &ObjectId) -> Option<Draft> {
    let want = desired.get(id)?;
    let unknown = |other: &ObjectId| desired.get(other).is_none() && stored.is_none_or(|stored| stored.get(other).is_none());
    let same = |other: &ObjectId, facts: &Facts| {
        let place = other.kind == id.kind && (&other.schema, &other.name) == (&id.schema, &id.name);
        place && unknown(other) && nameless(other, facts) == nameless(id, want)
    };
    let found = live.objects.iter().find(|(other, facts)| same(other, facts))?.0.clone();
    let (old, new) = (ident(&found.part), ident(&id.part));
    let sql = match id.kind {
        Kind::Constraint => format!("alter table {} rename constraint {old} to {new}", id.sql()),
        Kind::Index => format!("alter index {}.{old} rename to {new}", ident(&id.schema)),
        kind => format!("alter {} {old} on {} rename to {new}", kind.word(), id.sql()),
    };
    let mut facts = live.objects.remove(&found)?;
    let def = facts.text("def").replacen(&format!(" {old} "), &format!(" {new} "), 1);
    if facts.0.contains_key("def") {
        facts.0.insert("def".into(), json!(def));
    }
    live.objects.insert(id.clone(), facts);
    Some(draft(id, &found.part, sql))
}

fn draft(id: &ObjectId, old: &str, sql: String) -> Draft {
    let draft = Draft::new(Phase::Rename, Action::Rename, id, format!("it is called `{old}`"), vec![sql]);
    let mut draft = draft.lock(format!("access exclusive on {}.{}, no scan", id.schema, id.name));
    draft.step.drift = true;
    draft
}

/// What an object is apart from its name.
fn nameless(id: &ObjectId, facts: &Facts) -> Vec<Value> {
    let def = facts.text("def").replacen(&format!(" {} ", ident(&id.part)), " ", 1);
    ["type", "enabled", "cmd", "permissive", "roles", "using", "check"]
        .iter()
        .map(|fact| facts.get(fact).clone())
        .chain([json!(def)])
        .collect()
}

/// Moves an object and what lives in it to its new name, and writes the new name into what refers to it.
fn respell(live: &mut Snapshot, found: &ObjectId, id: &ObjectId, old: &str, new: &str) {
    let column = id.kind == Kind::Column;
    let touches = |other: &ObjectId| {
        if column { other == found } else { (&other.schema, &other.name) == (&found.schema, &found.name) && other.kind != Kind::Function }
    };
    let moved = |other: &ObjectId| match (touches(other), column) {
        (true, true) => id.clone(),
        (true, false) => ObjectId { name: id.name.clone(), ..other.clone() },
        (false, _) => other.clone(),
    };
    live.objects = std::mem::take(&mut live.objects)
        .into_iter()
        .map(|(other, mut facts)| {
            let needs = facts.needs();
            if needs.iter().any(touches) || (!column && touches(&other)) {
                for fact in ["def", "using", "check", "default", "arguments", "returns"] {
                    if let Some(text) = facts.option(fact) {
                        let text = words(text, old, new);
                        facts.0.insert(fact.into(), json!(text));
                    }
                }
                facts.0.insert("_needs".into(), json!(needs.iter().map(moved).collect::<Vec<_>>()));
            }
            (moved(&other), facts)
        })
        .collect();
}

/// Replaces whole words.
fn words(text: &str, old: &str, new: &str) -> String {
    let part = |letter: Option<char>| letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
    let mut done = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(old) {
        let (before, after) = (&rest[..at], &rest[at + old.len()..]);
        let inside = part(before.chars().next_back().or(done.chars().next_back())) || part(after.chars().next());
        done.push_str(before);
        done.push_str(if inside { old } else { new });
        rest = after;
    }
    done + rest
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn replaces_whole_words_only() {
        assert_eq!(words("o.net2 + net2_of(net2, xnet2)", "net2", "net"), "o.net + net2_of(net, xnet2)");
    }
}
