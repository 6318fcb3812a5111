//! Months come and go: a live partition is compared with any wanted sibling, never by its own name.

use serde_json::json;

use super::{Facts, Kind, ObjectId, Snapshot};

/// `desired` with exactly the partitions that `live` has, each as one of its siblings is wanted. A table that is
/// still to be made, or that has no partition, keeps the wanted ones.
pub(super) fn expected(live: &Snapshot, desired: &Snapshot) -> Snapshot {
    let mut result = desired.clone();
    let of = |id: &ObjectId, facts: &Facts| ObjectId::new(Kind::Table, &id.schema, &facts.text("of"), "");
    let partitions = |snapshot: &Snapshot| -> Vec<(ObjectId, Facts)> {
        snapshot.objects.iter().filter(|(id, _)| id.kind == Kind::Partition).map(|(id, facts)| (id.clone(), facts.clone())).collect()
    };
    let (there, wanted) = (partitions(live), partitions(desired));
    for (id, facts) in &wanted {
        if there.iter().any(|(other, other_facts)| of(other, other_facts) == of(id, facts)) {
            result.objects.remove(id);
        }
    }
    for (id, facts) in &there {
        let parent = of(id, facts);
        let siblings: Vec<&Facts> = wanted.iter().filter(|(other, facts)| of(other, facts) == parent).map(|(_, facts)| facts).collect();
        let same = siblings.iter().find(|sibling| facts.differing(sibling).is_empty());
        let template = same.or(siblings.first()).map(|facts| (*facts).clone());
        if let Some(template) = template.or_else(|| desired.get(&parent).map(|parent| bare(facts, parent))) {
            result.objects.insert(id.clone(), template);
        }
    }
    result
}

/// A partition nobody described: as guarded as its table, granted to nobody.
fn bare(live: &Facts, parent: &Facts) -> Facts {
    let mut facts = live.clone();
    for fact in ["owner", "rls", "forced", "persistence"] {
        facts.0.insert(fact.into(), parent.get(fact).clone());
    }
    let owner = parent.get("grants").get("(owner)").cloned().unwrap_or_default();
    facts.0.insert("grants".into(), json!({ "(owner)": owner }));
    facts.0.insert("policies".into(), json!({}));
    facts.0.insert("triggers_off".into(), json!([]));
    facts
}
