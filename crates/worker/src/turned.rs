//! What a turn did.

use std::ops::AddAssign;

/// How much of everything was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turned {
    /// Effects claimed.
    pub claimed: u32,
    /// Effects that are done.
    pub done: u32,
    /// Effects that the provider refused.
    pub failed: u32,
    /// Effects that are to be tried again.
    pub again: u32,
    /// Effects about which nobody can tell.
    pub unknown: u32,
    /// Effects that were given up.
    pub dead: u32,
    /// Effects that were somebody else's when it came to settling.
    pub lost: u32,
    /// Leases of others that had run out.
    pub recovered: u32,
    /// Messages that were looked at.
    pub messages: u32,
    /// Timers that rang.
    pub timers: u32,
    /// Slots of schedules that were worked through.
    pub slots: u32,
    /// Sources that were asked for what they sent.
    pub polls: u32,
    /// Calls to subscribers.
    pub deliveries: u32,
}

impl Turned {
    /// Whether there was nothing to do.
    pub fn is_idle(&self) -> bool {
        *self == Turned::default()
    }
}

impl AddAssign for Turned {
    fn add_assign(&mut self, other: Turned) {
        let Turned { claimed, done, failed, again, unknown, dead, lost, recovered, messages, timers, slots, polls, deliveries } = other;
        self.claimed += claimed;
        self.done += done;
        self.failed += failed;
        self.again += again;
        self.unknown += unknown;
        self.dead += dead;
        self.lost += lost;
        self.recovered += recovered;
        self.messages += messages;
        self.timers += timers;
        self.slots += slots;
        self.polls += polls;
        self.deliveries += deliveries;
    }
}
