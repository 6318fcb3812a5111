//! Every expression of an app, with the statement that types it.

use std::ops::Range;

use statehouse_compile::sql::ident;
use statehouse_definition::expr::{self, Place, Printed, Purpose};
use statehouse_definition::model::{App, Calculator, Derived, Entity, Expr, Field, Part};

/// One expression and where its value goes.
pub(super) struct Asked<'a> {
    /// As it was written.
    pub expr: &'a Expr,
    /// What it is, for the message.
    pub what: String,
    before: String,
    printed: Printed,
    after: String,
}

impl Asked<'_> {
    /// The statement to prepare.
    pub fn sql(&self) -> String {
        format!("{}{}{}", self.before, self.printed.sql, self.after)
    }

    /// The author's text behind a position of the statement, 1-based and in characters.
    pub fn author(&self, position: Option<usize>) -> Option<Range<usize>> {
        let sql = self.sql();
        let (byte, _) = sql.char_indices().nth(position?.checked_sub(1)?)?;
        self.printed.author(byte.checked_sub(self.before.len())?)
    }
}

/// Every expression; one that does not print is the pure check's business and left out.
pub(super) fn all(app: &App) -> Vec<Asked<'_>> {
    let mut list = Vec::new();
    for (name, set) in &app.sets {
        if let Some(entity) = app.entities.get(&set.of) {
            let rows = Rows { app, entity, child: None };
            list.extend(rows.condition(&set.that, Purpose::IdSet, format!("the set `{name}`")).map(of_an_actor));
        }
    }
    for entity in app.entities.values() {
        of_entity(app, entity, &mut list);
    }
    for (name, calculator) in &app.calculators {
        if let Some(entity) = app.entities.get(&calculator.entity) {
            of_calculator(app, entity, name, calculator, &mut list);
        }
    }
    list
}

/// A set is a function of the actor.
fn of_an_actor(mut asked: Asked<'_>) -> Asked<'_> {
    asked.after.push_str(" cross join (select null::uuid as actor_) whose");
    asked
}

fn of_entity<'a>(app: &'a App, entity: &'a Entity, list: &mut Vec<Asked<'a>>) {
    let rows = Rows { app, entity, child: None };
    of_fields(rows, &entity.fields, list);
    for (name, child) in &entity.children {
        of_fields(Rows { app, entity, child: Some(name) }, &child.fields, list);
    }
    for (verb, transition) in &entity.transitions {
        for (name, guard) in &transition.guards {
            list.extend(rows.condition(&guard.that, Purpose::Guard, format!("the guard `{name}` of `{verb}`")));
        }
        for (field, value) in &transition.set {
            list.extend(rows.value(value, field, Purpose::Set, format!("`{field}` set by `{verb}`")));
        }
        for effect in &transition.effects {
            for (argument, template) in &effect.args {
                for part in &template.parts {
                    let Part::Hole(hole) = part else { continue };
                    let what = format!("`{argument}` of `{}.{}`", effect.connector, effect.action);
                    list.extend(rows.bare(hole, Purpose::Argument, what));
                }
            }
        }
    }
}

fn of_fields<'a>(rows: Rows<'a>, fields: impl IntoIterator<Item = (&'a String, &'a Field)>, list: &mut Vec<Asked<'a>>) {
    for (name, field) in fields {
        if let Some(default) = &field.default {
            list.extend(rows.value(default, name, Purpose::Default, format!("the default of `{name}`")));
        }
        if let Some(check) = &field.check {
            list.extend(rows.condition(check, Purpose::Check, format!("the check of `{name}`")));
        }
        match &field.derived {
            Some(Derived::Computed(value)) => list.extend(rows.value(value, name, Purpose::Computed, format!("the computed `{name}`"))),
            Some(Derived::Rollup { expr, per }) => list.extend(rows.rollup(expr, per, name)),
            _ => {}
        }
    }
}

/// The rows an expression is about: a record's or a child's.
#[derive(Clone, Copy)]
struct Rows<'a> {
    app: &'a App,
    entity: &'a Entity,
    child: Option<&'a str>,
}

