//! A rule table: dated rows for the app, a market or one tenant, each saying where it comes from.

use statehouse_definition::model::{App, FieldKind, RuleTable};

use super::words::{pg_type, qualified, title};
use crate::object::{Kind, Object};
use crate::sql::{ident, list, literal};

/// The app's own rows of one rule table, as text in the columns' types; their tenant is null.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleRows {
    /// Schema of the app.
    pub schema: String,
    /// Name of the table.
    pub table: String,
    /// Columns with their Postgres types, in the order of the cells.
    pub columns: Vec<(String, String)>,
    /// Cells in the order of the columns; `None` is null.
    pub rows: Vec<Vec<Option<String>>>,
}

/// The rows that come with the definition, one entry per rule table in the order of the app.
pub fn rows(app: &App) -> Vec<RuleRows> {
    app.tables.iter().map(|(name, rules)| rows_of(app, name, rules)).collect()
}

fn rows_of(app: &App, name: &str, rules: &RuleTable) -> RuleRows {
    let columns = columns(rules).map(|(column, of, _)| (column.to_owned(), of.to_owned())).collect();
    let rows = rules.rows.iter().map(|row| {
        let cells = rules.matches.keys().map(|key| row.matches.get(key).cloned());
        let values = rules.values.keys().map(|key| row.values.get(key).cloned());
        let dated = [Some(row.valid_from.clone()), row.valid_to.clone(), Some(row.source.clone()), Some(row.checked_on.clone())];
        [None, row.market.clone()].into_iter().chain(cells).chain(values).chain(dated).collect()
    });
    RuleRows { schema: app.name.clone(), table: name.to_owned(), columns, rows: rows.collect() }
}

/// Every column: name, type, and whether it is never null.
fn columns(rules: &RuleTable) -> impl Iterator<Item = (&str, &'static str, bool)> {
    let own = rules.matches.iter().chain(&rules.values).map(|(name, kind)| (name.as_str(), pg_type(kind), true));
    let dated = [("valid_from", "date", true), ("valid_to", "date", false), ("source", "text", true), ("checked_on", "date", true)];
    [("tenant", "int", false), ("market", "text", false)].into_iter().chain(own).chain(dated)
}

/// The table under forced row-level security: the owner sees the app's rows and those of the tenant whose door is open.
pub fn object(app: &App, name: &str, rules: &RuleTable) -> Object {
    let table = qualified(app, name);
    let lines: Vec<String> = columns(rules)
        .map(|(column, of, required)| format!("{} {of}{}", ident(column), if required { " not null" } else { "" }))
        .chain(constraints(name, rules))
        .collect();
    let sql = format!(
        "create table {table} (\n  {}\n);\n\
         comment on table {table} is {};\n\
         comment on column {table}.tenant is 'Whose row this is; null for everybody';\n\
         comment on column {table}.market is 'The market it holds for; null for all';\n\
         comment on column {table}.valid_from is 'First day it holds';\n\
         comment on column {table}.valid_to is 'First day it no longer holds; null for open end';\n\
         comment on column {table}.source is 'Where the figure comes from';\n\
         comment on column {table}.checked_on is 'Day somebody looked';\n\
         alter table {table} enable row level security;\n\
         alter table {table} force row level security;\n\
         create policy rows_of_all_and_of_the_door on {table} to statehouse_owner\n  \
         using (tenant is null or tenant = nullif(current_setting('statehouse.tenant', true), '')::int);\n\
         grant select on {table} to statehouse_backup;\n",
        lines.join(",\n  "),
        literal(title(&rules.label, name))
    );
    Object::new(Kind::Table, &app.name, name, sql)
}

/// Constraints by name. Two rows may still overlap in time where they begin on different days: `check` finds that in
/// the definition, and a look-up that meets both refuses. Matches come first in the unique key, because look-ups know them.
fn constraints(name: &str, rules: &RuleTable) -> Vec<String> {
    let named = |what: &str| ident(&format!("{name}_{what}"));
    let key: Vec<String> = rules.matches.keys().map(|column| ident(column)).collect();
    let mut lines = vec![
        format!("constraint {} foreign key (tenant) references statehouse.tenant", named("tenant_exists")),
        format!("constraint {} check (tenant is null or market is null)", named("one_scope")),
        format!("constraint {} check (valid_to > valid_from)", named("holds_a_day")),
        format!("constraint {} check (btrim(source) <> '')", named("source_given")),
        format!("constraint {} unique nulls not distinct ({}, valid_from, tenant, market)", named("one_a_day"), key.join(", ")),
    ];
    if key.is_empty() {
        lines.pop();
        lines.push(format!("constraint {} unique nulls not distinct (valid_from, tenant, market)", named("one_a_day")));
    }
    for (column, kind) in rules.matches.iter().chain(&rules.values) {
        let column_ = ident(column);
        match kind {
            FieldKind::Enum(words) => {
                lines.push(format!("constraint {} check ({column_} in {})", named(&format!("{column}_known")), list(words)))
            }
            FieldKind::Currency => {
                lines.push(format!("constraint {} check ({column_} ~ '^[A-Z]{{3}}$')", named(&format!("{column}_form"))))
            }
            FieldKind::Percent => {
                lines.push(format!("constraint {} check ({column_} between 0 and 100)", named(&format!("{column}_within"))))
            }
            _ => {}
        }
    }
    lines
}
