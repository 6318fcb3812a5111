//! Effects in hand: claimed, worked on side by side, settled together.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use statehouse_store::StoreFault;
use statehouse_store::effects::{self, Claimed, End, Held, Leases, Outcome, Report};
use tokio::task::{Id, JoinSet};

use super::attempt::{self, Came, Effect};
use super::decide::{Gate, Happened, next};
use super::finish::{self, Left};
use super::keep::Keep;
use crate::Turned;
use crate::retry::{insist, spread};
use crate::running::Running;
use crate::shared::Shared;

/// Outcomes wait for others this long.
const GATHER: Duration = Duration::from_millis(10);
/// Leases of others that are looked at in one go.
const RECOVER_MAX: i32 = 1000;

/// Effects in hand.
pub(crate) struct Round {
    shared: Arc<Shared>,
    keep: Arc<Keep>,
    keeping: tokio::task::JoinHandle<()>,
    leases: Leases,
    under_way: JoinSet<Left>,
    /// What each of them is about, should it end without a word.
    about: HashMap<Id, Arc<Effect>>,
    outcomes: Vec<(Outcome, Instant)>,
    gathered_since: Option<Instant>,
    settling: JoinSet<Written>,
    /// Gates may have to be told something.
    unreported: bool,
    turned: Turned,
}

impl Round {
    pub fn new(shared: Arc<Shared>) -> Round {
        let keep = Keep::new(Arc::clone(&shared));
        let keeping = tokio::spawn(Arc::clone(&keep).run());
        Round {
            shared,
            keep,
            keeping,
            leases: Leases::default(),
            under_way: JoinSet::new(),
            about: HashMap::new(),
            outcomes: Vec::new(),
            gathered_since: None,
            settling: JoinSet::new(),
            unreported: false,
            turned: Turned::default(),
        }
    }

    /// How many more can be taken in hand.
    pub fn room(&self) -> usize {
        self.shared.settings.batch.saturating_sub(self.under_way.len())
    }

    /// Whether nothing is in hand.
    pub fn is_empty(&self) -> bool {
        self.under_way.is_empty() && self.outcomes.is_empty() && self.settling.is_empty()
    }

    /// Takes up leases of others that have run out.
    pub async fn recover(&mut self) -> Result<u32, StoreFault> {
        let rests = self.shared.running().rests();
        let found = self.leases.recover(&self.shared.db, RECOVER_MAX, &rests).await?;
        if !found.is_empty() {
            tracing::warn!(effects = found.len(), "leases had run out and were taken up");
        }
        Ok(found.len() as u32)
    }

    /// Claims as many as there is room for, and begins with them.
    pub async fn claim(&mut self) -> Result<u32, StoreFault> {
        let room = self.room();
        let running = self.shared.running();
        let known = running.known(room as i32);
        if room == 0 || known.is_empty() || self.shared.is_stopping() {
            return Ok(0);
        }
        let lease = self.shared.settings.lease();
        let mut count = 0;
        // First what goes out by another way: its gates are the few that stand in for one that is away, and no backlog
        // before the others keeps it waiting.
        let half = (room / 2).max(1) as i32;
        let detours = running.detours(half);
        if !detours.is_empty() {
            let asked = Instant::now();
            let claimed = effects::claim_through(&self.shared.db, &self.shared.id, &detours, half, lease).await?;
            count += self.take_in_hand(&running, claimed, asked);
        }
        let left = room as i32 - count as i32;
        if left > 0 {
            let asked = Instant::now();
            let claimed = effects::claim(&self.shared.db, &self.shared.id, &known, left, lease).await?;
            count += self.take_in_hand(&running, claimed, asked);
        }
        Ok(count)
    }

    fn take_in_hand(&mut self, running: &Running, claimed: Vec<Claimed>, asked: Instant) -> u32 {
        self.keep.take(claimed.iter().map(|claimed| claimed.held), asked);
        let count = claimed.len() as u32;
        for one in claimed {
            let installed = running.get(&one.app).cloned();
            self.begin(Effect { claimed: one, installed, since: asked, begun: Arc::new(AtomicBool::new(false)) });
        }
        count
    }

    fn begin(&mut self, effect: Effect) {
        let effect = Arc::new(effect);
        let (shared, keep, own) = (Arc::clone(&self.shared), Arc::clone(&self.keep), Arc::clone(&effect));
        let working = self.under_way.spawn(async move {
            match attempt::make(&shared, &keep, &own).await {
                Some(came) => finish::finish(&shared, &own, came).await,
                None => Left::Lost,
            }
        });
        self.about.insert(working.id(), effect);
    }

    /// Waits until one of those in hand has ended, or outcomes have waited long enough or are written. Whoever waits for
    /// this may turn to something else in the middle: nothing is lost. Ends at once where nothing is in hand.
    pub async fn ready(&mut self) {
        let gathered = self.gathered_since.map(|since| since + GATHER);
        if self.is_empty() {
            return;
        }
        tokio::select! {
            Some(ended) = self.under_way.join_next_with_id() => self.take(ended),
            Some(written) = self.settling.join_next() => self.count(written),
            () = until(gathered) => {}
        }
    }

