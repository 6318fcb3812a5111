//! When a scene has come to rest: nothing is owed any more, and what only waits for time to pass is given it.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::scene::{BOUND, Scene, Worker};
use crate::wait;

/// Nothing happens for so long only where somebody waits for a lease to end.
const STILL: Duration = Duration::from_secs(2);
/// A worker that lives has looked so often for what is due meanwhile; one that gets no time from its machine has not.
const LOOKED_MIN: usize = 20;
/// When a worker asked something last.
const ASKED: &str = "select max(query_start) from pg_stat_activity where usename = 'statehouse_worker' and datname = current_database()";

/// How much is owed: in hands of the dead, in those of the living, due now, due later. Whatever goes another way waits for
/// the gate of that one.
const OWED: &str = "with open as (
    select e.worker, e.state, greatest(e.due_at, g.blocked_until, g.open_until, g.probe_until) as due_at
      from statehouse.effect e left join statehouse.gate g on (g.tenant, g.app, g.connector) = (e.tenant, e.app, coalesce(e.through, e.connector)) where e.state in ('due', 'leased')
    union all select worker, state, due_at from statehouse.message where state in ('due', 'leased')
    union all select worker, state, slot from statehouse.slot where state in ('due', 'leased')
    union all select null, 'due', due_at from statehouse.timer where due_at <= statehouse.now())
  select count(*) filter (where state = 'leased' and worker <> '{id}') || ' ' || count(*) filter (where state = 'leased' and worker = '{id}')
      || ' ' || count(*) filter (where state = 'due' and due_at <= statehouse.now()) || ' ' || count(*) filter (where state = 'due' and due_at > statehouse.now())
    from open";
/// When the last lease of the dead is over.
const LOST: &str = "select max(leased_until) from (
    select leased_until from statehouse.effect where state = 'leased' and worker <> '{id}'
    union all select leased_until from statehouse.message where state = 'leased' and worker <> '{id}'
    union all select leased_until from statehouse.slot where state = 'leased' and worker <> '{id}') x";
/// When the next of what waits is due.
const NEXT: &str = "select min(at) from (
    select greatest(e.due_at, g.blocked_until, g.open_until, g.probe_until) as at
      from statehouse.effect e join statehouse.gate g on (g.tenant, g.app, g.connector) = (e.tenant, e.app, coalesce(e.through, e.connector)) where e.state = 'due'
    union all select due_at from statehouse.message where state = 'due') x";

impl Scene {
    /// Lets `worker` work until nothing is owed any more: leases of the dead and times that must pass are passed by the
    /// hand-held clock. Whether it came to rest within the bound.
    pub async fn rests(&self, worker: &Worker) -> bool {
        let owed = OWED.replace("{id}", &worker.id);
        wait::within(BOUND, async || {
            let counted = self.rows.value(&owed).await;
            let mut counted = counted.split(' ').map(|n| n.parse::<u64>().unwrap_or(u64::MAX));
            let mut next = || counted.next().unwrap_or(u64::MAX);
            match (next(), next(), next(), next()) {
                (0, 0, 0, 0) => return true,
                // Whoever held these is dead: time passes until their leases are over, and never while the living one, whose own
                // clock stands, has something in hand.
                (1.., 0, 0, _) => self.forward(LOST, worker).await,
                (0, 0, 0, 1..) => self.forward(NEXT, worker).await,
                _ => {}
            }
            false
        })
        .await
    }

    /// As [`Scene::rests`], where the worker that lives may have lost hold of something: its own leases are passed too,
    /// once nothing has happened for a while.
    pub async fn rests_at_last(&self, worker: &Worker) -> bool {
        for _ in 0..20 {
            let before = self.rows.print().await;
            match self.is_settled().await {
                // Who does not even look is not waiting for anything.
                None => return false,
                Some(settled) if settled && self.rests(worker).await => return true,
                Some(_) => {}
            }
            if self.rows.print().await == before {
                self.forward_past(LOST, "").await;
            }
            self.forward(NEXT, worker).await;
        }
        false
    }

    /// Waits until nothing is owed, or until that has not come true for a while in which the worker did look. Nothing where
    /// it does not look.
    async fn is_settled(&self) -> Option<bool> {
        let owed = OWED.replace("{id}", "");
        let (began, mut looked) = (Instant::now(), BTreeSet::new());
        let mut settled = false;
        let ended = wait::within(BOUND, async || {
            settled = self.rows.value(&owed).await.starts_with("0 0 0 0");
            looked.insert(self.rows.value(ASKED).await);
            settled || began.elapsed() >= STILL && looked.len() >= LOOKED_MIN
        })
        .await;
        ended.then_some(settled)
    }

    async fn forward(&self, until: &str, worker: &Worker) {
        self.forward_past(until, &worker.id).await;
    }

    async fn forward_past(&self, until: &str, but: &str) {
        let until = until.replace("{id}", but);
        self.rows.value(&format!("update statehouse.clock set now = greatest(now, ({until}) + '1 second'::interval) returning now")).await;
        self.rows.value("select pg_notify('statehouse_due', '')").await;
    }

    /// Waits until nothing is owed now, for a while.
    pub(crate) async fn quiet(&self) {
        wait::within(STILL, async || self.rows.value(&OWED.replace("{id}", "")).await.starts_with("0 0 0")).await;
    }
}
