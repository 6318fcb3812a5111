//! What became of messages, for `/metrics`. Sources are those of the definition, so there are few labels.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Became {
    /// Stored.
    New,
    /// It had come before.
    Again,
    /// Another had come under its key.
    Conflict,
    /// Not its sender's own.
    Forged,
    /// Of another account than its address.
    Astray,
    /// It could not be judged or stored; its sender tries again.
    NotTaken,
}

impl Became {
    fn name(self) -> &'static str {
        match self {
            Became::New => "new",
            Became::Again => "again",
            Became::Conflict => "conflict",
            Became::Forged => "forged",
            Became::Astray => "astray",
            Became::NotTaken => "not_taken",
        }
    }
}

/// Messages by source and what became of them.
#[derive(Debug, Default)]
pub(crate) struct Counts(Mutex<BTreeMap<(String, Became), u64>>);

impl Counts {
    pub(super) fn note(&self, source: &str, became: Became) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry((source.to_owned(), became)).or_default() += 1;
    }

    /// Writes them in the text format of Prometheus.
    pub(crate) fn print(&self, text: &mut String) {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        text.push_str("# HELP statehouse_messages_received_total Messages by source and what became of them.\n");
        text.push_str("# TYPE statehouse_messages_received_total counter\n");
        for ((source, became), count) in counts.iter() {
            let _ = writeln!(text, "statehouse_messages_received_total{{source=\"{source}\",became=\"{}\"}} {count}", became.name());
        }
    }
}
