//! What compiling produces: database objects, each with its identity and its whole SQL.

use std::fmt;

/// What sort of database object this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum Kind {
    Role,
    Schema,
    Table,
    Constraint,
    Index,
    Function,
    Trigger,
    Policy,
    View,
    Grant,
    Comment,
}

/// Which object: kind, schema, name and, for what hangs on a relation, that relation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId {
    /// Sort of object.
    pub kind: Kind,
    /// Schema; empty for roles and schemas.
    pub schema: String,
    /// Name without schema or arguments.
    pub name: String,
    /// The relation a constraint, index, trigger or policy belongs to.
    pub on: Option<String>,
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} ", self.kind)?;
        if !self.schema.is_empty() {
            write!(f, "{}.", self.schema)?;
        }
        if let Some(on) = &self.on {
            write!(f, "{on}.")?;
        }
        f.write_str(&self.name)
    }
}

/// One object with the statements that make it.
#[derive(Clone, Debug)]
pub struct Object {
    /// Its identity.
    pub id: ObjectId,
    /// Complete statements, each ended by a semicolon; run as the owner unless they say otherwise.
    pub sql: String,
}

impl Object {
    /// An object of a schema.
    pub fn new(kind: Kind, schema: &str, name: &str, sql: impl Into<String>) -> Self {
        let id = ObjectId { kind, schema: schema.into(), name: name.into(), on: None };
        Self { id, sql: sql.into() }
    }

    /// An object that hangs on a relation of a schema.
    pub fn on(kind: Kind, schema: &str, relation: &str, name: &str, sql: impl Into<String>) -> Self {
        let id = ObjectId { kind, schema: schema.into(), name: name.into(), on: Some(relation.into()) };
        Self { id, sql: sql.into() }
    }
}
