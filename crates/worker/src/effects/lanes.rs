//! How each provider fares as far as this process has seen: how many calls it is given at once, and whether it asked for
//! quiet a moment ago.
//!
//! The gate in the database is what all processes go by, and it is asked when effects are claimed. Between the claim and
//! the send a call beside may be told to wait; who has not begun by then must not begin. So calls to one provider begin
//! alone, are joined by another for each that went well, and are alone again when one was told to wait.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::Notify;

use super::decide::Gate;

/// A gate that nothing but good is known of is told so this often.
const GOOD_EVERY: Duration = Duration::from_secs(1);

/// Tenant, app, connector.
pub(crate) type Key = (i32, String, String);

/// All providers that were called.
pub(crate) struct Lanes {
    room_max: usize,
    lanes: Mutex<HashMap<Key, Arc<Lane>>>,
}

impl Lanes {
    /// Where one provider is given at most so many calls at once.
    pub fn new(room_max: usize) -> Lanes {
        Lanes { room_max, lanes: Mutex::default() }
    }

    pub fn of(&self, tenant: i32, app: &str, connector: &str) -> Arc<Lane> {
        let mut lanes = hold(&self.lanes);
        Arc::clone(lanes.entry((tenant, app.to_owned(), connector.to_owned())).or_insert_with(|| Arc::new(Lane::new(self.room_max))))
    }

    /// What gates are to be told, and have not been.
    pub fn reports(&self) -> Vec<(Key, Told)> {
        let lanes = hold(&self.lanes);
        lanes.iter().filter_map(|(key, lane)| Some((key.clone(), lane.report()?))).collect()
    }
}

/// What one gate is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub good: i32,
    pub bad: i32,
}

/// One provider, for one tenant.
pub(crate) struct Lane {
    room_max: usize,
    state: Mutex<State>,
    freed: Notify,
}

struct State {
    room: usize,
    taken: usize,
    /// How long a call takes, of late.
    took: Option<Duration>,
    quiet_until: Option<SystemTime>,
    /// Failures in a row, and when there were too many of them.
    failures: u32,
    broken_at: Option<Instant>,
    told: Told,
    /// What is good goes without saying, for a while.
    calm_since: Option<Instant>,
}

/// A place in a lane.
pub(crate) struct Pass(Arc<Lane>);

impl Lane {
    fn new(room_max: usize) -> Lane {
        let told = Told { good: 0, bad: 0 };
        Lane {
            room_max,
            state: Mutex::new(State {
                room: 1,
                taken: 0,
                took: None,
                quiet_until: None,
                failures: 0,
                broken_at: None,
                told,
                calm_since: None,
            }),
            freed: Notify::new(),
        }
    }

    /// Waits for a place. Where the provider allows so many calls a second, no more are under way than that needs: what is
    /// under way when one is told to wait cannot be called back.
    pub async fn enter(self: Arc<Lane>, per_second: Option<f64>) -> Pass {
        loop {
            let freed = self.freed.notified();
            {
                let mut state = hold(&self.state);
                if state.taken < state.room.min(needed(per_second, state.took)) {
                    state.taken += 1;
                    break;
                }
            }
            freed.await;
        }
        Pass(self)
    }

    /// How long the provider still wants quiet at this moment of the database's clock.
    pub fn quiet(&self, now: SystemTime) -> Option<Duration> {
        hold(&self.state).quiet_until.and_then(|until| until.duration_since(now).ok()).filter(|left| !left.is_zero())
    }

    /// Whether the provider has failed too often since this was claimed. Its gate is told so and decides about what is
    /// claimed from then on; what was claimed before is given back.
    pub fn is_broken_since(&self, claimed: Instant) -> bool {
        hold(&self.state).broken_at.is_some_and(|at| at >= claimed)
    }

    /// Takes in how a call went and how long it took, at a moment of the database's clock; `failures_max` failures in a
    /// row are too many.
    pub fn learn(&self, gate: Gate, now: SystemTime, took: Duration, failures_max: u32) {
        let mut state = hold(&self.state);
        if !took.is_zero() {
            state.took = Some(state.took.map_or(took, |before| before.mul_f64(0.8) + took.mul_f64(0.2)));
        }
        match gate {
            Gate::Good => {
                state.room = (state.room + 1).min(self.room_max);
                state.failures = 0;
                state.told.good += 1;
            }
            Gate::Bad => {
                state.room = 1;
                state.failures += 1;
                if state.failures >= failures_max {
                    state.failures = 0;
                    state.broken_at = Some(Instant::now());
                }
                state.told.bad += 1;
                state.calm_since = None;
            }
            Gate::Blocked(span) => {
                state.room = 1;
                state.quiet_until = state.quiet_until.max(Some(now + span));
            }
            Gate::Untouched => {}
        }
    }

