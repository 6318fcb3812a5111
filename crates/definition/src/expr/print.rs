//! Prints the tree as lower-case SQL.

use std::ops::Range;

use super::fault::Fault;
use super::ident::ident;
use super::names::{Column, Row, Sort, Target, Whose};
use super::place::{Instead, Place, Purpose, Uses};
use super::tree::{Case, CastForm, Kind, Node, Part};
use super::words;
use super::{Mark, Printed};

/// A printer at work. Without a place it prints the author's form.
pub(crate) struct Printer<'a> {
    pub place: Option<Place<'a>>,
    pub sql: String,
    pub uses: Uses,
    /// Rows of the sub-selects we are in, outermost first.
    pub rows: Vec<Row<'a>>,
    /// The rows an aggregate runs over.
    pub lines: Option<super::aggregate::Lines<'a>>,
    /// What is read elsewhere than in its table.
    pub instead: Instead<'a>,
    /// Aliases of our own making, unlike any the author used.
    pub aliases: Aliases,
    marks: Vec<Mark>,
}

/// Aliases the printer makes.
pub(crate) struct Aliases {
    pub reference: String,
    pub line: String,
    pub group: String,
}

pub(crate) type Done = Result<(), Fault>;

impl<'a> Printer<'a> {
    pub fn new(place: Option<&Place<'a>>, root: &Node) -> Printer<'a> {
        let mut taken = place.map_or(vec![], |place| [Some(place.row), place.parent].into_iter().flatten().collect());
        authors_aliases(root, &mut taken);
        let free = |letter: &str| {
            let numbered = (2..).map(|n| format!("{letter}{n}"));
            std::iter::once(letter.to_owned()).chain(numbered).find(|name| !taken.contains(&&**name))
        };
        let free = |letter: &str| free(letter).unwrap_or_default();
        Printer {
            place: place.copied(),
            sql: String::new(),
            uses: Uses::default(),
            rows: vec![],
            lines: None,
            instead: Instead::default(),
            aliases: Aliases { reference: free("r"), line: free("c"), group: free("g") },
            marks: vec![],
        }
    }

    pub fn finish(mut self) -> Printed {
        self.uses.settle();
        Printed { sql: self.sql, uses: self.uses, marks: self.marks }
    }

    pub fn push(&mut self, sql: &str) {
        self.sql.push_str(sql);
    }

    /// Prints one node and remembers where it came from.
    pub fn node(&mut self, node: &Node) -> Done {
        let start = self.sql.len();
        self.kind(node)?;
        self.mark(start, &node.at);
        Ok(())
    }

    pub fn mark(&mut self, start: usize, text: &Range<usize>) {
        self.marks.push(Mark { printed: start..self.sql.len(), text: text.clone() });
    }

    pub fn comma(&mut self, nodes: &[Node]) -> Done {
        for (index, node) in nodes.iter().enumerate() {
            self.push(if index > 0 { ", " } else { "" });
            self.node(node)?;
        }
        Ok(())
    }

    /// Nodes with words between them: `["cast(", " as int)"]` around one node.
    fn around(&mut self, before: &str, node: &Node, after: &str) -> Done {
        self.push(before);
        self.node(node)?;
        self.push(after);
        Ok(())
    }

    fn kind(&mut self, node: &Node) -> Done {
        match &node.kind {
            Kind::Null => self.push("null"),
            Kind::Bool(value) => self.push(if *value { "true" } else { "false" }),
            Kind::Number(digits) => self.push(&digits.to_ascii_lowercase()),
            Kind::Text(text) => self.literal("", text),
            Kind::Typed(word, text) => self.literal(&format!("{word} "), text),
            Kind::Name(parts) => return self.name(parts, &node.at),
            Kind::Group(inner) => return self.around("(", inner, ")"),
            Kind::Not(inner) => return self.around("not ", inner, ""),
            Kind::Sign(sign, inner) => return self.sign(*sign, inner),
            Kind::Binary(op, left, right) => return self.binary(op, left, right),
            Kind::Is(inner, words) => return self.around("", inner, &format!(" is {words}")),
            Kind::Distinct(left, not, right) => {
                self.around("", left, if *not { " is not distinct from " } else { " is distinct from " })?;
                return self.node(right);
            }
            Kind::In(value, not, list) => {
                self.known_choices(value, list)?;
                self.around("", value, if *not { " not in (" } else { " in (" })?;
                self.comma(list)?;
                self.push(")");
            }
            Kind::InSelect(value, not, select) => {
                self.around("", value, if *not { " not in " } else { " in " })?;
                return self.select(select);
            }
            Kind::Between(value, not, low, high) => {
                self.known_choice(value, low)?;
                self.known_choice(value, high)?;
                self.around("", value, if *not { " not between " } else { " between " })?;
                self.around("", low, " and ")?;
                return self.node(high);
            }
            Kind::Like(value, words, pattern) => {
                self.around("", value, &format!(" {words} "))?;
                return self.node(pattern);
            }
            Kind::Case(case) => return self.case(case),
            Kind::Cast(inner, target, CastForm::Colons) => return self.around("", inner, &format!("::{target}")),
            Kind::Cast(inner, target, CastForm::Call) => return self.around("cast(", inner, &format!(" as {target})")),
            Kind::AtTimeZone(moment, zone) => {
                self.around("", moment, " at time zone ")?;
                return self.node(zone);
            }
            Kind::Extract(part, inner) => return self.around(&format!("extract({part} from "), inner, ")"),
            Kind::Position(part, whole) => {
                self.around("position(", part, " in ")?;
                return self.around("", whole, ")");
            }
            Kind::Substring(..) | Kind::Trim(..) => return self.cut(node),
            Kind::Call(call) => return self.call(call, &node.at),
            Kind::Exists(select) => {
                self.push("exists ");
                return self.select(select);
            }
            Kind::Select(select) => return self.select(select),
        }
        Ok(())
    }

    /// A text literal: for Postgres as the settings of no caller can change it, for an author plainly.
    fn literal(&mut self, word: &str, text: &str) {
        let literal = if self.place.is_some() { words::literal(text) } else { words::plain_literal(text) };
        self.push(word);
        self.push(&literal);
    }

    /// A sign before a sign gets a space between them, because `--` would begin a comment.
    fn sign(&mut self, sign: char, inner: &Node) -> Done {
        let apart = if matches!(inner.kind, Kind::Sign(..)) { " " } else { "" };
        self.around(&format!("{sign}{apart}"), inner, "")
    }

    fn binary(&mut self, op: &str, left: &Node, right: &Node) -> Done {
        if ["=", "<>", "<", ">", "<=", ">="].contains(&op) {
            self.known_choice(left, right)?;
            self.known_choice(right, left)?;
        }
        self.around("", left, &format!(" {op} "))?;
        self.node(right)
    }

    fn case(&mut self, case: &Case) -> Done {
        self.push("case");
        if let Some(operand) = &case.operand {
            self.around(" ", operand, "")?;
        }
        for (when, then) in &case.arms {
            if let Some(operand) = &case.operand {
                self.known_choice(operand, when)?;
            }
            self.around(" when ", when, "")?;
            self.around(" then ", then, "")?;
        }
        if let Some(otherwise) = &case.otherwise {
            self.around(" else ", otherwise, "")?;
        }
        self.push(" end");
        Ok(())
    }

    fn cut(&mut self, node: &Node) -> Done {
        match &node.kind {
            Kind::Substring(inner, from, long) => {
                self.around("substring(", inner, "")?;
                for (word, part) in [(" from ", from), (" for ", long)] {
                    if let Some(part) = part {
                        self.around(word, part, "")?;
                    }
                }
            }
            Kind::Trim(side, what, inner) => {
                self.push("trim(");
                self.push(&side.map_or(String::new(), |side| format!("{side} ")));
                if let Some(what) = what {
                    self.around("", what, " ")?;
                }
                self.push(if side.is_some() { "from " } else { "" });
                self.node(inner)?;
            }
            _ => return self.node(node),
        }
        self.push(")");
        Ok(())
    }

    fn name(&mut self, parts: &[Part], at: &Range<usize>) -> Done {
        let Some(place) = self.place else {
            let name = parts.iter().map(|part| ident(&part.name)).collect::<Vec<_>>().join(".");
            self.push(&name);
            return Ok(());
        };
        match self.resolve(&place, parts)? {
            Target::Step(step) => {
                self.push(&ident(&format!("s_{step}")));
                self.uses.steps.insert(step);
                Ok(())
            }
            Target::Column(row, path) => {
                let sql = self.path(&place, &row, &path, at)?;
                self.push(&sql);
                Ok(())
            }
            Target::Lines(_, child) => Err(Fault::unknown(at, format!("`{child}` stands for many rows"))
                .help(format!("write `count({child})`, or an aggregate such as `sum({child}.…)`"))),
        }
    }

    /// A column, or the value at the end of a path of refs as nested look-ups.
    fn path(&mut self, place: &Place<'a>, row: &Row<'a>, path: &[Column<'a>], at: &Range<usize>) -> Result<String, Fault> {
        let Some((first, hops)) = path.split_first() else { return Ok(String::new()) };
        self.note(row, first);
        if place.purpose == Purpose::Check && (row.whose != Whose::Own || !hops.is_empty()) {
            return Err(own_row_only(at));
        }
        let looked_up = row.whose == Whose::Parent && row.sql.is_empty();
        let from = if looked_up { place.row } else { &row.sql };
        let mut sql = match looked_up {
            true => self.look_up(place, place.row, &place.entity.name, first, &dotted(from, &place.entity.name)),
            false if row.whose == Whose::Inner => self.read(first, from),
            false => dotted(from, &first.name),
        };
        let mut leads = first;
        for column in hops {
            let entity = leads.leads().unwrap_or_default();
            self.uses.refs.insert((leads.name.clone(), entity.to_owned()));
            sql = self.look_up(place, from, entity, column, &sql);
            leads = column;
        }
        Ok(sql)
    }

    /// A column of a row in its table.
    fn read(&self, column: &Column<'a>, row: &str) -> String {
        let stands = match (column.sort, self.instead.states) {
            (Sort::State(entity), Some(states)) => states(&entity.name, row),
            _ => None,
        };
        stands.map_or_else(|| dotted(row, &column.name), |state| format!("({state})"))
    }

    fn look_up(&self, place: &Place<'a>, from: &str, entity: &str, column: &Column<'a>, id: &str) -> String {
        let (r, app) = (&self.aliases.reference, ident(&place.app.name));
        let (column, table, tenant) = (self.read(column, r), ident(entity), dotted(from, "tenant"));
        format!("(select {column} from {app}.{table} {r} where {r}.tenant = {tenant} and {r}.id = {id})")
    }

    fn note(&mut self, row: &Row<'a>, column: &Column<'a>) {
        let name = column.name.clone();
        match (row.whose, row.child) {
            (Whose::Own, _) => drop(self.uses.fields.insert(name)),
            (Whose::Parent, _) => drop(self.uses.parent.insert(name)),
            (Whose::Lines, Some(child)) => drop(self.uses.children.entry(child.to_owned()).or_default().insert(name)),
            _ => {}
        }
    }

    /// The tenant of the row the expression is about.
    pub fn tenant(&self) -> String {
        dotted(self.place.map_or("", |place| place.row), "tenant")
    }

    /// Refuses what a CHECK constraint may not do.
    pub fn beyond_own_row(&self, at: &Range<usize>) -> Done {
        match self.place {
            Some(Place { purpose: Purpose::Check, .. }) => Err(own_row_only(at)),
            _ => Ok(()),
        }
    }
}

/// `alias.column`, or the bare column when there is no alias.
pub(crate) fn dotted(alias: &str, column: &str) -> String {
    if alias.is_empty() { ident(column) } else { format!("{alias}.{}", ident(column)) }
}

fn own_row_only(at: &Range<usize>) -> Fault {
    Fault::refused(at, "a check may read its own row and constants only").help("move it into a guard")
}

fn authors_aliases<'n>(node: &'n Node, taken: &mut Vec<&'n str>) {
    if let Kind::Exists(select) | Kind::Select(select) | Kind::InSelect(_, _, select) = &node.kind {
        taken.extend(select.from.iter().map(|from| &*from.alias.as_ref().unwrap_or(&from.table).name));
    }
    node.below().into_iter().for_each(|below| authors_aliases(below, taken));
}
