//! Takes messages to their addresses, in the background, as each provider does it and as the fault switches have it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tokio::sync::{Semaphore, oneshot};

use super::client::Sender;
use super::{Notice, Owed, State, Target};
use crate::faults::Mode;
use crate::log::Line;
use crate::providers::Provider;
use crate::shared::{Shared, locked};

/// How many messages are on their way at once.
const AT_ONCE: usize = 64;
/// How long messages are held to be reordered, when the switch does not say it.
const HELD_MS: u64 = 1_000;

/// What is on its way.
#[derive(Debug)]
pub(crate) struct Courier {
    sender: Sender,
    permits: Semaphore,
    queues: Mutex<HashMap<String, Queue>>,
    held: Mutex<HashMap<&'static str, Vec<Parcel>>>,
}

/// Messages of which one waits for the other.
#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Parcel>,
    runs: bool,
    paused: bool,
    /// Failures in a row.
    failed: u32,
}

/// A message on its way.
#[derive(Debug)]
struct Parcel {
    provider: &'static dyn Provider,
    notice: Notice,
    target: Target,
    attempts: u64,
    /// Told after the first attempt, with what was answered.
    tried: Option<oneshot::Sender<Option<u16>>>,
}

impl Parcel {
    fn tell(&mut self, status: Option<u16>) {
        if let Some(tried) = self.tried.take() {
            // Whoever waited may have gone.
            let _ = tried.send(status);
        }
    }

    fn in_order(&self) -> bool {
        self.target.in_order.unwrap_or(self.provider.habit().in_order)
    }

    /// How many failures in a row stop everything behind it.
    fn pause_after(&self) -> Option<u32> {
        self.provider.habit().pause_after.filter(|_| self.in_order())
    }

    fn queue(&self) -> String {
        format!("{} {}", self.provider.name(), self.target.url)
    }

    fn wait(&self, attempt: usize) -> Option<Duration> {
        let own = || {
            let wait_s = self.provider.habit().waits_s.get(attempt)?;
            Some(Duration::from_secs_f64(*wait_s as f64 * self.target.pace).max(Duration::from_millis(20)))
        };
        match &self.target.retry_ms {
            Some(waits) => waits.get(attempt).copied().map(Duration::from_millis),
            None => own(),
        }
    }
}

impl Courier {
    pub(crate) fn new() -> Courier {
        Courier { sender: Sender::new(), permits: Semaphore::new(AT_ONCE), queues: Mutex::default(), held: Mutex::default() }
    }

    /// Whether a stand-in has stopped sending until somebody resumes it.
    pub(crate) fn paused(&self, provider: &str) -> bool {
        let prefix = format!("{provider} ");
        locked(&self.queues).iter().any(|(name, queue)| queue.paused && name.starts_with(&prefix))
    }

    /// Lets a stand-in send again.
    pub(crate) fn resume(shared: &Arc<Shared>, provider: &str) {
        let prefix = format!("{provider} ");
        let mut resumed = Vec::new();
        for (name, queue) in locked(&shared.courier.queues).iter_mut().filter(|(name, _)| name.starts_with(&prefix)) {
            queue.failed = 0;
            if std::mem::take(&mut queue.paused) && !queue.runs {
                queue.runs = true;
                resumed.push(name.clone());
            }
        }
        for name in resumed {
            shared.spawn(run_queue(Arc::clone(shared), name));
        }
    }

    /// Takes messages up; each hands back what was answered to its first attempt.
    pub(crate) fn take_up(shared: &Arc<Shared>, provider: &'static dyn Provider, owed: Vec<Owed>) -> Vec<oneshot::Receiver<Option<u16>>> {
        let parcels = owed.into_iter().map(|Owed { notice, target, attempts }| {
            let (tried, answer) = oneshot::channel();
            let parcel = Parcel { provider, notice, target, attempts, tried: Some(tried) };
            shared.spawn(sort(Arc::clone(shared), parcel));
            answer
        });
        parcels.collect()
    }
}

/// Does with a message what the fault switches say, then sends it on its way.
async fn sort(shared: Arc<Shared>, mut parcel: Parcel) {
    if let Some(ms) = parcel.notice.delay_ms {
        shared.pause(Duration::from_millis(ms)).await;
    }
    let switch = shared.world().pick_hook(parcel.provider.name(), &parcel.notice.kind);
    let Some(switch) = switch else { return go(shared, parcel).await };
    match switch.mode {
        Mode::DropHook => {
            note(&shared, &parcel, None, State::Dropped, false);
            parcel.tell(None);
        }
        Mode::DelayHook => {
            shared.pause(Duration::from_millis(switch.ms.unwrap_or_default())).await;
            go(shared, parcel).await;
        }
        Mode::DuplicateHook => {
            let twin = copy(&parcel, parcel.notice.forged);
            tokio::join!(once(&shared, twin), go(Arc::clone(&shared), parcel));
        }
        Mode::ForgeHook => {
            once(&shared, copy(&parcel, true)).await;
            go(shared, parcel).await;
        }
        Mode::ReorderHooks => hold(shared, parcel, switch.hold.unwrap_or(2), switch.ms.unwrap_or(HELD_MS)).await,
        _ => go(shared, parcel).await,
    }
}

