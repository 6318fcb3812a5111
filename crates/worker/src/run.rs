//! Turn after turn: each kind of work in a loop of its own, so that none waits for another.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use statehouse_store::StoreFault;
use tokio::task::JoinSet;

use crate::attention::{Attention, Kind};
use crate::effects::Round;
use crate::messages::Messages;
use crate::retry::pause;
use crate::shared::Shared;
use crate::witness::Witness;
use crate::{Turned, deliveries, owed, polls, sweep};

/// How often it is looked whether another definition is in force.
const REFRESH: Duration = Duration::from_secs(1);
/// How often the database is greeted where nothing was lost.
const GREET: Duration = Duration::from_secs(10);
/// No loop looks again sooner than this after it found nothing.
const BREATH: Duration = Duration::from_millis(5);

/// Runs everything until `told` ends, and drains.
pub(crate) async fn run(shared: Arc<Shared>, witness: Arc<Witness>, told: impl Future<Output = ()>) -> Turned {
    let attention = Arc::new(Attention::new());
    let mut loops: JoinSet<Turned> = JoinSet::new();
    loops.spawn(effects_loop(Arc::clone(&shared), Arc::clone(&attention), witness));
    loops.spawn(messages_loop(Arc::clone(&shared), Arc::clone(&attention)));
    loops.spawn(calendar_loop(Arc::clone(&shared), Arc::clone(&attention)));
    loops.spawn(polls_loop(Arc::clone(&shared)));
    loops.spawn(deliveries_loop(Arc::clone(&shared)));
    loops.spawn(keeping_loop(Arc::clone(&shared)));
    let listening = tokio::spawn(attention.listen(Arc::clone(&shared)));
    told.await;
    shared.stop();
    let drain = tokio::time::sleep(Duration::from_secs(shared.settings.drain_s));
    tokio::pin!(drain);
    let mut turned = Turned::default();
    loop {
        tokio::select! {
            ended = loops.join_next() => match ended {
                Some(Ok(one)) => turned += one,
                Some(Err(broken)) => tracing::error!(%broken, "a loop broke off"),
                None => break,
            },
            () = &mut drain => {
                tracing::warn!("calls were still under way when the time to finish was over: their leases run out");
                break;
            }
        }
    }
    listening.abort();
    turned
}

/// Faults of one loop in a row.
#[derive(Default)]
struct Faults(u32);

impl Faults {
    /// Waits a little longer after each, a second at most.
    async fn wait_out(&mut self, shared: &Shared, doing: &str, fault: &StoreFault) {
        if self.0 == 0 {
            tracing::warn!(%fault, doing, "the database is waited for");
        }
        let pause = pause(self.0);
        self.0 = self.0.saturating_add(1);
        rest(shared, pause).await;
    }

    fn over(&mut self, doing: &str) {
        if self.0 > 0 {
            tracing::warn!(doing, faults = self.0, "the database answers again");
        }
        self.0 = 0;
    }
}

/// Rests, or is told to stop.
async fn rest(shared: &Shared, most: Duration) {
    tokio::select! {
        () = tokio::time::sleep(most) => {}
        () = shared.stopped() => {}
    }
}

async fn effects_loop(shared: Arc<Shared>, attention: Arc<Attention>, witness: Arc<Witness>) -> Turned {
    let mut turned = Turned::default();
    let mut round = Round::new(Arc::clone(&shared));
    let mut faults = Faults::default();
    let mut greeted: Option<Instant> = None;
    let mut recovered: Option<Instant> = None;
    while !shared.is_stopping() {
        let seen = attention.round();
        let looked = async {
            if greeted.is_none_or(|at| at.elapsed() >= GREET) {
                witness.greet(&shared).await?;
                greeted = Some(Instant::now());
            }
            if recovered.is_none_or(|at| at.elapsed() >= shared.settings.poll()) {
                turned.recovered += round.recover().await?;
                recovered = Some(Instant::now());
            }
            round.claim().await
        };
        let claimed = match looked.await {
            Ok(claimed) => claimed,
            Err(fault) => {
                greeted = None;
                faults.wait_out(&shared, "effects", &fault).await;
                // What is in hand is finished meanwhile.
                turned += round.finish();
                continue;
            }
        };
        faults.over("effects");
        turned.claimed += claimed;
        attention.looked(Kind::Effects, seen, claimed > 0 || round.room() == 0);
        if claimed > 0 && round.room() > 0 {
            continue;
        }
        let nap = nap(&shared).await;
        tokio::select! {
            () = round.ready(), if !round.is_empty() => {}
            () = attention.rest(seen, nap) => {}
            () = shared.stopped() => {}
        }
        turned += round.finish();
    }
    while !round.is_empty() {
        round.ready().await;
        turned += round.finish();
    }
    turned
}

