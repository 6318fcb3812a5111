//! `statehouse bench effects`: from a move to what its provider got, beside more and more that waits for something else.
//!
//! The shipped worker sends the text messages of the orders app to a stand-in whose log says when each arrived.

mod backlog;
mod deliver;
mod rounds;

use std::path::PathBuf;

use serde::Serialize;

use super::figures::{median, percentile, quartiles};
use super::report::{Machine, round};
use crate::cx::Cx;
use crate::failure::{Exit, Failure};
use crate::folder::Folder;
use crate::scratch::Scratch;
use rounds::{Lap, Size, Stand};

/// What it takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder of the orders app
    #[arg(long, value_name = "DIR", default_value = "apps/orders")]
    app: PathBuf,
    /// How often each backlog is measured, in turn with the others
    #[arg(long, value_name = "N")]
    rounds: Option<u32>,
    /// A short run: small backlogs and few moves; its figures mean little
    #[arg(long)]
    quick: bool,
    /// Exit with 1 when it is not flat within a fifth, not only when rows are missing
    #[arg(long)]
    strict: bool,
    /// Where the private servers are made, for as long as this runs [default: the temporary directory]
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
}

/// One backlog. Figures are medians of the rounds.
#[derive(Debug, Serialize)]
struct Row {
    /// Effects that wait for something else.
    backlog: i64,
    /// Moves acknowledged a second, as fast as they go, all callers together.
    moves_per_s: f64,
    /// From the first of those moves to the last effect that is known to be done: effects a second.
    effects_per_s: f64,
    /// From the acknowledgement of a move to the provider's log, one move every ten milliseconds.
    p50_ms: f64,
    /// 99th percentile of it in a round.
    p99_ms: f64,
    /// 99th percentile of it, of all rounds together.
    p99_ms_of_all: f64,
    /// How long the server's log took to reach the disk meanwhile: of each latency the claim's part.
    flush_ms: f64,
    /// CPU of the server for a move and its effect, as fast as they go.
    pg_cpu_us: Option<f64>,
    /// CPU of the worker for an effect.
    worker_cpu_us: Option<f64>,
    /// To what the same round gave without a backlog.
    beside_none: Beside,
}

/// Medians over the rounds of a figure to the same figure of the same round without a backlog, and their quartiles.
#[derive(Debug, Serialize)]
struct Beside {
    rate: Ratio,
    p50: Ratio,
    p99: Ratio,
    /// Of the server, as fast as they go.
    pg_cpu: Option<f64>,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Ratio {
    median: f64,
    quartiles: [f64; 2],
}

impl Ratio {
    fn of(these: &[Lap], those: &[Lap], figure: impl Fn(&Lap) -> f64) -> Ratio {
        let ratios: Vec<f64> = these.iter().zip(those).map(|(one, other)| figure(one) / figure(other)).collect();
        let quartiles = quartiles(ratios.iter().copied()).map(|value| round(value, 2));
        Ratio { median: round(median(ratios), 2), quartiles }
    }
}

#[derive(Debug, Default, Serialize)]
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
    rounds: u32,
    /// Moves of a round, one every ten milliseconds and as fast as they go.
    moves_of_a_round: [u32; 2],
    rows: Vec<Row>,
    /// Whether no rate is below four fifths of the one without a backlog, and no median or 99th percentile above six fifths.
    flat: bool,
    checks: Checks,
}

const FULL: Size = Size { backlogs: [0, 100_000, 1_000_000], rounds: 9, paced: 500, fast: 1_500 };
const QUICK: Size = Size { backlogs: [0, 1_000, 10_000], rounds: 1, paced: 50, fast: 200 };
const ROUNDS_MAX: u32 = 100;

/// Runs it. Ctrl-C stops the servers and removes their files too.
pub async fn run(args: Args, cx: &Cx) -> Result<Exit, Failure> {
    let report = tokio::select! {
        measured = measured(&args, cx) => measured?,
        _ = tokio::signal::ctrl_c() => return Err(Failure::new(statehouse_fault::SH5007, "interrupted")),
    };
    if !cx.print_json(&report) {
        say!("{}", table(&report));
    }
    let bent = args.strict && !report.flat;
    Ok(if report.checks.equal() && !bent { Exit::Fine } else { Exit::Refused })
}

