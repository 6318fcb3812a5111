//! What the server itself spent: CPU of all its processes, bytes of its log.

use statehouse_store::StoreFault;

use super::world::World;
use crate::failure::Failure;

/// What was spent up to now.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    cpu_us: Option<f64>,
    wal_bytes: f64,
}

/// How long the server's log took to reach the disk.
#[derive(Clone, Copy, Debug)]
pub struct Flushes {
    times: f64,
    took_ms: f64,
}

impl Flushes {
    /// Reads it; a session tells what it did about once a second.
    ///
    /// # Errors
    /// When the server does not say.
    pub async fn take(world: &World) -> Result<Flushes, Failure> {
        let asked = "select wal_sync::float8, wal_sync_time from pg_stat_wal";
        let row = world.admin.query_one(asked, &[]).await.map_err(StoreFault::doing("reading how the log is flushed"))?;
        Ok(Flushes { times: row.get(0), took_ms: row.get(1) })
    }

    /// Milliseconds of a flush since `earlier`.
    pub fn mean_ms_since(&self, earlier: &Flushes) -> f64 {
        (self.took_ms - earlier.took_ms) / (self.times - earlier.times).max(1.0)
    }
}

/// What was spent between two readings.
#[derive(Clone, Copy, Debug)]
pub struct Spent {
    /// User and system time of the server's processes; nothing where the system has no `/proc`.
    pub cpu_us: Option<f64>,
    /// Bytes of the write-ahead log.
    pub wal_bytes: f64,
}

impl Reading {
    /// Reads both.
    ///
    /// # Errors
    /// When the server does not say.
    pub async fn take(world: &World) -> Result<Reading, Failure> {
        let asked = "select (pg_current_wal_lsn() - '0/0')::float8";
        let row = world.admin.query_one(asked, &[]).await.map_err(StoreFault::doing("reading the log's end"))?;
        Ok(Reading { cpu_us: cpu_us(world.postmaster), wal_bytes: row.get(0) })
    }

    /// What was spent since `earlier`.
    pub fn since(&self, earlier: &Reading) -> Spent {
        let cpu_us = self.cpu_us.zip(earlier.cpu_us).map(|(now, before)| now - before);
        Spent { cpu_us, wal_bytes: self.wal_bytes - earlier.wal_bytes }
    }
}

impl Spent {
    /// What remains when `other` is taken off.
    pub fn without(&self, other: &Spent) -> Spent {
        let cpu_us = self.cpu_us.zip(other.cpu_us).map(|(all, part)| all - part);
        Spent { cpu_us, wal_bytes: self.wal_bytes - other.wal_bytes }
    }
}

/// User and system time of one process up to now.
pub fn cpu_us_of(process: u32) -> Option<f64> {
    stat(&process.to_string()).map(|found| micros(found.own))
}

/// The kernel counts in hundredths of a second on every Linux that PostgreSQL runs on.
const TICK_US: f64 = 10_000.0;

/// The postmaster, its living children, and those it has buried: a process that ends moves from the second sum to the third.
fn cpu_us(postmaster: u32) -> Option<f64> {
    let own = stat(&postmaster.to_string())?;
    let mut ticks = own.own + own.buried;
    for entry in std::fs::read_dir("/proc").ok()?.flatten() {
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| name.starts_with(|first: char| first.is_ascii_digit())) else {
            continue;
        };
        ticks += stat(name).filter(|child| child.parent == postmaster).map_or(0, |child| child.own);
    }
    Some(micros(ticks))
}

fn micros(ticks: u64) -> f64 {
    // Ticks of one run are far below 2^53.
    #[allow(clippy::cast_precision_loss)]
    let ticks = ticks as f64;
    ticks * TICK_US
}

struct Stat {
    parent: u32,
    own: u64,
    buried: u64,
}

/// Fields 4 and 14 to 17 of `/proc/PID/stat`, counted after the name, which may hold anything but ends with the last bracket.
fn stat(process: &str) -> Option<Stat> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some(Stat { parent: fields.get(1)?.parse().ok()?, own: ticks(11)? + ticks(12)?, buried: ticks(13)? + ticks(14)? })
}
