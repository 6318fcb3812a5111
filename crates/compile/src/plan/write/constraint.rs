//! Constraints and indexes: added unproven under a short lock, proven beside the traffic.

use super::Change;
use crate::plan::step::{Action, Class, Draft, Phase};
use crate::plan::{Facts, ObjectId, ident};

pub(super) fn create(id: &ObjectId, want: &Facts, fresh: bool) -> Vec<Draft> {
    add(id, want, fresh, Action::Create, "the constraint is missing", "")
}

pub(super) fn alter(change: &Change<'_>) -> Vec<Draft> {
    if change.differs("def") || change.differs("type") {
        let first = format!("drop constraint {}, ", ident(&change.id.part));
        return add(change.id, change.want, false, Action::Alter, "the condition differs", &first);
    }
    vec![validate(change.id, Action::Alter)]
}

/// Only CHECK and foreign keys can be added unproven; the others build an index under the lock.
pub(in crate::plan) fn add(id: &ObjectId, want: &Facts, fresh: bool, action: Action, reason: &str, first: &str) -> Vec<Draft> {
    let kind = want.text("type");
    let provable = matches!(kind.as_str(), "c" | "f");
    let suffix = if provable && !fresh { " not valid" } else { "" };
    let sql = format!("alter table {} {first}add constraint {} {}{suffix}", id.sql(), ident(&id.part), want.text("def"));
    let mut draft = Draft::new(Phase::Constraint, action, id, reason, vec![sql]).makes(want.needs());
    let on = format!("on {}.{}", id.schema, id.name);
    if fresh {
        return vec![draft];
    }
    if !provable {
        return vec![draft.class(Class::Locks).lock(format!("access exclusive {on}, builds an index"))];
    }
    let mode = if kind == "f" && first.is_empty() { "share row exclusive" } else { "access exclusive" };
    draft = draft.lock(format!("{mode} {on}, no scan"));
    if want.flag("validated") { vec![draft, validate(id, action)] } else { vec![draft] }
}

fn validate(id: &ObjectId, action: Action) -> Draft {
    let sql = vec![format!("alter table {} validate constraint {}", id.sql(), ident(&id.part))];
    let draft = Draft::new(Phase::Alone, action, id, "rows that are there are read against it", sql).alone();
    draft.lock(format!("share update exclusive on {}.{}, reads it beside the traffic", id.schema, id.name))
}

pub(super) fn create_index(id: &ObjectId, want: &Facts, fresh: bool) -> Vec<Draft> {
    // An index over partitions cannot be built beside the traffic.
    if fresh || want.flag("_partitioned") {
        let sql = vec![want.text("def").replacen(" ON ONLY ", " ON ", 1)];
        let draft = Draft::new(Phase::Index, Action::Create, id, "the index is missing", sql).makes(want.needs());
        let lock = format!("share on {}.{}, builds an index", id.schema, id.name);
        return vec![if fresh { draft } else { draft.class(Class::Locks).lock(lock) }];
    }
    vec![beside(id, vec![concurrently(id, want, &id.part)], Action::Create, "the index is missing").makes(want.needs())]
}

pub(super) fn alter_index(change: &Change<'_>) -> Vec<Draft> {
    let name = super::name(change.id);
    if change.want.flag("_partitioned") || change.live.flag("_partitioned") {
        let sql = vec![format!("drop index {name}"), change.want.text("def").replacen(" ON ONLY ", " ON ", 1)];
        let draft =
            Draft::new(Phase::Index, Action::Replace, change.id, "the index differs", sql).class(Class::Locks).makes(change.want.needs());
        return vec![draft.lock(format!("access exclusive on {}.{}, builds an index", change.id.schema, change.id.name))];
    }
    let next = format!("{}_next", change.id.part);
    let next_name = format!("{}.{}", ident(&change.id.schema), ident(&next));
    let sql = vec![
        format!("drop index concurrently if exists {next_name}"),
        concurrently(change.id, change.want, &next),
        format!("drop index concurrently {name}"),
        format!("alter index {next_name} rename to {}", ident(&change.id.part)),
    ];
    let reason = if change.differs("def") { "the index differs" } else { "the index is not valid" };
    vec![beside(change.id, sql, Action::Replace, reason).makes(change.want.needs())]
}

fn beside(id: &ObjectId, sql: Vec<String>, action: Action, reason: &str) -> Draft {
    let draft = Draft::new(Phase::Alone, action, id, reason, sql).alone();
    draft.lock(format!("share update exclusive on {}.{}, built beside the traffic", id.schema, id.name))
}

/// The printed definition, under `name`, built concurrently.
fn concurrently(id: &ObjectId, want: &Facts, name: &str) -> String {
    want.text("def").replacen(&format!("INDEX {} ON ", ident(&id.part)), &format!("INDEX CONCURRENTLY {} ON ", ident(name)), 1)
}
