//! What an object is called, and how its name is written in SQL.

use std::fmt;

use serde::{Deserialize, Serialize};

pub use crate::sql::{ident, literal};

/// The kinds of objects a snapshot holds, in the order a person reads them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are those of Postgres")]
pub enum Kind {
    Database,
    Role,
    Membership,
    Schema,
    Type,
    Sequence,
    Table,
    Partition,
    Column,
    Constraint,
    Index,
    Function,
    View,
    Rule,
    Trigger,
    Policy,
    DefaultGrant,
    Publication,
    EventTrigger,
}

impl Kind {
    /// The word in catalog rows and in plans.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Role => "role",
            Self::Membership => "membership",
            Self::Schema => "schema",
            Self::Type => "type",
            Self::Sequence => "sequence",
            Self::Table => "table",
            Self::Partition => "partition",
            Self::Column => "column",
            Self::Constraint => "constraint",
            Self::Index => "index",
            Self::Function => "function",
            Self::View => "view",
            Self::Rule => "rule",
            Self::Trigger => "trigger",
            Self::Policy => "policy",
            Self::DefaultGrant => "default_grant",
            Self::Publication => "publication",
            Self::EventTrigger => "event_trigger",
        }
    }

    /// Lives and dies with the relation its id names.
    #[must_use]
    pub fn inside_relation(self) -> bool {
        matches!(self, Self::Column | Self::Constraint | Self::Index | Self::Rule | Self::Trigger | Self::Policy)
    }
}

/// One object: `name` is the relation, function or role; `part` what lives inside it (a column, a trigger), the
/// argument types of a function, or the member of a membership.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "(Kind, String, String, String)", into = "(Kind, String, String, String)")]
pub struct ObjectId {
    /// What it is.
    pub kind: Kind,
    /// Empty for what has no schema.
    pub schema: String,
    /// As above.
    pub name: String,
    /// As above; empty for what is whole.
    pub part: String,
}

impl ObjectId {
    /// An id from its four words.
    #[must_use]
    pub fn new(kind: Kind, schema: &str, name: &str, part: &str) -> Self {
        Self { kind, schema: schema.into(), name: name.into(), part: part.into() }
    }

    /// The same relation under another kind, e.g. the table of a column.
    #[must_use]
    pub fn relation(&self, kind: Kind) -> Self {
        Self::new(kind, &self.schema, &self.name, "")
    }

    /// `schema.name`, quoted where needed.
    #[must_use]
    pub fn sql(&self) -> String {
        if self.schema.is_empty() { ident(&self.name) } else { format!("{}.{}", ident(&self.schema), ident(&self.name)) }
    }

    /// `order.old_code`: what `--allow-destroy` wants to hear.
    #[must_use]
    pub fn short(&self) -> String {
        match self.kind {
            Kind::Column => format!("{}.{}", self.name, self.part),
            _ => self.name.clone(),
        }
    }
}

impl From<(Kind, String, String, String)> for ObjectId {
    fn from((kind, schema, name, part): (Kind, String, String, String)) -> Self {
        Self { kind, schema, name, part }
    }
}

impl From<ObjectId> for (Kind, String, String, String) {
    fn from(id: ObjectId) -> Self {
        (id.kind, id.schema, id.name, id.part)
    }
}

/// `column orders.order.net`, `function orders.fx_rate(integer, text)`, `membership statehouse_api of orders_rep`.
impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = if self.schema.is_empty() { self.name.clone() } else { format!("{}.{}", self.schema, self.name) };
        match self.kind {
            Kind::Database => f.write_str("the database"),
            Kind::Schema => write!(f, "schema {}", self.name),
            Kind::Function => write!(f, "function {whole}({})", self.part),
            Kind::Membership => write!(f, "membership {} of {}", self.name, self.part),
            Kind::DefaultGrant => write!(f, "default grants of {}", self.name),
            Kind::EventTrigger => write!(f, "event trigger {whole}"),
            kind if self.part.is_empty() => write!(f, "{} {whole}", kind.word()),
            kind => write!(f, "{} {whole}.{}", kind.word(), self.part),
        }
    }
}
