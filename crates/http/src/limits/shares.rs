//! What one key and one tenant may have of the server: requests at once and requests a second.

use std::hash::Hash;
use std::net::IpAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use governor::clock::{Clock, MonotonicClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use lru::LruCache;
use statehouse_fault::SH6007;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::connections::network;
use crate::Problem;
use crate::auth::ProofHash;
use crate::request::{self, Rate};
use crate::settings::Limits;

/// An address may bring as many new keys at once as in this many seconds: a whole office comes at nine.
const OFFICE_S: u32 = 5;
/// All addresses that are not known yet bring no more at once, whatever they may in a second.
const STRANGERS_AT_ONCE: u32 = 20;
/// From an address that has brought more keys that are not accepted than it may, each is answered this late: whoever waits
/// for the answer before the next request sends few.
const LATE: Duration = Duration::from_millis(250);
/// No more than these are made to wait, each at the cost of a place; the rest are answered at once.
const LATE_AT_ONCE: usize = 64;
/// Keys, tenants and addresses remembered at most; who was away longest is forgotten and begins with a full share.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(10_000).expect("not zero");

type Limiter = RateLimiter<NotKeyed, InMemoryState, MonotonicClock, StateInformationMiddleware>;

/// Every share.
pub(crate) struct Shares {
    keys: Mutex<LruCache<ProofHash, Arc<Share>>>,
    tenants: Mutex<LruCache<i32, Arc<Share>>>,
    addresses: Mutex<LruCache<IpAddr, Arc<Share>>>,
    strangers: Share,
    late: Semaphore,
    limits: Limits,
}

/// What one of them may have.
pub(crate) struct Share {
    rate: Limiter,
    rate_max: u32,
    at_work: Arc<Semaphore>,
    /// Of an address: a key that came from there was accepted.
    is_welcome: AtomicBool,
}

/// A request that was let in; its places are free again when the last clone is dropped.
#[derive(Clone, Debug)]
pub(crate) struct Admitted {
    _places: Arc<[OwnedSemaphorePermit; 2]>,
}

impl std::fmt::Debug for Shares {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shares")
    }
}

impl Shares {
    pub(crate) fn new(limits: &Limits) -> Shares {
        let empty = || LruCache::new(REMEMBERED);
        Shares {
            keys: Mutex::new(empty()),
            tenants: Mutex::new(LruCache::new(REMEMBERED)),
            addresses: Mutex::new(LruCache::new(REMEMBERED)),
            strangers: Share::new(limits.new_keys_in_all, limits.new_keys_in_all.min(STRANGERS_AT_ONCE), 1),
            late: Semaphore::new(LATE_AT_ONCE),
            limits: limits.clone(),
        }
    }

    /// Lets a request of this key and tenant in.
    ///
    /// # Errors
    /// `SH6007` when the key or its tenant has had its share.
    pub(crate) fn admit(&self, proof: ProofHash, tenant: i32) -> Result<Admitted, Problem> {
        let limits = &self.limits;
        let key = share(&self.keys, proof, limits.rate_per_key, limits.requests_per_key);
        let tenant = share(&self.tenants, tenant, limits.rate_per_tenant, limits.requests_per_tenant);
        let remaining = key.spend("this key", "requests")?;
        request::note_rate(Rate { limit: key.rate_max, remaining });
        tenant.spend("this tenant", "requests")?;
        let places = [key.place("this key")?, tenant.place("this tenant")?];
        Ok(Admitted { _places: Arc::new(places) })
    }

    /// Counts a key that nobody here knows yet against the address it comes from, and against all addresses from which
    /// none was accepted yet: a flood from many places costs the database no more than one from few.
    ///
    /// # Errors
    /// `SH6007` when the address has tried too many, or all of them together have.
    pub(crate) fn try_key(&self, peer: Option<IpAddr>) -> Result<(), Problem> {
        let Some(peer) = peer.map(network) else { return Ok(()) };
        let address = self.address(peer);
        address.spend("this address", NEW_KEYS)?;
        if address.is_welcome.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.strangers.spend("those who are not known here", NEW_KEYS).map(drop)
    }

    /// A key from there was accepted: whatever others try, those who come from there are not counted with them.
    pub(crate) fn welcome(&self, peer: Option<IpAddr>) {
        if let Some(peer) = peer.map(network) {
            self.address(peer).is_welcome.store(true, Ordering::Relaxed);
        }
    }

    /// Counts a key that was refused without being looked up; who goes on so is answered late.
    pub(crate) async fn refused(&self, peer: Option<IpAddr>) {
        let goes_on = peer.map(network).is_some_and(|peer| self.address(peer).rate.check().is_err());
        if goes_on {
            self.late().await;
        }
    }

    /// Waits, while not too many do.
    pub(crate) async fn late(&self) {
        if let Ok(_place) = self.late.try_acquire() {
            tokio::time::sleep(LATE).await;
        }
    }

    fn address(&self, peer: IpAddr) -> Arc<Share> {
        let rate = self.limits.new_keys_per_address;
        of(&self.addresses, peer, || Share::new(rate, rate.saturating_mul(OFFICE_S), 1))
    }
}

/// Equal shares by a name of any kind.
pub(crate) struct ByName<K> {
    all: Mutex<LruCache<K, Arc<Share>>>,
    rate: u32,
    at_once: usize,
}

impl<K: Hash + Eq> ByName<K> {
    /// Each has so many requests a second, and so many at once.
    pub(crate) fn new(rate: u32, at_once: usize) -> ByName<K> {
        ByName { all: Mutex::new(LruCache::new(REMEMBERED)), rate, at_once }
    }

    /// The share of one.
    pub(crate) fn of(&self, who: K) -> Arc<Share> {
        share(&self.all, who, self.rate, self.at_once)
    }
}

