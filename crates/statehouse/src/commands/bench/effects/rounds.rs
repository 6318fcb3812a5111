//! Rounds: each backlog stands in a server of its own, with a worker and a provider of its own, and they are measured in
//! turn, again and again. Whatever else the machine does falls on all of them alike, and a ratio is one of neighbours.

use std::path::Path;

use statehouse_definition::App;

use super::backlog;
use super::deliver::Post;
use crate::commands::bench::cells::Plan;
use crate::commands::bench::figures::percentile;
use crate::commands::bench::meter::{Flushes, Reading};
use crate::commands::bench::world::World;
use crate::failure::Failure;

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Effects that wait, for each server; the first is what the others are put next to.
    pub backlogs: [i64; 3],
    /// How often each is measured.
    pub rounds: u32,
    /// Moves of a round made one every ten milliseconds.
    pub paced: u32,
    /// Moves of a round made as fast as they go.
    pub fast: u32,
}

/// Moved before anything is counted: connections, plans, pages.
const WARMING: u32 = 400;

impl Size {
    /// Moves in each server.
    pub fn moves(&self) -> u32 {
        WARMING + self.rounds * (self.paced + self.fast)
    }
}

/// One round beside one backlog.
#[derive(Clone, Debug)]
pub struct Lap {
    /// Moves acknowledged a second.
    pub moves_per_s: f64,
    /// From the first move to the last effect that is known to be done: effects a second.
    pub effects_per_s: f64,
    /// From the acknowledgement of a move to the provider's log, the quickest first.
    pub took_ms: Vec<f64>,
    /// How long the server's log took to reach the disk meanwhile; a claim waits for that once.
    pub flush_ms: f64,
    /// CPU of the server and of the worker, for a move made as fast as they go and its effect.
    pub cpu_us: Option<[f64; 2]>,
}

impl Lap {
    /// The latency that so many of a hundred do not exceed.
    pub fn latency_ms(&self, of_hundred: usize) -> f64 {
        percentile(&self.took_ms, of_hundred).unwrap_or_default()
    }
}

/// One backlog, and what runs beside it.
pub struct Stand {
    /// Effects that wait.
    pub backlog: i64,
    /// What was measured, round by round.
    pub laps: Vec<Lap>,
    next: u32,
    // Dropped in this order: the worker before its server.
    post: Post,
    /// Its server.
    pub world: World,
}

impl Stand {
    async fn make(folder: &Path, app: &App, size: &Size, backlog: i64) -> Result<Stand, Failure> {
        let place = folder.join(backlog.to_string());
        std::fs::create_dir(&place).map_err(|cause| Failure::file("create", &place, &cause))?;
        let moves = size.moves();
        let plan = Plan { records: moves + 1, in_customs: moves, cells: Vec::new(), limit_calls_each: [0; 3] };
        let world = World::make(&place, app, &plan).await?;
        let post = Post::start(&world).await?;
        // The worker opens the gates, so one that is to be shut is there once something has been delivered.
        post.fast(&world, 1, WARMING / 2).await?;
        world.say(&format!("{backlog} are made to wait"));
        backlog::fill(&world, backlog).await?;
        post.fast(&world, 1 + WARMING / 2, WARMING - WARMING / 2).await?;
        Ok(Stand { backlog, laps: Vec::new(), next: 1 + WARMING, post, world })
    }

    async fn lap(&mut self, size: &Size) -> Result<(), Failure> {
        let flushes = Flushes::take(&self.world).await?;
        let took_ms = self.post.paced(&self.world, self.next, size.paced).await?;
        let flush_ms = Flushes::take(&self.world).await?.mean_ms_since(&flushes);
        let before = (Reading::take(&self.world).await?, self.post.worker_cpu_us());
        let ran = self.post.fast(&self.world, self.next + size.paced, size.fast).await?;
        let (spent, worker) = (Reading::take(&self.world).await?.since(&before.0), self.post.worker_cpu_us());
        self.next += size.paced + size.fast;
        let moves = f64::from(size.fast);
        let cpu_us = spent.cpu_us.zip(worker.zip(before.1)).map(|(server, (now, then))| [server / moves, (now - then) / moves]);
        let (moves_per_s, effects_per_s) = (moves / ran.moved.as_secs_f64(), moves / ran.done.as_secs_f64());
        self.laps.push(Lap { moves_per_s, effects_per_s, took_ms, flush_ms, cpu_us });
        Ok(())
    }

    /// Texts that were sent, and those of them more than once.
    pub fn sent(&self) -> (usize, usize) {
        (self.post.sent(), self.post.sent_twice())
    }
}

/// Makes the servers below `folder` and measures them in turn, each round beginning with another.
pub async fn run(folder: &Path, app: &App, size: &Size) -> Result<Vec<Stand>, Failure> {
    let mut stands = Vec::new();
    for backlog in size.backlogs {
        stands.push(Stand::make(folder, app, size, backlog).await?);
    }
    for round in 0..size.rounds as usize {
        for turn in 0..stands.len() {
            let at = (round + turn) % stands.len();
            stands[at].world.say(&format!("round {} of {}, {} wait", round + 1, size.rounds, stands[at].backlog));
            stands[at].lap(size).await?;
        }
    }
    Ok(stands)
}
