//! What a dotted name stands for. A name that could be two things is refused: in `o.client = client` the reader
//! means the record, SQL would take the sub-select's own column, and both would be silent.

use super::fault::Fault;
use super::ident::ident;
use super::place::{Place, Purpose};
use super::print::Printer;
use super::suggest;
use super::tree::Part;
use crate::model::{Derived, Entity, Field, FieldKind};

/// A row whose columns can be named.
#[derive(Clone, Debug)]
pub(crate) struct Row<'a> {
    /// How the author calls it, when there is a name.
    pub name: Option<String>,
    /// How the SQL calls it; empty for bare columns.
    pub sql: String,
    pub entity: &'a Entity,
    pub child: Option<&'a str>,
    pub whose: Whose,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    Own,
    Parent,
    /// A row of a sub-select.
    Inner,
    /// A row an aggregate runs over.
    Lines,
}

/// A column of a row.
#[derive(Clone, Debug)]
pub(crate) struct Column<'a> {
    pub name: String,
    pub sort: Sort<'a>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Sort<'a> {
    Field(&'a Field),
    /// The child's column that holds its record.
    Record(&'a str),
    State(&'a Entity),
    Engine,
    Moment,
}

/// What a name turned out to be.
pub(crate) enum Target<'a> {
    Step(String),
    Column(Row<'a>, Vec<Column<'a>>),
    Lines(Row<'a>, String),
}

/// Where a name may begin, and how many of its parts that takes.
enum Start<'a> {
    Step,
    Row(Row<'a>, usize),
    Lines(Row<'a>, String, usize),
}

/// Columns the engine keeps for itself.
const KEPT: &[&str] = &["tenant", "fire", "input", "head", "verb", "key", "asked_as", "trace"];

impl<'a> Row<'a> {
    /// The row an expression is about.
    pub fn own(place: &Place<'a>) -> Row<'a> {
        let Place { entity, child, .. } = *place;
        Row { name: Some("this".to_owned()), sql: place.row.to_owned(), entity, child, whose: Whose::Own }
    }

    /// The column of this name.
    pub fn column(&self, name: &str) -> Option<Column<'a>> {
        let column = |sort| Some(Column { name: name.to_owned(), sort });
        match (self.child, name) {
            (_, "id") | (Some(_), "position") => column(Sort::Engine),
            (Some(child), _) => match self.entity.children.get(child)?.fields.get(name) {
                Some(field) => column(Sort::Field(field)),
                None if name == self.entity.name => column(Sort::Record(&self.entity.name)),
                None => None,
            },
            (None, "state") => column(Sort::State(self.entity)),
            (None, "version") => column(Sort::Engine),
            (None, "entered_at") => column(Sort::Moment),
            (None, "reference" | "number") if self.entity.reference.is_some() => column(Sort::Engine),
            (None, _) => self.entity.fields.get(name).and_then(|field| column(Sort::Field(field))),
        }
    }

    /// Names of all columns, for suggestions.
    fn columns(&self) -> Vec<&'a str> {
        let fields = match self.child {
            Some(child) => self.entity.children.get(child).map(|child| &child.fields),
            None => Some(&self.entity.fields),
        };
        let engine = if self.child.is_some() { ["id", "position"] } else { ["id", "state"] };
        fields.into_iter().flat_map(|fields| fields.keys().map(|name| &**name)).chain(engine).collect()
    }

    /// What people call this row.
    fn called(&self) -> String {
        match self.child {
            Some(child) => format!("a row of `{}.{child}`", self.entity.name),
            None => format!("`{}`", self.entity.name),
        }
    }

    fn holds(&self, child: &str) -> bool {
        self.child.is_none() && self.entity.children.contains_key(child)
    }
}

impl<'a> Column<'a> {
    /// The entity this column points at.
    pub fn leads(&self) -> Option<&'a str> {
        match self.sort {
            Sort::Field(Field { kind: FieldKind::Ref(entity), .. }) => Some(entity),
            Sort::Record(entity) => Some(entity),
            _ => None,
        }
    }
}

impl<'a> Printer<'a> {
    /// Finds what a name stands for.
    pub(crate) fn resolve(&self, place: &Place<'a>, parts: &[Part]) -> Result<Target<'a>, Fault> {
        let mut starts = self.starts(place, parts);
        let start = starts.pop().ok_or_else(|| self.nothing(place, parts))?;
        if let Some(other) = starts.pop() {
            return Err(two_meanings(&parts[0], parts, &[other, start]));
        }
        match start {
            Start::Step => Ok(Target::Step(parts[0].name.clone())),
            Start::Row(row, taken) => self.walk(place, row, &parts[taken..]),
            Start::Lines(owner, child, taken) if taken == parts.len() => Ok(Target::Lines(owner, child)),
            Start::Lines(owner, child, taken) => {
                let row = self.line_row(&owner, &child, parts)?;
                let target = self.walk(place, row, &parts[taken..])?;
                self.grouped_by(&target, &parts[taken])?;
                Ok(target)
            }
        }
    }

    fn starts(&self, place: &Place<'a>, parts: &[Part]) -> Vec<Start<'a>> {
        let head = &*parts[0].name;
        let own = Row::own(place);
        let mut starts: Vec<Start<'a>> = self.rows.iter().filter_map(|row| begin(row, parts)).collect();
        if parts.len() == 1 && place.steps.iter().any(|step| step == head) {
            starts.push(Start::Step);
        } else if own.holds(head) {
            starts.push(Start::Lines(own, head.to_owned(), 1));
        } else if let Some(start) = begin(&own, parts) {
            starts.push(start);
        }
        if place.child.is_some() && head == "parent" && parts.len() > 1 {
            starts.extend(begin(&parent(place), parts));
        }
        starts
    }

    /// Follows the parts of a name from one row over its refs.
    fn walk(&self, place: &Place<'a>, row: Row<'a>, parts: &[Part]) -> Result<Target<'a>, Fault> {
        let mut path: Vec<Column<'a>> = vec![];
        let mut at = row.clone();
        for (index, part) in parts.iter().enumerate() {
            let column = at.column(&part.name).ok_or_else(|| no_column(&at, part))?;
            if index == 0 {
                self.not_yet(place, &row, &column, part)?;
            }
            if index + 1 < parts.len() {
                let entity = column.leads().and_then(|entity| place.app.entities.get(entity));
                let entity = entity.ok_or_else(|| no_ref(part))?;
                at = Row { name: None, sql: String::new(), entity, child: None, whose: Whose::Inner };
            }
            path.push(column);
        }
        Ok(Target::Column(row, path))
    }

    /// A calculator must not read what it is about to write.
    fn not_yet(&self, place: &Place<'a>, row: &Row<'a>, column: &Column<'a>, part: &Part) -> Result<(), Fault> {
        let priced = matches!(column.sort, Sort::Field(Field { derived: Some(Derived::Priced { .. }), .. }));
        if place.purpose != Purpose::Step || row.whose != Whose::Own || !priced {
            return Ok(());
        }
        let message = format!("`{}` is what this calculator works out; it is not known yet", part.name);
        Err(Fault::unknown(&part.at, message).help("use an earlier step"))
    }

    fn nothing(&self, place: &Place<'a>, parts: &[Part]) -> Fault {
        let (head, own) = (&parts[0], Row::own(place));
        let scopes = || self.rows.iter().chain(std::iter::once(&own));
        if let Some(row) = scopes().find(|row| row.column(&head.name).is_some()) {
            return if parts.len() > 1 { no_ref(head) } else { no_column(row, head) };
        }
        if KEPT.contains(&&*head.name) {
            return kept(head);
        }
        if place.app.tables.contains_key(&head.name) {
            let help = format!("call one of its values: `{}.value(…)`", head.name);
            return Fault::unknown(&head.at, format!("`{}` is a rule table, not a field", head.name)).help(help);
        }
        let aliases = self.rows.iter().filter_map(|row| row.name.as_deref());
        let children = place.entity.children.keys().map(|child| &**child).filter(|_| place.child.is_none());
        let known = scopes().flat_map(Row::columns).chain(children).chain(place.steps.iter().map(|step| &**step));
        let known: Vec<&str> = if parts.len() > 1 { known.chain(aliases).collect() } else { known.collect() };
        let of = scopes().map(Row::called).collect::<Vec<_>>().join(" nor of ");
        Fault::unknown(&head.at, format!("`{}` is not a field of {of}", head.name))
            .help("use a field of this entity")
            .maybe_help(suggest::instead(&head.name, known))
    }
}

/// Where a name begins when its head is this row's name or one of its columns.
fn begin<'a>(row: &Row<'a>, parts: &[Part]) -> Option<Start<'a>> {
    let (head, more) = (&*parts[0].name, parts.len() > 1);
    if more && row.name.as_deref() == Some(head) {
        let next = &*parts[1].name;
        return Some(match row.holds(next) {
            true => Start::Lines(row.clone(), next.to_owned(), 2),
            false => Start::Row(row.clone(), 1),
        });
    }
    let column = row.column(head)?;
    (!more || column.leads().is_some()).then(|| Start::Row(row.clone(), 0))
}

/// The parent's row of a child, by its alias or looked up.
fn parent<'a>(place: &Place<'a>) -> Row<'a> {
    let sql = place.parent.map_or(String::new(), str::to_owned);
    Row { name: Some("parent".to_owned()), sql, entity: place.entity, child: None, whose: Whose::Parent }
}