const NEW_KEYS: &str = "keys that are new here";

impl Share {
    fn new(rate: u32, burst: u32, at_once: usize) -> Share {
        let some = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(some(rate)).allow_burst(some(burst));
        Share {
            rate: RateLimiter::direct_with_clock(quota, MonotonicClock).with_middleware(),
            rate_max: rate,
            at_work: Arc::new(Semaphore::new(at_once)),
            is_welcome: AtomicBool::new(false),
        }
    }

    /// One more, and how many may follow at once.
    ///
    /// # Errors
    /// `SH6007` when the share is spent.
    pub(crate) fn spend(&self, whose: &str, what: &str) -> Result<u32, Problem> {
        match self.rate.check() {
            Ok(snapshot) => Ok(snapshot.remaining_burst_capacity()),
            Err(early) => {
                let wait = early.wait_time_from(MonotonicClock.now()).as_secs_f64().ceil().max(1.0);
                request::note_rate(Rate { limit: self.rate_max, remaining: 0 });
                let detail = format!("{whose} may send {} {what} a second", self.rate_max);
                // A wait of more than a day is none that a number of seconds has to hold.
                Err(Problem::new(SH6007, detail).with_retry_after_s(wait.min(86_400.0) as u64))
            }
        }
    }

    /// A place at work.
    ///
    /// # Errors
    /// `SH6007` when all are taken.
    pub(crate) fn place(&self, whose: &str) -> Result<OwnedSemaphorePermit, Problem> {
        let taken = |_| Problem::new(SH6007, format!("{whose} has as many requests at work as it may have"));
        Arc::clone(&self.at_work).try_acquire_owned().map_err(taken)
    }
}

fn share<K: Hash + Eq>(all: &Mutex<LruCache<K, Arc<Share>>>, who: K, rate: u32, at_once: usize) -> Arc<Share> {
    of(all, who, || Share::new(rate, rate, at_once))
}

fn of<K: Hash + Eq>(all: &Mutex<LruCache<K, Arc<Share>>>, who: K, fresh: impl FnOnce() -> Share) -> Arc<Share> {
    let mut held = all.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(held.get_or_insert(who, || Arc::new(fresh())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(rate: u32, at_once: usize) -> Shares {
        Shares::new(&Limits { rate_per_key: rate, requests_per_key: at_once, new_keys_per_address: 2, ..Limits::default() })
    }

    #[test]
    fn a_key_has_its_share_and_takes_nobody_elses() {
        let shares = shares(3, 10);
        let (one, two) = (ProofHash::of_key("one"), ProofHash::of_key("two"));
        let let_in = (0..10).filter(|_| shares.admit(one, 1).is_ok()).count();
        assert!((3..=4).contains(&let_in), "{let_in}");
        let refused = shares.admit(one, 1).expect_err("it had its share");
        assert_eq!((refused.code().code, refused.status().as_u16()), ("SH6007", 429));
        assert!(refused.body()["retry_after"].as_u64().is_some_and(|seconds| seconds >= 1));
        assert!(shares.admit(two, 1).is_ok());
    }

    #[test]
    fn a_place_is_free_again_when_the_request_ends() {
        let shares = shares(1_000, 1);
        let one = ProofHash::of_key("one");
        let first = shares.admit(one, 1).expect("a place");
        assert_eq!(shares.admit(one, 1).expect_err("taken").code().code, "SH6007");
        drop(first);
        assert!(shares.admit(one, 1).is_ok());
    }

    #[test]
    fn an_address_tries_few_keys() {
        let shares = shares(1_000, 10);
        let peer = Some([127, 0, 0, 9].into());
        let tried = (0..40).filter(|_| shares.try_key(peer).is_ok()).count();
        assert!((10..=11).contains(&tried), "two a second, of five seconds at once: {tried}");
        assert!(shares.try_key(Some([127, 0, 0, 8].into())).is_ok());
    }

    #[test]
    fn all_addresses_together_try_few_keys_and_known_ones_are_not_counted() {
        let shares = shares(1_000, 10);
        let at = |last| Some([127, 0, 1, last].into());
        assert!(shares.try_key(at(1)).is_ok());
        shares.welcome(at(1));
        let tried = (2..200).filter(|last| shares.try_key(at(*last)).is_ok()).count();
        // One of the twenty was spent before it was known.
        assert!((19..=20).contains(&tried), "{tried}");
        assert_eq!(shares.try_key(at(201)).expect_err("others had it all").code().code, "SH6007");
        assert!(shares.try_key(at(1)).is_ok(), "one that brought an accepted key");
    }

    #[tokio::test]
    async fn who_goes_on_with_refused_keys_is_answered_late_and_others_are_not() {
        let shares = shares(1_000, 10);
        let began = tokio::time::Instant::now();
        for _ in 0..10 {
            shares.refused(Some([127, 0, 0, 9].into())).await;
        }
        assert!(began.elapsed() < LATE, "five seconds' worth: {:?}", began.elapsed());
        shares.refused(Some([127, 0, 0, 9].into())).await;
        shares.refused(Some([127, 0, 0, 9].into())).await;
        assert!(began.elapsed() >= LATE, "{:?}", began.elapsed());
        let began = tokio::time::Instant::now();
        shares.refused(Some([127, 0, 0, 8].into())).await;
        assert!(began.elapsed() < LATE, "another address");
        // More than may wait: the last is answered at once.
        let waiting: Vec<_> = (0..LATE_AT_ONCE).map(|_| shares.late.try_acquire().expect("a place")).collect();
        shares.late().await;
        assert!(began.elapsed() < LATE, "beyond {} nobody is made to wait", waiting.len());
    }
}
