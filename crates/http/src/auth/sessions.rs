//! Sessions at hand: each proof is exchanged once, and what was refused is remembered for a while.

use std::fmt;
use std::future::Future;
use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use lru::LruCache;
use sha2::{Digest, Sha256};
use statehouse_store::StoreFault;
use statehouse_store::record::Session;

/// What was refused is asked about again after this long: it may have been made in the meantime.
const REFUSED: Duration = Duration::from_secs(5);
/// Sessions at most; the one unused longest goes first.
const HELD_MAX: NonZeroUsize = NonZeroUsize::new(10_000).expect("not zero");
/// Refusals remembered at most, apart from the sessions: a flood of them pushes out nobody's session.
const REFUSED_MAX: NonZeroUsize = NonZeroUsize::new(50_000).expect("not zero");
/// Exchanges of the same proof wait for each other; others meet rarely.
const STRIPES: usize = 64;

/// SHA-256 of a proof and what kind it is; the proof itself is not kept.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ProofHash([u8; 32]);

impl ProofHash {
    pub(crate) fn of_key(key: &str) -> ProofHash {
        ProofHash::of("key", &[key])
    }

    /// Of a kind of proof and its parts; framed, so that no two lists of parts are one.
    pub(crate) fn of(kind: &str, parts: &[&str]) -> ProofHash {
        let mut hash = Sha256::new();
        for part in std::iter::once(&kind).chain(parts) {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        ProofHash(hash.finalize().into())
    }
}

impl fmt::Debug for ProofHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProofHash")
    }
}

/// Sessions by the hash of what they were opened with.
pub(crate) struct Sessions {
    held: Mutex<LruCache<ProofHash, (Session, Instant)>>,
    refused: Mutex<LruCache<ProofHash, (Instant, statehouse_fault::Fault)>>,
    exchanging: [tokio::sync::Mutex<()>; STRIPES],
}

impl Default for Sessions {
    fn default() -> Sessions {
        Sessions {
            held: Mutex::new(LruCache::new(HELD_MAX)),
            refused: Mutex::new(LruCache::new(REFUSED_MAX)),
            exchanging: std::array::from_fn(|_| tokio::sync::Mutex::default()),
        }
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sessions({} held)", self.len())
    }
}

impl Sessions {
    /// The session at hand for a proof, what is remembered of its refusal, or nothing.
    ///
    /// # Errors
    /// The refusal of before.
    pub(crate) fn find(&self, proof: &ProofHash) -> Result<Option<Session>, StoreFault> {
        if let Some(session) = self.held(proof) {
            return Ok(Some(session));
        }
        let mut refused = locked(&self.refused);
        match refused.get(proof) {
            Some((until, fault)) if *until > Instant::now() => Err(fault.clone().into()),
            Some(_) => {
                refused.pop(proof);
                Ok(None)
            }
            None => Ok(None),
        }
    }

    /// Exchanges a proof; whoever brings the same one meanwhile waits and is given the same session.
    ///
    /// # Errors
    /// Those of `exchange`; refusals of identity (`SH2…`, and of a link) are remembered.
    pub(crate) async fn exchange<W>(&self, proof: ProofHash, kept: Duration, exchange: W) -> Result<Session, StoreFault>
    where
        W: Future<Output = Result<Session, StoreFault>>,
    {
        let _alone = self.exchanging[usize::from(proof.0[0]) % STRIPES].lock().await;
        if let Some(session) = self.find(&proof)? {
            return Ok(session);
        }
        let exchanged = exchange.await;
        match &exchanged {
            Ok(session) => {
                locked(&self.held).put(proof, (session.clone(), Instant::now() + kept));
            }
            Err(fault) => {
                let fault = fault.fault();
                if fault.code.code.starts_with("SH2") || fault.code == statehouse_fault::SH6301 {
                    locked(&self.refused).put(proof, (Instant::now() + REFUSED, fault));
                }
            }
        }
        exchanged
    }

    /// Forgets the session of a proof, if it still is this one.
    pub(crate) fn forget(&self, proof: &ProofHash, ended: &Session) {
        let mut held = locked(&self.held);
        if held.peek(proof).is_some_and(|(session, _)| session.token() == ended.token()) {
            held.pop(proof);
        }
    }

    /// How many are at hand.
    pub(crate) fn len(&self) -> usize {
        locked(&self.held).len()
    }

    fn held(&self, proof: &ProofHash) -> Option<Session> {
        let mut held = locked(&self.held);
        let (session, until) = held.get(proof)?;
        if *until > Instant::now() {
            return Some(session.clone());
        }
        held.pop(proof);
        None
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::ProofHash;

    #[test]
    fn a_proof_of_one_kind_is_none_of_another() {
        assert_ne!(ProofHash::of("key", &["a"]), ProofHash::of("cookie", &["a"]));
        assert_ne!(ProofHash::of("token", &["ab", "c"]), ProofHash::of("token", &["a", "bc"]));
        assert_eq!(ProofHash::of_key("a"), ProofHash::of("key", &["a"]));
    }
}
