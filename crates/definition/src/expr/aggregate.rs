//! Aggregates over children: `sum(lines.net)` becomes a sub-select over the child's table.

use std::ops::Range;

use super::binding;
use super::fault::Fault;
use super::names::{Row, Target, Whose};
use super::place::{Place, Purpose};
use super::print::{Done, Printer};
use super::tree::{Call, Kind, Node, Part};

/// The children an aggregate runs over.
#[derive(Clone, Debug)]
pub(crate) struct Lines<'a> {
    /// Alias of the row that owns them.
    owner: String,
    row: Row<'a>,
    /// In a rollup with `per`: the columns that may stand outside an aggregate.
    per: Option<Vec<String>>,
    /// We are inside an aggregate.
    inside: bool,
}

impl<'a> Printer<'a> {
    /// An aggregate over children, or over the rows of the sub-select we are in.
    pub(crate) fn aggregate(&mut self, place: &Place<'a>, call: &Call, at: &Range<usize>) -> Done {
        let name = &call.name[0];
        if !call.star && call.args.len() != 1 {
            let help = format!("write `{}(lines.…)`", name.name);
            return Err(Fault::refused(at, format!("`{}` takes one argument", name.name)).help(help));
        }
        if self.lines.as_ref().is_some_and(|lines| lines.inside) {
            return Err(Fault::refused(&name.at, "an aggregate inside an aggregate").help("use a rollup with `per`"));
        }
        self.beyond_own_row(&name.at)?;
        let Some((owner, row)) = self.children_named(place, call)? else {
            if !self.rows.is_empty() {
                return self.plain(call);
            }
            let children = place.entity.children.keys().next().map_or("lines", |child| child);
            return Err(Fault::unknown(&name.at, format!("`{}` needs rows to run over", name.name))
                .help(format!("name a child in it, such as `{}({children}.…)`", name.name)));
        };
        self.uses.children.entry(row.child.unwrap_or_default().to_owned()).or_default();
        match &mut self.lines {
            Some(lines) if lines.owner == owner.sql && lines.row.child == row.child => {
                lines.inside = true;
                self.in_group(call)?;
                self.lines.iter_mut().for_each(|lines| lines.inside = false);
                Ok(())
            }
            _ => self.looked_up(place, call, &owner, row),
        }
    }

    /// `(select coalesce(sum(g.part), 0) from (select <expr> as part from … group by …) g)`.
    pub(crate) fn grouped(&mut self, root: &Node, per: &[String]) -> Done {
        let Some(place) = self.place else { return self.node(root) };
        self.beyond_own_row(&root.at)?;
        let mut found = vec![];
        self.mentions(&place, root, &mut found);
        let Some((owner, row)) = one_child(found)? else {
            return Err(Fault::unknown(&root.at, "`per` needs a child to group").help("name a child, such as `lines.net`"));
        };
        for column in per {
            if row.column(column).is_none() {
                let message = format!("`{column}` in `per` is not a field of `{}`", row.child.unwrap_or_default());
                return Err(Fault::unknown(&root.at, message).help("group by fields of the child"));
            }
        }
        let (g, from) = (self.aliases.group.clone(), self.children_of(&place, &owner, &row));
        let columns: Vec<_> = per.iter().map(|column| super::print::dotted(&row.sql, column)).collect();
        let used = self.uses.children.entry(row.child.unwrap_or_default().to_owned()).or_default();
        used.extend(per.iter().cloned());
        self.lines = Some(Lines { owner: owner.sql, row, per: Some(per.to_vec()), inside: false });
        self.push(&format!("(select coalesce(sum({g}.part), 0) from (select "));
        self.node(root)?;
        self.push(&format!(" as part {from} group by {}) {g})", columns.join(", ")));
        self.lines = None;
        Ok(())
    }

