//! Questions to outside systems, which may not answer: each has a few places of its own, so that whoever waits for one
//! keeps nobody from asking another.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// Questions to one system of one tenant that are under way at once.
const PLACES: usize = 16;
/// Whoever gets no place within this asks later: those before it get no answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// Whoever asks, and whoever waits to.
pub(crate) struct Asking {
    patience: Duration,
    lanes: Mutex<HashMap<(String, String), Arc<Semaphore>>>,
    out: AtomicUsize,
    changed: Notify,
}

/// Somebody is about to ask, and needs nothing here meanwhile.
pub(crate) struct Out<'a>(&'a Asking);

impl Default for Asking {
    fn default() -> Asking {
        Asking { patience: PATIENCE, lanes: Mutex::default(), out: AtomicUsize::new(0), changed: Notify::new() }
    }
}

impl Asking {
    /// A place to ask this connector for this tenant; none where those who have one keep it for long.
    pub async fn place(&self, tenant: &str, connector: &str) -> Option<OwnedSemaphorePermit> {
        let lane = {
            let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
            let lane = lanes.entry((tenant.to_owned(), connector.to_owned())).or_insert_with(|| Arc::new(Semaphore::new(PLACES)));
            Arc::clone(lane)
        };
        tokio::time::timeout(self.patience, lane.acquire_owned()).await.ok()?.ok()
    }

    /// Counts the caller among those who ask until the value is gone.
    pub fn go_out(&self) -> Out<'_> {
        self.out.fetch_add(1, Ordering::SeqCst);
        self.changed.notify_one();
        Out(self)
    }

    /// How many ask or wait to.
    pub fn out(&self) -> usize {
        self.out.load(Ordering::SeqCst)
    }

    /// Waits until somebody goes out to ask who had not when this was last waited for.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }
}

impl Drop for Out<'_> {
    fn drop(&mut self) {
        self.0.out.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_does_not_answer_is_asked_by_a_few_at_once_and_holds_up_no_other() {
        let asking = Asking { patience: Duration::from_millis(1), ..Asking::default() };
        let mut held = Vec::new();
        for _ in 0..PLACES {
            held.push(asking.place("nordur", "deaf").await.expect("a place"));
        }
        assert!(asking.place("nordur", "deaf").await.is_none());
        assert!(asking.place("nordur", "quick").await.is_some(), "another system");
        assert!(asking.place("sudur", "deaf").await.is_some(), "another tenant");
        held.pop();
        assert!(asking.place("nordur", "deaf").await.is_some());
    }

    #[tokio::test]
    async fn who_asks_is_counted_until_the_answer() {
        let asking = Asking::default();
        let first = asking.go_out();
        asking.changed().await;
        assert_eq!(asking.out(), 1);
        drop(first);
        assert_eq!(asking.out(), 0);
    }
}
