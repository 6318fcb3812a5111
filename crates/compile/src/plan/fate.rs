//! What has to go before anything can be made: what is no longer wanted, what can only be made anew, and whatever
//! stands on either.

use std::collections::{BTreeMap, BTreeSet};

use super::write::logic;
use super::{Facts, Kind, ObjectId, Snapshot};

/// Objects of the live database that will not survive as they are.
#[derive(Default)]
pub(super) struct Fate {
    /// Ours once, not wanted now.
    pub(super) removed: BTreeSet<ObjectId>,
    /// Wanted, but to be dropped and made again; with the reason.
    pub(super) anew: BTreeMap<ObjectId, String>,
    /// Foreign objects that stand in the way, by the object they stand on.
    pub(super) in_the_way: BTreeMap<ObjectId, ObjectId>,
}

impl Fate {
    pub(super) fn decide(live: &Snapshot, desired: &Snapshot, stored: Option<&Snapshot>) -> Self {
        let mut fate = Self::default();
        let mut open: Vec<ObjectId> = Vec::new();
        for (id, facts) in &live.objects {
            match desired.get(id) {
                None if made_by_us(id, stored) => {
                    fate.removed.insert(id.clone());
                    open.push(id.clone());
                }
                Some(want) if renewed(id, facts, want) => {
                    fate.anew.insert(id.clone(), "it can only be made anew".into());
                    open.push(id.clone());
                }
                Some(want) if retyped(id, facts, want) || rekeyed(id, facts, want) => open.push(id.clone()),
                _ => {}
            }
        }
        fate.spread(live, desired, open);
        fate
    }

    /// Whatever needs a thing that goes, goes with it.
    fn spread(&mut self, live: &Snapshot, desired: &Snapshot, mut open: Vec<ObjectId>) {
        let mut users: BTreeMap<ObjectId, Vec<&ObjectId>> = BTreeMap::new();
        for (id, facts) in &live.objects {
            for need in facts.needs() {
                users.entry(need).or_default().push(id);
            }
        }
        while let Some(base) = open.pop() {
            for user in users.get(&base).into_iter().flatten() {
                let known = self.anew.contains_key(*user) || self.removed.contains(*user);
                if known || !falls_with(&base, user) {
                    continue;
                }
                if desired.get(user).is_none() {
                    self.in_the_way.insert(base.clone(), (*user).clone());
                } else if matches!(user.kind, Kind::Column | Kind::Table | Kind::Partition) {
                    // Rows would have to go: better to stop and ask.
                    self.in_the_way.insert(base.clone(), (*user).clone());
                } else {
                    self.anew.insert((*user).clone(), format!("it stands on {base}"));
                    open.push((*user).clone());
                }
            }
        }
    }

    /// Will not be there when the making begins.
    pub(super) fn gone(&self, id: &ObjectId) -> bool {
        self.anew.contains_key(id)
    }
}

fn made_by_us(id: &ObjectId, stored: Option<&Snapshot>) -> bool {
    !matches!(id.kind, Kind::Role | Kind::Partition) && stored.is_some_and(|stored| stored.get(id).is_some())
}

/// Postgres has no statement that changes it in place.
fn renewed(id: &ObjectId, live: &Facts, want: &Facts) -> bool {
    match id.kind {
        Kind::View => !logic::replaceable(live, want),
        Kind::Function => ["arguments", "returns", "kind"].iter().any(|fact| live.get(fact) != want.get(fact)),
        _ => false,
    }
}

fn retyped(id: &ObjectId, live: &Facts, want: &Facts) -> bool {
    id.kind == Kind::Column && ["type", "collation"].iter().any(|fact| live.get(fact) != want.get(fact))
}

/// A key that foreign keys may stand on.
fn rekeyed(id: &ObjectId, live: &Facts, want: &Facts) -> bool {
    id.kind == Kind::Constraint && live.get("def") != want.get("def") && matches!(live.text("type").as_str(), "p" | "u")
}

fn falls_with(base: &ObjectId, user: &ObjectId) -> bool {
    match base.kind {
        // Postgres rebuilds constraints and indexes itself when a type changes, and drops them with the column.
        Kind::Column => matches!(user.kind, Kind::Column | Kind::View | Kind::Policy | Kind::Rule | Kind::Trigger),
        // What lives inside a relation is dropped with it, everything else must go first.
        Kind::Table => {
            user.kind != Kind::Partition && (&base.schema, &base.name) != (&user.schema, &user.name) || user.kind == Kind::Function
        }
        Kind::Schema | Kind::Role => false,
        _ => true,
    }
}
