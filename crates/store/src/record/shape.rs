//! What a role sees of an entity, as columns to select: every name comes from the definition, never from a caller.

use statehouse_compile::entity::{ChildReach, Reach, reach};
use statehouse_compile::sql::{ident, pg_type};
use statehouse_definition::model::{App, Entity, FieldKind, RangeOf};
use statehouse_definition::quoted_list;
use statehouse_fault::{Fault, SH1003};

use crate::StoreFault;

/// A day and a time in UTC, to the microsecond: the same bytes on every machine.
const RFC_3339: &str = "'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'";
/// Rows of a child shown with their record.
pub(super) const CHILDREN_MAX: usize = 1000;

/// One role and one entity.
#[derive(Clone, Debug)]
pub struct Shape<'a> {
    /// The definition in force.
    pub app: &'a App,
    /// The entity.
    pub entity: &'a Entity,
    /// The role.
    pub role: &'a str,
    /// Its views and doors.
    pub reach: Reach,
}

/// A column of a view.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: FieldKind,
    /// Its type in Postgres.
    pub pg_type: &'static str,
}

impl Column {
    fn new(name: &str, kind: FieldKind) -> Column {
        let pg_type = if name == "version" { "integer" } else { pg_type(&kind) };
        Column { name: name.to_owned(), kind, pg_type }
    }

    /// The column in an answer: decimals as text, times in UTC.
    fn read(&self, row: &str) -> String {
        let (column, name) = (format!("{row}.{}", ident(&self.name)), ident(&self.name));
        match &self.kind {
            FieldKind::Decimal | FieldKind::Percent | FieldKind::Geo => format!("{column}::text as {name}"),
            FieldKind::Timestamp => format!("to_char({column} at time zone 'UTC', {RFC_3339}) as {name}"),
            FieldKind::Range(RangeOf::Dates) => format!("{column}::text as {name}"),
            FieldKind::Range(RangeOf::Timestamps) => {
                let bound = |end: &str| format!("coalesce(to_char({end}({column}) at time zone 'UTC', {RFC_3339}), '')");
                format!(
                    "case when isempty({column}) then 'empty' else case when lower_inc({column}) then '[' else '(' end || {} || ',' || {} || case when upper_inc({column}) then ']' else ')' end end as {name}",
                    bound("lower"),
                    bound("upper")
                )
            }
            _ => column,
        }
    }
}

impl<'a> Shape<'a> {
    /// The entity as a role sees it.
    ///
    /// # Errors
    /// `SH1003`, naming the entities the role sees, for one that is not there for it.
    pub fn of(app: &'a App, role: &'a str, entity: &str) -> Result<Shape<'a>, StoreFault> {
        let found = app.entities.get(entity).and_then(|found| Some((found, reach(app, entity, role)?)));
        let Some((entity, reach)) = found else {
            let seen = app.entities.keys().filter(|name| reach(app, name, role).is_some());
            let fault = Fault::new(SH1003, format!("there is no `{entity}` for you"));
            return Err(fault.with_help(format!("there is {}", quoted_list(seen))).into());
        };
        Ok(Shape { app, entity, role, reach })
    }

    /// The role's view.
    pub fn view(&self) -> String {
        super::view(&self.app.name, self.role, &self.entity.name)
    }

    /// The role's view of a child.
    pub(super) fn child_view(&self, child: &str) -> String {
        super::view(&self.app.name, self.role, &format!("{}_{child}", self.entity.name))
    }

    /// What a list shows, in the order of an answer.
    pub fn columns(&self) -> Vec<Column> {
        let states = self.entity.states.keys().cloned().collect();
        let mut columns = vec![Column::new("id", FieldKind::Member)];
        columns.extend(self.entity.reference.iter().map(|_| Column::new("reference", FieldKind::Text)));
        columns.extend([
            Column::new("state", FieldKind::Enum(states)),
            Column::new("version", FieldKind::Integer),
            Column::new("entered_at", FieldKind::Timestamp),
        ]);
        columns.extend(self.reach.visible.iter().map(|name| Column::new(name, self.entity.fields[name].kind.clone())));
        columns
    }

    /// A column in an answer; a file is told by what was stored of it.
    fn read(&self, column: &Column, child: Option<&str>, row: &str) -> String {
        if column.kind == FieldKind::File {
            let told = crate::files::json(&self.app.name, self.role, &self.entity.name, child, row, &column.name);
            return format!("{told} as {}", ident(&column.name));
        }
        column.read(row)
    }

    /// `v.id, v.state, …` for those columns that are wanted.
    pub(super) fn select(&self, row: &str, wanted: impl Fn(&str) -> bool) -> String {
        let reads = self.columns().into_iter().filter(|column| wanted(&column.name)).map(|column| self.read(&column, None, row));
        reads.collect::<Vec<_>>().join(", ")
    }

    /// The rows of every visible child as columns of their record `v`.
    fn children(&self) -> String {
        let rows = self.reach.children.iter().map(|child| {
            format!(
                ", (select coalesce(json_agg(row_to_json(c) order by c.position), '[]') from ({} where c.{} = v.id order by c.position limit {CHILDREN_MAX}) c) as {}",
                self.child_select(&child.name),
                ident(&self.entity.name),
                ident(&child.name)
            )
        });
        rows.collect()
    }

    /// `select … from orders_rep.order_lines c`.
    pub(super) fn child_select(&self, child: &str) -> String {
        let fields = &self.entity.children[child].fields;
        let Some(seen) = self.reach.children.iter().find(|seen| seen.name == child) else { return String::new() };
        let mut reads = vec!["c.id".to_owned(), "c.position".to_owned()];
        let column = |name: &String| Column::new(name, fields[name].kind.clone());
        reads.extend(seen.visible.iter().map(|name| self.read(&column(name), Some(child), "c")));
        if seen.traced {
            reads.push("c.trace".to_owned());
        }
        format!("select {} from {} c", reads.join(", "), self.child_view(child))
    }

    /// One record with its children as JSON text, its id, state and version; `$1` names it `by` id or reference.
    pub(super) fn single(&self, by: &str) -> String {
        format!(
            "select row_to_json(x)::text, x.id, x.state, x.version from (select {}{} from {} v where v.{} = {by}) x",
            self.select("v", |_| true),
            self.children(),
            self.view(),
            if by.ends_with("uuid") { "id" } else { "reference" }
        )
    }

    /// A child the role sees.
    ///
    /// # Errors
    /// `SH1003` for one it does not.
    pub fn child(&self, name: &str) -> Result<&ChildReach, StoreFault> {
        self.reach.children.iter().find(|child| child.name == name).ok_or_else(|| {
            let fault = Fault::new(SH1003, format!("`{}` has no `{name}` for you", self.entity.name));
            let there = self.reach.children.iter().map(|child| &child.name);
            let help =
                if self.reach.children.is_empty() { "it owns no rows".to_owned() } else { format!("there is {}", quoted_list(there)) };
            fault.with_help(help).into()
        })
    }

    /// Fields that may stand in a body, with their kinds.
    pub(super) fn kinds<'s>(&'s self, names: &'s [String]) -> Vec<(&'s str, &'s FieldKind)> {
        names.iter().filter_map(|name| Some((name.as_str(), &self.entity.fields.get(name)?.kind))).collect()
    }
}
