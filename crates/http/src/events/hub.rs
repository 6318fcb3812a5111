//! What the readers of a process share: one tail of the log that wakes them, and how many they are.
//!
//! The tail looks at places alone, in nobody's name. Nothing here decides what a reader sees, and nothing is kept: a
//! process that starts anew, or a second one beside it, serves the same feed.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use statehouse_fault::{SH6204, SH9001};
use statehouse_store::feed::{self, Cursor};
use statehouse_store::record::Session;
use statehouse_store::{Db, Login, StoreFault};
use tokio::sync::{Semaphore, watch};
use uuid::Uuid;

use crate::{Problem, Shared};

/// While something happens the tail looks this often; while nothing does, less and less.
const BUSY: Duration = Duration::from_millis(20);
const QUIET: Duration = Duration::from_millis(100);

/// How often the planner is shown months that have grown.
const WEIGHED: Duration = Duration::from_secs(2);

/// An entity of a tenant: its number, and `app.entity`.
pub(super) type Pair = (i32, String);

/// What the tail last saw.
#[derive(Clone, Debug, Default)]
pub(super) struct Heads {
    newest: HashMap<Pair, Cursor>,
    /// Since when one transaction has held the horizon.
    pub held_since: Option<Instant>,
}

/// What the readers of a process share.
#[derive(Debug, Default)]
pub(super) struct Hub {
    reading: OnceLock<Reading>,
    seated: Mutex<Seated>,
}

/// How readers reach the database.
#[derive(Debug)]
pub(super) struct Reading {
    /// For their pages, apart from the pool of requests.
    pub db: Db,
    /// As many at once as there are connections; in the order they came.
    pub turns: Semaphore,
}

#[derive(Debug, Default)]
struct Seated {
    streams: usize,
    of_tenant: HashMap<i32, usize>,
    of_member: HashMap<(i32, Uuid), usize>,
    wanted: HashMap<Pair, usize>,
    heads: watch::Sender<Arc<Heads>>,
    tailing: bool,
}

/// A reader's place; dropping it gives the place back.
#[derive(Debug)]
pub(super) struct Seat {
    hub: Arc<Hub>,
    shared: Arc<Shared>,
    member: (i32, Uuid),
    pairs: Vec<Pair>,
    /// What the tail saw.
    pub heads: watch::Receiver<Arc<Heads>>,
}

impl Hub {
    /// How pages are read. Readers who all come back at once after a restart wait for each other here, not in the pool
    /// of requests.
    pub fn reading(&self, shared: &Shared) -> Result<&Reading, StoreFault> {
        if self.reading.get().is_none() {
            let most = shared.settings.feed.connections;
            let db = Db::open_by_index(&shared.place, Login::Api, most)?;
            // Whoever was second drops a pool that has opened nothing.
            let _ = self.reading.set(Reading { db, turns: Semaphore::new(most) });
        }
        self.reading.get().ok_or_else(|| StoreFault::refused(SH9001, "a feed without a pool"))
    }

    /// A place for one more reader, or `SH6204`.
    pub fn sit(self: &Arc<Hub>, shared: &Arc<Shared>, session: &Session, entities: &[String]) -> Result<Seat, Problem> {
        let feed = &shared.settings.feed;
        let member = (session.tenant, session.actor);
        let mut seated = self.seated();
        let full =
            |what: &str, most: usize| Problem::new(SH6204, format!("{what} has {most} open streams of events")).with_retry_after_s(5);
        if seated.of_member.get(&member).is_some_and(|n| *n >= feed.per_key) {
            return Err(full("this member", feed.per_key));
        }
        if seated.of_tenant.get(&member.0).is_some_and(|n| *n >= feed.per_tenant) {
            return Err(full("this tenant", feed.per_tenant));
        }
        if seated.streams >= feed.streams {
            return Err(full("this server", feed.streams));
        }
        let pairs: Vec<Pair> = entities.iter().map(|entity| (member.0, format!("{}.{entity}", session.app))).collect();
        seated.streams += 1;
        shared.metrics.feed.streams.store(seated.streams, Ordering::Relaxed);
        *seated.of_tenant.entry(member.0).or_default() += 1;
        *seated.of_member.entry(member).or_default() += 1;
        for pair in &pairs {
            *seated.wanted.entry(pair.clone()).or_default() += 1;
        }
        let heads = seated.heads.subscribe();
        if !std::mem::replace(&mut seated.tailing, true) {
            tokio::spawn(Arc::clone(self).tail(Arc::clone(shared)));
        }
        drop(seated);
        Ok(Seat { hub: Arc::clone(self), shared: Arc::clone(shared), member, pairs, heads })
    }

