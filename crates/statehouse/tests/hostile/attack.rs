//! The others. Bounded in number and pace: they run on the same machine, and its time is not what is measured. They have a
//! thread of their own, so that nobody who measures waits for one of them.
//!
//! What they do: 10,000 connections that send a byte every 3 s, back within 10 s when closed · 1,000 bodies of 1 GiB, each sent
//! until the server breaks off, by 20 who begin one every 60 ms each (333 a second, the 1,000 within 3 s of a window of 4) ·
//! 80 who each bring a key that does not exist 20 ms after the answer to the one before, every second one of them formed as
//! keys are: the server makes 64 of them wait, the other 16 and these bring about 900 a second. Each kind comes at an even
//! pace, from ten addresses, none of them the people's.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::io::AsyncWriteExt;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::wire;

/// Connections that dribble.
const LORISES: usize = 10_000;
/// How often each sends a byte, and within how long one that was closed is back.
const LORIS_SENDS_MS: u64 = 3_000;
const LORIS_BACK_MS: u64 = 10_000;
/// Requests with a body that does not end.
const GIANTS: usize = 1_000;
/// Who sends them, and how often each; together all of them within a window.
const GIANT_SENDERS: usize = 20;
const GIANT_EVERY: Duration = Duration::from_millis(60);
/// Half of them come with a key that is accepted, of a tenant that is not the people's.
const GIANT_KEY: &str = "key-orders-baltyk-rep-1";
/// Who brings keys that do not exist, and how often each; more of them than the server makes wait.
const FORGERS: usize = 80;
const FORGED_EVERY: Duration = Duration::from_millis(20);

/// What they do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attack {
    /// Open connections that send a byte of a header now and then.
    SlowLoris,
    /// Bodies of a gigabyte, half of which do not say so.
    GiantBodies,
    /// A flood of keys that do not exist.
    InvalidKeys,
}

/// An attack under way.
pub struct Attackers {
    runtime: Runtime,
    all: JoinSet<()>,
    made: Arc<AtomicUsize>,
    told: Arc<AtomicUsize>,
    kind: Attack,
}

impl Attackers {
    /// Ends it; what was done.
    pub async fn end(mut self) -> String {
        self.all.abort_all();
        while let Some(ended) = self.all.join_next().await {
            assert!(!ended.is_err_and(|cause| cause.is_panic()), "an attacker met something else than a refusal");
        }
        self.runtime.shutdown_background();
        let (made, told) = (self.made.load(Ordering::Relaxed), self.told.load(Ordering::Relaxed));
        match self.kind {
            Attack::SlowLoris => format!("{made} slow connections"),
            Attack::GiantBodies => format!("{made} giant bodies, {told} of them told why they were refused"),
            Attack::InvalidKeys => format!("{made} invalid keys, {told} of them looked at"),
        }
    }
}

/// Begins an attack; slow ones are all there when this returns.
pub async fn begin(kind: Attack, server: SocketAddr) -> Attackers {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let (made, told): (Arc<AtomicUsize>, Arc<AtomicUsize>) = Default::default();
    let mut all = JoinSet::new();
    match kind {
        Attack::SlowLoris => {
            for number in 0..LORISES {
                all.spawn_on(loris(server, number, Arc::clone(&made)), runtime.handle());
            }
            while made.load(Ordering::Relaxed) < LORISES {
                tokio::task::yield_now().await;
            }
        }
        Attack::GiantBodies => {
            for number in 0..GIANT_SENDERS {
                all.spawn_on(giants(server, number, Arc::clone(&made), Arc::clone(&told)), runtime.handle());
            }
        }
        Attack::InvalidKeys => {
            for number in 0..FORGERS {
                all.spawn_on(forger(server, number, Arc::clone(&made), Arc::clone(&told)), runtime.handle());
            }
        }
    }
    Attackers { runtime, all, made, told, kind }
}

/// A socket for each slow connection, here and in the server, which is given the same limit.
pub fn raise_the_limit_of_open_files() {
    let wanted = LORISES as u64 + 4096;
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("known");
    if soft < wanted {
        setrlimit(Resource::RLIMIT_NOFILE, wanted, hard.max(wanted)).expect("as many files as the attack needs");
    }
}

