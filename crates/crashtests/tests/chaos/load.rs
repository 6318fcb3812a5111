//! What is asked of the server while it suffers: moves and messages, each repeated with its key until it is acknowledged.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use statehouse_store::subscription::{self, Secret};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use crate::asked::{Acked, Kind, Told};
use crate::caller::{Answer, Caller};
use crate::meter::now;
use crate::works::Works;

/// Who was refused, or not answered, asks again after this.
const AGAIN: Duration = Duration::from_millis(100);
/// Nobody asks for the same thing for longer.
const INSISTS: Duration = Duration::from_secs(90);

struct Shared {
    address: SocketAddr,
    key: String,
    token: String,
    secret: Secret,
    parcels: Vec<String>,
    payments: Vec<String>,
    offered: Mutex<Vec<(f64, usize)>>,
    acked: Mutex<Vec<Acked>>,
    count: AtomicUsize,
    told: Mutex<Told>,
}

/// Callers at work.
pub struct Load {
    shared: Arc<Shared>,
    queue: Option<UnboundedSender<usize>>,
    ticker: Option<JoinHandle<()>>,
    callers: Vec<JoinHandle<()>>,
}

impl Load {
    /// So many callers, with nothing to do yet.
    pub fn start(works: &Works, callers: usize) -> Load {
        let shared = Arc::new(Shared {
            address: works.address,
            key: works.key.clone(),
            token: works.token.clone(),
            secret: works.secret.clone(),
            parcels: works.parcels.clone(),
            payments: works.payments.clone(),
            offered: Mutex::default(),
            acked: Mutex::default(),
            count: AtomicUsize::new(0),
            told: Mutex::default(),
        });
        let (queue, asked) = unbounded_channel();
        let asked = Arc::new(tokio::sync::Mutex::new(asked));
        let callers = (0..callers).map(|_| tokio::spawn(call(Arc::clone(&shared), Arc::clone(&asked)))).collect();
        Load { shared, queue: Some(queue), ticker: None, callers }
    }

    /// Asks for so many at once.
    pub fn offer(&self, many: usize) {
        for _ in 0..many {
            offer(&self.shared, self.queue.as_ref());
        }
    }

    /// Asks for so many a second from now on, whether they are answered or not.
    pub fn pace(&mut self, per_second: f64) {
        let (shared, queue) = (Arc::clone(&self.shared), self.queue.clone());
        let ticker = tokio::spawn(async move {
            let mut tick = tokio::time::interval(Duration::from_secs_f64(1.0 / per_second));
            tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
            loop {
                tick.tick().await;
                offer(&shared, queue.as_ref());
            }
        });
        if let Some(before) = self.ticker.replace(ticker) {
            before.abort();
        }
    }

    /// Asks for nothing more.
    pub fn pause(&mut self) {
        if let Some(ticker) = self.ticker.take() {
            ticker.abort();
        }
    }

    /// How many were asked for.
    pub fn offered(&self) -> usize {
        hold(&self.shared.offered).len()
    }

    /// How many effects those asked for until this moment owe.
    pub fn owed_at(&self, moment: f64) -> usize {
        hold(&self.shared.offered).iter().take_while(|(at, _)| *at <= moment).map(|(_, effects)| effects).sum()
    }

    /// How many were acknowledged.
    pub fn acked(&self) -> usize {
        self.shared.count.load(Ordering::Acquire)
    }

    /// What was acknowledged so far.
    pub fn all_acked(&self) -> Vec<Acked> {
        hold(&self.shared.acked).clone()
    }

    /// What callers were told so far besides.
    pub fn told(&self) -> Told {
        hold(&self.shared.told).clone()
    }

    /// Lets everything that was asked for be acknowledged, and ends.
    pub async fn stop(mut self) -> (Vec<Acked>, Told) {
        self.pause();
        self.queue = None;
        for caller in self.callers.drain(..) {
            caller.await.expect("a caller ends by itself");
        }
        (self.all_acked(), self.told())
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.pause();
        for caller in &self.callers {
            caller.abort();
        }
    }
}

fn offer(shared: &Shared, queue: Option<&UnboundedSender<usize>>) {
    let mut offered = hold(&shared.offered);
    let nth = offered.len();
    offered.push((now(), Kind::of(nth).effects()));
    let _ = queue.map(|queue| queue.send(nth));
}

/// Takes one after the other, until there are no more to come.
async fn call(shared: Arc<Shared>, asked: Arc<tokio::sync::Mutex<UnboundedReceiver<usize>>>) {
    let mut caller = Caller::new(shared.address);
    loop {
        let Some(nth) = asked.lock().await.recv().await else { return };
        let acked = shared.one(nth);
        let began = Instant::now();
        loop {
            let asked = Instant::now();
            let answer = shared.ask(&mut caller, nth, &acked).await;
            if answer.as_ref().is_ok_and(Answer::is_yes) {
                break;
            }
            shared.note(&answer, asked.elapsed());
            assert!(began.elapsed() < INSISTS, "{acked:?} is not answered: {answer:?}");
            tokio::time::sleep(AGAIN).await;
        }
        hold(&shared.acked).push(acked);
        shared.count.fetch_add(1, Ordering::AcqRel);
    }
}

impl Shared {
    fn one(&self, nth: usize) -> Acked {
        let kind = Kind::of(nth);
        let record = match kind {
            Kind::Charge => self.payments.get(nth / 8).unwrap_or_else(|| panic!("there are too few payments")),
            _ => &self.parcels[nth % self.parcels.len()],
        };
        Acked { key: format!("c{nth}"), kind, record: record.clone() }
    }

    async fn ask(&self, caller: &mut Caller, nth: usize, asked: &Acked) -> std::io::Result<Answer> {
        let Acked { key, kind, record } = asked;
        if *kind == Kind::Scan {
            let body = serde_json::json!({ "type": "parcel.scanned", "id": record }).to_string();
            #[allow(clippy::cast_possible_truncation)]
            let signed = subscription::headers(std::slice::from_ref(&self.secret), key, now() as i64, body.as_bytes());
            let mut headers = vec![("content-type", "application/json")];
            headers.extend(signed.iter().map(|(name, value)| (*name, value.as_str())));
            return caller.ask("POST", &format!("/v1/in/{}", self.token), &headers, &body).await;
        }
        let (entity, verb) = if *kind == Kind::Tell { ("parcel", "tell") } else { ("payment", "charge") };
        let bearer = format!("Bearer {}", self.key);
        let mut headers = vec![("authorization", bearer.as_str()), ("idempotency-key", key.as_str())];
        // Moves with and without an answer go different ways.
        if nth.is_multiple_of(2) {
            headers.push(("prefer", "return=minimal"));
        }
        caller.ask("POST", &format!("/v1/{entity}/{record}/transitions/{verb}"), &headers, "").await
    }

    fn note(&self, answer: &std::io::Result<Answer>, took: Duration) {
        hold(&self.told).note(answer, took);
    }
}

fn hold<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
