//! Whose turn it is: points at which no kill has met a write yet go before all others.

use std::collections::BTreeMap;

/// So often a point has its turn; one that no kill has met by then stays unmet, and the test fails by it.
pub const TRIES_MAX: u32 = 8;

/// Where a point stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stand {
    /// It waits for its turn, after so many.
    Waits(u32),
    /// Somebody is killed at it just now, for the so manieth time.
    Tried(u32),
    /// Rows or log differed between just before it and just after it.
    Met,
}

/// Points and their turns.
#[derive(Debug, Clone, Default)]
pub struct Turns {
    points: BTreeMap<String, Stand>,
}

impl Turns {
    /// Each of `points` waits for its first one.
    pub fn new(points: impl IntoIterator<Item = String>) -> Turns {
        Turns { points: points.into_iter().map(|name| (name, Stand::Waits(0))).collect() }
    }

    /// The point of those that `may` be met now whose turn it is: the one that had the fewest, and how many it had. Nobody
    /// else has it until it was told what came of it.
    pub fn take(&mut self, may: impl Fn(&str) -> bool) -> Option<(String, u32)> {
        let waits = |(name, stand): (&String, &Stand)| match stand {
            Stand::Waits(turns) if *turns < TRIES_MAX && may(name) => Some((*turns, name.clone())),
            _ => None,
        };
        let (turns, name) = self.points.iter().filter_map(waits).min()?;
        self.points.insert(name.clone(), Stand::Tried(turns + 1));
        Some((name, turns))
    }

    /// What came of a kill at `name`: whether it met a write.
    pub fn tell(&mut self, name: &str, met: bool) {
        let Some(stand) = self.points.get_mut(name) else { return };
        match *stand {
            _ if met => *stand = Stand::Met,
            Stand::Tried(turns) => *stand = Stand::Waits(turns),
            _ => {}
        }
    }

    /// Whether a kill at `name` has met a write.
    #[must_use]
    pub fn is_met(&self, name: &str) -> bool {
        self.points.get(name) == Some(&Stand::Met)
    }

    /// Whether one of those that `may` be met waits for a turn that it will have.
    #[must_use]
    pub fn some_wait(&self, may: impl Fn(&str) -> bool) -> bool {
        self.points.iter().any(|(name, stand)| matches!(stand, Stand::Waits(turns) if *turns < TRIES_MAX) && may(name))
    }

    /// Those that no kill has met.
    #[must_use]
    pub fn unmet(&self) -> Vec<&str> {
        self.points.iter().filter(|(_, stand)| **stand != Stand::Met).map(|(name, _)| name.as_str()).collect()
    }
}
