//! One kill: where it hits whom, and what goes on around it.

use std::fmt;

use serde::Deserialize;

/// Where it is killed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum How {
    /// At a point: the `nth` time it is reached, before it or after it.
    Point {
        /// Such as `store.settle_effects`.
        name: String,
        /// After it rather than before.
        after: bool,
        /// From 1.
        nth: u64,
        /// By whom it is reached.
        way: Way,
    },
    /// So long after the moves.
    Moment {
        /// Microseconds.
        us: u64,
        /// By whom the moves are worked off.
        way: Way,
    },
}

/// By whom a point is reached, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// By a worker that works.
    Working,
    /// By one that has a connection for each who is held with one in hand, and one more for who is let go: it takes its own
    /// only behind the point.
    Roomy,
    /// By one that works on the next morning.
    Morning,
    /// By one that starts after another died.
    Successor,
    /// By the first one of a database.
    Fresh,
    /// As a successor that finds rows which are over.
    Swept,
    /// By one whose source has something that it did not tell.
    Polled,
    /// By one whose leases are short and whose provider gives no answer.
    Waiting,
    /// By one whose providers refuse.
    Refused,
    /// By one that reaches no provider but those that stand in.
    Astray,
    /// By one that tells subscribers.
    Telling,
    /// As a successor of one that died while it told subscribers.
    TellingOn,
}

impl Way {
    /// Whether another one has to die before.
    #[must_use]
    pub fn succeeds(self) -> bool {
        matches!(self, Way::Successor | Way::Fresh | Way::Swept | Way::TellingOn)
    }

    /// Whether somebody has subscribed to what happens.
    #[must_use]
    pub fn tells(self) -> bool {
        matches!(self, Way::Telling | Way::TellingOn)
    }
}

/// How a provider misbehaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is done, and nobody answers.
    Hang,
    /// It is done, and the connection breaks.
    Reset,
    /// The connection breaks before anything is done.
    ResetBefore,
    /// 429 with `Retry-After`.
    Busy,
    /// It is done, and answered with 500.
    Broken,
    /// Nothing is done, and it is answered with 429 that names no time.
    Away,
}

/// All of them.
pub(crate) const FAULTS: [Fault; 6] = [Fault::Hang, Fault::Reset, Fault::ResetBefore, Fault::Busy, Fault::Broken, Fault::Away];

/// One run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kill {
    /// Where.
    pub how: How,
    /// Whether the leases of the killed are over before the next one starts.
    pub lapses: bool,
    /// How the providers misbehave until the kill, each in every second call; nothing where they behave.
    pub faults: Vec<(&'static str, Fault)>,
}

impl fmt::Display for Kill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.how {
            How::Point { name, after, nth, way } => {
                write!(f, "{} the {nth}. {name} ({way:?})", if *after { "after" } else { "before" })?;
            }
            How::Moment { us, way: Way::Astray } => write!(f, "{us} µs after the first went another way")?,
            How::Moment { us, .. } => write!(f, "{us} µs after the moves")?,
        }
        if !self.lapses {
            f.write_str(", while its leases hold")?;
        }
        if !self.faults.is_empty() {
            write!(f, ", {:?}", self.faults)?;
        }
        Ok(())
    }
}

impl Kill {
    /// By whom its point is reached.
    #[must_use]
    pub fn way(&self) -> Way {
        match &self.how {
            How::Point { way, .. } | How::Moment { way, .. } => *way,
        }
    }
}
