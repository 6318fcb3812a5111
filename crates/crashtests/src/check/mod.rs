//! Whether rows and log agree that killing it changed nothing. Pure: it asks nobody.

mod calls;
mod once;
pub mod owed;
mod rows;

use std::fmt;

use crate::facts::{Effect, Facts};
use owed::Owed;

/// What must hold; the names are those of `caught_by` in `data/operators.csv`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Invariant {
    /// Nothing happened twice.
    Once,
    /// Nothing that is owed is missing, and nothing is there that nobody owes.
    Missing,
    /// What nobody can tell is visible, and only that.
    Doubt,
    /// Whoever lost the lease changes nothing.
    Fences,
    /// Each claim is counted, once.
    Attempts,
    /// One key and one body for each effect.
    Key,
    /// A record stands where its call says.
    Calls,
    /// What the provider said is written once.
    Result,
    /// Every chain verifies.
    Chain,
    /// Everything comes to rest.
    Quiet,
    /// Nothing is sent before its time.
    Waits,
    /// Nothing older than a restore is sent by itself.
    Restored,
    /// Nothing is sent by whoever slept.
    Zombie,
    /// It keeps its pace.
    Throughput,
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", format!("{self:?}").to_lowercase())
    }
}

/// Something that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Breach {
    /// What should.
    pub invariant: Invariant,
    /// How one sees it.
    pub what: String,
}

impl Breach {
    /// What does not hold, and how one sees it.
    #[must_use]
    pub fn new(invariant: Invariant, what: impl Into<String>) -> Breach {
        Breach { invariant, what: what.into() }
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.what)
    }
}

/// What is known about how the facts came to be.
#[derive(Debug, Clone, Copy, Default)]
pub struct Story<'a> {
    /// Effects that were looked at before, as they stood then, at rest.
    pub before: &'a [Effect],
    /// The effects at the moment of each kill, after the killed process's last statement had ended.
    pub at_kills: &'a [Vec<Effect>],
    /// Whether the provider misbehaved: refused, asked to wait, broke off.
    pub faults: bool,
    /// Whether some could not be reached, so that what was claimed was given back unsent.
    pub away: bool,
}

/// Everything that does not hold once all should be at rest.
#[must_use]
pub fn check(facts: &Facts, owed: &[Owed], story: Story<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    once::check(facts, story, &mut breaches);
    rows::check(facts, owed, story, &mut breaches);
    calls::check(facts, owed, &mut breaches);
    breaches.extend(facts.audit.iter().map(|finding| Breach::new(Invariant::Chain, finding.clone())));
    breaches.extend(facts.idle.iter().map(|session| Breach::new(Invariant::Quiet, format!("a session idles in a transaction: {session}"))));
    breaches
}