/// Attackers share a few addresses, none of them the people's.
fn address(number: usize) -> IpAddr {
    [127, 0, 1, 1 + u8::try_from(number % 10).unwrap_or_default()].into()
}

/// Addresses from which no key was ever accepted.
fn strange(number: usize) -> IpAddr {
    [127, 0, 2, 1 + u8::try_from(number % 10).unwrap_or_default()].into()
}

async fn loris(server: SocketAddr, number: usize, made: Arc<AtomicUsize>) {
    for turn in 0..100_usize {
        if let Ok(mut stream) = wire::connect(address(number), server).await {
            if turn == 0 {
                made.fetch_add(1, Ordering::Relaxed);
            }
            let mut still = stream.write_all(b"GET /v1/order HTTP/1.1\r\nhost: x\r\nx-slow: ").await.is_ok();
            while still {
                tokio::time::sleep(Duration::from_millis(LORIS_SENDS_MS + number as u64 % 1000)).await;
                still = stream.write_all(b"a").await.is_ok();
            }
        }
        // One that was closed comes again, all of them within these seconds.
        tokio::time::sleep(Duration::from_millis(number as u64 * LORIS_BACK_MS / LORISES as u64)).await;
    }
}

async fn giants(server: SocketAddr, number: usize, made: Arc<AtomicUsize>, told: Arc<AtomicUsize>) {
    let piece = vec![b' '; 64 << 10];
    tokio::time::sleep(GIANT_EVERY * number as u32 / GIANT_SENDERS as u32).await;
    for turn in 0..GIANTS {
        tokio::time::sleep(GIANT_EVERY).await;
        let size = if turn % 2 == 0 { "content-length: 1073741824" } else { "transfer-encoding: chunked" };
        let key = if turn % 4 < 2 { "no-such-key" } else { GIANT_KEY };
        let head = format!(
            "POST /v1/client HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n{size}\r\n\r\n"
        );
        if made.fetch_add(1, Ordering::Relaxed) >= GIANTS {
            return;
        }
        let Ok(mut stream) = wire::connect(address(number), server).await else { continue };
        if stream.write_all(head.as_bytes()).await.is_err() {
            continue;
        }
        for _ in 0..(1 << 30) / piece.len() {
            let framed = async {
                if turn % 2 == 1 {
                    stream.write_all(b"10000\r\n").await?;
                }
                stream.write_all(&piece).await?;
                if turn % 2 == 1 {
                    stream.write_all(b"\r\n").await?;
                }
                Ok::<(), std::io::Error>(())
            };
            if !matches!(tokio::time::timeout(Duration::from_secs(5), framed).await, Ok(Ok(()))) {
                break;
            }
        }
        let answered = tokio::time::timeout(Duration::from_secs(5), wire::answer(&mut stream)).await;
        if let Ok(Ok(status)) = answered {
            let refusals: &[u16] = if key == GIANT_KEY { &[413] } else { &[401, 429] };
            assert!(refusals.contains(&status), "a giant body was answered {status}");
            told.fetch_add(1, Ordering::Relaxed);
        }
    }
}

async fn forger(server: SocketAddr, number: usize, made: Arc<AtomicUsize>, told: Arc<AtomicUsize>) {
    let mut stream = None;
    tokio::time::sleep(FORGED_EVERY * number as u32 / FORGERS as u32).await;
    for turn in 0..100_000 {
        tokio::time::sleep(FORGED_EVERY).await;
        let mut held = match stream.take() {
            Some(held) => held,
            None => match wire::connect(strange(number), server).await {
                Ok(fresh) => fresh,
                Err(_) => continue,
            },
        };
        // Formed as keys are, or cut off.
        let form = if turn % 2 == 0 { format!("sk_nordur_{number:021}x{turn:021}") } else { format!("sk_nordur_{number}x{turn}") };
        let request = wire::get("/v1/order", &form);
        match wire::exchange(&mut held, &request).await {
            Ok(status) => {
                assert!(matches!(status, 401 | 429 | 503), "a key that does not exist was answered {status}");
                made.fetch_add(1, Ordering::Relaxed);
                told.fetch_add(usize::from(turn % 2 == 0 && status == 401), Ordering::Relaxed);
                stream = Some(held);
            }
            Err(_) => continue,
        }
    }
}