    /// What its gate is to be told now, if anything.
    fn report(&self) -> Option<Told> {
        let mut state = hold(&self.state);
        let calm = state.told.bad == 0 && state.calm_since.is_some_and(|at| at.elapsed() < GOOD_EVERY);
        if calm || (state.told.good == 0 && state.told.bad == 0) {
            return None;
        }
        if state.told.bad == 0 {
            state.calm_since = Some(Instant::now());
        }
        Some(std::mem::replace(&mut state.told, Told { good: 0, bad: 0 }))
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        hold(&self.0.state).taken -= 1;
        // Room may have grown by more than the one place that came free.
        self.0.freed.notify_waiters();
    }
}

/// As many calls as a rate needs that take so long, and as many again.
fn needed(per_second: Option<f64>, took: Option<Duration>) -> usize {
    let Some(per_second) = per_second else { return usize::MAX };
    let under_way = took.map_or(0.0, |took| 2.0 * per_second * took.as_secs_f64());
    (under_way.ceil() as usize).max(1)
}

fn hold<T>(state: &Mutex<T>) -> MutexGuard<'_, T> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(s)
    }

    #[tokio::test]
    async fn calls_begin_alone_and_are_alone_again_after_a_refusal() {
        let lanes = Lanes::new(8);
        let lane = lanes.of(1, "orders", "sms");
        let first = Arc::clone(&lane).enter(None).await;
        let second = tokio::spawn(Arc::clone(&lane).enter(None));
        tokio::task::yield_now().await;
        assert!(!second.is_finished());
        lane.learn(Gate::Good, at(0), Duration::ZERO, 5);
        drop(first);
        let second = second.await.expect("entered");
        let third = Arc::clone(&lane).enter(None).await;
        lane.learn(Gate::Blocked(Duration::from_secs(5)), at(10), Duration::ZERO, 5);
        drop((second, third));
        let _alone = Arc::clone(&lane).enter(None).await;
        let next = tokio::spawn(Arc::clone(&lane).enter(None));
        tokio::task::yield_now().await;
        assert!(!next.is_finished());
        next.abort();
        assert_eq!((lane.quiet(at(12)), lane.quiet(at(15))), (Some(Duration::from_secs(3)), None));
    }

    #[test]
    fn gates_are_told_what_is_bad_at_once_and_what_is_good_now_and_then() {
        let lanes = Lanes::new(8);
        let lane = lanes.of(1, "orders", "sms");
        assert!(lanes.reports().is_empty());
        lane.learn(Gate::Good, at(0), Duration::ZERO, 5);
        assert_eq!(lanes.reports(), [((1, "orders".into(), "sms".into()), Told { good: 1, bad: 0 })]);
        lane.learn(Gate::Good, at(0), Duration::ZERO, 5);
        assert!(lanes.reports().is_empty());
        lane.learn(Gate::Bad, at(0), Duration::ZERO, 5);
        assert_eq!(lanes.reports()[0].1, Told { good: 1, bad: 1 });
        lane.learn(Gate::Good, at(0), Duration::ZERO, 5);
        assert_eq!(lanes.reports()[0].1, Told { good: 1, bad: 0 });
    }

    #[test]
    fn what_was_claimed_before_too_many_failures_is_given_back() {
        let lane = Lane::new(8);
        let before = Instant::now();
        for (gate, expected) in [(Gate::Bad, false), (Gate::Good, false), (Gate::Bad, false), (Gate::Bad, true)] {
            lane.learn(gate, at(0), Duration::ZERO, 2);
            assert_eq!(lane.is_broken_since(before), expected);
        }
        std::thread::yield_now();
        let after = Instant::now() + Duration::from_nanos(1);
        assert!(!lane.is_broken_since(after));
    }

    #[test]
    fn a_rate_needs_so_many_at_once() {
        let ms = |ms| Some(Duration::from_millis(ms));
        for (per_second, took, expected) in [
            (Some(10.0), None, 1),
            (Some(10.0), ms(5), 1),
            (Some(10.0), ms(500), 10),
            (Some(100.0), ms(2000), 400),
            (None, ms(500), usize::MAX),
        ] {
            assert_eq!(needed(per_second, took), expected);
        }
    }

    #[test]
    fn nobody_shortens_a_quiet() {
        let lane = Lane::new(8);
        lane.learn(Gate::Blocked(Duration::from_secs(60)), at(0), Duration::ZERO, 5);
        lane.learn(Gate::Blocked(Duration::from_secs(1)), at(5), Duration::ZERO, 5);
        assert_eq!(lane.quiet(at(5)), Some(Duration::from_secs(55)));
    }
}
