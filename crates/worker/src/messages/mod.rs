//! Messages: what each means, and the move it becomes.
//!
//! `read` what a stored message says, pure · `apply` one message from its claim to its end.

mod apply;
mod read;

use std::sync::Arc;
use std::time::Instant;

use statehouse_store::StoreFault;
use statehouse_store::inbox::{self, Claimed, End, Outcome};
use tokio::task::JoinSet;

use crate::retry::insist;
use crate::shared::Shared;

/// Leases of others that are looked at in one go.
const RECOVER_MAX: i32 = 1000;
/// Messages that are worked on side by side.
const SIDE_BY_SIDE: usize = 64;
/// Messages in hand, with those whose sender is being asked about them: these need nothing here until there is an answer,
/// and so keep no place from others.
const IN_HAND: usize = 256;

/// Messages in hand.
pub(crate) struct Messages {
    shared: Arc<Shared>,
    under_way: JoinSet<()>,
}

impl Messages {
    pub fn new(shared: Arc<Shared>) -> Messages {
        Messages { shared, under_way: JoinSet::new() }
    }

    pub fn is_empty(&self) -> bool {
        self.under_way.is_empty()
    }

    /// Whether no more can be taken in hand.
    pub fn is_full(&self) -> bool {
        self.room() == 0
    }

    /// How many more can be taken in hand.
    fn room(&self) -> usize {
        let at_work = self.under_way.len().saturating_sub(self.shared.asking.out());
        SIDE_BY_SIDE.saturating_sub(at_work).min(IN_HAND.saturating_sub(self.under_way.len()))
    }

    /// Takes up leases of others that have run out.
    pub async fn recover(&self) -> Result<u32, StoreFault> {
        let found = inbox::recover(&self.shared.db, RECOVER_MAX).await?;
        if !found.is_empty() {
            tracing::warn!(
                messages = found.len(),
                dead = found.iter().filter(|one| one.dead).count(),
                "leases had run out and were taken up"
            );
        }
        Ok(found.len() as u32)
    }

    /// Claims as many as there is room for, and begins with them.
    pub async fn claim(&mut self) -> Result<u32, StoreFault> {
        let room = self.room();
        let apps = self.shared.running().names();
        if room == 0 || apps.is_empty() || self.shared.is_stopping() {
            return Ok(0);
        }
        let claimed = inbox::claim(&self.shared.db, &self.shared.id, &apps, room as i32, self.shared.settings.lease()).await?;
        let count = claimed.len() as u32;
        for one in claimed {
            self.under_way.spawn(work(Arc::clone(&self.shared), one));
        }
        Ok(count)
    }

    /// Waits until one of those in hand has ended, or makes room because its sender is being asked. Ends at once where
    /// nothing is in hand.
    pub async fn step(&mut self) {
        let ended = tokio::select! {
            ended = self.under_way.join_next() => ended,
            () = self.shared.asking.changed() => None,
        };
        if let Some(Err(broken)) = ended {
            // Its lease runs out, and counts as its try.
            tracing::error!(%broken, "the work on a message broke off");
        }
        while self.under_way.try_join_next().is_some() {}
    }
}

/// One message from its claim to its end. Whatever takes longer than half its lease is given back.
async fn work(shared: Arc<Shared>, claimed: Claimed) {
    let lease = shared.settings.lease();
    let since = Instant::now();
    let outcome = match tokio::time::timeout(lease / 2, apply::apply(&shared, &claimed, since)).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(fault)) => {
            tracing::warn!(message = %claimed.held.id, source = %claimed.source, %fault, "a message could not be applied");
            Some(again(&claimed, fault.fault().code.code))
        }
        Err(_) => Some(again(&claimed, statehouse_fault::SH7005.code)),
    };
    let Some(outcome) = outcome else { return };
    let settled = insist(since + lease, || inbox::settle(&shared.db, &shared.id, std::slice::from_ref(&outcome))).await;
    if let Err(fault) = settled {
        tracing::error!(message = %claimed.held.id, %fault, "what became of a message could not be written down");
    }
}

fn again(claimed: &Claimed, code: &str) -> Outcome {
    Outcome { code: Some(code.to_owned()), ..Outcome::new(claimed.held, End::Again { after: None }) }
}
