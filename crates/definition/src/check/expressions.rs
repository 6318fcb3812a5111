//! Every expression of the app read and printed against the model, and derived fields that need themselves.

use std::collections::HashMap;

use crate::check::Judge;
use crate::check::fields::child_path;
use crate::expr::{self, Fault, Place, Purpose, Uses};
use crate::finding::Finding;
use crate::model::{App, Derived, Entity, Expr, Field, FieldKind, Part, Span};

/// A field: the child it belongs to, if any, and its name.
type Column = (Option<String>, String);

/// All sets but those that were already complained about.
pub(super) fn sets(judge: &mut Judge<'_>, but: &[String]) {
    let app = judge.app;
    for (_, set) in app.sets.iter().filter(|(name, _)| !but.contains(name)) {
        if let Some(entity) = app.entities.get(&set.of) {
            uses(judge, &set.that, &place(app, entity, Purpose::IdSet));
        }
    }
}

pub(super) fn judge(judge: &mut Judge<'_>, entity: &Entity) {
    let app = judge.app;
    // Names of the app outlive the borrowed entity, and the places must too.
    let Some(entity) = app.entities.get(&entity.name) else {
        return;
    };
    let mut needs: HashMap<Column, (Vec<Column>, Span)> = HashMap::new();
    for (name, field) in &entity.fields {
        judge_field(judge, entity, None, name, field, &mut needs);
    }
    for (child, one) in &entity.children {
        for (name, field) in &one.fields {
            judge_field(judge, entity, Some(child), name, field, &mut needs);
        }
    }
    for one in entity.transitions.values() {
        for (name, guard) in &one.guards {
            if boolean(judge, entity, name, &guard.that) {
                uses(judge, &guard.that, &place(app, entity, Purpose::Guard));
            }
        }
        for set in one.set.values() {
            uses(judge, set, &place(app, entity, Purpose::Set));
        }
        for part in one.effects.iter().flat_map(|effect| effect.args.values()).flat_map(|arg| &arg.parts) {
            if let Part::Hole(hole) = part {
                uses(judge, hole, &place(app, entity, Purpose::Argument));
            }
        }
    }
    circles(judge, entity, &needs);
}

/// The condition by which a schedule picks records.
pub(super) fn picks(judge: &mut Judge<'_>, entity: &Entity, only: &Expr) {
    if boolean(judge, entity, "where", only) {
        uses(judge, only, &place(judge.app, entity, Purpose::Schedule));
    }
}

fn place<'a>(app: &'a App, entity: &'a Entity, purpose: Purpose) -> Place<'a> {
    Place { app, entity, child: None, row: "new", parent: None, steps: &[], on: None, purpose }
}

/// What an expression reads, if it can be read.
fn uses(judge: &mut Judge<'_>, expr: &Expr, place: &Place<'_>) -> Option<Uses> {
    read(judge, expr, |parsed| expr::print(parsed, place))
}

fn read(judge: &mut Judge<'_>, expr: &Expr, print: impl Fn(&expr::Parsed) -> Result<expr::Printed, Fault>) -> Option<Uses> {
    match expr::parse(expr).and_then(|parsed| print(&parsed)) {
        Ok(printed) => Some(printed.uses),
        Err(fault) => {
            let at = judge.app.places.within(expr, fault.offset, fault.len);
            let finding = Finding::error(fault.code, &at, fault.message);
            judge.push(Finding { help: fault.help, ..finding });
            None
        }
    }
}

/// SH3029, as far as it can be told without types: a constant or a field that is not bool.
fn boolean(judge: &mut Judge<'_>, entity: &Entity, name: &str, expr: &Expr) -> bool {
    let text = expr.text.trim();
    let constant = text.eq_ignore_ascii_case("null")
        || text.parse::<f64>().is_ok()
        || (text.starts_with('\'') && text.ends_with('\'') && text.matches('\'').count() == 2);
    let found = match entity.fields.get(text) {
        Some(field) if field.kind != FieldKind::Bool => {
            format!("`{name}` is no condition: `{text}` is not a bool field")
        }
        None if constant => format!("`{name}` is no condition: `{text}` is always the same"),
        _ => return true,
    };
    let finding = Finding::error("SH3029", &expr.at, found);
    judge.push(finding.help("write a condition that is true or false"));
    false
}

fn judge_field<'a>(
    judge: &mut Judge<'a>,
    entity: &'a Entity,
    child: Option<&'a str>,
    name: &str,
    field: &Field,
    needs: &mut HashMap<Column, (Vec<Column>, Span)>,
) {
    let at = |purpose| Place { child, parent: child.map(|_| "parent"), ..place(judge.app, entity, purpose) };
    let (default, check) = (at(Purpose::Default), Place { row: "", parent: None, ..at(Purpose::Check) });
    let (computed, rollup) = (at(Purpose::Computed), at(Purpose::Rollup));
    if let Some(expr) = &field.default {
        uses(judge, expr, &default);
    }
    if let Some(expr) = &field.check
        && boolean(judge, entity, name, expr)
    {
        uses(judge, expr, &check);
    }
    let column = (child.map(str::to_owned), name.to_owned());
    match &field.derived {
        Some(Derived::Computed(expr)) => {
            if let Some(found) = uses(judge, expr, &computed) {
                needs.insert(column, (columns(&found, child), expr.at.clone()));
            }
        }
        Some(Derived::Rollup { expr, per }) if child.is_none() && !entity.children.is_empty() => {
            if expr.text.to_ascii_lowercase().contains("avg(") {
                let finding = Finding::error("SH3038", &expr.at, "`avg` is not a rollup");
                return judge.push(finding.help("roll up the sum and the count, and compute the average from them"));
            }
            let found = match per.is_empty() {
                true => uses(judge, expr, &rollup),
                false => read(judge, expr, |parsed| expr::print_grouped(parsed, per, &rollup)),
            };
            let Some(found) = found else { return };
            if found.children.is_empty() {
                let finding = Finding::error("SH3038", &expr.at, format!("`{name}` rolls up no field of a child"));
                judge.push(finding.help("write `sum(children.field)` or another fold, or write `computed`"));
            }
            needs.insert(column, (columns(&found, child), expr.at.clone()));
        }
        Some(Derived::Allocate { amount, over }) => {
            let Some(child) = child else { return };
            let place = judge.at(entity, &format!("{}/allocate", child_path(judge, entity, child, name)));
            needs.insert(column, (vec![(None, amount.clone()), (Some(child.to_owned()), over.clone())], place));
        }
        Some(Derived::Priced { calculator }) => {
            let Some(child) = child else { return };
            let place = judge.at(entity, &format!("{}/price", child_path(judge, entity, child, name)));
            needs.insert(column, (step_columns(judge.app, entity, child, calculator), place));
        }
        _ => {}
    }
}

