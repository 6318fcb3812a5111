//! The only module that knows the YAML parser: text in, a tree with places out.
//!
//! The tree holds every scalar as text, because `143.20` and `2026-01-01` must arrive as they were written. Anchors,
//! aliases, merge keys, tags, further documents and duplicate keys are refused here. JSON is a subset of YAML 1.2 and
//! takes the same way.

use std::collections::HashMap;
use std::sync::Arc;

use granit_parser::{Event, Parser, ScalarStyle, ScanError};

use crate::finding::Finding;
use crate::model::Span;

/// Deeper nesting than this is no definition.
const DEPTH_MOST: usize = 32;

/// A value and its place; a quoted scalar's place leaves the quotes out, a map's is its first character.
#[derive(Debug)]
pub(crate) struct Node {
    pub at: Span,
    pub value: Value,
}

#[derive(Debug)]
pub(crate) enum Value {
    Null,
    Scalar { text: String, plain: bool },
    List(Vec<Node>),
    Map(Vec<Entry>),
}

#[derive(Debug)]
pub(crate) struct Entry {
    pub key: String,
    pub key_at: Span,
    pub value: Node,
}

impl Node {
    /// What the author would call this value.
    pub fn kind(&self) -> &'static str {
        match &self.value {
            Value::Null => "nothing",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
            Value::Scalar { plain: true, text } if text == "true" || text == "false" => "true or false",
            Value::Scalar { plain: true, text } if text.parse::<f64>().is_ok() => "a number",
            Value::Scalar { .. } => "text",
        }
    }

    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }
}

/// Reads one document; `None` if nothing usable could be read.
pub(crate) fn parse(file: &Arc<str>, text: &str, findings: &mut Vec<Finding>) -> Option<Node> {
    let mut builder = Builder { file, text, findings, stack: Vec::new(), root: None, documents: 0 };
    for next in Parser::new_from_str(text) {
        match next {
            Ok((event, span)) => {
                if !builder.take(event, &span) {
                    return None;
                }
            }
            Err(error) => {
                builder.unreadable(&error);
                return None;
            }
        }
    }
    let root = builder.root;
    if root.is_none() {
        let at = Span { file: file.clone(), line: 1, column: 1, offset: 0, len: 0 };
        findings.push(Finding::error("SH3001", &at, "the file is empty").help("write a definition, or remove the file"));
    }
    root
}

/// A key that waits for its value; one that was complained about takes it away with it.
struct Key {
    text: Option<String>,
    at: Span,
}

enum Open {
    List(Span, Vec<Node>),
    Map { at: Span, entries: Vec<Entry>, lines: HashMap<String, usize>, key: Option<Key> },
}

struct Builder<'a> {
    file: &'a Arc<str>,
    text: &'a str,
    findings: &'a mut Vec<Finding>,
    stack: Vec<Open>,
    root: Option<Node>,
    documents: usize,
}

