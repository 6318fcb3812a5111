//! Sub-selects: one value from the app's own tables, inner joins and a condition, and nothing else.

use std::ops::Range;

use sqlparser::ast::{self, Expr, Query, SetExpr, TableFactor};

use super::fault::Fault;
use super::ident;
use super::lower::{Lower, refused};
use super::tree::{From, Kind, Node, Part, Select};

impl Lower<'_> {
    /// `exists (…)`, `(select …)` and `x in (select …)`.
    pub fn subquery(&self, expr: &Expr, depth: usize) -> Result<Kind, Fault> {
        Ok(match expr {
            Expr::Exists { subquery, negated } => {
                let select = Kind::Exists(Box::new(self.select(subquery, true, depth)?));
                if *negated { Kind::Not(Box::new(Node { kind: select, at: self.text.whole() })) } else { select }
            }
            Expr::Subquery(query) => Kind::Select(Box::new(self.select(query, false, depth)?)),
            Expr::InSubquery { expr, subquery, negated } => {
                Kind::InSelect(self.boxed(expr, depth)?, *negated, Box::new(self.select(subquery, false, depth)?))
            }
            _ => return Err(refused(&self.text.whole(), "this form of SQL")),
        })
    }

    fn select(&self, query: &Query, exists: bool, depth: usize) -> Result<Select, Fault> {
        let at = &self.span(query);
        let select = plain_body(query)
            .ok_or_else(|| refused(at, "this form of sub-select").help("write `select <one value> from <entity> <alias> where …`"))?;
        if !only_known_clauses(select) {
            return Err(refused(at, "this clause of a sub-select").help("keep to `select … from … where …`"));
        }
        let value = match &select.projection[..] {
            [] if exists => None,
            [ast::SelectItem::UnnamedExpr(value)] => Some(self.node(value, depth + 1)?),
            _ => return Err(refused(at, "a sub-select of more or less than one value").help("select one expression")),
        };
        let from = match &select.from[..] {
            [only] => self.tables(only, depth, at)?,
            [] => return Err(refused(at, "a sub-select without `from`").help("write the value itself")),
            _ => return Err(refused(at, "`,` in `from`").help("write `join … on …`")),
        };
        let condition = select.selection.as_ref().map(|x| self.node(x, depth + 1)).transpose()?;
        Ok(Select { value, from, condition })
    }

    fn span(&self, query: &Query) -> Range<usize> {
        self.text.range(ast::Spanned::span(query)).unwrap_or(self.text.whole())
    }

    fn tables(&self, tables: &ast::TableWithJoins, depth: usize, at: &Range<usize>) -> Result<Vec<From>, Fault> {
        let mut from = vec![self.table(&tables.relation, None, at)?];
        for join in &tables.joins {
            use ast::{JoinConstraint::On, JoinOperator};
            let on = match &join.join_operator {
                JoinOperator::Join(On(on)) | JoinOperator::Inner(On(on)) if !join.global => on,
                _ => return Err(refused(at, "this form of join").help("write `join … on …`")),
            };
            from.push(self.table(&join.relation, Some(self.node(on, depth + 1)?), at)?);
        }
        Ok(from)
    }

    fn table(&self, table: &TableFactor, on: Option<Node>, at: &Range<usize>) -> Result<From, Fault> {
        let TableFactor::Table {
            name,
            alias,
            args: None,
            with_hints,
            version: None,
            with_ordinality: false,
            partitions,
            json_path: None,
            sample: None,
            index_hints,
        } = table
        else {
            return Err(refused(at, "this form of `from`").help("name an entity of the app"));
        };
        let path = self.path(name).unwrap_or_default();
        let [table] = &path[..] else {
            let at = path.first().map_or(at.clone(), |first| first.at.start..path[path.len() - 1].at.end);
            return Err(refused(&at, "a table of another schema").help("name an entity of the app, without a schema"));
        };
        if !with_hints.is_empty() || !partitions.is_empty() || !index_hints.is_empty() {
            return Err(refused(at, "this form of `from`").help("name an entity of the app"));
        }
        let alias = alias.as_ref().map(|alias| self.alias(alias)).transpose()?;
        Ok(From { table: table.clone(), alias, on })
    }

    fn alias(&self, alias: &ast::TableAlias) -> Result<Part, Fault> {
        let part = self.part(&alias.name);
        if !alias.columns.is_empty() || alias.at.is_some() || part.name.len() > 63 || !ident::plain(&part.name) {
            return Err(refused(&part.at, "this form of alias").help("use a short word in small letters"));
        }
        Ok(part)
    }
}

/// The `select` of a query that has nothing around it. Every field is named here, so that a clause the parser learns
/// later does not slip through.
fn plain_body(query: &Query) -> Option<&ast::Select> {
    let Query {
        with: None,
        body,
        order_by: None,
        limit_clause: None,
        fetch: None,
        locks,
        for_clause: None,
        settings: None,
        format_clause: None,
        pipe_operators,
    } = query
    else {
        return None;
    };
    match &**body {
        SetExpr::Select(select) if locks.is_empty() && pipe_operators.is_empty() => Some(select),
        _ => None,
    }
}

fn only_known_clauses(select: &ast::Select) -> bool {
    let ast::Select {
        select_token: _,
        optimizer_hints,
        distinct: None,
        select_modifiers: None,
        top: None,
        top_before_distinct: false,
        projection: _,
        exclude: None,
        into: None,
        from: _,
        lateral_views,
        prewhere: None,
        selection: _,
        connect_by,
        group_by: ast::GroupByExpr::Expressions(group_by, modifiers),
        cluster_by,
        distribute_by,
        sort_by,
        having: None,
        named_window,
        qualify: None,
        window_before_qualify: _,
        value_table_mode: None,
        flavor: ast::SelectFlavor::Standard,
    } = select
    else {
        return false;
    };
    optimizer_hints.is_empty()
        && lateral_views.is_empty()
        && connect_by.is_empty()
        && group_by.is_empty()
        && modifiers.is_empty()
        && cluster_by.is_empty()
        && distribute_by.is_empty()
        && sort_by.is_empty()
        && named_window.is_empty()
}
