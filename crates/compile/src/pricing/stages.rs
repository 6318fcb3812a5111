//! In which order a child's fields can be worked out.

use std::collections::BTreeSet;

use statehouse_definition::expr::{Printed, Purpose};
use statehouse_definition::model::{App, Calculator, Child, Derived, Entity, Field};

use super::calculator::Calculation;
use super::print::{Scope, malformed};
use crate::entity::CompileFault;

/// How the SQL of every stage calls the child's row.
pub const ROW: &str = "this";

/// Fields that can be worked out together, once those of earlier stages are known.
pub enum Stage<'a> {
    /// A calculator and the fields it gives.
    Priced(&'a str, Calculation<'a>),
    /// Shares of a parent's amount: the field, the amount, the weight.
    Shared(&'a str, &'a str, &'a str),
    /// Expressions.
    Computed(Vec<(&'a str, &'a Field, Printed)>),
}

/// Something still to be worked out, with the child fields it reads and gives.
struct Open<'a> {
    work: Work<'a>,
    reads: BTreeSet<String>,
    gives: Vec<&'a str>,
}

enum Work<'a> {
    Priced(&'a str, Calculation<'a>),
    Shared(&'a str, &'a str, &'a str),
    Computed(&'a str, &'a Field, Printed),
}

/// The calculator of a child and its name, if one prices any field.
pub fn calculators<'a>(app: &'a App, child: &Child) -> Vec<(&'a str, &'a Calculator)> {
    let prices = |name: &str| {
        let ours = |field: &Field| matches!(&field.derived, Some(Derived::Priced { calculator }) if calculator == name);
        child.fields.values().any(ours)
    };
    app.calculators.iter().filter(|(name, _)| prices(name)).map(|(name, calculator)| (name.as_str(), calculator)).collect()
}

/// The stages of a child, or the fields that stand in a circle.
pub fn stages<'a>(app: &'a App, entity: &'a Entity, name: &str, child: &'a Child) -> Result<Vec<Stage<'a>>, CompileFault> {
    let mut open = everything(app, entity, name, child)?;
    let mut stages = Vec::new();
    while !open.is_empty() {
        let unknown: BTreeSet<&str> = open.iter().flat_map(|work| work.gives.iter().copied()).collect();
        let ready = |work: &Open<'_>| work.reads.iter().all(|field| !unknown.contains(field.as_str()));
        let ready: Vec<bool> = open.iter().map(ready).collect();
        if !ready.contains(&true) {
            return Err(circle(child, &unknown));
        }
        let mut ready = ready.into_iter();
        let now;
        (now, open) = open.into_iter().partition(|_| ready.next().unwrap_or_default());
        stages.extend(together(now));
    }
    Ok(stages)
}

fn everything<'a>(app: &'a App, entity: &'a Entity, name: &str, child: &'a Child) -> Result<Vec<Open<'a>>, CompileFault> {
    let mut open = Vec::new();
    let calculators = calculators(app, child);
    // Rule tables of a priced child are read by the date its calculator names, unless the expression says another.
    let on = calculators.first().map(|(_, calculator)| format!("{}.{}", super::print::PARENT, crate::sql::ident(&calculator.on)));
    for (name, calculator) in calculators {
        let calculation = Calculation::new(app, entity, name, calculator)?;
        let reads = calculation.inputs().into_iter().map(str::to_owned).collect();
        let gives = calculation.fields().into_iter().map(|(field, _)| field).collect();
        open.push(Open { work: Work::Priced(name, calculation), reads, gives });
    }
    let scope = Scope { app, entity, child: name, row: ROW, on: on.as_deref() };
    for (name, field) in &child.fields {
        let (work, reads) = match &field.derived {
            Some(Derived::Allocate { amount, over }) => (Work::Shared(name, amount, over), BTreeSet::from([over.clone()])),
            Some(Derived::Computed(expr)) => {
                let printed = scope.print(expr, &[], Purpose::Computed)?;
                let reads = printed.uses.fields.clone();
                (Work::Computed(name, field, printed), reads)
            }
            Some(Derived::Rollup { expr, .. }) => {
                let message = format!("`{name}` cannot be a rollup: a child has no children of its own");
                return Err(malformed(&expr.at, "SH3038", message, "write `computed`, or move it to the record".to_owned()));
            }
            _ => continue,
        };
        open.push(Open { work, reads, gives: vec![name] });
    }
    Ok(open)
}

/// Expressions that are ready together become one stage.
fn together(now: Vec<Open<'_>>) -> Vec<Stage<'_>> {
    let (mut stages, mut computed) = (Vec::new(), Vec::new());
    for open in now {
        match open.work {
            Work::Priced(name, calculation) => stages.push(Stage::Priced(name, calculation)),
            Work::Shared(field, amount, over) => stages.push(Stage::Shared(field, amount, over)),
            Work::Computed(name, field, printed) => computed.push((name, field, printed)),
        }
    }
    if !computed.is_empty() {
        stages.push(Stage::Computed(computed));
    }
    stages
}

fn circle(child: &Child, unknown: &BTreeSet<&str>) -> CompileFault {
    let names = unknown.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let first = unknown.first().and_then(|name| child.fields.get(*name));
    let at = first.map_or(&child.at, |field| &field.at);
    malformed(at, "SH3030", format!("{names} wait for each other"), "let one of the fields stand on its own".to_owned())
}
