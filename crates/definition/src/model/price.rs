//! Rule tables and line calculators.

use serde::{Deserialize, Serialize};

use super::{Expr, FieldKind, Named, Span, Texts};

/// A dated table of rules with provenance.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RuleTable {
    /// Where its name is written.
    pub at: Span,
    /// What people call it.
    pub label: Texts,
    /// Columns that are matched exactly, in argument order.
    pub matches: Named<FieldKind>,
    /// `numeric` lower bounds of bands for `progressive(amount)`; names the match column that holds them.
    pub band: Option<String>,
    /// Columns that hold values: `fx.rate('EUR')`.
    pub values: Named<FieldKind>,
    /// Rows of the app itself; a tenant adds its own in the database.
    pub rows: Vec<RuleRow>,
}

/// One row of a rule table.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RuleRow {
    /// Where it is written.
    pub at: Span,
    /// Match columns as text, typed by the table.
    pub matches: Named<String>,
    /// Value columns as text, typed by the table.
    pub values: Named<String>,
    /// First day it holds.
    pub valid_from: String,
    /// First day it no longer holds.
    pub valid_to: Option<String>,
    /// Market it holds for; `None` for the whole app.
    pub market: Option<String>,
    /// Where the figure comes from.
    pub source: String,
    /// Day somebody looked.
    pub checked_on: String,
}

/// Named steps per value of a child's discriminator.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Calculator {
    /// Where its name is written.
    pub at: Span,
    /// Entity.
    pub entity: String,
    /// Child of that entity.
    pub child: String,
    /// Enum field of the child that picks the steps.
    pub by: String,
    /// Parent field (a date) by which rule tables are read.
    pub on: String,
    /// Variant → step name → expression; a step may use earlier steps.
    pub variants: Named<Named<Expr>>,
}