fn columns(uses: &Uses, child: Option<&str>) -> Vec<Column> {
    let own = uses.fields.iter().map(|field| (child.map(str::to_owned), field.clone()));
    let parent = uses.parent.iter().map(|field| (None, field.clone()));
    let children = uses.children.iter().flat_map(|(child, fields)| fields.iter().map(move |field| (Some(child.clone()), field.clone())));
    own.chain(parent).chain(children).collect()
}

pub(super) fn calculators(judge: &mut Judge<'_>) {
    for (name, calculator) in &judge.app.calculators {
        let Some(entity) = judge.app.entities.get(&calculator.entity) else {
            continue;
        };
        if !entity.children.contains_key(&calculator.child) {
            continue;
        }
        for (variant, steps) in &calculator.variants {
            let known: Vec<String> = steps.keys().cloned().collect();
            for (n, (step, expr)) in steps.iter().enumerate() {
                let place = step_place(judge.app, entity, &calculator.child, &known[..n]);
                if let Some(later) = later_step(expr, &known[n..]) {
                    let from = expr.text.find(later).unwrap_or_default();
                    let at = judge.app.places.within(expr, from, later.len());
                    let message = format!("step `{step}` of `{variant}` uses `{later}`, which comes later in `{name}`");
                    let help = format!("write `{later}` above `{step}`");
                    judge.push(Finding::error("SH3037", &at, message).help(help));
                    continue;
                }
                uses(judge, expr, &place);
            }
        }
    }
}

/// A step of this variant that is named before it is worked out.
fn later_step<'k>(expr: &Expr, later: &'k [String]) -> Option<&'k String> {
    let words: Vec<&str> = expr.text.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '.' && c != '\'').collect();
    later.iter().find(|step| words.contains(&step.as_str()))
}

fn step_place<'a>(app: &'a App, entity: &'a Entity, child: &'a str, steps: &'a [String]) -> Place<'a> {
    Place { child: Some(child), parent: Some("parent"), steps, on: Some("parent.on"), ..place(app, entity, Purpose::Step) }
}

/// What any step of a calculator reads of the record and its child.
fn step_columns(app: &App, entity: &Entity, child: &str, calculator: &str) -> Vec<Column> {
    let Some(found) = app.calculators.get(calculator) else {
        return Vec::new();
    };
    let mut all = vec![(Some(child.to_owned()), found.by.clone()), (None, found.on.clone())];
    for steps in found.variants.values() {
        let known: Vec<String> = steps.keys().cloned().collect();
        for (n, step) in steps.values().enumerate() {
            let place = step_place(app, entity, child, &known[..n]);
            if let Ok(printed) = expr::parse(step).and_then(|parsed| expr::print(&parsed, &place)) {
                all.extend(columns(&printed.uses, Some(child)));
            }
        }
    }
    all.sort();
    all.dedup();
    all
}

/// SH3030: derived fields that need themselves.
fn circles(judge: &mut Judge<'_>, entity: &Entity, needs: &HashMap<Column, (Vec<Column>, Span)>) {
    let children = entity.children.iter();
    let of_children = children.flat_map(|(child, one)| one.fields.keys().map(|name| (Some(child.clone()), name.clone())));
    let all: Vec<Column> = entity.fields.keys().map(|name| (None, name.clone())).chain(of_children).collect();
    let mut reported: Vec<Vec<Column>> = Vec::new();
    for start in &all {
        let Some(path) = circle(needs, start, &mut vec![start.clone()], &mut Vec::new()) else {
            continue;
        };
        let mut members = path.clone();
        members.sort();
        if reported.contains(&members) {
            continue;
        }
        reported.push(members);
        let mut words: Vec<String> = path.iter().map(word).collect();
        words.push(word(start));
        let finding = Finding::error("SH3030", &needs[start].1, words.join(" → "));
        judge.push(finding.help("let one of the fields stand on its own"));
    }
}

fn word((child, name): &Column) -> String {
    match child {
        Some(child) => format!("`{child}.{name}`"),
        None => format!("`{name}`"),
    }
}

fn circle(
    needs: &HashMap<Column, (Vec<Column>, Span)>,
    start: &Column,
    path: &mut Vec<Column>,
    dead: &mut Vec<Column>,
) -> Option<Vec<Column>> {
    let now = path.last()?.clone();
    for next in needs.get(&now).map(|(next, _)| next.as_slice()).unwrap_or_default() {
        if next == start {
            return Some(path.clone());
        }
        if path.contains(next) || dead.contains(next) {
            continue;
        }
        path.push(next.clone());
        if let Some(found) = circle(needs, start, path, dead) {
            return Some(found);
        }
        path.pop();
    }
    dead.push(now);
    None
}
