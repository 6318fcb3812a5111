//! Pauses: how long after a fault of the database it is tried again.

use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

use statehouse_store::StoreFault;

/// The longest pause after a fault of the database.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// A number from -1 to 1 that nobody foresees.
pub(crate) fn spread() -> f64 {
    let bits = RandomState::new().hash_one(0_u8) >> 11;
    bits as f64 / (1_u64 << 52) as f64 - 1.0
}

/// The pause after the `nth` fault in a row: 20 ms and twice as long each time, a second at most, by half or whole.
pub(crate) fn pause(nth: u32) -> Duration {
    let whole = Duration::from_millis(20 << nth.min(6)).min(PAUSE_MAX);
    whole.mul_f64(0.75 + 0.25 * spread())
}

/// Does it until it is done, or `until` has passed: what was learnt outside must not be lost because the database was
/// away for a moment. A fault that says something about what was handed in is not tried again.
pub(crate) async fn insist<T, F>(until: Instant, mut work: impl FnMut() -> F) -> Result<T, StoreFault>
where
    F: Future<Output = Result<T, StoreFault>>,
{
    let mut nth = 0;
    loop {
        let fault = match work().await {
            Ok(done) => return Ok(done),
            Err(fault) => fault,
        };
        if !is_passing(&fault) || Instant::now() >= until {
            return Err(fault);
        }
        tracing::debug!(%fault, nth, "tried again");
        tokio::time::sleep(pause(nth)).await;
        nth += 1;
    }
}

/// Whether the same may work in a moment: the connection, the server or another transaction was in the way.
pub(crate) fn is_passing(fault: &StoreFault) -> bool {
    match fault {
        StoreFault::Refused(fault) => matches!(fault.code.code, "SH5002" | "SH5005" | "SH5007"),
        StoreFault::Pool { .. } => true,
        StoreFault::Postgres { .. } => {
            fault.sqlstate().is_none_or(|state| matches!(&state[..2], "08" | "40" | "53" | "55" | "57" | "58" | "25"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end() {
        for nth in 0..40 {
            let most = Duration::from_millis((20 << nth.min(6)).min(1000));
            for _ in 0..50 {
                let found = pause(nth);
                assert!(found >= most / 2 && found <= most, "{nth}: {found:?}");
            }
        }
        let many: Vec<f64> = (0..1000).map(|_| spread()).collect();
        assert!(
            many.iter().all(|one| (-1.0..=1.0).contains(one)) && many.iter().any(|one| *one < -0.5) && many.iter().any(|one| *one > 0.5)
        );
    }
}
