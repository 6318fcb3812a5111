//! Small words of this module: types, quoted bodies, whole functions.

use statehouse_definition::model::{App, Entity, Texts};

use crate::object::{Kind, Object};
use crate::sql::{dollar_quoted, ident, literal, wrap};

pub use crate::sql::pg_type;

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
        let sql = format!(
            "create function {name}({})\n  {}\n  language plpgsql {}\nas {};\ncomment on function {name}({}) is {};\n",
            listed(&takes),
            self.returns,
            self.reads,
            dollar_quoted("", &format!("\n{}\n", self.body.trim_end())),
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
