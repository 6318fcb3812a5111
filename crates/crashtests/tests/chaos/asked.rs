//! What is asked of the server, and what callers are told.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::caller::Answer;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A move that owes an effect of class K and one of class Q.
    Tell,
    /// A claiming move: one call, and the move that is its outcome.
    Charge,
    /// A message; its move owes one effect.
    Scan,
}

impl Kind {
    /// Of eight in a row, six tell, one charges and one is a message.
    pub fn of(nth: usize) -> Kind {
        match nth % 8 {
            6 => Kind::Charge,
            7 => Kind::Scan,
            _ => Kind::Tell,
        }
    }

    /// How many effects come of it.
    pub fn effects(self) -> usize {
        if self == Kind::Tell { 2 } else { 1 }
    }
}

/// Effects of one that is asked for, on average.
pub const EFFECTS_EACH: f64 = 1.75;

/// Something that was acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acked {
    /// The idempotency key, or the message's id.
    pub key: String,
    /// What.
    pub kind: Kind,
    /// Of which record.
    pub record: String,
}

/// What callers were told besides.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// How often, by status and code, or by what went wrong on the way.
    pub refusals: BTreeMap<String, u32>,
    /// Refusals with 503 that did not say to come again within a second.
    pub rude: BTreeSet<String>,
    /// How long each refusal with 503 took, in seconds.
    pub took_s: Vec<f64>,
}

impl Told {
    /// Takes in what was no yes.
    pub fn note(&mut self, answer: &std::io::Result<Answer>, took: Duration) {
        let what = match answer {
            Ok(answer) => format!("{} {}", answer.status, answer.code()),
            Err(cause) => format!("no answer: {}", cause.kind()),
        };
        if let Ok(answer) = answer
            && answer.status == 503
        {
            self.took_s.push(took.as_secs_f64());
            if answer.header("retry-after").and_then(|after| after.parse().ok()).is_none_or(|after: u32| after > 1) {
                self.rude.insert(what.clone());
            }
        }
        *self.refusals.entry(what).or_default() += 1;
    }

    /// Whether nothing was said that a caller would take for final. Two that move one record at the same moment meet: the
    /// later one is told to look again.
    pub fn is_passing(&self) -> bool {
        let passing = ["503", "429", "no answer", "409 SH5002", "409 SH4012"];
        self.refusals.keys().all(|what| passing.iter().any(|passing| what.starts_with(passing)))
    }
}
