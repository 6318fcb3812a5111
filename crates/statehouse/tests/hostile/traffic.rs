//! People who mean it: a few of them, at an even pace, each on a connection that stays.

use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::cpu::Used;
use crate::server::Server;
use crate::wire;

/// A salesperson of the first tenant.
pub const KEY: &str = "key-orders-nordur-rep-1";
const PEOPLE: u32 = 8;
/// Each asks this often.
const PACE: Duration = Duration::from_millis(40);

/// What the people met in one stretch of time.
#[derive(Clone, Debug)]
pub struct Window {
    /// Half of the answers took at most this.
    pub p50: Duration,
    /// 99 of 100 answers took at most this.
    pub p99: Duration,
    /// Answers other than 200, and lost connections.
    pub refused: usize,
    /// Who used the processors meanwhile.
    pub used: Used,
}

impl Window {
    /// The middle one of the windows.
    pub fn typical_p99(windows: &[Window]) -> Duration {
        let mut all: Vec<_> = windows.iter().map(|window| window.p99).collect();
        all.sort_unstable();
        all[all.len() / 2]
    }
}

/// Everybody works for this long.
pub async fn window(server: &Server, lasts: Duration) -> Window {
    let mut people = JoinSet::new();
    let before = Used::now(server.process());
    let begins = Instant::now() + Duration::from_millis(50);
    for number in 0..PEOPLE {
        people.spawn(person(server.address, begins + PACE * number / PEOPLE, lasts));
    }
    let (mut took, mut refused) = (Vec::new(), 0);
    while let Some(met) = people.join_next().await {
        let (times, others) = met.expect("a person");
        took.extend(times);
        refused += others;
    }
    took.sort_unstable();
    Window { p50: took[took.len() / 2], p99: took[took.len() * 99 / 100], refused, used: Used::now(server.process()).since(before) }
}

async fn person(server: std::net::SocketAddr, begins: Instant, lasts: Duration) -> (Vec<Duration>, usize) {
    let requests = [wire::get("/v1/order?limit=20", KEY), wire::get("/v1/client?limit=20", KEY)];
    let mut ticks = interval_at(begins, PACE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut took, mut refused) = (Vec::new(), 0);
    let mut held: Option<TcpStream> = None;
    for request in requests.iter().cycle() {
        ticks.tick().await;
        if Instant::now() > begins + lasts {
            break;
        }
        let began = Instant::now();
        let mut stream = match held.take() {
            Some(stream) => stream,
            None => wire::connect([127, 0, 0, 1].into(), server).await.expect("connected"),
        };
        match wire::exchange(&mut stream, request).await {
            Ok(200) => {
                took.push(began.elapsed());
                held = Some(stream);
            }
            _ => refused += 1,
        }
    }
    (took, refused)
}
