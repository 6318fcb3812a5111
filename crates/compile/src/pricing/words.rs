//! Small words of this module: types, quoted bodies, whole functions.

use statehouse_definition::model::{App, Entity, FieldKind, RangeOf, Texts};

use crate::object::{Kind, Object};
use crate::sql::{ident, literal, wrap};

/// The Postgres type of a field.
pub fn pg_type(kind: &FieldKind) -> &'static str {
    match kind {
        FieldKind::Text | FieldKind::Enum(_) | FieldKind::Currency | FieldKind::Phone | FieldKind::Email => "text",
        FieldKind::Integer | FieldKind::Money => "bigint",
        FieldKind::Decimal | FieldKind::Percent => "numeric",
        FieldKind::Date => "date",
        FieldKind::Timestamp => "timestamptz",
        FieldKind::Range(RangeOf::Dates) => "daterange",
        FieldKind::Range(RangeOf::Timestamps) => "tstzrange",
        FieldKind::Bool => "boolean",
        FieldKind::Geo => "point",
        FieldKind::Json => "jsonb",
        FieldKind::Ref(_) | FieldKind::Member => "uuid",
        FieldKind::File => "bytea",
    }
}

/// The type of any column of an entity's own table that an expression may read.
pub fn column_type(entity: &Entity, column: &str) -> &'static str {
    match (entity.fields.get(column), column) {
        (Some(field), _) => pg_type(&field.kind),
        (None, "id") => "uuid",
        (None, "number") => "bigint",
        (None, "version") => "int",
        (None, "entered_at") => "timestamptz",
        (None, _) => "text",
    }
}

/// Columns of the entity in the order of its table, then those the engine adds.
pub fn in_table_order(entity: &Entity, wanted: impl Fn(&str) -> bool) -> Vec<&str> {
    let engine = ["number", "reference", "state", "entered_at", "version"];
    entity.fields.keys().map(String::as_str).chain(engine).filter(|column| wanted(column)).collect()
}

/// What a child is called in its table's name: `order_lines`.
pub fn child_table(entity: &Entity, child: &str) -> String {
    format!("{}_{child}", entity.name)
}

/// `orders.order_lines`, each part quoted where needed.
pub fn qualified(app: &App, name: &str) -> String {
    format!("{}.{}", ident(&app.name), ident(name))
}

/// The label in the app's first locale, else the name.
pub fn title<'a>(label: &'a Texts, name: &'a str) -> &'a str {
    label.values().next().map_or(name, String::as_str)
}

/// A parameter of a function.
pub struct Parameter {
    /// Its name, not yet quoted.
    pub name: String,
    /// Its Postgres type.
    pub of: String,
    /// A result, not an argument.
    pub out: bool,
}

/// Names and types as parameters.
pub fn parameter(name: &str, of: &str) -> Parameter {
    Parameter { name: name.to_owned(), of: of.to_owned(), out: false }
}

/// A result of a function.
pub fn out(name: &str, of: &str) -> Parameter {
    Parameter { out: true, ..parameter(name, of) }
}

/// A function that reads and changes nothing.
pub struct Function<'a> {
    /// The app whose schema holds it.
    pub app: &'a App,
    /// Its name.
    pub name: String,
    /// What it takes.
    pub takes: Vec<Parameter>,
    /// e.g. `returns numeric`.
    pub returns: String,
    /// `stable` or `immutable`.
    pub reads: &'static str,
    /// From the block's label or `declare` to the last `end`.
    pub body: String,
    /// What it is for.
    pub comment: String,
}

impl Function<'_> {
    /// The function with its comment.
    pub fn object(&self) -> Object {
        let name = qualified(self.app, &self.name);
        let takes: Vec<String> =
            self.takes.iter().map(|p| format!("{}{} {}", if p.out { "out " } else { "" }, ident(&p.name), p.of)).collect();
        let types: Vec<&str> = self.takes.iter().filter(|p| !p.out).map(|p| p.of.as_str()).collect();
        let quote = quote(&self.body);
        let sql = format!(
            "create function {name}({})\n  {}\n  language plpgsql {}\nas {quote}\n{}\n{quote};\ncomment on function {name}({}) is {};\n",
            listed(&takes),
            self.returns,
            self.reads,
            self.body.trim_end(),
            types.join(", "),
            literal(&self.comment)
        );
        Object::new(Kind::Function, &self.app.name, &self.name, sql)
    }
}

/// On one line where they fit, else below.
pub fn listed(words: &[String]) -> String {
    let line = words.join(", ");
    if line.len() <= 90 { line } else { format!("\n{}", wrap(words, 4, 120)) }
}

/// `select a, b`, its columns under each other.
pub fn select(columns: &[String]) -> String {
    format!("select {}", wrap(columns, 7, 110).trim_start())
}

/// Dollar quotes the body does not hold itself.
fn quote(body: &str) -> String {
    let numbered = (1..).map(|n| format!("$body{n}$"));
    std::iter::once("$$".to_owned()).chain(numbered).find(|quote| !body.contains(quote.as_str())).unwrap_or_default()
}