    /// The row an aggregate gives to `lines.x`.
    pub(crate) fn line_row(&self, owner: &Row<'a>, child: &str, parts: &[Part]) -> Result<Row<'a>, Fault> {
        let here = |lines: &&Lines<'a>| lines.owner == owner.sql && lines.row.child == Some(child);
        if let Some(lines) = self.lines.as_ref().filter(here) {
            return Ok(lines.row.clone());
        }
        let name = parts.iter().map(|part| &*part.name).collect::<Vec<_>>().join(".");
        Err(Fault::unknown(&(parts[0].at.start..parts[parts.len() - 1].at.end), format!("`{name}` stands for many rows"))
            .help(format!("put it in an aggregate, such as `sum({name})`")))
    }

    /// Outside its aggregates a grouped expression may use the columns it is grouped by.
    pub(crate) fn grouped_by(&self, target: &Target<'a>, part: &Part) -> Done {
        let (Some(lines), Target::Column(_, path)) = (&self.lines, target) else { return Ok(()) };
        let free = lines.inside || lines.per.as_ref().is_none_or(|per| path.first().is_some_and(|c| per.contains(&c.name)));
        if free {
            return Ok(());
        }
        Err(Fault::unknown(&part.at, format!("`{}` is not in `per`, so a group has many of it", part.name))
            .help("put it in an aggregate, or add it to `per`"))
    }

    fn looked_up(&mut self, place: &Place<'a>, call: &Call, owner: &Row<'a>, row: Row<'a>) -> Done {
        let from = self.children_of(place, owner, &row);
        let outside = self.lines.replace(Lines { owner: owner.sql.clone(), row, per: None, inside: true });
        let sum = call.name[0].name == "sum";
        self.push(if sum { "(select coalesce(" } else { "(select " });
        self.over(call)?;
        self.push(if sum { ", 0) " } else { " " });
        self.push(&from);
        if let Some(filter) = &call.filter {
            let wrap = !binding::fits_and(filter);
            self.push(if wrap { " and (" } else { " and " });
            self.node(filter)?;
            self.push(if wrap { ")" } else { "" });
        }
        self.push(")");
        self.lines = outside;
        Ok(())
    }

    fn in_group(&mut self, call: &Call) -> Done {
        self.over(call)?;
        if let Some(filter) = &call.filter {
            self.push(" filter (where ");
            self.node(filter)?;
            self.push(")");
        }
        Ok(())
    }

    /// `sum(c.net)`; `count(lines)` counts rows.
    fn over(&mut self, call: &Call) -> Done {
        let name = &call.name[0];
        let start = self.sql.len();
        self.push(&name.name);
        self.push(if call.distinct { "(distinct " } else { "(" });
        match call.args.first() {
            Some(arg) if name.name == "count" && !call.distinct && self.is_lines(arg) => self.push("*"),
            Some(arg) if self.refuses_null(&name.name, arg) => {
                self.push("(");
                self.node(arg)?;
                self.push(") is true");
            }
            Some(arg) => self.node(arg)?,
            None => self.push("*"),
        }
        self.push(")");
        self.mark(start, &name.at);
        Ok(())
    }

    /// In a guard null refuses, and `bool_and` by itself passes over the rows where its condition is null.
    fn refuses_null(&self, name: &str, arg: &Node) -> bool {
        let guard = self.place.is_some_and(|place| place.purpose == Purpose::Guard);
        let settled = matches!(arg.bare().kind, Kind::Is(..) | Kind::Bool(_));
        guard && matches!(name, "bool_and" | "every") && !settled
    }

    fn is_lines(&self, arg: &Node) -> bool {
        let (Some(place), Kind::Name(parts)) = (self.place, &arg.kind) else { return false };
        matches!(self.resolve(&place, parts), Ok(Target::Lines(..)))
    }

    fn children_named(&self, place: &Place<'a>, call: &Call) -> Result<Option<(Row<'a>, Row<'a>)>, Fault> {
        let mut found = vec![];
        call.below().into_iter().for_each(|node| self.mentions(place, node, &mut found));
        one_child(found)
    }

    /// Every child named anywhere below a node, with the row that owns it.
    fn mentions(&self, place: &Place<'a>, node: &Node, found: &mut Vec<(Row<'a>, Row<'a>, Range<usize>)>) {
        if let Kind::Name(parts) = &node.kind
            && let Some((owner, child)) = self.child_of(place, parts)
        {
            let (sql, entity) = (self.aliases.line.clone(), owner.entity);
            let row = Row { name: None, sql, entity, child: Some(child), whose: Whose::Lines };
            found.push((owner, row, node.at.clone()));
        }
        node.below().into_iter().for_each(|below| self.mentions(place, below, found));
    }

    fn child_of(&self, place: &Place<'a>, parts: &[Part]) -> Option<(Row<'a>, &'a str)> {
        // A lone part beyond the child's name is not needed: resolving only up to the child tells us the owner.
        let upto = |taken: usize| match self.resolve(place, parts.get(..taken)?) {
            Ok(Target::Lines(owner, child)) => {
                let child = owner.entity.children.get_key_value(&child)?.0;
                Some((owner, &**child))
            }
            _ => None,
        };
        upto(1).or_else(|| upto(2))
    }
}

type Found<'a> = (Row<'a>, Row<'a>, Range<usize>);

fn one_child<'a>(found: Vec<Found<'a>>) -> Result<Option<(Row<'a>, Row<'a>)>, Fault> {
    let mut found = found.into_iter();
    let Some((owner, row, _)) = found.next() else { return Ok(None) };
    match found.find(|(other, of, _)| other.sql != owner.sql || of.child != row.child) {
        None => Ok(Some((owner, row))),
        Some((.., at)) => Err(Fault::refused(&at, "one aggregate over two sorts of rows").help("use one aggregate for each")),
    }
}
