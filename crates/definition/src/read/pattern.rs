//! Patterns: `{body.data.id}`, `{amount|major currency}`, `{{` for a brace; and which holes may stand where.

use std::ops::Range;

use crate::finding::{Finding, nearest, quoted_list};
use crate::model::{Filter, JsonPattern, Named, Pattern, Piece, Span};
use crate::places::within;
use crate::read::cx::Cx;
use crate::read::words;
use crate::yaml::{Entry, Node, Value};

const FILTERS: [&str; 10] = ["major", "minor", "upper", "lower", "text", "integer", "number", "date", "unix", "or"];

/// What may follow the first name of a hole.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Below {
    /// Nothing: `{text}`.
    Nothing,
    /// One name: `{secret.twilio_token}`.
    Name,
    /// Any path: `{body.data.0.id}`.
    Anything,
}

/// The holes that may stand in some place.
#[derive(Clone)]
pub(crate) struct Scope {
    heads: Vec<(String, Below)>,
    open: bool,
}

impl Scope {
    pub fn of(heads: &[(&str, Below)]) -> Self {
        Scope { heads: heads.iter().map(|(name, below)| ((*name).to_owned(), *below)).collect(), open: false }
    }

    /// Any hole may stand here; what it names is known later.
    pub fn any() -> Self {
        Scope { heads: Vec::new(), open: true }
    }

    /// The same and these, each alone.
    pub fn with<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> Self {
        let mut scope = self.clone();
        scope.heads.extend(names.into_iter().map(|name| (name.to_owned(), Below::Nothing)));
        scope
    }

    /// The same and these, with whatever lies below them.
    pub fn and(&self, names: &[&str]) -> Self {
        let mut scope = self.clone();
        scope.heads.extend(names.iter().map(|name| ((*name).to_owned(), Below::Anything)));
        scope
    }

    fn holds(&self, path: &[String]) -> bool {
        self.open
            || self.heads.iter().any(|(name, below)| {
                *name == path[0]
                    && match below {
                        Below::Nothing => path.len() == 1,
                        Below::Name => path.len() == 2 && words::is_name(&path[1]),
                        Below::Anything => true,
                    }
            })
    }

    fn shown(&self) -> String {
        let one = |(name, below): &(String, Below)| match below {
            Below::Nothing => format!("{{{name}}}"),
            Below::Name => format!("{{{name}.NAME}}"),
            Below::Anything => format!("{{{name}.…}}"),
        };
        quoted_list(self.heads.iter().map(one))
    }

    fn first(&self) -> String {
        self.heads.first().map_or_else(String::new, |(name, _)| format!("{{{name}}}"))
    }

    fn help(&self, path: &[String]) -> String {
        match nearest(&path[0], self.heads.iter().map(|(name, _)| name.as_str())) {
            Some(name) => format!("did you mean `{{{name}}}`?"),
            None if self.heads.is_empty() => "write a fixed text".to_owned(),
            None if self.heads.iter().any(|(name, _)| *name == path[0]) => format!("holes here are {}", self.shown()),
            None => format!("holes here are {}; `{{{{` is a brace", self.shown()),
        }
    }
}

/// A text with holes of `scope`.
pub(crate) fn pattern(cx: &mut Cx<'_>, node: &Node, key: &str, scope: &Scope) -> Option<Pattern> {
    let text = cx.text(node, key)?;
    let pieces = match words::template(text) {
        Ok(pieces) => pieces,
        Err(open) => {
            let at = place(cx, node, text, open..open + 1);
            let finding = Finding::error("SH3050", &at, "a `{` here opens nothing that can be read");
            cx.push(finding.help("write a path such as `{body.id}`, or `{{` for a brace"));
            return None;
        }
    };
    let mut parts = Vec::new();
    for piece in pieces {
        parts.push(match piece {
            words::Piece::Text(text) => Piece::Text(text),
            words::Piece::Hole(range) => {
                let at = place(cx, node, text, range.clone());
                hole(cx, &text[range], &at, scope)?
            }
        });
    }
    Some(Pattern { parts })
}

