//! Where an expression stands and what it turned out to read.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{App, Entity};

/// Where an expression stands: which row it is about and how that row is called in the SQL around it.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The app.
    pub app: &'a App,
    /// The entity of the record.
    pub entity: &'a Entity,
    /// The child whose row this is; `None` for the record itself.
    pub child: Option<&'a str>,
    /// SQL alias of the row (`new`, `o`); empty prints bare column names, as a CHECK constraint wants them.
    pub row: &'a str,
    /// SQL alias of the parent's row, for a child; without it the parent is looked up.
    pub parent: Option<&'a str>,
    /// Calculator steps already worked out, printed as variables `s_<step>`.
    pub steps: &'a [String],
    /// SQL of the date by which rule tables are read; without it, today in the app's time zone.
    pub on: Option<&'a str>,
    /// What the expression is for.
    pub purpose: Purpose,
}

/// Where an expression reads what is not, or not yet, in the tables.
#[derive(Clone, Copy, Default)]
pub struct Instead<'a> {
    /// SQL of the rows of the record's own children, by child: prices as they are now, not as they were stored.
    pub lines: Option<&'a BTreeMap<String, String>>,
    /// SQL of the state in which a record stands, by entity and alias of its row, where its column may say an older one.
    pub states: Option<&'a Standing<'a>>,
}

/// From an entity and the alias of its row to SQL of the state, where that is not the row's column.
pub type Standing<'a> = dyn Fn(&str, &str) -> Option<String> + 'a;

/// What an expression is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A condition of a transition.
    Guard,
    /// A value a transition sets.
    Set,
    /// A computed field.
    Computed,
    /// An aggregate over children kept in the record.
    Rollup,
    /// The value of a new record that names none.
    Default,
    /// A CHECK constraint: it may read its own row and nothing else.
    Check,
    /// Which records belong to an actor; `actor()` is printed as `actor_`, the parameter of the set's function.
    IdSet,
    /// Which records a schedule moves: nobody asks, so there is no actor.
    Schedule,
    /// An argument of an effect.
    Argument,
    /// A step of a calculator.
    Step,
}

/// What an expression reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Uses {
    /// Columns of its own row, among them `id`, `state` and the like.
    pub fields: BTreeSet<String>,
    /// Columns of children by child.
    pub children: BTreeMap<String, BTreeSet<String>>,
    /// Columns of the parent's row.
    pub parent: BTreeSet<String>,
    /// Refs that are followed: the ref field and the entity it leads to.
    pub refs: BTreeSet<(String, String)>,
    /// Entities read by sub-selects (a child's table counts as its entity).
    pub entities: BTreeSet<String>,
    /// Rule tables.
    pub tables: BTreeSet<String>,
    /// Calculator steps.
    pub steps: BTreeSet<String>,
    /// Asks who acts: `actor()` or `role()`.
    pub actor: bool,
    /// Asks what time it is: `now()`, `today()`, or a rule table read as of today.
    pub now: bool,
    /// Asks whether priced children are still current.
    pub fresh: bool,
    /// Reads nothing but its own row, constants, the actor and the clock.
    pub row_local: bool,
}

impl Uses {
    /// Settles `row_local` once everything else is known.
    pub(crate) fn settle(&mut self) {
        let elsewhere = !self.children.is_empty()
            || !self.parent.is_empty()
            || !self.refs.is_empty()
            || !self.entities.is_empty()
            || !self.tables.is_empty()
            || self.fresh;
        self.row_local = !elsewhere;
    }
}