async fn measured(args: &Args, cx: &Cx) -> Result<Report, Failure> {
    let mut size = if args.quick { QUICK } else { FULL };
    size.rounds = args.rounds.unwrap_or(size.rounds);
    if !(1..=ROUNDS_MAX).contains(&size.rounds) {
        return Err(Failure::usage(format!("`--rounds` is 1 to {ROUNDS_MAX}")));
    }
    let mut app = Folder::sound(&args.app, cx)?;
    // The provider's rate would be what is measured.
    for connector in app.connectors.values_mut() {
        connector.limit = None;
    }
    let scratch = Scratch::make(&args.scratch.clone().unwrap_or_else(std::env::temp_dir), "bench-effects")?;
    let stands = rounds::run(scratch.path(), &app, &size).await?;
    let mut checks = Checks { moves: size.moves() * 3, ..Checks::default() };
    for stand in &stands {
        let (sent, twice) = stand.sent();
        checks.effects_done += backlog::done(&stand.world).await?;
        checks.sent += sent;
        checks.sent_twice += twice;
    }
    let rows: Vec<Row> = stands.iter().map(|stand| row(stand, &stands[0].laps)).collect();
    let flat = rows.iter().all(|row| {
        let Beside { rate, p50, p99, .. } = &row.beside_none;
        rate.median >= 0.8 && p50.median <= 1.2 && p99.median <= 1.2
    });
    let machine = Machine::of(&stands[0].world);
    Ok(Report { format_version: 2, machine, rounds: size.rounds, moves_of_a_round: [size.paced, size.fast], rows, flat, checks })
}

fn row(stand: &Stand, without: &[Lap]) -> Row {
    let laps = &stand.laps;
    let middle = |figure: fn(&Lap) -> f64, places| round(median(laps.iter().map(figure)), places);
    let cpu = |laps: &[Lap], at: usize| {
        let all: Option<Vec<f64>> = laps.iter().map(|lap| Some(lap.cpu_us?[at])).collect();
        all.map(median)
    };
    let mut all: Vec<f64> = laps.iter().flat_map(|lap| lap.took_ms.iter().copied()).collect();
    all.sort_by(f64::total_cmp);
    let server = cpu(laps, 0);
    Row {
        backlog: stand.backlog,
        moves_per_s: middle(|lap| lap.moves_per_s, 0),
        effects_per_s: middle(|lap| lap.effects_per_s, 0),
        p50_ms: middle(|lap| lap.latency_ms(50), 2),
        p99_ms: middle(|lap| lap.latency_ms(99), 2),
        flush_ms: middle(|lap| lap.flush_ms, 2),
        p99_ms_of_all: round(percentile(&all, 99).unwrap_or_default(), 2),
        pg_cpu_us: server.map(|us| round(us, 0)),
        worker_cpu_us: cpu(laps, 1).map(|us| round(us, 0)),
        beside_none: Beside {
            rate: Ratio::of(laps, without, |lap| lap.effects_per_s),
            p50: Ratio::of(laps, without, |lap| lap.latency_ms(50)),
            p99: Ratio::of(laps, without, |lap| lap.latency_ms(99)),
            pg_cpu: server.zip(cpu(without, 0)).map(|(with, without)| round(with / without, 2)),
        },
    }
}

fn table(report: &Report) -> String {
    let mut text = format!(
        "{:>9} {:>8} {:>10} {:>7} {:>7} {:>8} {:>7} {:>10}   beside none: rate, p50, p99 (quartiles)\n",
        "backlog", "moves/s", "effects/s", "p50 ms", "p99 ms", "flush ms", "pg µs", "worker µs"
    );
    let or_dash = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value}"));
    let ratio = |ratio: &Ratio| format!("{:.2} ({:.2}–{:.2})", ratio.median, ratio.quartiles[0], ratio.quartiles[1]);
    for row in &report.rows {
        let Beside { rate, p50, p99, .. } = &row.beside_none;
        let ratios = [rate, p50, p99].map(ratio).join("  ");
        text.push_str(&format!(
            "{:>9} {:>8} {:>10} {:>7.2} {:>7.2} {:>8.2} {:>7} {:>10}   {ratios}\n",
            row.backlog,
            row.moves_per_s,
            row.effects_per_s,
            row.p50_ms,
            row.p99_ms,
            row.flush_ms,
            or_dash(row.pg_cpu_us),
            or_dash(row.worker_cpu_us)
        ));
    }
    let checks = &report.checks;
    text.push_str(&format!(
        "{} rounds; flat within a fifth: {}\n{} moves, {} effects done, {} sent, {} of them twice",
        report.rounds,
        if report.flat { "yes" } else { "no" },
        checks.moves,
        checks.effects_done,
        checks.sent,
        checks.sent_twice
    ));
    text
}