/// A pattern that has to be one hole, such as `{body.data}`.
pub(crate) fn one_hole(cx: &mut Cx<'_>, node: &Node, key: &str, scope: &Scope) -> Option<Pattern> {
    let pattern = pattern(cx, node, key, scope)?;
    if !matches!(pattern.parts.as_slice(), [Piece::Hole { .. }]) {
        cx.wrong(node, key, "one hole and nothing beside it", &format!("write `{key}: \"{}\"`, or a path below it", scope.first()));
        return None;
    }
    Some(pattern)
}

fn place(cx: &Cx<'_>, node: &Node, text: &str, range: Range<usize>) -> Span {
    let source = cx.places.text(&node.at.file).unwrap_or_default();
    within(source, &node.at, text, range.start, range.len())
}

fn hole(cx: &mut Cx<'_>, written: &str, at: &Span, scope: &Scope) -> Option<Piece> {
    let mut words = written.split('|').map(str::trim);
    let Some(path) = words.next().and_then(path) else {
        let finding = Finding::error("SH3050", at, format!("`{{{written}}}` is no path"));
        cx.push(finding.help("write names joined by dots, such as `{body.data.id}`; a number is a place in a list"));
        return None;
    };
    in_scope(cx, &path, at, scope)?;
    let filters: Vec<Filter> = words.map(|word| filter(cx, word, at, scope)).collect::<Option<_>>()?;
    if filters.iter().skip(1).any(|filter| matches!(filter, Filter::Or(_))) {
        cx.push(
            Finding::error("SH3050", at, "`or` stands behind another filter")
                .help("write it first: without a value there is nothing to filter"),
        );
        return None;
    }
    Some(Piece::Hole { path, filters })
}

fn in_scope(cx: &mut Cx<'_>, path: &[String], at: &Span, scope: &Scope) -> Option<()> {
    if scope.holds(path) {
        if path[0] == "header" && path[1..].iter().any(|name| name.bytes().any(|b| b.is_ascii_uppercase())) {
            let finding = Finding::error("SH3050", at, format!("`{{{}}}` names a header in capitals", path.join(".")));
            cx.push(finding.help(format!("write `{{{}}}`: headers are kept in small letters", path.join(".").to_ascii_lowercase())));
            return None;
        }
        return Some(());
    }
    let finding = Finding::error("SH3056", at, format!("`{{{}}}` names nothing that is known here", path.join(".")));
    cx.push(finding.help(scope.help(path)));
    None
}

fn filter(cx: &mut Cx<'_>, word: &str, at: &Span, scope: &Scope) -> Option<Filter> {
    let (name, rest) = word.split_once(char::is_whitespace).unwrap_or((word, ""));
    let rest = rest.trim();
    let filter = match (name, rest) {
        ("major" | "minor", "") => {
            let finding = Finding::error("SH3050", at, format!("`{name}` is not told the currency"));
            cx.push(finding.help(format!("write `{name} EUR`, or `{name} currency` where `currency` is a hole")));
            return None;
        }
        ("major" | "minor", currency) => {
            currency_known(cx, currency, at, scope)?;
            if name == "major" { Filter::Major(currency.to_owned()) } else { Filter::Minor(currency.to_owned()) }
        }
        ("or", "") => {
            let finding = Finding::error("SH3050", at, "`or` is not told what stands there without a value");
            cx.push(finding.help("write `|or none`, with the text you want"));
            return None;
        }
        ("or", text) => Filter::Or(text.to_owned()),
        ("upper", "") => Filter::Upper,
        ("lower", "") => Filter::Lower,
        ("text", "") => Filter::Text,
        ("integer", "") => Filter::Integer,
        ("number", "") => Filter::Number,
        ("date", "") => Filter::Date,
        ("unix", "") => Filter::Unix,
        (known, _) if FILTERS.contains(&known) => {
            cx.push(Finding::error("SH3050", at, format!("`{known}` takes nothing behind it")).help(format!("write `|{known}`")));
            return None;
        }
        (other, _) => {
            let finding = Finding::error("SH3050", at, format!("no filter `{other}`"));
            cx.push(finding.nearest(other, FILTERS, "take it out"));
            return None;
        }
    };
    Some(filter)
}

