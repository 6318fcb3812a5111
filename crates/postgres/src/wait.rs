//! Waiting with an end: the only place in this crate that sleeps.

use std::time::{Duration, Instant};

/// Asks `answer` until it gives something or `bound` has passed.
pub(crate) fn until<T>(bound: Duration, mut answer: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + bound;
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(found) = answer() {
            return Some(found);
        }
        let now = Instant::now();
        if now >= end {
            return None;
        }
        std::thread::sleep(pause.min(end - now));
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}