    fn seated(&self) -> MutexGuard<'_, Seated> {
        self.seated.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks where the feeds end, as long as anybody reads.
    async fn tail(self: Arc<Hub>, shared: Arc<Shared>) {
        let mut pause = BUSY;
        let mut horizon = (0, None);
        let mut weighed: Option<Instant> = None;
        loop {
            let pairs: Vec<Pair> = {
                let mut seated = self.seated();
                if seated.streams == 0 || shared.is_stopping() {
                    seated.tailing = false;
                    shared.metrics.feed.held_ms.store(0, Ordering::Relaxed);
                    return;
                }
                seated.wanted.keys().cloned().collect()
            };
            if weighed.is_none_or(|at| at.elapsed() > WEIGHED) {
                weighed = Some(Instant::now());
                if let Err(fault) = feed::weigh(&shared.server).await {
                    tracing::warn!(%fault, "the months of events cannot be weighed");
                }
            }
            match self.look(&shared, &pairs, &mut horizon).await {
                Ok(true) => pause = BUSY,
                Ok(false) => pause = (pause * 2).min(QUIET),
                Err(fault) => {
                    tracing::warn!(%fault, "the end of the feed cannot be looked at");
                    pause = QUIET * 10;
                }
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// One look; whether anything was new.
    async fn look(&self, shared: &Shared, pairs: &[Pair], horizon: &mut (u64, Option<Instant>)) -> Result<bool, StoreFault> {
        let mut newest = HashMap::with_capacity(pairs.len());
        for some in pairs.chunks(1000) {
            let tail = feed::tail(&shared.server, some).await?;
            newest.extend(tail.newest);
            let since = if horizon.0 == tail.horizon { horizon.1.or_else(|| Some(Instant::now())) } else { Some(Instant::now()) };
            *horizon = (tail.horizon, if tail.held { since } else { None });
        }
        let held = horizon.1.map_or(0, |since| u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX));
        shared.metrics.feed.held_ms.store(held, Ordering::Relaxed);
        let seated = self.seated();
        let new = seated.heads.send_if_modified(|heads| {
            if heads.newest == newest && heads.held_since == horizon.1 {
                return false;
            }
            let moved = heads.newest != newest;
            *heads = Arc::new(Heads { newest: std::mem::take(&mut newest), held_since: horizon.1 });
            moved
        });
        Ok(new)
    }
}

impl Seat {
    /// How pages are read.
    pub fn reading(&self) -> Result<&Reading, StoreFault> {
        self.hub.reading(&self.shared)
    }

    /// Counts what was written.
    pub fn served(&self, events: usize) {
        self.shared.metrics.feed.events.fetch_add(events as u64, Ordering::Relaxed);
    }

    /// Something this reader may see lies beyond `at`.
    pub fn behind(&self, at: Cursor) -> bool {
        let heads = self.heads.borrow();
        self.pairs.iter().any(|pair| heads.newest.get(pair).is_some_and(|newest| *newest > at))
    }

    /// For how long a transaction has held everybody back, where one does.
    pub fn held(&self) -> Option<Duration> {
        self.heads.borrow().held_since.map(|since| since.elapsed())
    }

    /// How long a reader who has caught up waits before it reads again: all of them together read 500 times a second.
    pub fn pace(&self) -> Duration {
        Duration::from_millis(20.max(2 * self.hub.seated().streams as u64))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        fn less<K: std::hash::Hash + Eq>(counts: &mut HashMap<K, usize>, key: &K) {
            if let Some(n) = counts.get_mut(key) {
                *n -= 1;
                if *n == 0 {
                    counts.remove(key);
                }
            }
        }
        let mut seated = self.hub.seated();
        seated.streams -= 1;
        self.shared.metrics.feed.streams.store(seated.streams, Ordering::Relaxed);
        less(&mut seated.of_tenant, &self.member.0);
        less(&mut seated.of_member, &self.member);
        for pair in &self.pairs {
            less(&mut seated.wanted, pair);
        }
    }
}
