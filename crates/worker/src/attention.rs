//! When to look: everybody who looks for work, and the one who listens for it.
//!
//! A commit rings only while somebody sleeps, since ringing makes commits wait for one another. So the one who listens
//! lies down only when everybody has looked and found nothing, has everybody look once more, and gets up again when that
//! finds something. Nobody depends on being rung: each looks by itself after a while.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use statehouse_store::effects::{self, Ear};
use tokio::sync::watch;

use crate::retry::pause;
use crate::shared::Shared;

/// Who looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Effects,
    Messages,
    Calendar,
}

const KINDS: usize = 3;

/// What everybody has seen.
pub(crate) struct Attention {
    round: watch::Sender<u64>,
    seen: Mutex<[Seen; KINDS]>,
    changed: watch::Sender<u64>,
}

/// The last round in which one has looked, and whether there was something to do.
#[derive(Clone, Copy, Default)]
struct Seen {
    round: u64,
    busy: bool,
}

impl Attention {
    pub fn new() -> Attention {
        Attention { round: watch::Sender::new(1), seen: Mutex::new([Seen { round: 0, busy: true }; KINDS]), changed: watch::Sender::new(0) }
    }

    /// The round in which a look that begins now looks.
    pub fn round(&self) -> u64 {
        *self.round.borrow()
    }

    /// One has looked, in a round that was asked for before.
    pub fn looked(&self, kind: Kind, round: u64, busy: bool) {
        hold(&self.seen)[kind as usize] = Seen { round, busy };
        self.changed.send_modify(|n| *n += 1);
    }

    /// Waits for a round after `round`, or until `most` is over.
    pub async fn rest(&self, round: u64, most: Duration) {
        let mut rounds = self.round.subscribe();
        let _ = tokio::time::timeout(most, rounds.wait_for(|now| *now > round)).await;
    }

    /// Has everybody look at once; the new round.
    fn look(&self) -> u64 {
        self.round.send_modify(|round| *round += 1);
        self.round()
    }

    /// Waits until everybody has looked in this round or a later one; whether anybody has something to do.
    async fn all_looked(&self, round: u64) -> bool {
        let mut changed = self.changed.subscribe();
        loop {
            changed.borrow_and_update();
            let seen = *hold(&self.seen);
            if seen.iter().all(|one| one.round >= round) {
                return seen.iter().any(|one| one.busy);
            }
            // The sender lives as long as `self`.
            let _ = changed.changed().await;
        }
    }

    /// Waits until nobody has anything to do.
    async fn all_quiet(&self) {
        let mut changed = self.changed.subscribe();
        loop {
            changed.borrow_and_update();
            if hold(&self.seen).iter().all(|one| !one.busy) {
                return;
            }
            let _ = changed.changed().await;
        }
    }

    /// Listens until the process is told to stop; a connection that is lost is made anew.
    pub async fn listen(self: Arc<Attention>, shared: Arc<Shared>) {
        let mut nth = 0;
        while !shared.is_stopping() {
            let heard = async {
                let mut ear = effects::listen(&shared.place).await?;
                nth = 0;
                loop {
                    self.all_quiet().await;
                    self.sleep(&shared, &mut ear).await?;
                }
            };
            let ended: Result<(), statehouse_store::StoreFault> = tokio::select! {
                ended = heard => ended,
                () = shared.stopped() => return,
            };
            if let Err(fault) = ended {
                tracing::warn!(%fault, "nobody listens for a moment");
            }
            tokio::time::sleep(pause(nth)).await;
            nth += 1;
        }
    }

    /// Sleeps once.
    async fn sleep(&self, shared: &Shared, ear: &mut Ear) -> Result<(), statehouse_store::StoreFault> {
        ear.lie_down().await?;
        if self.all_looked(self.look()).await {
            return ear.get_up().await;
        }
        if ear.wait(shared.settings.poll()).await? == effects::Woken::Rung {
            self.look();
        }
        Ok(())
    }
}

fn hold<T>(state: &Mutex<T>) -> MutexGuard<'_, T> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_sleeper_waits_for_everybodys_last_look() {
        let attention = Arc::new(Attention::new());
        let own = Arc::clone(&attention);
        let round = attention.look();
        let waiting = tokio::spawn(async move { own.all_looked(round).await });
        attention.looked(Kind::Effects, round, false);
        attention.looked(Kind::Messages, round - 1, false);
        attention.looked(Kind::Calendar, round, false);
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished(), "messages were looked for before the round began");
        attention.looked(Kind::Messages, round, true);
        assert!(waiting.await.expect("ended"), "there are messages");
    }

    #[tokio::test]
    async fn a_new_round_ends_every_rest() {
        let attention = Arc::new(Attention::new());
        let (round, own) = (attention.round(), Arc::clone(&attention));
        let resting = tokio::spawn(async move { own.rest(round, Duration::from_secs(3600)).await });
        tokio::task::yield_now().await;
        attention.look();
        resting.await.expect("ended");
        // A round that began while one still looked is not slept through.
        attention.rest(round, Duration::from_secs(3600)).await;
    }
}
