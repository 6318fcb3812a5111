//! The worker: one bounded turn of everything that is due, or turn after turn until it is told to stop.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use statehouse_connect::egress::Client;
use statehouse_connect::secrets::Watched;
use statehouse_settings::Settings;
use statehouse_store::{Place, StoreFault, durable};

use crate::effects::Round;
use crate::messages::Messages;
use crate::retry::insist;
use crate::shared::Shared;
use crate::witness::Witness;
use crate::{Turned, deliveries, owed, polls, run, sweep};

/// Effects in one turn at most.
const CLAIMS_MAX: u32 = 100_000;

/// How long it tries to begin where the connection is lost on the way.
const START_MAX: Duration = Duration::from_secs(10);

/// A worker of one database.
pub struct Worker {
    shared: Arc<Shared>,
    witness: Arc<Witness>,
}

impl Worker {
    /// Opens the pool, loads the definitions in force and greets the database.
    ///
    /// # Errors
    /// `SH0010` when an app was never applied, `SH0012` when the server forgets what it has acknowledged, `SH6211` for an unusable secret of webhooks, faults of storage.
    pub async fn new(settings: &Settings, place: Place, secrets: impl Into<Watched>, client: Client) -> Result<Worker, StoreFault> {
        let shared = Arc::new(Shared::new(settings, place, secrets.into(), client)?);
        durable::insist(&shared.db).await?;
        let witness = Arc::new(Witness::new(&settings.worker.witness));
        // It answered just now, so whatever is in the way passes.
        let until = Instant::now() + START_MAX;
        insist(until, || witness.greet(&shared)).await?;
        insist(until, || shared.refresh()).await?;
        Ok(Worker { shared, witness })
    }

    /// By which this process is known in leases.
    pub fn id(&self) -> &str {
        &self.shared.id
    }

    /// The apps it works for, each with the version of its definition.
    pub fn apps(&self) -> Vec<(String, i32)> {
        self.shared.running().all().map(|installed| (installed.app.name.clone(), installed.version)).collect()
    }

    /// One turn of everything that is due by the database's clock: effects and messages, timers and schedules, polls and
    /// calls to subscribers. Ends when there is nothing more to claim.
    ///
    /// # Errors
    /// Faults of storage; what was claimed comes back when its lease ends.
    pub async fn turn(&self) -> Result<Turned, StoreFault> {
        let shared = &self.shared;
        shared.refresh().await?;
        let mut turned = Turned { timers: owed::ring(shared).await?, ..Turned::default() };
        owed::open_slots(shared).await?;
        turned.slots += owed::work_slots(shared).await?;
        turned.polls += polls::poll(shared).await?;
        turned.messages += self.messages().await?;
        turned += self.effects().await?;
        if shared.master.is_some() {
            deliveries::fan_out(shared).await?;
            turned.deliveries += deliveries::deliver(shared).await?;
        }
        Ok(turned)
    }

    async fn messages(&self) -> Result<u32, StoreFault> {
        let mut messages = Messages::new(Arc::clone(&self.shared));
        messages.recover().await?;
        let mut looked_at = 0;
        loop {
            let claimed = messages.claim().await?;
            looked_at += claimed;
            if (claimed == 0 && messages.is_empty()) || looked_at >= CLAIMS_MAX {
                return Ok(looked_at);
            }
            messages.step().await;
        }
    }

    /// The part of a turn that is effects.
    ///
    /// # Errors
    /// As [`Worker::turn`].
    pub async fn effects(&self) -> Result<Turned, StoreFault> {
        let mut round = Round::new(Arc::clone(&self.shared));
        let mut turned = Turned { recovered: round.recover().await?, ..Turned::default() };
        loop {
            let claimed = if turned.claimed < CLAIMS_MAX { round.claim().await? } else { 0 };
            turned.claimed += claimed;
            if claimed == 0 && round.is_empty() {
                return Ok(turned);
            }
            round.ready().await;
            turned += round.finish();
        }
    }

    /// How long, by the database's clock, until an effect is due and its provider's gate lets it; none where none is.
    ///
    /// # Errors
    /// Faults of storage.
    pub async fn next(&self) -> Result<Option<Duration>, StoreFault> {
        self.shared.next().await
    }

    /// Removes what nobody needs any more.
    ///
    /// # Errors
    /// Faults of storage.
    pub async fn sweep(&self) -> Result<(), StoreFault> {
        sweep::sweep(&self.shared).await
    }

    /// Works until `told` ends, then lets calls under way finish, at most for the setting `worker.drain_s`, and gives the
    /// rest back. A fault of the database is waited out, never a reason to end.
    pub async fn run(self, told: impl Future<Output = ()>) -> Turned {
        run::run(self.shared, self.witness, told).await
    }
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Worker({})", self.shared.id)
    }
}
