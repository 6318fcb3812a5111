//! From facts to statements, kind by kind. Each file knows how to make, change and drop its kinds and nothing about
//! why or in which order.

mod column;
pub(super) mod constraint;
mod grant;
pub(super) mod logic;
mod partition;
mod role;
mod table;
mod whole;

use std::collections::BTreeSet;

pub(super) use grant::{comment, grants};

use super::step::{Action, Draft};
use super::{Counts, Facts, Kind, ObjectId};

/// One object that is there and should be otherwise.
pub(super) struct Change<'a> {
    pub(super) id: &'a ObjectId,
    pub(super) live: &'a Facts,
    pub(super) want: &'a Facts,
    /// The facts that differ, without grants and comment.
    pub(super) facts: BTreeSet<String>,
    pub(super) counts: &'a Counts,
}

impl Change<'_> {
    pub(super) fn differs(&self, fact: &str) -> bool {
        self.facts.contains(fact)
    }

    /// `owner to x`, when the owner differs.
    pub(super) fn owner(&self, noun: &str) -> Option<String> {
        self.differs("owner").then(|| format!("alter {noun} {} owner to {}", name(self.id), super::ident(&self.want.text("owner"))))
    }
}

/// Makes an object that is not there; none when facts do not say how.
/// `fresh`: the relation it belongs to is made by the same plan, so there are no rows.
pub(super) fn create(id: &ObjectId, want: &Facts, fresh: bool, counts: &Counts) -> Option<Vec<Draft>> {
    let drafts = match id.kind {
        Kind::Role => role::create(id, want),
        Kind::Membership => role::join(id, want),
        Kind::Schema | Kind::Sequence | Kind::Type => whole::create(id, want)?,
        Kind::Column => column::create(id, want, counts),
        Kind::Constraint => constraint::create(id, want, fresh),
        Kind::Index => constraint::create_index(id, want, fresh),
        Kind::Function | Kind::Rule | Kind::Trigger | Kind::Policy => logic::create(id, want),
        Kind::View => logic::create_view(id, want),
        Kind::DefaultGrant | Kind::Database => vec![],
        Kind::Table | Kind::Partition | Kind::Publication | Kind::EventTrigger => return None,
    };
    Some(drafts)
}

pub(super) use partition::create as create_partition;
pub(super) use table::create as create_table;

/// Makes an object what it should be, in place.
pub(super) fn alter(change: &Change<'_>) -> Vec<Draft> {
    match change.id.kind {
        Kind::Role => role::alter(change),
        Kind::Membership => role::join(change.id, change.want),
        Kind::Schema | Kind::Sequence | Kind::Type => whole::alter(change),
        Kind::Table => table::alter(change),
        Kind::Partition => partition::alter(change),
        Kind::Column => column::alter(change),
        Kind::Constraint => constraint::alter(change),
        Kind::Index => constraint::alter_index(change),
        Kind::Function | Kind::Rule | Kind::Trigger | Kind::Policy => logic::alter(change),
        Kind::View => logic::alter_view(change),
        Kind::DefaultGrant | Kind::Database => vec![],
        Kind::Publication | Kind::EventTrigger => {
            let draft = Draft::new(super::step::Phase::Security, Action::Alter, change.id, "differs from the definition", vec![]);
            vec![draft.blocked("this kind is not repaired by a plan; put it back by hand")]
        }
    }
}

/// The statement that drops it.
pub(super) fn drop_sql(id: &ObjectId, live: &Facts) -> String {
    use super::ident;
    let on = id.sql();
    let part = ident(&id.part);
    match id.kind {
        Kind::Column => format!("alter table {on} drop column {part}"),
        Kind::Constraint => format!("alter table {on} drop constraint {part}"),
        Kind::Index => format!("drop index {}.{part}", ident(&id.schema)),
        Kind::Rule => format!("drop rule {part} on {on}"),
        Kind::Trigger => format!("drop trigger {part} on {on}"),
        Kind::Policy => format!("drop policy {part} on {on}"),
        Kind::Function => format!("drop routine {on}({})", id.part),
        Kind::View => format!("drop {} {on}", logic::noun(live)),
        Kind::Membership => role::leave(id),
        Kind::Schema => format!("drop schema {}", ident(&id.name)),
        Kind::Type => format!("drop type {on}"),
        kind => format!("drop {} {on}", kind.word()),
    }
}

/// The name after `alter KIND`.
pub(super) fn name(id: &ObjectId) -> String {
    match id.kind {
        Kind::Schema => super::ident(&id.name),
        Kind::Function => format!("{}({})", id.sql(), id.part),
        Kind::Index => format!("{}.{}", super::ident(&id.schema), super::ident(&id.part)),
        _ => id.sql(),
    }
}