    /// Takes in what has ended, and has outcomes written down where that is due; what has come of everything since the
    /// last time.
    pub fn finish(&mut self) -> Turned {
        while let Some(ended) = self.under_way.try_join_next_with_id() {
            self.take(ended);
        }
        while let Some(written) = self.settling.try_join_next() {
            self.count(written);
        }
        let waited = self.gathered_since.is_some_and(|since| since.elapsed() >= GATHER);
        let due = waited || self.under_way.is_empty() || self.outcomes.len() >= self.shared.settings.concurrency;
        if due && (!self.outcomes.is_empty() || self.unreported) {
            self.gathered_since = None;
            self.unreported = false;
            let outcomes = std::mem::take(&mut self.outcomes);
            // In a task of its own, which nobody breaks off, and which holds up no claim.
            self.settling.spawn(settle(Arc::clone(&self.shared), outcomes));
        }
        std::mem::take(&mut self.turned)
    }

    fn count(&mut self, written: Result<Written, tokio::task::JoinError>) {
        let Ok(Written { outcomes, settled }) = written else {
            tracing::error!("outcomes could not be written down: their leases run out");
            return;
        };
        for outcome in &outcomes {
            self.keep.forget(&outcome.held);
            if settled.contains(&outcome.held) { count(&mut self.turned, &outcome.end) } else { self.turned.lost += 1 }
        }
    }

    fn take(&mut self, ended: Result<(Id, Left), tokio::task::JoinError>) {
        let (id, left) = match ended {
            Ok((id, left)) => (id, Some(left)),
            Err(broken) => (broken.id(), None),
        };
        let Some(effect) = self.about.remove(&id) else { return };
        let held = effect.claimed.held;
        self.unreported = true;
        match left.unwrap_or_else(|| broken(&effect)) {
            Left::Outcome(outcome) => {
                self.gathered_since.get_or_insert_with(Instant::now);
                self.outcomes.push((outcome, finish::patience(&self.shared, &effect)));
            }
            Left::Written(end) => {
                self.keep.forget(&held);
                count(&mut self.turned, &end);
            }
            Left::Lost => {
                self.keep.forget(&held);
                self.turned.lost += 1;
            }
        }
    }
}

/// What was to be written, and of which it was.
struct Written {
    outcomes: Vec<Outcome>,
    settled: Vec<Held>,
}

/// Tells the gates how their providers fared, and then writes down these outcomes in one call: what is given back because
/// a provider fails must not be claimed again before its gate knows.
async fn settle(shared: Arc<Shared>, outcomes: Vec<(Outcome, Instant)>) -> Written {
    report(&shared).await;
    let (outcomes, patience): (Vec<Outcome>, Vec<Instant>) = outcomes.into_iter().unzip();
    if outcomes.is_empty() {
        return Written { outcomes, settled: Vec::new() };
    }
    let until = patience.into_iter().max().unwrap_or_else(Instant::now);
    let settled = insist(until, || effects::settle(&shared.db, &shared.id, &outcomes)).await;
    let settled = settled.unwrap_or_else(|fault| {
        tracing::error!(effects = outcomes.len(), %fault, "outcomes could not be written down: their leases run out");
        Vec::new()
    });
    Written { outcomes, settled }
}

/// Tells the gates how their providers fared.
async fn report(shared: &Shared) {
    let running = shared.running();
    for ((tenant, app, connector), told) in shared.lanes.reports() {
        let Some(breaker) = running.get(&app).and_then(|installed| installed.latest(&connector)).map(|connector| &connector.breaker) else {
            continue;
        };
        let report = Report {
            tenant,
            app: &app,
            connector: &connector,
            good: told.good,
            bad: told.bad,
            blocked: None,
            failures_max: breaker.failures as i32,
            open: Duration::from_secs(breaker.open.seconds()),
        };
        match effects::report_gate(&shared.db, &report).await {
            Ok(state) if told.good == 0 && state == "open" => {
                tracing::warn!(tenant, %app, %connector, "a provider fails and is left alone for a while")
            }
            Ok(_) => {}
            Err(fault) => tracing::warn!(%fault, "a gate could not be told how its calls went"),
        }
    }
}

impl Drop for Round {
    fn drop(&mut self) {
        self.keeping.abort();
    }
}

/// It ended without a word, by a panic: that counts as its attempt, and touches no other.
fn broken(effect: &Arc<Effect>) -> Left {
    let claimed: &Claimed = &effect.claimed;
    tracing::error!(effect = %claimed.id(), app = %claimed.app, connector = %claimed.connector, action = %claimed.action, "an attempt at an effect broke off");
    let happened = if effect.begun.load(Ordering::Acquire) { Happened::Doubt } else { Happened::Unready };
    let came = effect.judged(happened);
    let end = match came.to {
        super::decide::To::Due(after) => End::Again { after, doubt: came.doubt, counts: true },
        super::decide::To::Dead if !claimed.call => End::Dead,
        super::decide::To::Unknown if !claimed.call => End::Unknown,
        // A call ends with its record's move alone, which this is no place for: the next attempt makes it.
        _ => End::Again { after: Duration::ZERO, doubt: came.doubt, counts: true },
    };
    Left::Outcome(Outcome { code: Some(statehouse_fault::SH9001.code.to_owned()), ..Outcome::new(claimed.held, end) })
}

impl Effect {
    fn judged(&self, happened: Happened) -> Came {
        let case = self.case();
        let then = next(&case, happened, spread());
        debug_assert!(!matches!(then.gate, Gate::Blocked(_)));
        Came { to: then.to, doubt: then.doubt, counts: then.counts, ..Came::of(then.to) }
    }
}

fn count(turned: &mut Turned, end: &End) {
    match end {
        End::Done { .. } => turned.done += 1,
        End::Failed { .. } => turned.failed += 1,
        End::Again { .. } => turned.again += 1,
        End::Unknown => turned.unknown += 1,
        End::Dead => turned.dead += 1,
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
