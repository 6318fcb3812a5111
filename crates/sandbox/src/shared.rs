//! What every connection, every message on its way and every handle shares.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle as Runtime;
use tokio::sync::watch;

use crate::hooks::Courier;
use crate::log::Line;
use crate::moment::Clock;
use crate::world::World;

/// What everything in a sandbox shares.
#[derive(Debug)]
pub(crate) struct Shared {
    world: Mutex<World>,
    pub(crate) courier: Courier,
    pub(crate) clock: Clock,
    pub(crate) address: SocketAddr,
    /// The number of the last line.
    pub(crate) last: watch::Sender<u64>,
    pub(crate) stopped: watch::Sender<bool>,
    /// Requests that are never answered.
    pub(crate) hanging: AtomicUsize,
    runtime: Runtime,
}

/// What a lock guards. A thread that panicked while it held the lock leaves nothing half done: a line stands in the log or it does not.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(crate) fn new(world: World, address: SocketAddr) -> Arc<Shared> {
        let clock = world.clock.clone();
        Arc::new(Shared {
            world: Mutex::new(world),
            courier: Courier::new(),
            clock,
            address,
            last: watch::Sender::new(0),
            stopped: watch::Sender::new(false),
            hanging: AtomicUsize::new(0),
            runtime: Runtime::current(),
        })
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        locked(&self.world)
    }

    /// Writes a line, and tells whoever waits for one.
    pub(crate) fn commit(&self, line: Line) -> io::Result<u64> {
        let n = self.world().commit(line)?;
        self.written(n);
        Ok(n)
    }

    /// Tells whoever waits for a line that this one stands in the log; 0 is none.
    pub(crate) fn written(&self, n: u64) {
        if n > 0 {
            self.last.send_replace(n);
        }
    }

    pub(crate) fn spawn(self: &Arc<Self>, work: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(work);
    }

    /// Waits so long, or until the sandbox stops.
    pub(crate) async fn pause(&self, time: Duration) {
        let _ = tokio::time::timeout(time, self.end()).await;
    }

    /// Waits until the sandbox stops.
    pub(crate) async fn end(&self) {
        let mut stopped = self.stopped.subscribe();
        // The sender lives as long as this value does.
        let _ = stopped.wait_for(|stopped| *stopped).await;
    }

    pub(crate) fn has_stopped(&self) -> bool {
        *self.stopped.borrow()
    }

    /// One more request that hangs, until the value goes.
    pub(crate) fn hang(self: &Arc<Self>) -> Hanging {
        self.hanging.fetch_add(1, Ordering::SeqCst);
        // Whoever waits for something to hold looks again, though no line came.
        self.last.send_modify(|_| ());
        Hanging(Arc::clone(self))
    }
}

/// A request that is not answered.
#[derive(Debug)]
pub(crate) struct Hanging(Arc<Shared>);

impl Drop for Hanging {
    fn drop(&mut self) {
        self.0.hanging.fetch_sub(1, Ordering::SeqCst);
    }
}
