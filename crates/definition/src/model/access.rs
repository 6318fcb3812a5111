//! What a role sees and edits.

use serde::{Deserialize, Serialize};

use super::{Expr, Named, Span};

/// What a role sees and edits of one entity.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Access {
    /// Where the role is named.
    pub at: Span,
    /// The key is a capability, not a role.
    pub capability: bool,
    /// Which records.
    pub see: See,
    /// Only in these states; empty for all.
    pub only: Vec<String>,
    /// May create records.
    pub create: bool,
    /// Fields (or names of children) editable per state; `all` lists every field anyone may write.
    pub edit: Edit,
    /// Columns absent from this role's views: `commission`, `lines.cost`.
    pub hide: Vec<String>,
    /// Columns masked (null) while in these states: state → columns.
    pub hide_in: Named<Vec<String>>,
}

/// Which records a role sees.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum See {
    /// Every record of the tenant.
    All,
    /// None (capability entries that only edit).
    Nothing,
    /// One of the two indexable shapes.
    Rule(RowRule),
}

/// A row rule in one of the two shapes of LAW §2.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RowRule {
    /// As written.
    pub expr: Expr,
    /// The column on the left.
    pub field: String,
    /// What it is compared with.
    pub with: RuleValue,
}

/// The right-hand side of a row rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RuleValue {
    /// `field = actor()`
    Actor,
    /// `field = any(set())`
    Set(String),
    /// `field = linked()`: the one record a link leads to
    Linked,
}

/// What a role may edit.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Edit {
    /// Nothing.
    Nothing,
    /// Every writable field and child in every state that is not final.
    All,
    /// Per state: field and child names.
    ByState(Named<Vec<String>>),
}
