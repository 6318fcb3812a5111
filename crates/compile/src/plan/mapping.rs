//! Where the records of a state go that the new definition no longer has.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The mapping file: by entity, by removed state.
///
/// ```yaml
/// order:
///   sourcing: { to: buying }
///   production: { split: [ { when: "priority = 'urgent'", to: rush }, { to: production_line } ] }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Mapping(pub BTreeMap<String, BTreeMap<String, Target>>);

/// Where the records of one state go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Target {
    /// All to one state.
    One(One),
    /// Each to the first branch whose condition it meets.
    Many(Many),
}

/// All to one state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct One {
    /// The new state.
    pub to: String,
}

/// Each to the first branch whose condition it meets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Many {
    /// In order; the last has no condition, so that no record is left behind.
    pub split: Vec<Branch>,
}

/// One branch of a split.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Branch {
    /// A condition over the record's own columns, in SQL; none takes what is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// The new state.
    pub to: String,
}

/// The states of one entity before and after.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateChange {
    /// The entity's name in the definition.
    pub entity: String,
    /// Schema of its table.
    pub schema: String,
    /// Its table.
    pub table: String,
    /// The CHECK that names the states, e.g. `order_state_known`.
    pub constraint: String,
    /// States of the stored definition.
    pub before: Vec<String>,
    /// States of the new one.
    pub after: Vec<String>,
    /// Old name → new name where the new definition itself says so; the mapping file wins.
    pub renamed: BTreeMap<String, String>,
}

impl StateChange {
    /// States that are no more.
    #[must_use]
    pub fn removed(&self) -> Vec<&str> {
        self.before.iter().filter(|state| !self.after.contains(state)).map(String::as_str).collect()
    }
}

/// What the caller counted in the live database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Rows by (schema, table). A table that is missing here may hold rows.
    pub rows: BTreeMap<(String, String), u64>,
    /// Records by (entity, state), for removed states.
    pub states: BTreeMap<(String, String), u64>,
}

impl Counts {
    pub(super) fn table(&self, schema: &str, table: &str) -> Option<u64> {
        self.rows.get(&(schema.to_owned(), table.to_owned())).copied()
    }

    pub(super) fn state(&self, entity: &str, state: &str) -> u64 {
        self.states.get(&(entity.to_owned(), state.to_owned())).copied().unwrap_or(0)
    }
}

impl Target {
    /// The branches, in order; one for `to`.
    #[must_use]
    pub fn branches(&self) -> Vec<Branch> {
        match self {
            Self::One(one) => vec![Branch { when: None, to: one.to.clone() }],
            Self::Many(many) => many.split.clone(),
        }
    }
}
