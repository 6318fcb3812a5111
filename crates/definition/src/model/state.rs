//! States, and how long a record may stay in one.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Span, Texts};

/// A state of the record.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    /// Where its name is written.
    pub at: Span,
    /// What people call it.
    pub label: Texts,
    /// Records begin here.
    pub initial: bool,
    /// Nothing leaves it.
    pub end: bool,
    /// A claim state: an outside call is in flight (LAW §7).
    pub claim: bool,
    /// Role that must act; `system` for none of the people.
    pub owner: Option<String>,
    /// How long it may wait.
    pub wait: Wait,
    /// Fields that may not be null here.
    pub required: Vec<String>,
}

/// How long a record may stay in a state (S9).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Wait {
    /// Final, initial-and-final or claim states: not stated.
    Unstated,
    /// `may_wait: forever`
    Forever,
    /// `within: 24 hours` with the verb to fire then.
    Within {
        /// The span of time.
        span: Duration,
        /// Verb fired by the timer: `then:` moves on, `late:` only tells somebody.
        verb: Option<String>,
    },
    /// `until: valid_until` (a timestamp field) with the verb to fire then.
    Until {
        /// A date or timestamp field.
        field: String,
        /// Verb fired by the timer.
        verb: Option<String>,
    },
}

/// A span of time as written (`24 hours`), printed as a Postgres interval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Duration {
    /// How many.
    pub count: u32,
    /// Of what.
    pub unit: Unit,
}

/// Units of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Unit {
    Seconds,
    Minutes,
    Hours,
    Days,
    Weeks,
}

impl Duration {
    /// Its length in seconds; a day has 24 hours here.
    pub fn seconds(&self) -> u64 {
        u64::from(self.count) * self.unit.seconds()
    }
}

impl Unit {
    /// One of it in seconds.
    pub fn seconds(self) -> u64 {
        match self {
            Unit::Seconds => 1,
            Unit::Minutes => 60,
            Unit::Hours => 60 * 60,
            Unit::Days => 24 * 60 * 60,
            Unit::Weeks => 7 * 24 * 60 * 60,
        }
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            Unit::Seconds => "second",
            Unit::Minutes => "minute",
            Unit::Hours => "hour",
            Unit::Days => "day",
            Unit::Weeks => "week",
        };
        write!(f, "{} {unit}{}", self.count, if self.count == 1 { "" } else { "s" })
    }
}
