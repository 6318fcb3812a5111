//! `statehouse bench effects`: from a move to what its provider got, beside more and more that waits for something else.
//!
//! The shipped worker sends the text messages of the orders app to a stand-in whose log says when each arrived.

mod backlog;
mod deliver;

use std::path::PathBuf;

use serde::Serialize;

use super::cells::Plan;
use super::report::{Machine, round};
use super::world::World;
use crate::cx::Cx;
use crate::failure::{Exit, Failure};
use crate::folder::Folder;
use deliver::{Delivered, Post};

/// What it takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder of the orders app
    #[arg(long, value_name = "DIR", default_value = "apps/orders")]
    app: PathBuf,
    /// A short run: small backlogs and few moves; its figures mean little
    #[arg(long)]
    quick: bool,
    /// Exit with 1 when it is not flat within a fifth, not only when rows are missing
    #[arg(long)]
    strict: bool,
    /// Where the private server is made, for as long as this runs [default: the temporary directory]
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
}

/// One backlog.
#[derive(Debug, Serialize)]
struct Row {
    /// Effects that wait for something else.
    backlog: i64,
    /// Moves made as fast as they go, all callers together.
    moves: u32,
    /// Of those: moves acknowledged a second.
    moves_per_s: f64,
    /// From the first move to the last effect that is known to be done: effects a second.
    effects_per_s: f64,
    /// Moves made one every ten milliseconds.
    paced: u32,
    /// From the acknowledgement of the move to the provider's log, of those.
    p50_ms: f64,
    /// 99th percentile of it.
    p99_ms: f64,
}

#[derive(Debug, Serialize)]
struct Checks {
    moves: u32,
    effects_done: i64,
    sent: usize,
    sent_twice: usize,
}

impl Checks {
    fn equal(&self) -> bool {
        i64::from(self.moves) == self.effects_done && self.moves as usize == self.sent && self.sent_twice == 0
    }
}

#[derive(Debug, Serialize)]
struct Report {
    format_version: u32,
    machine: Machine,
    rows: Vec<Row>,
    /// The lowest rate to the highest.
    flat_rate: f64,
    /// The lowest median to the highest.
    flat_p50: f64,
    checks: Checks,
}

/// Moves of one backlog, as fast as they go and one by one; and the backlogs.
const FULL: (u32, u32, [i64; 3]) = (4_000, 1_000, [0, 100_000, 1_000_000]);
const QUICK: (u32, u32, [i64; 3]) = (200, 50, [0, 1_000, 10_000]);
/// Moved before anything is counted: connections, plans, pages.
const WARMING: u32 = 400;

/// Runs it. Ctrl-C stops the server and removes its files too.
pub async fn run(args: Args, cx: &Cx) -> Result<Exit, Failure> {
    let report = tokio::select! {
        measured = measured(&args, cx) => measured?,
        _ = tokio::signal::ctrl_c() => return Err(Failure::new(statehouse_fault::SH5007, "interrupted")),
    };
    if !cx.print_json(&report) {
        say!("{}", table(&report));
    }
    let bent = args.strict && (report.flat_rate < 0.8 || report.flat_p50 < 0.8);
    Ok(if report.checks.equal() && !bent { Exit::Fine } else { Exit::Refused })
}

async fn measured(args: &Args, cx: &Cx) -> Result<Report, Failure> {
    let (fast, paced, backlogs) = if args.quick { QUICK } else { FULL };
    let mut app = Folder::sound(&args.app, cx)?;
    // The provider's rate would be what is measured.
    for connector in app.connectors.values_mut() {
        connector.limit = None;
    }
    let moves = WARMING + 3 * (fast + paced);
    let plan = Plan { records: moves + 1, in_customs: moves, cells: Vec::new(), limit_calls_each: [0; 3] };
    let scratch = args.scratch.clone().unwrap_or_else(std::env::temp_dir);
    let world = World::make(&scratch, &app, &plan).await?;
    let machine = Machine::of(&world);
    let post = Post::start(&world).await?;
    let mut next = 1;
    post.fast(&world, next, WARMING).await?;
    next += WARMING;
    let mut rows = Vec::new();
    for backlog in backlogs {
        backlog::fill(&world, backlog).await?;
        world.say(&format!("{backlog} wait for something else"));
        let slow = post.paced(&world, next, paced).await?;
        let ran = post.fast(&world, next + paced, fast).await?;
        next += paced + fast;
        rows.push(row(backlog, paced, &slow, fast, &ran));
    }
    let checks = Checks { moves, effects_done: backlog::done(&world).await?, sent: post.sent(), sent_twice: post.sent_twice() };
    let flat = |figure: fn(&Row) -> f64| {
        let (least, most) = rows.iter().map(figure).fold((f64::MAX, 0.0_f64), |(least, most), one| (least.min(one), most.max(one)));
        round(least / most, 2)
    };
    let (flat_rate, flat_p50) = (flat(|row| row.effects_per_s), flat(|row| row.p50_ms));
    Ok(Report { format_version: 1, machine, rows, flat_rate, flat_p50, checks })
}

fn row(backlog: i64, paced: u32, slow: &[f64], moves: u32, ran: &Delivered) -> Row {
    let at = |share: f64| {
        // A position in a list of some thousand.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
        let place = ((slow.len() as f64 - 1.0) * share).round() as usize;
        round(slow.get(place).copied().unwrap_or_default(), 2)
    };
    Row {
        backlog,
        moves,
        moves_per_s: round(f64::from(moves) / ran.moved.as_secs_f64(), 0),
        effects_per_s: round(f64::from(moves) / ran.done.as_secs_f64(), 0),
        paced,
        p50_ms: at(0.5),
        p99_ms: at(0.99),
    }
}

fn table(report: &Report) -> String {
    let mut text = format!("{:>10} {:>8} {:>10} {:>10} {:>9} {:>9}\n", "backlog", "moves", "moves/s", "effects/s", "p50 ms", "p99 ms");
    for row in &report.rows {
        text.push_str(&format!(
            "{:>10} {:>8} {:>10} {:>10} {:>9} {:>9}\n",
            row.backlog, row.moves, row.moves_per_s, row.effects_per_s, row.p50_ms, row.p99_ms
        ));
    }
    let checks = &report.checks;
    text.push_str(&format!(
        "flat: rate {}, median {} (1 is level, 0.8 is the goal)\n{} moves, {} effects done, {} sent, {} of them twice",
        report.flat_rate, report.flat_p50, checks.moves, checks.effects_done, checks.sent, checks.sent_twice
    ));
    text
}
