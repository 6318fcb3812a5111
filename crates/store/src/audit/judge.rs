//! One record's events in order, each judged when it is read.

use super::finding::{Finding, What};
use super::link::{Event, Hash, NOTHING};
use super::read::{Stored, Which, hash};
use crate::secret::sha256;

/// A chain as far as it has been read.
#[derive(Debug)]
pub(super) struct Chain {
    which: Which,
    seq: i32,
    head: Hash,
    state: Option<String>,
    /// Events without a payload; in order only if an `erased` one follows.
    erased: Vec<i32>,
    /// What the anchor says this chain must pass through.
    anchored: Option<(i32, Hash)>,
    passed: bool,
}

impl Chain {
    pub(super) fn new(which: Which, anchored: Option<(i32, Hash)>) -> Chain {
        Chain { which, seq: 0, head: NOTHING, state: None, erased: Vec::new(), anchored, passed: anchored.is_none() }
    }

    pub(super) fn which(&self) -> &Which {
        &self.which
    }

    /// Takes the next event. It is compared with the recomputed head of the one before, so that one changed event is
    /// not told as a break of all that follow: each head is first believed as stored, then judged.
    pub(super) fn take(&mut self, event: &Event, findings: &mut Vec<Finding>) {
        let mut say = |what| findings.push(finding(&self.which, Some(event.seq), what));
        if event.seq != self.seq + 1 {
            say(What::SeqWrong { expected: self.seq + 1 });
        }
        match &event.payload {
            Some(payload) if sha256(payload)[..] != event.payload_hash[..] => say(What::PayloadChanged),
            None => self.erased.push(event.seq),
            Some(_) => {}
        }
        if event.previous[..] != self.head[..] {
            say(What::Unlinked);
        }
        if event.link(&hash(&event.previous))[..] != event.head[..] {
            say(What::HeadWrong);
        }
        // An empty text and none give the same bytes in the chain; a state is never empty.
        if event.from_state != self.state {
            say(What::StateUnlinked);
        }
        if let Some((seq, head)) = self.anchored.filter(|(seq, _)| *seq == event.seq) {
            self.passed = true;
            if event.head[..] != head[..] {
                findings.push(finding(&self.which, Some(seq), What::Rewritten));
            }
        }
        if event.verb == "erased" {
            self.erased.clear();
        }
        (self.seq, self.head, self.state) = (event.seq, hash(&event.head), Some(event.to_state.clone()));
    }

    /// No more events: what remains is compared with the record and the anchor.
    pub(super) fn end(self, stored: Option<Stored>, findings: &mut Vec<Finding>) {
        let mut say = |seq, what| findings.push(finding(&self.which, seq, what));
        for seq in &self.erased {
            say(Some(*seq), What::PayloadMissing);
        }
        if let Some((anchored, _)) = self.anchored.filter(|_| !self.passed) {
            say(Some(self.seq), What::TailCut { anchored });
        }
        let Some(stored) = stored else {
            return say(None, What::Orphan);
        };
        if stored.version != self.seq {
            say(Some(self.seq), What::VersionDiffers { version: stored.version });
        }
        if stored.head[..] != self.head[..] {
            say(Some(self.seq), What::RecordHeadDiffers);
        }
        if Some(stored.state) != self.state {
            say(Some(self.seq), What::RecordStateDiffers);
        }
    }
}

pub(super) fn finding(which: &Which, seq: Option<i32>, what: What) -> Finding {
    let (tenant, entity, record) = which.clone();
    Finding { tenant, entity, record, seq, what }
}
