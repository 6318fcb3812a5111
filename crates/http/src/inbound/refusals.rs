//! Who sends what is refused, and how much of it: a flood is told to wait before a body is read or the database asked.
//!
//! What is refused is counted by the network it came from and by what it was sent to, so that a flood at addresses of
//! nobody takes nothing from an endpoint that is there, and a flood at one endpoint nothing from the others. Networks from
//! which a genuine message has come share nothing with strangers.

use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use lru::LruCache;
use statehouse_fault::SH6007;
use statehouse_settings::Inbound;

use super::endpoints::TokenHash;
use crate::Problem;
use crate::limits::network;

/// Networks and endpoints remembered at most; who was away longest begins anew.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(20_000).expect("not zero");
const MINUTE_S: f64 = 60.0;

/// What a request was sent to: an endpoint that is there, or an address of nobody.
pub(super) type Target = Option<TokenHash>;

/// What was refused lately.
pub(crate) struct Refusals {
    by_network: Mutex<LruCache<(IpAddr, Target), Bucket>>,
    of_strangers: Mutex<LruCache<Target, Bucket>>,
    known: Mutex<LruCache<(IpAddr, TokenHash), ()>>,
    network_most: f64,
    strangers_most: f64,
}

impl Refusals {
    pub(super) fn new(settings: &Inbound) -> Refusals {
        Refusals {
            by_network: Mutex::new(LruCache::new(REMEMBERED)),
            of_strangers: Mutex::new(LruCache::new(REMEMBERED)),
            known: Mutex::new(LruCache::new(REMEMBERED)),
            network_most: f64::from(settings.refused_per_address.max(1)),
            strangers_most: f64::from(settings.refused_in_all.max(1)),
        }
    }

    /// Lets a request on that may come to be refused.
    ///
    /// # Errors
    /// `SH6007` where as many of them were refused as may be.
    pub(super) fn check(&self, from: Option<IpAddr>, target: Target) -> Result<(), Problem> {
        let Some(from) = from.map(network) else { return Ok(()) };
        let now = Instant::now();
        let of = |all: &mut Bucket, most| all.wait_s(most, now);
        let own = locked(&self.by_network).get_mut(&(from, target)).and_then(|bucket| of(bucket, self.network_most));
        let strange = || match target {
            Some(endpoint) if locked(&self.known).contains(&(from, endpoint)) => None,
            _ => locked(&self.of_strangers).get_mut(&target).and_then(|bucket| of(bucket, self.strangers_most)),
        };
        match own.or_else(strange) {
            None => Ok(()),
            Some(wait_s) => {
                let problem = Problem::new(SH6007, "too much of what came from there was refused");
                Err(problem.with_retry_after_s(wait_s.ceil().max(1.0) as u64))
            }
        }
    }

    /// Counts one that was refused.
    pub(super) fn note(&self, from: Option<IpAddr>, target: Target) {
        let Some(from) = from.map(network) else { return };
        let now = Instant::now();
        locked(&self.by_network).get_or_insert_mut((from, target), || Bucket::new(now)).add(self.network_most, now);
        let known = target.is_some_and(|endpoint| locked(&self.known).contains(&(from, endpoint)));
        if !known {
            locked(&self.of_strangers).get_or_insert_mut(target, || Bucket::new(now)).add(self.strangers_most, now);
        }
    }

    /// A genuine message came from there.
    pub(super) fn welcome(&self, from: Option<IpAddr>, endpoint: TokenHash) {
        if let Some(from) = from.map(network) {
            locked(&self.known).put((from, endpoint), ());
        }
    }
}

/// Fills with each refusal, and empties within a minute by itself.
struct Bucket {
    level: f64,
    at: Instant,
}

impl Bucket {
    fn new(now: Instant) -> Bucket {
        Bucket { level: 0.0, at: now }
    }

    fn settle(&mut self, most: f64, now: Instant) {
        let gone = now.saturating_duration_since(self.at).as_secs_f64() * most / MINUTE_S;
        self.level = (self.level - gone).max(0.0);
        self.at = now;
    }

    fn add(&mut self, most: f64, now: Instant) {
        self.settle(most, now);
        self.level += 1.0;
    }

    /// How long until there is room; nothing where there is.
    fn wait_s(&mut self, most: f64, now: Instant) -> Option<f64> {
        self.settle(most, now);
        (self.level + 1.0 > most).then(|| (self.level + 1.0 - most) * MINUTE_S / most)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn refusals(per_address: u32, in_all: u32) -> Refusals {
        Refusals::new(&Inbound { refused_per_address: per_address, refused_in_all: in_all, ..Inbound::default() })
    }

    fn at(last: u8) -> Option<IpAddr> {
        Some([192, 0, 2, last].into())
    }

    #[test]
    fn a_flood_waits_and_takes_nothing_from_others() {
        let refusals = refusals(10, 1_000);
        let (one, two) = (TokenHash::of("one"), TokenHash::of("two"));
        let let_on = (0..100).take_while(|_| refusals.check(at(1), Some(one)).map(|()| refusals.note(at(1), Some(one))).is_ok()).count();
        assert!((10..=11).contains(&let_on), "{let_on}");
        let told = refusals.check(at(1), Some(one)).expect_err("it had enough");
        assert_eq!((told.code().code, told.status().as_u16()), ("SH6007", 429));
        assert!(told.body()["retry_after"].as_u64().is_some_and(|seconds| (1..=7).contains(&seconds)));
        assert!(refusals.check(at(1), Some(two)).is_ok(), "another endpoint");
        assert!(refusals.check(at(1), None).is_ok(), "addresses of nobody");
        assert!(refusals.check(at(2), Some(one)).is_ok(), "somebody else");
    }

    #[test]
    fn strangers_together_have_one_share_and_who_is_known_another() {
        let refusals = refusals(10, 20);
        let one = TokenHash::of("one");
        refusals.welcome(at(200), one);
        for last in 1..=20 {
            refusals.note(at(last), Some(one));
        }
        assert!(refusals.check(at(100), Some(one)).is_err(), "twenty of twenty networks");
        assert!(refusals.check(at(200), Some(one)).is_ok(), "a genuine message came from there");
        assert!(refusals.check(at(100), None).is_ok());
    }

    #[test]
    fn a_bucket_empties_within_a_minute() {
        let began = Instant::now();
        let mut bucket = Bucket::new(began);
        for _ in 0..10 {
            bucket.add(10.0, began);
        }
        assert!(bucket.wait_s(10.0, began).is_some_and(|wait_s| (5.9..=6.1).contains(&wait_s)));
        assert_eq!(bucket.wait_s(10.0, began + Duration::from_secs(7)), None);
        assert!(bucket.level > 8.0, "one place of ten");
        assert_eq!(bucket.wait_s(10.0, began + Duration::from_secs(70)), None);
        assert_eq!(bucket.level, 0.0);
    }
}
