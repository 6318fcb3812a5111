//! The small tree of an expression: whatever cannot be said here is not allowed.

use std::ops::Range;

/// One node and where it stands in the author's text. Two nodes are equal when they say the same.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub kind: Kind,
    pub at: Range<usize>,
}

/// One part of a dotted name.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub name: String,
    pub at: Range<usize>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    /// `date '2026-11-20'`, `interval '14 days'`
    Typed(&'static str, String),
    Name(Vec<Part>),
    /// Parentheses the author wrote.
    Group(Box<Node>),
    Not(Box<Node>),
    /// `-x`, `+x`
    Sign(char, Box<Node>),
    Binary(&'static str, Box<Node>, Box<Node>),
    /// `x is not null`; the words after `is`.
    Is(Box<Node>, &'static str),
    /// `x is [not] distinct from y`
    Distinct(Box<Node>, bool, Box<Node>),
    In(Box<Node>, bool, Vec<Node>),
    InSelect(Box<Node>, bool, Box<Select>),
    Between(Box<Node>, bool, Box<Node>, Box<Node>),
    /// `like`, `not like`, `ilike`, `not ilike`
    Like(Box<Node>, &'static str, Box<Node>),
    Case(Box<Case>),
    Cast(Box<Node>, String, CastForm),
    AtTimeZone(Box<Node>, Box<Node>),
    Extract(&'static str, Box<Node>),
    Position(Box<Node>, Box<Node>),
    Substring(Box<Node>, Option<Box<Node>>, Option<Box<Node>>),
    Trim(Option<&'static str>, Option<Box<Node>>, Box<Node>),
    Call(Box<Call>),
    Exists(Box<Select>),
    Select(Box<Select>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CastForm {
    /// `x::numeric`
    Colons,
    /// `cast(x as numeric)`
    Call,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Case {
    pub operand: Option<Node>,
    pub arms: Vec<(Node, Node)>,
    pub otherwise: Option<Node>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Call {
    pub name: Vec<Part>,
    pub args: Vec<Node>,
    pub named: Vec<(Part, Node)>,
    pub star: bool,
    pub distinct: bool,
    pub filter: Option<Node>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Select {
    pub value: Option<Node>,
    pub from: Vec<From>,
    pub condition: Option<Node>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct From {
    pub table: Part,
    pub alias: Option<Part>,
    /// The condition of an inner join; the first item has none.
    pub on: Option<Node>,
}

impl PartialEq for Node {
    fn eq(&self, other: &Node) -> bool {
        self.kind == other.kind
    }
}

impl PartialEq for Part {
    fn eq(&self, other: &Part) -> bool {
        self.name == other.name
    }
}

impl Node {
    /// The node without the parentheses around it.
    pub fn bare(&self) -> &Node {
        match &self.kind {
            Kind::Group(inner) => inner.bare(),
            _ => self,
        }
    }

    /// Every node directly below this one, in reading order.
    pub fn below(&self) -> Vec<&Node> {
        match &self.kind {
            Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::Text(_) | Kind::Typed(..) | Kind::Name(_) => vec![],
            Kind::Group(x) | Kind::Not(x) | Kind::Sign(_, x) | Kind::Is(x, _) => vec![x],
            Kind::Cast(x, ..) | Kind::Extract(_, x) => vec![x],
            Kind::Binary(_, x, y) | Kind::Distinct(x, _, y) | Kind::Like(x, _, y) => vec![x, y],
            Kind::AtTimeZone(x, y) | Kind::Position(x, y) => vec![x, y],
            Kind::Between(x, _, y, z) => vec![x, y, z],
            Kind::In(x, _, list) => std::iter::once(&**x).chain(list).collect(),
            Kind::InSelect(x, _, select) => std::iter::once(&**x).chain(select.below()).collect(),
            Kind::Substring(x, y, z) => std::iter::once(x).chain(y).chain(z).map(|x| &**x).collect(),
            Kind::Trim(_, what, x) => what.iter().chain(std::iter::once(x)).map(|x| &**x).collect(),
            Kind::Case(case) => case.below(),
            Kind::Call(call) => call.below(),
            Kind::Exists(select) | Kind::Select(select) => select.below(),
        }
    }
}

impl Case {
    fn below(&self) -> Vec<&Node> {
        let arms = self.arms.iter().flat_map(|(when, then)| [when, then]);
        self.operand.iter().chain(arms).chain(&self.otherwise).collect()
    }
}

impl Call {
    /// Arguments and filter.
    pub fn below(&self) -> Vec<&Node> {
        self.args.iter().chain(self.named.iter().map(|(_, arg)| arg)).chain(&self.filter).collect()
    }
}

impl Select {
    fn below(&self) -> Vec<&Node> {
        let joins = self.from.iter().filter_map(|from| from.on.as_ref());
        self.value.iter().chain(joins).chain(&self.condition).collect()
    }
}
