//! The order of carrying out: by phase, and within and across phases what is needed first.

use std::collections::{BTreeMap, BTreeSet};

use super::step::{Action, Draft};
use super::{Kind, ObjectId, Snapshot};

/// Sorts drafts. Where needs run in a circle the phase decides.
pub(super) fn sort(drafts: Vec<Draft>, live: &Snapshot) -> Vec<Draft> {
    let edges = edges(&drafts, live);
    let mut waiting: Vec<usize> = vec![0; drafts.len()];
    for after in edges.values().flatten() {
        waiting[*after] += 1;
    }
    let key = |at: usize| (drafts[at].phase, drafts[at].step.object.clone(), at);
    let mut left: BTreeSet<_> = (0..drafts.len()).map(key).collect();
    let mut sorted = Vec::with_capacity(drafts.len());
    while let Some(next) = left.iter().find(|(_, _, at)| waiting[*at] == 0).or_else(|| left.first()).cloned() {
        left.remove(&next);
        sorted.push(next.2);
        for after in edges.get(&next.2).into_iter().flatten() {
            waiting[*after] = waiting[*after].saturating_sub(1);
        }
    }
    let mut places: Vec<Option<Draft>> = drafts.into_iter().map(Some).collect();
    sorted.into_iter().filter_map(|at| places[at].take()).collect()
}

/// From a step to those that must come after it.
fn edges(drafts: &[Draft], live: &Snapshot) -> BTreeMap<usize, BTreeSet<usize>> {
    let mut makers: BTreeMap<&ObjectId, Vec<usize>> = BTreeMap::new();
    let mut droppers: BTreeMap<&ObjectId, usize> = BTreeMap::new();
    for (at, draft) in drafts.iter().enumerate() {
        draft.provides.iter().for_each(|id| makers.entry(id).or_default().push(at));
        if draft.step.action == Action::Drop {
            droppers.insert(&draft.step.object, at);
        }
    }
    let mut edges: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for (at, draft) in drafts.iter().enumerate() {
        let first = draft.needs.iter().filter_map(|need| makers.get(need)).flatten();
        // A proof belongs to a later phase than what it proves; nothing waits for it.
        for maker in first.filter(|maker| **maker != at && !drafts[**maker].provides.contains(&draft.step.object)) {
            edges.entry(*maker).or_default().insert(at);
        }
    }
    for (id, at) in &droppers {
        // A relation is dropped with what lives in it, so before what that needs.
        let inside = |other: &ObjectId| {
            !droppers.contains_key(other)
                && other.kind.inside_relation()
                && (&other.schema, &other.name) == (&id.schema, &id.name)
                && matches!(id.kind, Kind::Table | Kind::View)
        };
        let needs: Vec<ObjectId> =
            live.objects.iter().filter(|(other, _)| other == id || inside(other)).flat_map(|(_, facts)| facts.needs()).collect();
        let below = needs.iter().flat_map(|need| [need.clone(), need.relation(Kind::Table), need.relation(Kind::View)]);
        let schema = ObjectId::new(Kind::Schema, &id.schema, &id.schema, "");
        for base in below.chain([schema]).filter(|base| base != *id) {
            if let Some(later) = droppers.get(&base) {
                edges.entry(*at).or_default().insert(*later);
            }
        }
    }
    edges
}
