//! What one key and one tenant may have of the server: requests at once and requests a second.

use std::hash::Hash;
use std::net::IpAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::{Arc, Mutex, PoisonError};

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

/// Keys, tenants and addresses remembered at most; who was away longest is forgotten and begins with a full share.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(10_000).expect("not zero");

type Limiter = RateLimiter<NotKeyed, InMemoryState, MonotonicClock, StateInformationMiddleware>;

/// Every share.
pub(crate) struct Shares {
    keys: Mutex<LruCache<ProofHash, Arc<Share>>>,
    tenants: Mutex<LruCache<i32, Arc<Share>>>,
    addresses: Mutex<LruCache<IpAddr, Arc<Share>>>,
    limits: Limits,
}

struct Share {
    rate: Limiter,
    rate_max: u32,
    at_work: Arc<Semaphore>,
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
        let remaining = key.spend("this key")?;
        request::note_rate(Rate { limit: key.rate_max, remaining });
        tenant.spend("this tenant")?;
        let places = [key.place("this key")?, tenant.place("this tenant")?];
        Ok(Admitted { _places: Arc::new(places) })
    }

    /// Counts a key that nobody here knows yet against the address it comes from.
    ///
    /// # Errors
    /// `SH6007` when the address has tried too many.
    pub(crate) fn try_key(&self, peer: Option<IpAddr>) -> Result<(), Problem> {
        let Some(peer) = peer.map(network) else { return Ok(()) };
        let address = share(&self.addresses, peer, self.limits.new_keys_per_address, 1);
        address.spend("this address").map(drop)
    }
}

impl Share {
    fn spend(&self, whose: &str) -> Result<u32, Problem> {
        match self.rate.check() {
            Ok(snapshot) => Ok(snapshot.remaining_burst_capacity()),
            Err(early) => {
                let wait = early.wait_time_from(MonotonicClock.now()).as_secs_f64().ceil().max(1.0);
                request::note_rate(Rate { limit: self.rate_max, remaining: 0 });
                let detail = format!("{whose} may send {} requests a second", self.rate_max);
                // A wait of more than a day is none that a number of seconds has to hold.
                Err(Problem::new(SH6007, detail).with_retry_after_s(wait.min(86_400.0) as u64))
            }
        }
    }

    fn place(&self, whose: &str) -> Result<OwnedSemaphorePermit, Problem> {
        let taken = |_| Problem::new(SH6007, format!("{whose} has as many requests at work as it may have"));
        Arc::clone(&self.at_work).try_acquire_owned().map_err(taken)
    }
}

fn share<K: Hash + Eq>(of: &Mutex<LruCache<K, Arc<Share>>>, who: K, rate: u32, at_once: usize) -> Arc<Share> {
    let mut held = of.lock().unwrap_or_else(PoisonError::into_inner);
    let fresh = || {
        let quota = Quota::per_second(NonZeroU32::new(rate).unwrap_or(NonZeroU32::MIN));
        Arc::new(Share {
            rate: RateLimiter::direct_with_clock(quota, MonotonicClock).with_middleware(),
            rate_max: rate,
            at_work: Arc::new(Semaphore::new(at_once)),
        })
    };
    Arc::clone(held.get_or_insert(who, fresh))
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
        let tried = (0..10).filter(|_| shares.try_key(peer).is_ok()).count();
        assert!((2..=3).contains(&tried), "{tried}");
        assert!(shares.try_key(Some([127, 0, 0, 8].into())).is_ok());
    }
}
