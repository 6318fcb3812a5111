//! The shipped server, and callers who move orders through it: one connection each, one move after the other.

use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use uuid::Uuid;

use super::cells::Cell;
use super::pgbench::{Call, Ran, WARMING, figures};
use super::world::World;
use crate::failure::Failure;
use crate::process::Process;

/// The longest answer without a body.
const HEAD_MAX: usize = 16 << 10;
/// No answer takes longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running `statehouse serve`, of the same binary and in the same process group; it ends with the value.
#[derive(Debug)]
pub struct Face {
    _process: Process,
    address: SocketAddr,
}

impl Face {
    /// Starts it over the world's database, with its settings as they come but for the rate, which would be what is measured.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn start(world: &World) -> Result<Face, Failure> {
        Face::over(&world.admin_url(), &[])
    }

    /// The same over a database, with more settings in the environment.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn over(database_url: &str, environment: &[(&str, String)]) -> Result<Face, Failure> {
        let mut settings = vec![
            ("STATEHOUSE_LOG__ACCESS", "false".to_owned()),
            ("STATEHOUSE_LIMITS__RATE_PER_KEY", "1000000".to_owned()),
            ("STATEHOUSE_LIMITS__RATE_PER_TENANT", "1000000".to_owned()),
        ];
        settings.extend_from_slice(environment);
        let words = ["serve", "--listen", "127.0.0.1:0"];
        let address = |said: &Value| said["api"].as_str()?.strip_prefix("http://")?.parse().ok();
        let (process, address) = Process::start_and_hear(database_url, &words, &settings, address)
            .map_err(|cause| Failure::new(statehouse_fault::SH9001, format!("the server of the bench does not answer: {cause}")))?;
        Ok(Face { _process: process, address })
    }

    /// Where it answers.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Moves the cell's orders. The first [`WARMING`] calls of each connection are made and not counted; once all of them
    /// are done `warm` is called, then the rest is made.
    ///
    /// # Errors
    /// When one call is not answered with a move: a figure of a run with failures means nothing.
    pub async fn run(&self, world: &World, cell: &Cell, warm: impl AsyncFnOnce() -> Result<(), Failure>) -> Result<Ran, Failure> {
        let mut callers = Vec::new();
        for client in 0..cell.clients {
            let calls = cell.calls_each + WARMING;
            let orders = world.orders(cell.base + client * calls, calls).await?;
            callers.push(Caller::connect(self.address, world, orders).await?);
        }
        let (callers, mut calls) = each(callers, 0, WARMING).await?;
        warm().await?;
        let (_, rest) = each(callers, WARMING, cell.calls_each).await?;
        calls.extend(rest);
        figures(calls, WARMING).ok_or_else(|| broken("no call was timed"))
    }
}

/// All callers at once, each so many calls.
async fn each(callers: Vec<Caller>, done: u32, calls: u32) -> Result<(Vec<Caller>, Vec<Call>), Failure> {
    let tasks: Vec<_> = callers.into_iter().map(|caller| tokio::spawn(caller.moves(done, calls))).collect();
    let (mut callers, mut timed) = (Vec::new(), Vec::new());
    for task in tasks {
        let (caller, calls) = task.await.map_err(|cause| broken(&cause.to_string()))??;
        callers.push(caller);
        timed.extend(calls);
    }
    Ok((callers, timed))
}

fn broken(why: &str) -> Failure {
    Failure::new(statehouse_fault::SH9001, format!("a move over HTTP failed: {why}"))
}

/// One connection.
struct Caller {
    stream: TcpStream,
    /// What every request has between its order and its key.
    head: String,
    body: String,
    /// Number and id of each order it moves, in turn.
    orders: Vec<(i64, Uuid)>,
}

impl Caller {
    async fn connect(address: SocketAddr, world: &World, orders: Vec<(i64, Uuid)>) -> Result<Caller, Failure> {
        let stream = TcpStream::connect(address).await.map_err(|cause| broken(&cause.to_string()))?;
        stream.set_nodelay(true).map_err(|cause| broken(&cause.to_string()))?;
        let body = world.input();
        let head = format!(
            "/transitions/clear HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\nprefer: return=minimal\r\ncontent-type: application/json\r\ncontent-length: {}\r\nidempotency-key: bench-0190b5e2-7d2c-7bb0-a1c5-",
            world.broker_key,
            body.len()
        );
        Ok(Caller { stream, head, body, orders })
    }

    async fn moves(mut self, done: u32, calls: u32) -> Result<(Caller, Vec<Call>), Failure> {
        let mut timed = Vec::with_capacity(calls as usize);
        for nth in done..done + calls {
            let Some((number, id)) = self.orders.get(nth as usize) else { return Err(broken("there are too few orders")) };
            let request = format!("POST /v1/order/{id}{}{number:012}\r\n\r\n{}", self.head, self.body);
            let began = Instant::now();
            let answered = tokio::time::timeout(PATIENCE, self.call(&request)).await;
            answered.map_err(|_| broken("no answer in time"))??;
            let took = began.elapsed();
            let ended = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let us = |span: Duration| u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
            timed.push(Call { nth, took_us: us(took), ended_us: us(ended) });
        }
        Ok((self, timed))
    }

    /// One move: 204 has no body, so its head is all of it.
    async fn call(&mut self, request: &str) -> Result<(), Failure> {
        self.stream.write_all(request.as_bytes()).await.map_err(|cause| broken(&cause.to_string()))?;
        let mut head = [0; HEAD_MAX];
        let mut read = 0;
        while !head[..read].ends_with(b"\r\n\r\n") {
            let more = self.stream.read(&mut head[read..]).await.map_err(|cause| broken(&cause.to_string()))?;
            read += more;
            if more == 0 || read == HEAD_MAX || !b"HTTP/1.1 204".starts_with(&head[..read.min(12)]) {
                return Err(broken(&String::from_utf8_lossy(&head[..read])));
            }
        }
        Ok(())
    }
}