/// Until when there is nothing to look for: what is parked wakes nobody.
async fn nap(shared: &Shared) -> Duration {
    let poll = shared.settings.poll();
    match shared.next().await {
        Ok(Some(next)) if !next.is_zero() => next.clamp(BREATH, poll),
        _ => poll,
    }
}

async fn messages_loop(shared: Arc<Shared>, attention: Arc<Attention>) -> Turned {
    let mut turned = Turned::default();
    let mut messages = Messages::new(Arc::clone(&shared));
    let mut faults = Faults::default();
    let mut recovered: Option<Instant> = None;
    while !shared.is_stopping() {
        let seen = attention.round();
        let looked = async {
            if recovered.is_none_or(|at| at.elapsed() >= shared.settings.poll()) {
                messages.recover().await?;
                recovered = Some(Instant::now());
            }
            messages.claim().await
        };
        match looked.await {
            Ok(claimed) => {
                faults.over("messages");
                turned.messages += claimed;
                attention.looked(Kind::Messages, seen, claimed > 0 || messages.is_full());
                if claimed > 0 && !messages.is_full() {
                    continue;
                }
            }
            Err(fault) => faults.wait_out(&shared, "messages", &fault).await,
        }
        tokio::select! {
            () = messages.step(), if !messages.is_empty() => {}
            () = attention.rest(seen, shared.settings.poll()) => {}
            () = shared.stopped() => {}
        }
    }
    while !messages.is_empty() {
        messages.step().await;
    }
    turned
}

async fn calendar_loop(shared: Arc<Shared>, attention: Arc<Attention>) -> Turned {
    let mut turned = Turned::default();
    let mut faults = Faults::default();
    while !shared.is_stopping() {
        let seen = attention.round();
        let worked = async {
            let timers = owed::ring(&shared).await?;
            owed::open_slots(&shared).await?;
            Ok((timers, owed::work_slots(&shared).await?))
        };
        match worked.await {
            Ok((timers, slots)) => {
                faults.over("timers and schedules");
                turned.timers += timers;
                turned.slots += slots;
                attention.looked(Kind::Calendar, seen, timers + slots > 0);
                if timers + slots == 0 {
                    tokio::select! {
                        () = attention.rest(seen, shared.settings.poll()) => {}
                        () = shared.stopped() => {}
                    }
                }
            }
            Err(fault) => faults.wait_out(&shared, "timers and schedules", &fault).await,
        }
    }
    turned
}

async fn polls_loop(shared: Arc<Shared>) -> Turned {
    let mut turned = Turned::default();
    let mut faults = Faults::default();
    while !shared.is_stopping() {
        match polls::poll(&shared).await {
            Ok(made) => {
                faults.over("polls");
                turned.polls += made;
                rest(&shared, shared.settings.poll()).await;
            }
            Err(fault) => faults.wait_out(&shared, "polls", &fault).await,
        }
    }
    turned
}

async fn deliveries_loop(shared: Arc<Shared>) -> Turned {
    let mut turned = Turned::default();
    if shared.master.is_none() {
        return turned;
    }
    let mut faults = Faults::default();
    while !shared.is_stopping() {
        let worked = async {
            deliveries::fan_out(&shared).await?;
            deliveries::deliver(&shared).await
        };
        match worked.await {
            Ok(sent) => {
                faults.over("calls to subscribers");
                turned.deliveries += sent;
                if sent == 0 {
                    rest(&shared, shared.settings.poll()).await;
                }
            }
            Err(fault) => faults.wait_out(&shared, "calls to subscribers", &fault).await,
        }
    }
    turned
}

/// Follows definitions, and sweeps now and then.
async fn keeping_loop(shared: Arc<Shared>) -> Turned {
    let mut faults = Faults::default();
    let mut swept: Option<Instant> = None;
    while !shared.is_stopping() {
        let kept = async {
            shared.refresh().await?;
            if swept.is_none_or(|at| at.elapsed() >= Duration::from_secs(shared.settings.sweep_s)) {
                sweep::sweep(&shared).await?;
                swept = Some(Instant::now());
            }
            Ok(())
        };
        match kept.await {
            Ok(()) => {
                faults.over("definitions and leftovers");
                rest(&shared, REFRESH).await;
            }
            Err(fault) => faults.wait_out(&shared, "definitions and leftovers", &fault).await,
        }
    }
    Turned::default()
}
