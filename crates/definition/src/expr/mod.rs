//! Reads an app's SQL expressions, refuses what is not on the list, and prints them against the model.
//!
//! Three steps, so that each can be read alone: tokens are judged ([`lex`]), the syntax tree is copied node by node
//! into a small tree of our own ([`lower`]) in which nothing can be said that is not allowed, and that tree is
//! printed ([`print()`]) with every name resolved. The author's text itself is never emitted.

mod aggregate;
mod binding;
mod builtins;
mod calls;
mod choices;
mod fault;
mod ident;
mod lex;
mod lower;
mod lower_call;
mod lower_select;
mod names;
mod place;
mod print;
mod subselect;
mod suggest;
mod tree;
mod words;

#[cfg(test)]
mod tests;

use std::ops::Range;

pub use fault::Fault;
pub use ident::ident;
pub use place::{Instead, Place, Purpose, Standing, Uses};
pub use words::literal;

use crate::model::Expr;
use print::Printer;

/// Longest expression in bytes.
pub const LONGEST_TEXT_BYTES: usize = 4096;
/// Deepest nesting of an expression.
pub const DEEPEST: usize = 64;

/// An expression that holds nothing but what is allowed; its names are not resolved yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Parsed {
    pub(crate) root: tree::Node,
}

/// SQL of one expression and what it reads.
#[derive(Clone, Debug)]
pub struct Printed {
    /// Lower-case SQL; put parentheses around it before combining it with more.
    pub sql: String,
    /// What it reads.
    pub uses: Uses,
    /// Where each printed piece comes from.
    pub marks: Vec<Mark>,
}

/// A piece of printed SQL and the author's text it stands for, both as byte ranges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Range in [`Printed::sql`].
    pub printed: Range<usize>,
    /// Range in the author's text.
    pub text: Range<usize>,
}

impl Printed {
    /// The author's text behind byte `position` of the SQL: the smallest piece that covers it.
    pub fn author(&self, position: usize) -> Option<Range<usize>> {
        let covers = |mark: &&Mark| mark.printed.contains(&position);
        let smallest = self.marks.iter().filter(covers).min_by_key(|mark| mark.printed.len());
        smallest.map(|mark| mark.text.clone())
    }
}

/// Reads one expression; says what is wrong with its syntax (SH3023) or what it may not use (SH3024).
pub fn parse(expr: &Expr) -> Result<Parsed, Fault> {
    let root = lower::read(&expr.text)?;
    binding::check(&root)?;
    Ok(Parsed { root })
}

/// Prints an expression for its place with every name resolved; an unknown name is SH3025.
pub fn print(parsed: &Parsed, place: &Place<'_>) -> Result<Printed, Fault> {
    let mut printer = Printer::new(Some(place), &parsed.root);
    printer.node(&parsed.root)?;
    Ok(printer.finish())
}

/// Prints an expression, a rollup with `per` too, that reads some rows or states elsewhere than where they are stored.
pub fn print_instead(parsed: &Parsed, per: &[String], place: &Place<'_>, instead: Instead<'_>) -> Result<Printed, Fault> {
    let mut printer = Printer::new(Some(place), &parsed.root);
    printer.instead = instead;
    if per.is_empty() {
        printer.node(&parsed.root)?
    } else {
        printer.grouped(&parsed.root, per)?
    }
    Ok(printer.finish())
}

/// Prints a rollup with `per`: the expression is worked out once per group of children and the groups are summed.
pub fn print_grouped(parsed: &Parsed, per: &[String], place: &Place<'_>) -> Result<Printed, Fault> {
    let mut printer = Printer::new(Some(place), &parsed.root);
    printer.grouped(&parsed.root, per)?;
    Ok(printer.finish())
}

impl Parsed {
    /// The expression as an author would write it, tidied; reading it again gives the same tree.
    pub fn source(&self) -> Result<String, Fault> {
        let mut printer = Printer::new(None, &self.root);
        printer.node(&self.root)?;
        Ok(printer.finish().sql)
    }
}
