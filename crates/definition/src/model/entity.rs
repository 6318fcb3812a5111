//! Entities, their columns and their children.

use serde::{Deserialize, Serialize};

use super::{Access, Expr, Named, Span, State, Texts, Transition};

/// A type of record.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Entity {
    /// Identifier; also the table's name.
    pub name: String,
    /// Where the file names it.
    pub at: Span,
    /// What people call one of them.
    pub label: Texts,
    /// e.g. `ORD-{number:6}`: a readable reference, counted per tenant.
    pub reference: Option<Reference>,
    /// Columns in the order of the file, without those the engine adds.
    pub fields: Named<Field>,
    /// Rows that live and die with the record, e.g. the lines of an order.
    pub children: Named<Child>,
    /// States in the order of the file; exactly one is initial.
    pub states: Named<State>,
    /// Verbs in the order of the file.
    pub transitions: Named<Transition>,
    /// What each role (or holder of a capability) sees and edits.
    pub access: Named<Access>,
    /// No two records may overlap: `exclude: { room: "=", during: "&&" }`.
    pub exclusions: Named<Exclusion>,
    /// Several fields unique together within the tenant.
    pub uniques: Named<Vec<String>>,
}

/// `ORD-{number:6}` split at its counter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// Text before the counter.
    pub prefix: String,
    /// Zero-padded width of the counter.
    pub width: usize,
    /// Text after the counter.
    pub suffix: String,
}

/// One column.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Field {
    /// Where its name is written.
    pub at: Span,
    /// What people call it.
    pub label: Texts,
    /// Its type.
    pub kind: FieldKind,
    /// Never null (a NOT NULL constraint).
    pub required: bool,
    /// Unique within the tenant.
    pub unique: bool,
    /// Value of a new record that names none.
    pub default: Option<Expr>,
    /// How the engine computes it; such a field is written by nobody.
    pub derived: Option<Derived>,
    /// Boolean that must hold whenever the field is not null, e.g. `quantity > 0`.
    pub check: Option<Expr>,
    /// Personal data of this subject: erased with it.
    pub personal: bool,
}

/// How a derived field gets its value.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Derived {
    /// An expression over the same row (and its parent, for a child).
    Computed(Expr),
    /// An aggregate over children, e.g. `sum(lines.net)`; with `per`, summed over groups of these child fields.
    Rollup {
        /// The aggregate, or with `per` the expression of one group.
        expr: Expr,
        /// Child fields to group by (`lines.vat_category`), empty for none.
        per: Vec<String>,
    },
    /// A named calculator gives it (child fields only): the calculator's step of the same name.
    Priced {
        /// Name of the calculator.
        calculator: String,
    },
    /// A share of a parent's amount by largest remainder, ties to the lowest position (child fields only).
    Allocate {
        /// Parent field that is shared out.
        amount: String,
        /// Child field that weighs.
        over: String,
    },
}

/// The type of a field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FieldKind {
    /// `text`
    Text,
    /// `text` with a named CHECK over these values.
    Enum(Vec<String>),
    /// `bigint`
    Integer,
    /// `numeric`
    Decimal,
    /// `bigint` minor units of the record's currency.
    Money,
    /// `text`, three capitals.
    Currency,
    /// `numeric` between 0 and 100.
    Percent,
    /// `date`
    Date,
    /// `timestamptz`
    Timestamp,
    /// `daterange` or `tstzrange`
    Range(RangeOf),
    /// `boolean`
    Bool,
    /// `text` in E.164 form, e.g. `+3545551234`.
    Phone,
    /// `text` with one `@`.
    Email,
    /// `point` as (longitude, latitude) within bounds.
    Geo,
    /// `jsonb`
    Json,
    /// `uuid` of a record of this entity, same tenant.
    Ref(String),
    /// `uuid` of a member of the tenant.
    Member,
    /// `bytea` sha-256 of a stored blob.
    File,
}

/// What a range runs over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RangeOf {
    /// `daterange`
    Dates,
    /// `tstzrange`
    Timestamps,
}

/// Rows owned by a record.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Child {
    /// Where its name is written.
    pub at: Span,
    /// What people call one of them.
    pub label: Texts,
    /// Columns besides tenant, id, parent and position.
    pub fields: Named<Field>,
}

/// A gist exclusion: column → operator (`=` or `&&`).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Exclusion {
    /// Columns with their operators.
    pub columns: Named<String>,
    /// Only records in these states; empty for all that are not final.
    pub only: Vec<String>,
}
