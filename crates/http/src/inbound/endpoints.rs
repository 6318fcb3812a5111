//! Endpoints at hand: whose an address is, asked of the database at most every half minute.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use lru::LruCache;
use sha2::{Digest, Sha256};
use statehouse_store::StoreFault;
use statehouse_store::inbox::Endpoint;

/// After this an address is asked for again. One that is revoked stores nothing from then on, whatever is remembered.
const KNOWN: Duration = Duration::from_secs(30);
/// What is no address is asked for again after this: it may have been made in the meantime.
const UNKNOWN: Duration = Duration::from_secs(5);
/// Addresses of either kind remembered at most; the one unused longest goes first.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(10_000).expect("not zero");
/// Who asks for the same address waits for each other; others meet rarely.
const STRIPES: usize = 64;

/// SHA-256 of the token of an address; the token itself is not kept.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct TokenHash([u8; 32]);

impl TokenHash {
    pub(super) fn of(token: &str) -> TokenHash {
        TokenHash(Sha256::digest(token).into())
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash")
    }
}

/// What is known of an address.
pub(super) enum Known {
    /// It is one, and was lately.
    Endpoint(Arc<Endpoint>),
    /// It was one; ask again.
    Before,
    /// It was none a moment ago.
    Nothing,
    /// Nobody has asked.
    NotAsked,
}

/// Addresses by their hash.
pub(crate) struct Endpoints {
    known: Mutex<LruCache<TokenHash, (Arc<Endpoint>, Instant)>>,
    unknown: Mutex<LruCache<TokenHash, Instant>>,
    asking: [tokio::sync::Mutex<()>; STRIPES],
}

impl Default for Endpoints {
    fn default() -> Endpoints {
        Endpoints {
            known: Mutex::new(LruCache::new(REMEMBERED)),
            unknown: Mutex::new(LruCache::new(REMEMBERED)),
            asking: std::array::from_fn(|_| tokio::sync::Mutex::default()),
        }
    }
}

impl Endpoints {
    /// What is at hand.
    pub(super) fn find(&self, token: &TokenHash) -> Known {
        let now = Instant::now();
        if let Some((endpoint, until)) = locked(&self.known).get(token) {
            return if *until > now { Known::Endpoint(Arc::clone(endpoint)) } else { Known::Before };
        }
        if locked(&self.unknown).get(token).is_some_and(|until| *until > now) { Known::Nothing } else { Known::NotAsked }
    }

    /// Asks once for all who want to know, and remembers what was said.
    ///
    /// # Errors
    /// Those of `ask`, which are not remembered.
    pub(super) async fn ask<W>(&self, token: TokenHash, ask: W) -> Result<Option<Arc<Endpoint>>, StoreFault>
    where
        W: Future<Output = Result<Option<Endpoint>, StoreFault>>,
    {
        let _alone = self.asking[usize::from(token.0[0]) % STRIPES].lock().await;
        match self.find(&token) {
            Known::Endpoint(endpoint) => return Ok(Some(endpoint)),
            Known::Nothing => return Ok(None),
            Known::Before | Known::NotAsked => {}
        }
        let Some(endpoint) = ask.await?.map(Arc::new) else {
            self.forget(&token);
            return Ok(None);
        };
        locked(&self.known).put(token, (Arc::clone(&endpoint), Instant::now() + KNOWN));
        Ok(Some(endpoint))
    }

    /// It is none, or none any more.
    pub(super) fn forget(&self, token: &TokenHash) {
        locked(&self.known).pop(token);
        locked(&self.unknown).put(*token, Instant::now() + UNKNOWN);
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