fn copy(parcel: &Parcel, forged: bool) -> Parcel {
    let notice = Notice { forged, ..parcel.notice.clone() };
    Parcel { provider: parcel.provider, notice, target: parcel.target.clone(), attempts: 0, tried: None }
}

/// Keeps a message until enough have come or the time is over; then they go, the last one first, each after the other.
async fn hold(shared: Arc<Shared>, parcel: Parcel, most: usize, ms: u64) {
    let name = parcel.provider.name();
    let (first, full) = {
        let mut held = locked(&shared.courier.held);
        let parcels = held.entry(name).or_default();
        parcels.push(parcel);
        (parcels.len() == 1, parcels.len() >= most)
    };
    if full {
        release(shared, name).await;
    } else if first {
        shared.pause(Duration::from_millis(ms)).await;
        release(shared, name).await;
    }
}

async fn release(shared: Arc<Shared>, provider: &'static str) {
    let parcels = locked(&shared.courier.held).remove(provider).unwrap_or_default();
    for parcel in parcels.into_iter().rev() {
        go(Arc::clone(&shared), parcel).await;
    }
}

/// Sends a message on its way: by itself, or behind those that were there before it.
async fn go(shared: Arc<Shared>, mut parcel: Parcel) {
    if !parcel.in_order() {
        deliver(&shared, &mut parcel).await;
        return;
    }
    let name = parcel.queue();
    let begins = {
        let mut queues = locked(&shared.courier.queues);
        let queue = queues.entry(name.clone()).or_default();
        queue.waiting.push_back(parcel);
        !queue.paused && !std::mem::replace(&mut queue.runs, true)
    };
    if begins {
        run_queue(shared, name).await;
    }
}

async fn run_queue(shared: Arc<Shared>, name: String) {
    loop {
        let next = {
            let mut queues = locked(&shared.courier.queues);
            let queue = queues.entry(name.clone()).or_default();
            let next = if queue.paused || shared.has_stopped() { None } else { queue.waiting.pop_front() };
            queue.runs = next.is_some();
            next
        };
        let Some(mut parcel) = next else { return };
        if !deliver(&shared, &mut parcel).await {
            locked(&shared.courier.queues).entry(name.clone()).or_default().waiting.push_front(parcel);
        }
    }
}

/// Attempts until it is received or given up. `false` when the queue was paused instead.
async fn deliver(shared: &Arc<Shared>, parcel: &mut Parcel) -> bool {
    let habit = parcel.provider.habit();
    for attempt in 0.. {
        if shared.has_stopped() {
            return true;
        }
        parcel.attempts += 1;
        let answer = post(shared, parcel).await;
        let accepted = answer.as_ref().is_some_and(|(status, body)| (habit.accepts)(*status, body));
        let status = answer.map(|(status, _)| status);
        let wait = parcel.wait(attempt).filter(|_| !(accepted || habit.only_unanswered && status.is_some()));
        let paused = count(shared, parcel, accepted);
        let state = match (accepted, wait.is_some() || paused) {
            (true, _) => State::Delivered,
            (false, true) => State::Pending,
            (false, false) => State::GivenUp,
        };
        note(shared, parcel, status, state, false);
        parcel.tell(status);
        match wait {
            _ if paused => return false,
            None => return true,
            Some(wait) => shared.pause(wait).await,
        }
    }
    true
}

/// Counts failures in a row; `true` when that was one too many.
fn count(shared: &Shared, parcel: &Parcel, accepted: bool) -> bool {
    let Some(most) = parcel.pause_after() else { return false };
    let mut queues = locked(&shared.courier.queues);
    let queue = queues.entry(parcel.queue()).or_default();
    queue.failed = if accepted { 0 } else { queue.failed + 1 };
    queue.paused |= queue.failed >= most;
    queue.paused
}

/// One attempt of a copy.
async fn once(shared: &Arc<Shared>, parcel: Parcel) {
    let status = post(shared, &parcel).await.map(|(status, _)| status);
    note(shared, &parcel, status, State::Delivered, true);
}

async fn post(shared: &Arc<Shared>, parcel: &Parcel) -> Option<(u16, Vec<u8>)> {
    let _permit = shared.courier.permits.acquire().await.ok()?;
    let mut target = parcel.target.clone();
    let mut notice = parcel.notice.clone();
    if notice.forged {
        target.secret = crate::sign::forged(&target.secret);
        notice.body["forged"] = true.into();
    }
    let now = shared.clock.now().plus_s(-notice.age_s);
    let post = parcel.provider.dress(&notice, &target, now);
    shared.courier.sender.send(post, Duration::from_millis(target.timeout_ms)).await
}

fn note(shared: &Shared, parcel: &Parcel, status: Option<u16>, state: State, copy: bool) {
    let notice = &parcel.notice;
    // Where it went, but not by which address: that is its receiver's secret.
    let to = parcel.target.url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
    let mut body = json!({ "nr": notice.nr, "type": notice.kind, "to": to, "attempt": parcel.attempts, "state": state });
    for (name, true_of_it) in [("copy", copy), ("forged", notice.forged)] {
        if true_of_it {
            body[name] = true.into();
        }
    }
    let line = Line {
        provider: parcel.provider.name().to_owned(),
        op: "hook".to_owned(),
        reference: Some(notice.id.clone()),
        status,
        body,
        ..Line::default()
    };
    // What cannot be written any more is of a sandbox that has stopped.
    let _ = shared.commit(line);
}
