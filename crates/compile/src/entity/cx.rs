//! What every part of the compiler asks about an entity: names, columns, and how to print an expression.

use std::collections::BTreeSet;

use statehouse_definition::expr::{self, Place, Printed, Purpose};
use statehouse_definition::model::{App, Derived, Entity, Expr, Field, FieldKind, Span};

use super::CompileFault;
use crate::object::{Kind, Object};
use crate::plan::{Branch, Mapping, Target};
use crate::sql::{dollar_quoted, ident, indent, literal};

pub use crate::sql::pg_type;

/// An entity within its app.
pub struct Cx<'a> {
    /// The app.
    pub app: &'a App,
    /// The entity.
    pub entity: &'a Entity,
    /// States that records may still stand in until they have all moved on.
    pub retired: Retired,
}

/// States a definition no longer has: old state → where a record of it stands now.
pub type Retired = Vec<(String, Target)>;

/// The people's roles in the order of the file, then `system`, through which timers, connectors and imports act.
pub fn roles_of(app: &App) -> Vec<String> {
    app.roles.keys().cloned().chain(["system".to_owned()]).collect()
}

/// The role that owns a persona's views.
pub fn eye(app: &App, role: &str) -> String {
    format!("{}_{role}_eye", app.name)
}

/// The schema of a persona's views.
pub fn persona_schema(app: &App, role: &str) -> String {
    format!("{}_{role}", app.name)
}

impl<'a> Cx<'a> {
    /// The entity within its app.
    pub fn new(app: &'a App, entity: &'a Entity) -> Self {
        Self { app, entity, retired: Vec::new() }
    }

    /// The same while records leave states that are no more.
    pub fn retiring(mut self, mapping: &Mapping) -> Self {
        if let Some(moves) = mapping.0.get(&self.entity.name) {
            self.retired = moves.iter().map(|(state, target)| (state.clone(), target.clone())).collect();
        }
        self
    }

    /// `case old.state when 'sourcing' then 'buying' … end`: where a record of a retired state stands now.
    pub fn standing(&self, row: &str, state: &str) -> Result<String, CompileFault> {
        let mut arms = String::new();
        for (old, target) in &self.retired {
            let now = match target {
                Target::One(one) => literal(&one.to),
                Target::Many(many) => self.split(row, &many.split)?,
            };
            arms.push_str(&format!(" when {} then {now}", literal(old)));
        }
        Ok(format!("case {state}{arms} else {state} end"))
    }

    fn split(&self, row: &str, branches: &[Branch]) -> Result<String, CompileFault> {
        let mut arms = String::new();
        for branch in branches {
            match &branch.when {
                Some(text) => {
                    let expr = Expr { text: text.clone(), at: Span::default() };
                    arms.push_str(&format!(" when {} then {}", self.print(&expr, row, Purpose::Check)?.sql, literal(&branch.to)));
                }
                None if arms.is_empty() => return Ok(literal(&branch.to)),
                None => arms.push_str(&format!(" else {}", literal(&branch.to))),
            }
        }
        Ok(format!("case{arms} end"))
    }

    /// `orders`, quoted where needed.
    pub fn schema(&self) -> String {
        ident(&self.app.name)
    }

    /// `orders."order"`.
    pub fn table(&self) -> String {
        format!("{}.{}", self.schema(), ident(&self.entity.name))
    }

    /// `orders.order`, as events and effects name it.
    pub fn qualified(&self) -> String {
        format!("{}.{}", self.app.name, self.entity.name)
    }

    /// `order_lines`.
    pub fn child_table(&self, child: &str) -> String {
        format!("{}_{child}", self.entity.name)
    }

    /// `orders.order_quote`: a function or door of this entity.
    pub fn function(&self, suffix: &str) -> String {
        format!("{}.{}", self.schema(), ident(&format!("{}_{suffix}", self.entity.name)))
    }