/// A code such as `EUR`, or the path of one.
fn currency_known(cx: &mut Cx<'_>, currency: &str, at: &Span, scope: &Scope) -> Option<()> {
    if currency.len() == 3 && currency.bytes().all(|b| b.is_ascii_uppercase()) {
        return Some(());
    }
    match path(currency) {
        Some(path) => in_scope(cx, &path, at, scope),
        None => {
            let finding = Finding::error("SH3050", at, format!("`{currency}` is no currency and no path of one"));
            cx.push(finding.help("write three capitals such as `EUR`, or the path of a hole"));
            None
        }
    }
}

/// `body.data.0.id`: names as JSON and headers have them.
pub(crate) fn path(text: &str) -> Option<Vec<String>> {
    let good = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    let parts: Vec<&str> = text.trim().split('.').collect();
    parts.iter().all(|part| good(part)).then(|| parts.into_iter().map(str::to_owned).collect())
}

/// A dotted path written as a plain text: `list: data.items`.
pub(crate) fn path_at(cx: &mut Cx<'_>, node: &Node, key: &str) -> Option<String> {
    let text = cx.text(node, key)?;
    if path(text).is_none() {
        let finding = Finding::error("SH3050", &node.at, format!("`{text}` is no path"));
        cx.push(finding.help("write names joined by dots, such as `data.items`"));
        return None;
    }
    Some(text.to_owned())
}

/// A map of names as the other side has them (`To`, `metadata[ref]`, `webhook-id`) to patterns.
pub(crate) fn free(cx: &mut Cx<'_>, node: Option<&Node>, key: &str, scope: &Scope) -> Named<Pattern> {
    mapped(cx, node, key, |cx, entry| pattern(cx, &entry.value, &entry.key, scope))
}

/// A map of our own names to patterns.
pub(crate) fn named(cx: &mut Cx<'_>, node: Option<&Node>, key: &str, scope: &Scope) -> Named<Pattern> {
    cx.named(node, key, |cx, entry| pattern(cx, &entry.value, &entry.key, scope))
}

/// A map of dotted paths to patterns.
pub(crate) fn by_path(cx: &mut Cx<'_>, node: Option<&Node>, key: &str, scope: &Scope) -> Named<Pattern> {
    mapped(cx, node, key, |cx, entry| {
        if path(&entry.key).is_none() {
            let finding = Finding::error("SH3050", &entry.key_at, format!("`{}` is no path", entry.key));
            cx.push(finding.help("write names joined by dots, such as `data.status`"));
            return None;
        }
        pattern(cx, &entry.value, &entry.key, scope)
    })
}

/// A map whose keys may be any text.
pub(crate) fn mapped<T>(
    cx: &mut Cx<'_>,
    node: Option<&Node>,
    key: &str,
    mut read: impl FnMut(&mut Cx<'_>, &Entry) -> Option<T>,
) -> Named<T> {
    let Some(node) = node else { return Named::new() };
    let mut all = Named::new();
    for entry in cx.entries(node, key).unwrap_or_default() {
        if let Some(one) = read(cx, entry) {
            all.insert(entry.key.clone(), one);
        }
    }
    all
}

/// A JSON tree whose texts are patterns; what is not quoted and reads as JSON is JSON.
pub(crate) fn json(cx: &mut Cx<'_>, node: &Node, key: &str, scope: &Scope) -> Option<JsonPattern> {
    Some(match &node.value {
        Value::Null => JsonPattern::Fixed(serde_json::Value::Null),
        Value::List(items) => JsonPattern::List(items.iter().map(|item| json(cx, item, key, scope)).collect::<Option<_>>()?),
        Value::Map(_) => JsonPattern::Map(mapped(cx, Some(node), key, |cx, entry| json(cx, &entry.value, &entry.key, scope))),
        Value::Scalar { text, plain } => match plain.then(|| serde_json::from_str::<serde_json::Value>(text)) {
            Some(Ok(fixed)) if !fixed.is_string() => JsonPattern::Fixed(fixed),
            _ => JsonPattern::Text(pattern(cx, node, key, scope)?),
        },
    })
}