impl<'a> Rows<'a> {
    fn place(self, purpose: Purpose) -> Place<'a> {
        let parent = self.child.map(|_| "p");
        Place { app: self.app, entity: self.entity, child: self.child, row: "r", parent, steps: &[], on: None, purpose }
    }

    fn from(self) -> String {
        let schema = ident(&self.app.name);
        let record = format!("{schema}.{}", ident(&self.entity.name));
        match self.child {
            None => format!(" from {record} r"),
            Some(child) => format!(" from {schema}.{} r cross join {record} p", ident(&format!("{}_{child}", self.entity.name))),
        }
    }

    /// True or false and nothing else.
    fn condition(self, expr: &'a Expr, purpose: Purpose, what: String) -> Option<Asked<'a>> {
        self.asked(expr, print(expr, &self.place(purpose))?, what, "select (", ") is true")
    }

    /// Something the field can hold: a column and a value that `coalesce` cannot bring together have no common type.
    fn value(self, expr: &'a Expr, field: &str, purpose: Purpose, what: String) -> Option<Asked<'a>> {
        let before = format!("select coalesce(r.{}, ", ident(field));
        self.asked(expr, print(expr, &self.place(purpose))?, what, &before, ")")
    }

    fn bare(self, expr: &'a Expr, purpose: Purpose, what: String) -> Option<Asked<'a>> {
        self.asked(expr, print(expr, &self.place(purpose))?, what, "select (", ")")
    }

    fn rollup(self, expr: &'a Expr, per: &[String], field: &str) -> Option<Asked<'a>> {
        let calculator = self.app.calculators.values().find(|calculator| calculator.entity == self.entity.name);
        let on = calculator.map(|calculator| format!("r.{}", ident(&calculator.on)));
        let place = Place { on: on.as_deref(), ..self.place(Purpose::Rollup) };
        let parsed = expr::parse(expr).ok()?;
        let printed = if per.is_empty() { expr::print(&parsed, &place) } else { expr::print_grouped(&parsed, per, &place) };
        let before = format!("select coalesce(r.{}, ", ident(field));
        self.asked(expr, printed.ok()?, format!("the rollup `{field}`"), &before, ")")
    }

    fn asked(self, expr: &'a Expr, printed: Printed, what: String, before: &str, after: &str) -> Option<Asked<'a>> {
        Some(Asked { expr, what, before: before.to_owned(), printed, after: format!("{after}{}", self.from()) })
    }
}

fn print(expr: &Expr, place: &Place<'_>) -> Option<Printed> {
    expr::parse(expr).and_then(|parsed| expr::print(&parsed, place)).ok()
}

/// The steps of each variant in order; an earlier step is a column of a lateral row, as it is a variable in the calculator.
fn of_calculator<'a>(app: &'a App, entity: &'a Entity, name: &str, calculator: &'a Calculator, list: &mut Vec<Asked<'a>>) {
    let Some((child, declared)) = entity.children.get_key_value(&calculator.child) else { return };
    let rows = Rows { app, entity, child: Some(child) };
    let on = format!("p.{}", ident(&calculator.on));
    for (variant, steps) in &calculator.variants {
        let names: Vec<String> = steps.keys().cloned().collect();
        let mut from = rows.from();
        for (n, (step, expr)) in steps.iter().enumerate() {
            let place = Place { steps: &names[..n], on: Some(&on), ..rows.place(Purpose::Step) };
            let Some(printed) = print(expr, &place) else { break };
            let before =
                if declared.fields.contains_key(step) { format!("select coalesce(r.{}, ", ident(step)) } else { "select (".into() };
            let what = format!("the step `{step}` of `{variant}` in `{name}`");
            let lateral = format!(" cross join lateral (select ({}) as {}) l_{n}", printed.sql, ident(&format!("s_{step}")));
            list.push(Asked { expr, what, before, printed, after: format!("){from}") });
            from.push_str(&lateral);
        }
    }
}
