//! Derived fields of a record in the order in which they can be computed.

use std::collections::{BTreeMap, BTreeSet};

use statehouse_definition::expr::Purpose;
use statehouse_definition::model::Derived;

use super::CompileFault;
use super::cx::Cx;
use crate::pricing;
use crate::sql::ident;

/// The derived fields of an entity and what they hang on.
pub struct Plan {
    /// Assignments `new.x := …;`, one a line, in order.
    pub block: String,
    /// Fields people write on which some derived field hangs, through children too.
    pub hangs_on: BTreeSet<String>,
    /// Children whose rows feed a rollup.
    pub children: BTreeSet<String>,
}

/// Orders and prints the derived fields; cycles are refused by `check`, here they merely end. Asked through
/// [`Cx::derived`], which keeps it.
pub(super) fn plan(cx: &Cx<'_>) -> Result<Plan, CompileFault> {
    let mut order = Vec::new();
    for name in derived(cx) {
        visit(cx, name, &mut order, &mut Vec::new())?;
    }
    let mut plan = Plan { block: String::new(), hangs_on: BTreeSet::new(), children: BTreeSet::new() };
    for name in &order {
        for read in inputs(cx, name)? {
            match read.split_once('.') {
                Some((child, _)) => {
                    plan.children.insert(child.to_owned());
                }
                None if cx.entity.fields.get(&read).is_some_and(|f| f.derived.is_none()) => {
                    plan.hangs_on.insert(read);
                }
                None => {}
            }
        }
    }
    plan.block = print(cx, &order)?;
    Ok(plan)
}

fn derived<'a>(cx: &Cx<'a>) -> Vec<&'a str> {
    cx.entity.fields.iter().filter(|(_, f)| f.derived.is_some()).map(|(n, _)| n.as_str()).collect()
}

fn visit<'a>(cx: &Cx<'a>, name: &'a str, order: &mut Vec<&'a str>, path: &mut Vec<&'a str>) -> Result<(), CompileFault> {
    if order.contains(&name) || path.contains(&name) {
        return Ok(());
    }
    path.push(name);
    let reads = inputs(cx, name)?;
    for other in derived(cx) {
        if reads.contains(other) {
            visit(cx, other, order, path)?;
        }
    }
    path.pop();
    order.push(name);
    Ok(())
}

/// What a derived field reads: own fields, `child.field`, and the own fields those children hang on.
fn inputs(cx: &Cx<'_>, name: &str) -> Result<BTreeSet<String>, CompileFault> {
    let mut reads = cx.reads(&cx.entity.fields[name])?;
    let through: Vec<(String, String)> =
        reads.iter().filter_map(|r| r.split_once('.')).map(|(c, f)| (c.to_owned(), f.to_owned())).collect();
    for (child, field) in through {
        reads.extend(parents_of(cx, &child, &field, &mut BTreeSet::new())?);
    }
    Ok(reads)
}

/// The record's fields on which a child's field hangs.
fn parents_of(cx: &Cx<'_>, child: &str, field: &str, seen: &mut BTreeSet<String>) -> Result<BTreeSet<String>, CompileFault> {
    let mut parents = BTreeSet::new();
    let Some(f) = cx.entity.children[child].fields.get(field) else { return Ok(parents) };
    if !seen.insert(field.to_owned()) {
        return Ok(parents);
    }
    match &f.derived {
        Some(Derived::Priced { calculator }) => {
            if let Some(calculator) = cx.app.calculators.get(calculator) {
                parents.insert(calculator.on.clone());
            }
        }
        Some(Derived::Allocate { amount, over }) => {
            parents.insert(amount.clone());
            parents.extend(parents_of(cx, child, over, seen)?);
        }
        Some(Derived::Computed(expr)) => {
            let uses = cx.print_child(expr, child, "c", Some("p"), Purpose::Computed)?.uses;
            parents.extend(uses.parent);
            for own in uses.fields {
                parents.extend(parents_of(cx, child, &own, seen)?);
            }
        }
        _ => {}
    }
    Ok(parents)
}

fn print(cx: &Cx<'_>, order: &[&str]) -> Result<String, CompileFault> {
    let mut lines: Vec<String> = Vec::new();
    // Prices are asked for before every amount that is shared out is known; what is not known yet must not linger.
    for name in order {
        let mut shared = false;
        for child in cx.entity.children.keys() {
            shared |= pricing::depends_on_parent(cx.app, cx.entity, child).contains(*name);
        }
        if shared {
            lines.push(format!("new.{} := null;", ident(name)));
        }
    }
    let priced = priced(cx);
    for name in order {
        let sql = match &cx.entity.fields[*name].derived {
            Some(Derived::Computed(expr)) => cx.print(expr, "new", Purpose::Computed)?.sql,
            Some(Derived::Rollup { expr, per }) => cx.print_rollup(expr, per, "new", Some(&priced))?.sql,
            _ => continue,
        };
        lines.push(format!("new.{} := {sql};", ident(name)));
    }
    Ok(lines.join("\n"))
}

/// Prices as they are now, not as they were stored before this change: the call that works them out, by child.
fn priced(cx: &Cx<'_>) -> BTreeMap<String, String> {
    let call = |child: &String| Some((child.clone(), pricing::priced_call(cx.app, cx.entity, child, "new")?));
    cx.entity.children.keys().filter_map(call).collect()
}
