//! What one stand-in has: its objects, and the answers it gives again to the same key.

use std::collections::HashMap;

use serde_json::Value;

use crate::log::{Kept, Put};

/// The objects and kept answers of one stand-in.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    kinds: HashMap<String, Kind>,
    kept: HashMap<String, Kept>,
    /// The three bare ones keep no more than this: a word, the number of the line and the print of the request.
    bare: HashMap<String, (u64, String)>,
}

#[derive(Debug, Default)]
struct Kind {
    rows: Vec<Value>,
    by_id: HashMap<String, usize>,
    by_word: HashMap<String, Vec<usize>>,
}

impl Shelf {
    /// The object of this kind and id.
    pub(crate) fn get(&self, kind: &str, id: &str) -> Option<&Value> {
        let kind = self.kinds.get(kind)?;
        kind.by_id.get(id).map(|at| &kind.rows[*at])
    }

    /// All objects of a kind, the oldest first.
    pub(crate) fn all(&self, kind: &str) -> &[Value] {
        self.kinds.get(kind).map_or(&[], |kind| &kind.rows)
    }

    /// The objects that were put with this word, the oldest first.
    pub(crate) fn find(&self, kind: &str, word: &str) -> Vec<&Value> {
        let Some(kind) = self.kinds.get(kind) else { return Vec::new() };
        kind.by_word.get(word).map_or_else(Vec::new, |places| places.iter().map(|at| &kind.rows[*at]).collect())
    }

    pub(crate) fn kept(&self, key: &str) -> Option<&Kept> {
        self.kept.get(key)
    }

    pub(crate) fn bare(&self, word: &str) -> Option<(u64, &str)> {
        self.bare.get(word).map(|(n, print)| (*n, print.as_str()))
    }

    pub(crate) fn put(&mut self, put: Put) {
        let kind = self.kinds.entry(put.kind).or_default();
        if let Some(at) = kind.by_id.get(&put.id) {
            kind.rows[*at] = put.value;
            return;
        }
        let at = kind.rows.len();
        kind.rows.push(put.value);
        kind.by_id.insert(put.id, at);
        for word in put.words {
            kind.by_word.entry(word).or_default().push(at);
        }
    }

    pub(crate) fn keep(&mut self, kept: Kept) {
        self.kept.insert(kept.key.clone(), kept);
    }

    pub(crate) fn keep_bare(&mut self, word: String, n: u64, print: String) {
        self.bare.entry(word).or_insert((n, print));
    }

    /// Forgets the keys, as a provider does after its time.
    pub(crate) fn forget_keys(&mut self) {
        self.kept.clear();
        self.bare.clear();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn found_by_id_and_by_word_and_changed_in_place() {
        let mut shelf = Shelf::default();
        let put = |id: &str, words: &[&str], value| Put {
            kind: "payment".to_owned(),
            id: id.to_owned(),
            words: words.iter().map(|word| (*word).to_owned()).collect(),
            value,
        };
        shelf.put(put("a", &["r1"], json!(1)));
        shelf.put(put("b", &["r1", "r2"], json!(2)));
        shelf.put(put("a", &[], json!(3)));
        assert_eq!(shelf.find("payment", "r1"), [&json!(3), &json!(2)]);
        assert_eq!(shelf.find("payment", "r2"), [&json!(2)]);
        assert_eq!((shelf.get("payment", "a"), shelf.get("refund", "a")), (Some(&json!(3)), None));
        assert_eq!(shelf.all("payment"), [json!(3), json!(2)]);
        assert!(shelf.find("refund", "r1").is_empty());
    }
}
