//! What every reader needs: typed access to a tree, with a complaint for each thing that is not as it should be.

use indexmap::IndexMap;

use crate::finding::{Finding, quoted_list};
use crate::model::{Expr, Named, Span, Texts};
use crate::places::Places;
use crate::read::words;
use crate::yaml::{Entry, Node, Value};

/// The state of one reading.
pub(crate) struct Cx<'a> {
    pub findings: &'a mut Vec<Finding>,
    pub places: &'a Places,
    pub locales: &'a [String],
}

/// A map whose keys were all known.
#[derive(Clone, Copy)]
pub(crate) struct Keys<'n> {
    entries: &'n [Entry],
}

impl<'n> Keys<'n> {
    pub fn get(&self, key: &str) -> Option<&'n Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    pub fn entry(&self, key: &str) -> Option<&'n Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }
}

impl Cx<'_> {
    pub fn push(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    pub fn wrong(&mut self, node: &Node, key: &str, takes: &str, help: &str) {
        let message = format!("`{key}` takes {takes}, found {}", node.kind());
        self.push(Finding::error("SH3006", &node.at, message).help(help));
    }

    /// The map's keys; complains about each that is not in `known`. `place` says where we are: `a transition`.
    pub fn keys<'n>(&mut self, node: &'n Node, key: &str, place: &str, known: &[&str]) -> Option<Keys<'n>> {
        let entries = self.entries(node, key)?;
        for entry in entries {
            if !known.contains(&entry.key.as_str()) {
                self.unknown(entry, place, known);
            }
        }
        Some(Keys { entries })
    }

    fn unknown(&mut self, entry: &Entry, place: &str, known: &[&str]) {
        let finding = if place == "a transition" && entry.key == "post" {
            let message = "`post` is not known yet in a transition: it comes with a later release";
            Finding::error("SH3002", &entry.key_at, message).help("leave it out for now; work for the outside can be written under `do`")
        } else {
            let message = format!("unknown key `{}` in {place}", entry.key);
            let otherwise = format!("keys of {place} are {}", quoted_list(known));
            let finding = Finding::error("SH3002", &entry.key_at, message);
            match crate::finding::nearest(&entry.key, known.iter().copied()) {
                Some(name) => finding.help(format!("did you mean `{name}`?")),
                None => finding.help(otherwise),
            }
        };
        self.push(finding);
    }

    /// The entries of a map.
    pub fn entries<'n>(&mut self, node: &'n Node, key: &str) -> Option<&'n [Entry]> {
        match &node.value {
            Value::Map(entries) => Some(entries),
            _ => {
                self.wrong(node, key, "a map", "write `{ name: value }`, or one name a line below it");
                None
            }
        }
    }

    /// The one entry of a map that takes one of `what`.
    pub fn only<'n>(&mut self, node: &'n Node, key: &str, what: &str, help: &str) -> Option<&'n Entry> {
        match &node.value {
            Value::Map(entries) if entries.len() == 1 => entries.first(),
            Value::Map(entries) => {
                let message = format!("`{key}` names {} {what}, and takes one", entries.len());
                self.push(Finding::error("SH3006", &node.at, message).help(help));
                None
            }
            _ => {
                self.wrong(node, key, "a map", help);
                None
            }
        }
    }

    /// A key that must be there.
    pub fn need<'n>(&mut self, keys: Keys<'n>, key: &str, owner: &str, at: &Span, help: &str) -> Option<&'n Node> {
        let found = keys.get(key);
        if found.is_none() {
            self.push(Finding::error("SH3005", at, format!("{owner} has no `{key}`")).help(help));
        }
        found
    }

    pub fn text<'n>(&mut self, node: &'n Node, key: &str) -> Option<&'n str> {
        match &node.value {
            Value::Scalar { text, .. } => Some(text),
            _ => {
                self.wrong(node, key, "text", &format!("write `{key}: …` with one text"));
                None
            }
        }
    }

    pub fn bool(&mut self, keys: Keys<'_>, key: &str) -> bool {
        let Some(node) = keys.get(key) else {
            return false;
        };
        match &node.value {
            Value::Scalar { text, plain: true } if text == "true" => true,
            Value::Scalar { text, plain: true } if text == "false" => false,
            _ => {
                self.wrong(node, key, "true or false", &format!("write `{key}: true`"));
                false
            }
        }
    }

    /// A name as it may be declared: it becomes a table, a column, a verb.
    pub fn name(&mut self, name: &str, at: &Span) -> bool {
        let good = words::is_name(name);
        if !good {
            let finding = Finding::error("SH3007", at, format!("`{name}` cannot be a name"));
            let fixed = words::as_name(name);
            self.push(match words::is_name(&fixed) {
                true => finding.help(format!("write `{fixed}`")),
                false => finding.help("choose a lower-case name of at most 40 letters, digits and `_`"),
            });
        }
        good
    }

    /// One name or a list of names.
    pub fn names(&mut self, node: &Node, key: &str) -> Vec<String> {
        match &node.value {
            Value::Scalar { text, .. } => vec![text.clone()],
            Value::List(items) => items.iter().filter_map(|item| self.text(item, key).map(str::to_owned)).collect(),
            _ => {
                self.wrong(node, key, "a name or a list of names", &format!("write `{key}: [a, b]`"));
                Vec::new()
            }
        }
    }

    pub fn names_at(&mut self, keys: Keys<'_>, key: &str) -> Vec<String> {
        keys.get(key).map(|node| self.names(node, key)).unwrap_or_default()
    }

    pub fn expr(&mut self, node: &Node, key: &str) -> Option<Expr> {
        let text = match &node.value {
            Value::Scalar { text, .. } if !text.trim().is_empty() => text,
            _ => {
                self.wrong(node, key, "an SQL expression", &format!("write `{key}: \"…\"`"));
                return None;
            }
        };
        Some(Expr { text: text.clone(), at: node.at.clone() })
    }

    pub fn expr_at(&mut self, keys: Keys<'_>, key: &str) -> Option<Expr> {
        keys.get(key).and_then(|node| self.expr(node, key))
    }

    /// A map of name → something, each name checked.
    pub fn named<T>(&mut self, node: Option<&Node>, key: &str, mut read: impl FnMut(&mut Self, &Entry) -> Option<T>) -> Named<T> {
        let mut all = IndexMap::new();
        let Some(node) = node else { return all };
        for entry in self.entries(node, key).unwrap_or_default() {
            if self.name(&entry.key, &entry.key_at)
                && let Some(one) = read(self, entry)
            {
                all.insert(entry.key.clone(), one);
            }
        }
        all
    }

    /// `label:`, or the name in words.
    pub fn label(&mut self, keys: Keys<'_>, name: &str) -> Texts {
        match keys.get("label") {
            Some(node) => self.texts(node, "label", &format!("the label of `{name}`"), true),
            None => Texts::from([(self.locales[0].clone(), words::humanised(name))]),
        }
    }

    /// A text per locale. The first locale must be there; of the others a warning is given when some are there (or
    /// any is missing, unless `alone` says that the first may stand alone).
    pub fn texts(&mut self, node: &Node, key: &str, what: &str, alone: bool) -> Texts {
        let mut texts = Texts::new();
        let first = self.locales[0].clone();
        let entries = match &node.value {
            Value::Map(entries) => entries,
            _ => {
                self.wrong(node, key, "a text per locale", &format!("write `{key}: {{ {first}: … }}`"));
                return texts;
            }
        };
        for entry in entries {
            if !self.locales.contains(&entry.key) {
                let message = format!("unknown key `{}` in {what}: no such locale", entry.key);
                let finding = Finding::error("SH3002", &entry.key_at, message);
                self.push(match &entry.value.value {
                    // `{ en: One, two }` is a text `One` and a key `two` without a value.
                    Value::Null => finding.help("put a text that holds a comma in quotes"),
                    _ => finding.help(format!("locales of the app are {}", quoted_list(self.locales))),
                });
            } else if let Some(text) = self.text(&entry.value, &entry.key) {
                if text.trim().is_empty() {
                    let finding = Finding::error("SH3022", &entry.value.at, format!("{what} is empty in `{}`", entry.key));
                    self.push(finding.help("write the text"));
                }
                texts.insert(entry.key.clone(), text.to_owned());
            }
        }
        self.missing_locales(node, &texts, what, alone);
        texts
    }

    fn missing_locales(&mut self, node: &Node, texts: &Texts, what: &str, alone: bool) {
        let missing: Vec<&String> = self.locales.iter().filter(|locale| !texts.contains_key(*locale)).collect();
        let Some(first) = missing.first() else { return };
        if **first == self.locales[0] {
            let finding = Finding::error("SH3022", &node.at, format!("{what} has no text in `{first}`"));
            self.findings.push(finding.help(format!("add `{first}: …`; it is the locale all others fall back to")));
        } else if !alone || texts.len() > 1 {
            let message = format!("{what} has no text in {}", quoted_list(&missing));
            let help = format!("add `{}: …`", missing.iter().map(|m| m.as_str()).collect::<Vec<_>>().join(": …`, `"));
            self.findings.push(Finding::warning("SH3022", &node.at, message).help(help));
        }
    }
}