fn two_meanings(head: &Part, parts: &[Part], starts: &[Start<'_>]) -> Fault {
    let rest = parts.iter().map(|part| ident(&part.name)).collect::<Vec<_>>().join(".");
    let ways = starts.iter().filter_map(|start| match start {
        Start::Row(Row { name: Some(name), .. }, 0) => Some(format!("`{}.{rest}`", ident(name))),
        Start::Row(..) => Some(format!("another alias than `{}`", head.name)),
        Start::Step | Start::Lines(..) => None,
    });
    let help = format!("write {}", ways.collect::<Vec<_>>().join(" or "));
    Fault::unknown(&head.at, format!("`{}` could mean two things here", head.name)).help(help)
}

fn no_column(row: &Row<'_>, part: &Part) -> Fault {
    if KEPT.contains(&&*part.name) {
        return kept(part);
    }
    Fault::unknown(&part.at, format!("`{}` is not a field of {}", part.name, row.called()))
        .help(format!("use a field of {}", row.called()))
        .maybe_help(suggest::instead(&part.name, row.columns()))
}

fn no_ref(part: &Part) -> Fault {
    Fault::unknown(&part.at, format!("`{}` is no reference, so nothing can follow it", part.name))
        .help("use a field of type ref before the dot")
}

fn kept(part: &Part) -> Fault {
    Fault::unknown(&part.at, format!("`{}` belongs to the engine; expressions may not read it", part.name))
        .help("leave it out; rows of other tenants are never seen")
}
