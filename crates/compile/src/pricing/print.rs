//! Printing the expressions of children and calculators.

use statehouse_definition::expr::{self, Fault, Place, Printed, Purpose};
use statehouse_definition::model::{App, Entity, Expr, FieldKind, Span};

use super::words::pg_type;
use crate::entity::CompileFault;

/// How every function here calls the record: a labelled block of constants, so that `parent.priced_on` can be read.
pub const PARENT: &str = "parent";

/// Where the expressions of a child stand.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    /// The app.
    pub app: &'a App,
    /// The record's entity.
    pub entity: &'a Entity,
    /// The child.
    pub child: &'a str,
    /// SQL name of the child's row.
    pub row: &'a str,
    /// SQL of the date by which rule tables are read.
    pub on: Option<&'a str>,
}

impl Scope<'_> {
    /// Prints one expression; `steps` are those worked out before it.
    pub fn print(&self, expr: &Expr, steps: &[String], purpose: Purpose) -> Result<Printed, CompileFault> {
        let place = Place {
            app: self.app,
            entity: self.entity,
            child: Some(self.child),
            row: self.row,
            parent: Some(PARENT),
            steps,
            on: self.on,
            purpose,
        };
        let fault = |fault| CompileFault::new(&expr.at, fault);
        expr::parse(expr).and_then(|parsed| expr::print(&parsed, &place)).map_err(fault)
    }
}

/// The expression as a value of a field: whole numbers are rounded half away from zero, which only `numeric` does.
pub fn as_field(sql: &str, kind: &FieldKind) -> String {
    if whole(kind) { format!("round(({sql})::numeric)::bigint") } else { format!("({sql})::{}", pg_type(kind)) }
}

/// Kinds that hold whole numbers.
pub fn whole(kind: &FieldKind) -> bool {
    matches!(kind, FieldKind::Money | FieldKind::Integer)
}

/// A complaint about a declaration that is no expression.
pub fn malformed(at: &Span, code: &'static str, message: String, help: String) -> CompileFault {
    let fault = Fault { code, message, help: Some(help), offset: 0, len: at.len };
    CompileFault::new(at, fault)
}
