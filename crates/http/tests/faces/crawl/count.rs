//! What was exercised, so that nothing is left out unseen.

use std::collections::{BTreeMap, BTreeSet};

/// Ways in which each operation of each document is exercised.
pub const WAYS: [&str; 2] = ["called", "called without credentials"];

/// Operations by who called them, and how.
#[derive(Debug, Default)]
pub struct Count {
    done: BTreeMap<&'static str, BTreeSet<(String, String)>>,
    succeeded: BTreeSet<String>,
}

impl Count {
    /// Somebody exercised an operation in some way.
    pub fn done(&mut self, how: &'static str, who: String, operation: String) {
        self.done.entry(how).or_default().insert((who, operation));
    }

    /// It was carried out for somebody.
    pub fn succeeded(&mut self, operation: String) {
        self.succeeded.insert(operation);
    }

    /// Whether it was carried out for anybody.
    pub fn has_succeeded(&self, operation: &str) -> bool {
        self.succeeded.contains(operation)
    }

    /// Whether somebody exercised anything so.
    pub fn has_done(&self, how: &str, who: &str) -> bool {
        self.done.get(how).is_some_and(|pairs| pairs.iter().any(|(somebody, _)| somebody == who))
    }

    /// How many pairs of somebody and an operation were exercised so.
    pub fn of(&self, how: &str) -> usize {
        self.done.get(how).map_or(0, BTreeSet::len)
    }

    /// Pairs that must have been exercised so and were not.
    pub fn skipped<'a>(&self, how: &str, all: impl IntoIterator<Item = (String, String)> + 'a) -> Vec<(String, String)> {
        let done = self.done.get(how);
        all.into_iter().filter(|pair| !done.is_some_and(|done| done.contains(pair))).collect()
    }

    /// One line a way.
    pub fn told(&self) -> String {
        let lines: Vec<String> = self.done.iter().map(|(how, pairs)| format!("{:6} {how}", pairs.len())).collect();
        lines.join("\n")
    }
}
