//! Leases of this process: kept while it works, and the moment until which each may be acted upon.
//!
//! A process that was stopped and goes on does not know that it slept. So every lease has an end by the monotonic clock,
//! counted from before the claim was asked for, and whatever leaves carries it as its fence.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use statehouse_connect::egress::Fence;
use statehouse_store::effects::{self, Held};

use crate::shared::Shared;

/// Of a lease, what is left unused at its end: clocks do not run alike.
const MARGIN: f64 = 0.1;

/// The leases of one process.
pub(crate) struct Keep {
    shared: Arc<Shared>,
    held: Mutex<HashMap<Held, Instant>>,
    /// Whoever has this asks for more time; those behind it find that it was asked for them too.
    asking: tokio::sync::Mutex<()>,
}

impl Keep {
    pub fn new(shared: Arc<Shared>) -> Arc<Keep> {
        Arc::new(Keep { shared, held: Mutex::default(), asking: tokio::sync::Mutex::default() })
    }

    /// Takes up what was claimed; `asked` is the moment before the claim.
    pub fn take(&self, held: impl Iterator<Item = Held>, asked: Instant) {
        let until = asked + self.usable();
        self.hold().extend(held.map(|held| (held, until)));
    }

    /// It is settled, or nobody's any more.
    pub fn forget(&self, held: &Held) {
        self.hold().remove(held);
    }

    /// A fence that leaves time for a call of this length, as far as a lease is that long; none where the lease is lost.
    /// Where there are more in hand than are worked on at once, all of them come to need more time, and a statement for each
    /// would keep the database from what they wait for: so time is asked for all of them together.
    pub async fn fence(&self, held: &Held, call: Duration) -> Option<Fence> {
        let needed = call.min(self.usable().mul_f64(0.75));
        let until = *self.hold().get(held)?;
        if until.saturating_duration_since(Instant::now()) >= needed {
            return Some(Fence::at(until));
        }
        let asking = self.asking.lock().await;
        let until = *self.hold().get(held)?;
        if until.saturating_duration_since(Instant::now()) < needed {
            self.beat_all().await;
        }
        drop(asking);
        let until = *self.hold().get(held)?;
        (until > Instant::now()).then(|| Fence::at(until))
    }

    /// Keeps everything for as long as this runs.
    pub async fn run(self: Arc<Keep>) {
        let every = self.shared.settings.lease() / 4;
        loop {
            tokio::time::sleep(every).await;
            self.beat_all().await;
        }
    }

    async fn beat_all(&self) {
        let all: Vec<Held> = self.hold().keys().copied().collect();
        for some in all.chunks(500) {
            self.beat(some).await;
        }
    }

    /// Asks for more time. What is not ours any more is forgotten, so that it gets no fence; a fault of the database
    /// leaves the ends where they are.
    async fn beat(&self, some: &[Held]) {
        let asked = Instant::now();
        match effects::beat(&self.shared.db, &self.shared.id, some, self.shared.settings.lease()).await {
            Ok(kept) => {
                let until = asked + self.usable();
                let mut held = self.hold();
                for one in some {
                    match held.get_mut(one) {
                        Some(end) if kept.contains(one) => *end = until,
                        Some(_) => _ = held.remove(one),
                        None => {}
                    }
                }
            }
            Err(fault) => tracing::warn!(%fault, "leases could not be kept"),
        }
    }

    fn usable(&self) -> Duration {
        self.shared.settings.lease().mul_f64(1.0 - MARGIN)
    }

    fn hold(&self) -> MutexGuard<'_, HashMap<Held, Instant>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
