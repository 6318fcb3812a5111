//! What every part of the compiler asks about an entity: names, columns, and how to print an expression.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use statehouse_definition::expr::{self, Instead, Place, Printed, Purpose};
use statehouse_definition::model::{App, Derived, Entity, Expr, Field, FieldKind, Span};

use super::CompileFault;
use super::derived::{self, Plan};
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
    /// The same of every entity, for guards that look at others.
    mapping: Option<&'a Mapping>,
    derived: OnceCell<Plan>,
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
        Self { app, entity, retired: Vec::new(), mapping: None, derived: OnceCell::new() }
    }

    /// The same while records leave states that are no more.
    pub fn retiring(mut self, mapping: &'a Mapping) -> Self {
        self.mapping = Some(mapping);
        if let Some(moves) = mapping.0.get(&self.entity.name) {
            self.retired = moves.iter().map(|(state, target)| (state.clone(), target.clone())).collect();
        }
        self
    }

    /// The derived fields in their order, worked out once.
    pub fn derived(&self) -> Result<&Plan, CompileFault> {
        if let Some(plan) = self.derived.get() {
            return Ok(plan);
        }
        let plan = derived::plan(self)?;
        Ok(self.derived.get_or_init(|| plan))
    }

    /// Where a record of some entity stands, as [`Cx::standing`]; nothing where none of its states was retired.
    fn stands(&self, entity: &str, row: &str) -> Option<String> {
        let mapping = self.mapping.filter(|mapping| mapping.0.get(entity).is_some_and(|moves| !moves.is_empty()))?;
        // A condition that does not print is a fault of that entity's own law.
        Cx::new(self.app, self.app.entities.get(entity)?).retiring(mapping).standing(row, &format!("{row}.state")).ok()
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
        // An event carries a file by its address, in one form whoever asks.
        let bytes = if super::file::any(self) { "\n  set bytea_output to hex" } else { "" };
        format!(
            "set search_path = pg_catalog, pg_temp\n  set timezone to {}\n  set datestyle to 'ISO, YMD'{bytes}",
            literal(&self.app.time_zone)
        )
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
        let place = Place { app: self.app, entity: self.entity, child: None, row, parent: None, steps: &[], on: None, purpose };
        self.print_at(expr, &[], &place, None)
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
        let place = Place { app: self.app, entity: self.entity, child: Some(child), row, parent, steps: &[], on: None, purpose };
        self.print_at(expr, &[], &place, None)
    }

    /// Summed over groups where `per` names what they share; `lines` are children read elsewhere than in their tables.
    fn print_at(
        &self,
        expr: &Expr,
        per: &[String],
        place: &Place<'_>,
        lines: Option<&BTreeMap<String, String>>,
    ) -> Result<Printed, CompileFault> {
        let states = |entity: &str, row: &str| self.stands(entity, row);
        let instead = Instead { lines, states: Some(&states) };
        expr::parse(expr)
            .and_then(|parsed| expr::print_instead(&parsed, per, place, instead))
            .map_err(|fault| CompileFault::new(&expr.at, fault))
    }

    /// What a field's expression reads of its own row and of children; empty for a field people write.
    pub fn reads(&self, field: &Field) -> Result<BTreeSet<String>, CompileFault> {
        let printed = match &field.derived {
            Some(Derived::Computed(expr)) => self.print(expr, "new", Purpose::Computed)?,
            Some(Derived::Rollup { expr, per }) => self.print_rollup(expr, per, "new", None)?,
            _ => return Ok(BTreeSet::new()),
        };
        let mut reads = printed.uses.fields;
        for (child, fields) in printed.uses.children {
            reads.extend(fields.into_iter().map(|f| format!("{child}.{f}")));
            reads.insert(format!("{child}.*"));
        }
        Ok(reads)
    }

    /// Prints a rollup, summed over groups where it says `per`, over `lines` where they are worked out anew.
    pub fn print_rollup(
        &self,
        expr: &Expr,
        per: &[String],
        row: &str,
        lines: Option<&BTreeMap<String, String>>,
    ) -> Result<Printed, CompileFault> {
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
        self.print_at(expr, per, &place, lines)
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

/// Reads a field out of a jsonb value, e.g. `(new.input ->> 'paid')::bigint`.
pub fn from_json(source: &str, name: &str, kind: &FieldKind) -> String {
    let key = literal(name);
    match (kind, pg_type(kind)) {
        (FieldKind::Json, _) => format!("{source} -> {key}"),
        (FieldKind::File, _) => format!("statehouse.file_hash({source} -> {key})"),
        (_, "text") => format!("{source} ->> {key}"),
        (_, pg) => format!("({source} ->> {key})::{pg}"),
    }
}
