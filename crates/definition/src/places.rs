//! Where every key and value of the files stands, so that a check of the typed model can still point at a word.
//!
//! A path is the kind and name of the file, then the keys down to the value: `order/transitions/quote/by/0`
//! under `entity/`. Names never hold a slash.

use std::collections::HashMap;
use std::sync::Arc;

use crate::model::{Expr, Span};
use crate::yaml::{Node, Value};

/// Spans of all keys and values by path, and the text of all files.
#[derive(Clone, Debug, Default)]
pub struct Places {
    keys: HashMap<String, Span>,
    values: HashMap<String, Span>,
    texts: HashMap<Arc<str>, Arc<str>>,
}

impl Places {
    /// Where the value at `path` stands; if there is none, the nearest thing that holds it.
    pub fn value(&self, path: &str) -> Span {
        let mut path = path;
        loop {
            if let Some(at) = self.values.get(path) {
                return at.clone();
            }
            match path.rfind('/') {
                Some(slash) => path = &path[..slash],
                None => return Span::default(),
            }
            if let Some(at) = self.keys.get(path).filter(|_| !self.is_scalar(path)) {
                return at.clone();
            }
        }
    }

    /// Where the key at `path` is written; if there is none, the nearest thing that holds it.
    pub fn key(&self, path: &str) -> Span {
        self.keys.get(path).cloned().unwrap_or_else(|| self.value(path))
    }

    /// Whether the author wrote this key at all.
    pub fn has(&self, path: &str) -> bool {
        self.keys.contains_key(path) || self.values.contains_key(path)
    }

    /// The text of a file as it was read.
    pub fn text(&self, file: &str) -> Option<&str> {
        self.texts.get(file).map(AsRef::as_ref)
    }

    /// The place of the characters `from..from + len` (bytes) of an expression's text in its file, through quotes,
    /// escapes and folded lines.
    pub fn within(&self, expr: &Expr, from: usize, len: usize) -> Span {
        match self.text(&expr.at.file) {
            Some(source) => within(source, &expr.at, &expr.text, from, len),
            None => expr.at.clone(),
        }
    }

    pub(crate) fn add_text(&mut self, file: &Arc<str>, text: &str) {
        self.texts.insert(file.clone(), text.into());
    }

    pub(crate) fn add(&mut self, path: &str, node: &Node) {
        self.values.insert(path.to_owned(), node.at.clone());
        match &node.value {
            Value::Scalar { .. } | Value::Null => {}
            Value::List(items) => {
                for (n, item) in items.iter().enumerate() {
                    self.add(&format!("{path}/{n}"), item);
                }
            }
            Value::Map(entries) => {
                for entry in entries {
                    let path = format!("{path}/{}", entry.key);
                    self.keys.insert(path.clone(), entry.key_at.clone());
                    self.add(&path, &entry.value);
                }
            }
        }
    }

    // A scalar may stand for a list of one (`from: quoted`), so its own place is better than its key's.
    fn is_scalar(&self, path: &str) -> bool {
        self.values.contains_key(path) && !self.values.contains_key(&format!("{path}/0"))
    }
}

/// Walks source and decoded text side by side: white space in the text may be any white space in the source, and a
/// backslash or a doubled quote in the source stands for one character.
pub(crate) fn within(source: &str, at: &Span, text: &str, from: usize, len: usize) -> Span {
    let end = (at.offset + at.len).min(source.len());
    let Some(written) = source.get(at.offset..end) else {
        return at.clone();
    };
    let quote = source[..at.offset].chars().next_back();
    let mut place = Cursor { rest: written, offset: at.offset, line: at.line, column: at.column };
    let mut start = None;
    for (n, c) in text.char_indices() {
        if n >= from + len {
            break;
        }
        if c.is_whitespace() {
            if n >= from && start.is_none() {
                start = Some(place.clone());
            }
            place.skip_white();
            continue;
        }
        if !place.rest.starts_with(c) {
            place.skip_white();
        }
        if n >= from && start.is_none() {
            start = Some(place.clone());
        }
        if (quote == Some('"') && place.rest.starts_with('\\')) || (quote == Some('\'') && place.rest.starts_with("''")) {
            place.step();
        }
        place.step();
    }
    let start = start.unwrap_or_else(|| place.clone());
    Span {
        file: at.file.clone(),
        line: start.line,
        column: start.column,
        offset: start.offset,
        len: place.offset.saturating_sub(start.offset),
    }
}

#[derive(Clone)]
struct Cursor<'s> {
    rest: &'s str,
    offset: usize,
    line: usize,
    column: usize,
}

impl Cursor<'_> {
    fn step(&mut self) {
        let Some(c) = self.rest.chars().next() else {
            return;
        };
        self.rest = &self.rest[c.len_utf8()..];
        self.offset += c.len_utf8();
        if c == '\n' {
            self.line += 1;
            self.column = 1;
        } else {
            self.column += 1;
        }
    }

    fn skip_white(&mut self) {
        while self.rest.starts_with(char::is_whitespace) {
            self.step();
        }
    }
}
