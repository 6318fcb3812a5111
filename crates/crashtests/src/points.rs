//! The outer end of `statehouse_fault::point!`: who stands where, and who may go on.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// Somebody who stands at a point.
#[derive(Debug)]
struct Arrival {
    name: String,
    task: String,
    stream: BufReader<UnixStream>,
}

/// Who is held.
#[derive(Debug, Default)]
enum Hold {
    /// Nobody.
    #[default]
    Nobody,
    /// Everybody, from the arrival at `name` on that comes after `left` others.
    From { name: String, left: u64 },
    /// Whoever comes to `name`; the others go on.
    Only { name: String },
    /// Everybody.
    Everybody,
}

#[derive(Debug, Default)]
struct State {
    hold: Hold,
    held: Vec<Arrival>,
    seen: BTreeMap<String, u64>,
}

/// A socket at which a process with points asks whether it may go on.
#[derive(Debug)]
pub struct Points {
    socket: PathBuf,
    state: Arc<Mutex<State>>,
    changed: Arc<Notify>,
    accepting: JoinHandle<()>,
}

impl Points {
    /// Listens at `socket`; everybody goes on.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub fn listen(socket: &Path) -> io::Result<Points> {
        let listener = UnixListener::bind(socket)?;
        let (state, changed) = (Arc::<Mutex<State>>::default(), Arc::<Notify>::default());
        let accepting = tokio::spawn({
            let (state, changed) = (Arc::clone(&state), Arc::clone(&changed));
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(arrive(stream, Arc::clone(&state), Arc::clone(&changed)));
                }
            }
        });
        Ok(Points { socket: socket.to_owned(), state, changed, accepting })
    }

    /// What `STATEHOUSE_POINTS` is set to.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// How often each point was reached so far.
    #[must_use]
    pub fn seen(&self) -> BTreeMap<String, u64> {
        self.state().seen.clone()
    }

    /// Everybody goes on, those who are held too.
    pub async fn open(&self) {
        let held = {
            let mut state = self.state();
            state.hold = Hold::Nobody;
            std::mem::take(&mut state.held)
        };
        for arrival in held {
            go_on(arrival).await;
        }
    }

    /// Everybody goes on until the `nth` arrival (from 1) at `name`; from then on everybody is held where they arrive.
    pub fn hold_from(&self, name: &str, nth: u64) {
        self.state().hold = Hold::From { name: name.into(), left: nth.saturating_sub(1) };
    }

    /// Whoever comes to `name` is held; the others go on.
    pub fn hold_only(&self, name: &str) {
        self.state().hold = Hold::Only { name: name.into() };
    }

    /// Everybody who arrives is held.
    pub fn hold_all(&self) {
        self.state().hold = Hold::Everybody;
    }

    /// Waits until somebody stands at `name`; whether that was so within `bound`.
    pub async fn stands_at(&self, name: &str, bound: Duration) -> bool {
        self.comes(bound, || !self.tasks_at(name).is_empty()).await
    }

    /// Whether somebody arrived within `bound` by whom `holds` came true.
    async fn comes(&self, bound: Duration, holds: impl Fn() -> bool) -> bool {
        let waiting = async {
            loop {
                let next = self.changed.notified();
                if holds() {
                    return;
                }
                next.await;
            }
        };
        tokio::time::timeout(bound, waiting).await.is_ok()
    }

    /// The tasks that stand at `name`.
    fn tasks_at(&self, name: &str) -> Vec<String> {
        self.state().held.iter().filter(|arrival| arrival.name == name).map(|arrival| arrival.task.clone()).collect()
    }

    /// The names of the points at which somebody stands, in the order of arrival.
    #[must_use]
    pub fn held(&self) -> Vec<String> {
        self.state().held.iter().map(|arrival| arrival.name.clone()).collect()
    }

    /// Lets one who stands at `name` go on; which task it was.
    pub async fn release(&self, name: &str) -> Option<String> {
        let arrival = {
            let mut state = self.state();
            let at = state.held.iter().position(|arrival| arrival.name == name)?;
            state.held.remove(at)
        };
        let task = arrival.task.clone();
        go_on(arrival).await;
        Some(task)
    }

    /// Lets one who stands at `before` go on, the others being held, and waits until that one, not somebody else who stands
    /// there, has come to `behind`; whether that was so within `bound`.
    pub async fn passes(&self, before: &str, behind: &str, bound: Duration) -> bool {
        let there = self.tasks_at(behind);
        let Some(task) = self.release(before).await else { return false };
        let count = |tasks: &[String]| tasks.iter().filter(|one| **one == task).count();
        self.comes(bound, || count(&self.tasks_at(behind)) > count(&there)).await
    }

    /// Forgets those who stand somewhere, because their process is dead, and holds nobody.
    pub fn forget(&self) {
        let mut state = self.state();
        state.held.clear();
        state.hold = Hold::Nobody;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Points {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn arrive(stream: UnixStream, state: Arc<Mutex<State>>, changed: Arc<Notify>) {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    if stream.read_line(&mut line).await.is_err() {
        return;
    }
    // Killed between connecting and speaking.
    let Some((name, task)) = line.trim_end().split_once(' ') else { return };
    let arrival = Arrival { name: name.to_owned(), task: task.to_owned(), stream };
    let free = {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        *state.seen.entry(arrival.name.clone()).or_default() += 1;
        if state.holds(&arrival.name) {
            state.held.push(arrival);
            None
        } else {
            Some(arrival)
        }
    };
    match free {
        Some(arrival) => go_on(arrival).await,
        None => changed.notify_waiters(),
    }
}

impl State {
    fn holds(&mut self, name: &str) -> bool {
        match &mut self.hold {
            Hold::Nobody => false,
            Hold::Everybody => true,
            Hold::Only { name: only } => only == name,
            Hold::From { name: wanted, left } => {
                if wanted != name {
                    return false;
                }
                if *left > 0 {
                    *left -= 1;
                    return false;
                }
                self.hold = Hold::Everybody;
                true
            }
        }
    }
}

async fn go_on(mut arrival: Arrival) {
    // It may be dead; then it needs no answer.
    let _ = arrival.stream.write_all(b".").await;
}