    /// Fields people may write, in the order of the file.
    pub fn writable(&self) -> Vec<&'a str> {
        self.entity.fields.iter().filter(|(_, f)| f.derived.is_none()).map(|(n, _)| n.as_str()).collect()
    }

    /// `'{number,reference,client,…}'`: the columns whose values events carry.
    pub fn carried_columns(&self) -> String {
        let numbered = self.entity.reference.iter().flat_map(|_| ["number", "reference"]);
        crate::sql::array(numbered.chain(self.entity.fields.keys().map(String::as_str)))
    }

    /// `set timezone to …`: what a caller's settings must not reach, on every door.
    pub fn door_settings(&self) -> String {
        format!("set search_path = pg_catalog, pg_temp\n  set timezone to {}\n  set datestyle to 'ISO, YMD'", literal(&self.app.time_zone))
    }

    /// States that are not final.
    pub fn living(&self) -> Vec<String> {
        self.entity.states.iter().filter(|(_, s)| !s.end).map(|(n, _)| n.clone()).collect()
    }

    /// The initial state.
    pub fn initial(&self) -> &'a str {
        self.entity.states.iter().find(|(_, s)| s.initial).map_or("", |(n, _)| n.as_str())
    }

    /// Prints an expression of the record's own row.
    pub fn print(&self, expr: &Expr, row: &str, purpose: Purpose) -> Result<Printed, CompileFault> {
        self.print_per(
            expr,
            &[],
            &Place { app: self.app, entity: self.entity, child: None, row, parent: None, steps: &[], on: None, purpose },
        )
    }

    /// Prints an expression of a child's row.
    pub fn print_child(
        &self,
        expr: &Expr,
        child: &str,
        row: &str,
        parent: Option<&str>,
        purpose: Purpose,
    ) -> Result<Printed, CompileFault> {
        self.print_per(
            expr,
            &[],
            &Place { app: self.app, entity: self.entity, child: Some(child), row, parent, steps: &[], on: None, purpose },
        )
    }

    /// Summed over groups where `per` names what they share.
    fn print_per(&self, expr: &Expr, per: &[String], place: &Place<'_>) -> Result<Printed, CompileFault> {
        let fault = |fault| CompileFault::new(&expr.at, fault);
        let parsed = expr::parse(expr).map_err(fault)?;
        let printed = if per.is_empty() { expr::print(&parsed, place) } else { expr::print_grouped(&parsed, per, place) };
        let mut printed = printed.map_err(fault)?;
        // Inside the law the actor is whom the door verified: a timer or a cascade has no session of its own.
        if !matches!(place.purpose, Purpose::IdSet) {
            printed.sql = acting(&printed.sql);
        }
        Ok(printed)
    }

    /// What a field's expression reads of its own row and of children; empty for a field people write.
    pub fn reads(&self, field: &Field) -> Result<BTreeSet<String>, CompileFault> {
        let printed = match &field.derived {
            Some(Derived::Computed(expr)) => self.print(expr, "new", Purpose::Computed)?,
            Some(Derived::Rollup { expr, per }) => self.print_rollup(expr, per, "new")?,
            _ => return Ok(BTreeSet::new()),
        };
        let mut reads = printed.uses.fields;
        for (child, fields) in printed.uses.children {
            reads.extend(fields.into_iter().map(|f| format!("{child}.{f}")));
            reads.insert(format!("{child}.*"));
        }
        Ok(reads)
    }

    /// Prints a rollup, summed over groups where it says `per`.
    pub fn print_rollup(&self, expr: &Expr, per: &[String], row: &str) -> Result<Printed, CompileFault> {
        let on = self.price_date(row);
        let place = Place {
            app: self.app,
            entity: self.entity,
            child: None,
            row,
            parent: None,
            steps: &[],
            on: on.as_deref(),
            purpose: Purpose::Rollup,
        };
        self.print_per(expr, per, &place)
    }

    /// The record's date by which its prices are read, where a calculator names one.
    fn price_date(&self, row: &str) -> Option<String> {
        let calculator = self.app.calculators.values().find(|c| c.entity == self.entity.name)?;
        Some(format!("{row}.{}", ident(&calculator.on)))
    }
}

/// A trigger function of the law, with its comment; `declare` is empty or a whole section.
pub fn trigger_function(cx: &Cx<'_>, suffix: &str, why: &str, declare: &str, body: &str) -> Object {
    let function = cx.function(suffix);
    let body = format!("\n{declare}begin\n{}end ", indent(body, 2));
    let sql = format!(
        "create function {function}() returns trigger\n  language plpgsql\nas {};\ncomment on function {function}() is {};\n",
        dollar_quoted("law", &body),
        literal(why)
    );
    Object::new(Kind::Function, &cx.app.name, &format!("{}_{suffix}", cx.entity.name), sql)
}

/// An expression as the law asks it: who acts is whom the door verified, or the engine in a cascade, not the caller's session.
pub fn acting(sql: &str) -> String {
    sql.replace("statehouse.actor()", "statehouse.acting()").replace("statehouse.role()", "statehouse.acting_role()")
}

/// Reads a field out of a jsonb value, e.g. `(new.input ->> 'paid')::bigint`.
pub fn from_json(source: &str, name: &str, kind: &FieldKind) -> String {
    let key = literal(name);
    match (kind, pg_type(kind)) {
        (FieldKind::Json, _) => format!("{source} -> {key}"),
        (_, "text") => format!("{source} ->> {key}"),
        (_, pg) => format!("({source} ->> {key})::{pg}"),
    }
}
