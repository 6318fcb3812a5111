//! Sub-selects over the app's own tables, each bound to the tenant of the row.

use super::binding;
use super::fault::Fault;
use super::ident::ident;
use super::names::{Row, Whose};
use super::place::Place;
use super::print::{Done, Printer, dotted};
use super::suggest;
use super::tree::{From, Node, Part, Select};

impl<'a> Printer<'a> {
    /// Prints a sub-select with its parentheses.
    pub(crate) fn select(&mut self, select: &Select) -> Done {
        if let Some(from) = select.from.first() {
            self.beyond_own_row(&from.table.at)?;
        }
        let outside = self.rows.len();
        if let Some(place) = self.place {
            for from in &select.from {
                let row = self.row_from(&place, from)?;
                self.uses.entities.insert(row.entity.name.clone());
                self.rows.push(row);
            }
        }
        self.push("(select ");
        if let Some(value) = &select.value {
            self.node(value)?;
            self.push(" ");
        }
        for (index, from) in select.from.iter().enumerate() {
            self.push(if index == 0 { "from " } else { " join " });
            self.table(from, outside + index);
            if let Some(on) = &from.on {
                self.push(" on ");
                self.bound(outside + index, Some(on))?;
            }
        }
        if self.place.is_some() || select.condition.is_some() {
            self.push(" where ");
            self.bound(outside, select.condition.as_ref())?;
        }
        self.push(")");
        self.rows.truncate(outside);
        Ok(())
    }

    /// `o.tenant = new.tenant and <condition>`; the author's form has the condition alone.
    fn bound(&mut self, row: usize, condition: Option<&Node>) -> Done {
        let tenant = self.rows.get(row).map(|row| format!("{}.tenant = {}", row.sql, self.tenant()));
        self.push(tenant.as_deref().unwrap_or_default());
        let Some(condition) = condition else { return Ok(()) };
        let wrap = tenant.is_some() && !binding::fits_and(condition);
        self.push(if tenant.is_some() { " and " } else { "" });
        self.push(if wrap { "(" } else { "" });
        self.node(condition)?;
        self.push(if wrap { ")" } else { "" });
        Ok(())
    }

    fn table(&mut self, from: &From, row: usize) {
        let schema = self.place.map(|place| format!("{}.", ident(&place.app.name)));
        let name = self.rows.get(row).map(table_of).unwrap_or_else(|| from.table.name.clone());
        let alias = from.alias.as_ref().map(|alias| format!(" {}", ident(&alias.name)));
        let table = format!("{}{}{}", schema.unwrap_or_default(), ident(&name), alias.unwrap_or_default());
        let start = self.sql.len();
        self.push(&table);
        self.mark(start, &from.table.at);
    }

    fn row_from(&self, place: &Place<'a>, from: &From) -> Result<Row<'a>, Fault> {
        let alias = from.alias.as_ref().unwrap_or(&from.table);
        let ours = [place.row, place.parent.unwrap_or_default(), "new", "old", "this", "parent"];
        let used = self.rows.iter().any(|row| row.name.as_ref() == Some(&alias.name));
        if used || ours.contains(&&*alias.name) {
            let message = format!("alias `{}` is taken", alias.name);
            return Err(Fault::refused(&alias.at, message).help("use another alias"));
        }
        let (name, sql) = (Some(alias.name.clone()), ident(&alias.name));
        let (entity, child) = find_table(place, &from.table)?;
        Ok(Row { name, sql, entity, child, whose: Whose::Inner })
    }
}

/// The name of a row's table.
pub(crate) fn table_of(row: &Row<'_>) -> String {
    row.child.map_or_else(|| row.entity.name.clone(), |child| format!("{}_{child}", row.entity.name))
}

impl<'a> Printer<'a> {
    /// `from app.entity_child c where c.tenant = o.tenant and c.entity = o.id`: the children of one row, or of the record
    /// itself as they are about to be.
    pub(crate) fn children_of(&self, place: &Place<'a>, owner: &Row<'a>, row: &Row<'a>) -> String {
        let alias = &row.sql;
        let instead = self.instead.lines.filter(|_| owner.whose == Whose::Own).zip(row.child).and_then(|(lines, child)| lines.get(child));
        if let Some(lines) = instead {
            return format!("from {lines} {alias} where true");
        }
        let (app, table) = (ident(&place.app.name), ident(&table_of(row)));
        let (from, column) = match owner.sql.is_empty() && owner.whose == Whose::Parent {
            true => (place.row, &*row.entity.name),
            false => (&*owner.sql, "id"),
        };
        let (tenant, id, record) = (dotted(from, "tenant"), dotted(from, column), dotted(alias, &row.entity.name));
        format!("from {app}.{table} {alias} where {alias}.tenant = {tenant} and {record} = {id}")
    }
}

type Table<'a> = (&'a crate::model::Entity, Option<&'a str>);

fn find_table<'a>(place: &Place<'a>, table: &Part) -> Result<Table<'a>, Fault> {
    if let Some(entity) = place.app.entities.get(&table.name) {
        return Ok((entity, None));
    }
    let children = place.app.entities.values().flat_map(|e| e.children.keys().map(move |child| (e, &**child)));
    let named: Vec<_> = children.map(|(e, child)| (format!("{}_{child}", e.name), e, child)).collect();
    if let Some((_, entity, child)) = named.iter().find(|(name, ..)| *name == table.name) {
        return Ok((entity, Some(child)));
    }
    let known = place.app.entities.keys().map(|name| &**name).chain(named.iter().map(|(name, ..)| &**name));
    Err(Fault::unknown(&table.at, format!("`{}` is not an entity of this app", table.name))
        .help("name an entity of the app, or a child's table such as `order_lines`")
        .maybe_help(suggest::instead(&table.name, known)))
}