impl Builder<'_> {
    /// Takes one event; false ends the reading.
    fn take(&mut self, event: Event<'_>, span: &granit_parser::Span) -> bool {
        let at = self.span(span);
        if event.anchor_id().is_some() {
            self.refuse(&at, "an anchor");
        }
        if event.tag().is_some() {
            self.refuse(&at, "a tag");
        }
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    let finding = Finding::error("SH3004", &at, "a second document cannot be used here");
                    self.findings.push(finding.help("put it into a file of its own"));
                    return false;
                }
            }
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                // What it stands for is not known, so nothing more can be said about this file.
                self.refuse(&at, "an alias");
                return false;
            }
            Event::Scalar(text, style, ..) => {
                let at = self.content(at, style);
                let plain = style == ScalarStyle::Plain;
                let value = if plain && matches!(&*text, "" | "~" | "null") {
                    Value::Null
                } else {
                    Value::Scalar { text: text.into_owned(), plain }
                };
                self.scalar(Node { at, value });
            }
            Event::SequenceStart(..) => return self.open(Open::List(at, Vec::new())),
            Event::MappingStart(..) => {
                return self.open(Open::Map { at, entries: Vec::new(), lines: HashMap::new(), key: None });
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let node = match self.stack.pop() {
                    Some(Open::List(at, items)) => Node { at, value: Value::List(items) },
                    Some(Open::Map { at, entries, .. }) => Node { at, value: Value::Map(entries) },
                    None => return false,
                };
                self.place(node);
            }
            _ => {}
        }
        true
    }

    fn open(&mut self, open: Open) -> bool {
        let at = match &open {
            Open::List(at, _) | Open::Map { at, .. } => Span { len: 1, ..at.clone() },
        };
        if self.stack.len() >= DEPTH_MOST {
            self.findings.push(Finding::error("SH3006", &at, format!("nested deeper than {DEPTH_MOST}")));
            return false;
        }
        if let Some(Open::Map { key: None, .. }) = self.stack.last() {
            let finding = Finding::error("SH3006", &at, "a key takes text, found a list or map");
            self.findings.push(finding.help("write a name"));
            return false;
        }
        self.stack.push(match open {
            Open::List(_, items) => Open::List(at, items),
            Open::Map { entries, lines, key, .. } => Open::Map { at, entries, lines, key },
        });
        true
    }

    fn scalar(&mut self, node: Node) {
        let Some(Open::Map { key: key @ None, lines, .. }) = self.stack.last_mut() else {
            return self.place(node);
        };
        let text = match node.value {
            Value::Scalar { text, .. } => text,
            _ => String::new(),
        };
        let at = node.at;
        let mut good = false;
        if text == "<<" {
            let finding = Finding::error("SH3004", &at, "a merge key cannot be used here");
            self.findings.push(finding.help("write the values out"));
        } else if let Some(first) = lines.get(&text) {
            let message = format!("`{text}` stands twice, first at line {first}");
            self.findings.push(Finding::error("SH3003", &at, message).help("keep one of the two"));
        } else {
            lines.insert(text.clone(), at.line);
            good = true;
        }
        *key = Some(Key { text: good.then_some(text), at });
    }

    fn place(&mut self, node: Node) {
        match self.stack.last_mut() {
            None => self.root = Some(node),
            Some(Open::List(_, items)) => items.push(node),
            Some(Open::Map { entries, key, .. }) => {
                if let Some(Key { text: Some(key), at: key_at }) = key.take() {
                    entries.push(Entry { key, key_at, value: node });
                }
            }
        }
    }

    fn refuse(&mut self, at: &Span, what: &str) {
        let finding = Finding::error("SH3004", at, format!("{what} cannot be used here"));
        self.findings.push(finding.help("write the value out"));
    }

    fn unreadable(&mut self, error: &ScanError) {
        let mark = error.marker();
        let offset = mark.byte_offset().unwrap_or(0).min(self.text.len());
        let rest = self.text.get(offset..).unwrap_or("");
        let len = rest.find(|c: char| c.is_whitespace()).unwrap_or(rest.len());
        let at = Span { file: self.file.clone(), line: mark.line(), column: mark.col() + 1, offset, len };
        let info = error.info().replace('\'', "`");
        if info.contains("unknown anchor") {
            return self.refuse(&at, "an alias");
        }
        let finding = Finding::error("SH3001", &at, info);
        self.findings.push(finding.help("correct the indentation or quoting here or in the line above"));
    }

    fn span(&self, span: &granit_parser::Span) -> Span {
        let offset = span.start.byte_offset().unwrap_or(0).min(self.text.len());
        let end = span.end.byte_offset().unwrap_or(offset).clamp(offset, self.text.len());
        Span { file: self.file.clone(), line: span.start.line(), column: span.start.col() + 1, offset, len: end - offset }
    }

    /// Moves the place of a scalar from its quotes or block header to its content.
    fn content(&self, at: Span, style: ScalarStyle) -> Span {
        let Some(written) = self.text.get(at.offset..at.offset + at.len) else {
            return at;
        };
        match style {
            ScalarStyle::Plain => Span { len: written.trim_end().len(), ..at },
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => {
                Span { column: at.column + 1, offset: at.offset + 1, len: at.len.saturating_sub(2), ..at }
            }
            _ => {
                // The place may begin at the `>-` or already below it.
                let body = match written.starts_with(['|', '>']) {
                    true => written.find('\n').unwrap_or(written.len()),
                    false => 0,
                };
                let first = written[body..].find(|c: char| !c.is_whitespace()).map_or(body, |n| body + n);
                let column = match written[..first].rfind('\n') {
                    Some(n) => written[n + 1..first].chars().count() + 1,
                    None => at.column + written[..first].chars().count(),
                };
                Span {
                    line: at.line + written[..first].matches('\n').count(),
                    column,
                    offset: at.offset + first,
                    len: written[first..].trim_end().len(),
                    ..at
                }
            }
        }
    }
}
