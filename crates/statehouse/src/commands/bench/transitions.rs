//! `statehouse bench transitions`: load, measure every cell between two runs of the bare work, count, judge.

use std::path::PathBuf;

use super::cells::Plan;
use super::report::{Machine, Report};
use super::world::World;
use super::{measure, report};
use crate::cx::Cx;
use crate::failure::{Exit, Failure};
use crate::folder::Folder;

/// What it takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder of the orders app
    #[arg(long, value_name = "DIR", default_value = "apps/orders")]
    app: PathBuf,
    /// How many orders there are
    #[arg(long, value_name = "N")]
    records: Option<u32>,
    /// A short run: 10,000 orders and small cells; its figures mean little
    #[arg(long)]
    quick: bool,
    /// Exit with 1 when a goal is missed, not only when rows are
    #[arg(long)]
    strict: bool,
    /// Where the private server is made, for as long as this runs [default: the temporary directory]
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
}

/// Runs it. Ctrl-C stops the server and removes its files too.
pub async fn run(args: Args, cx: &Cx) -> Result<Exit, Failure> {
    let report = tokio::select! {
        measured = measured(&args, cx) => measured?,
        _ = tokio::signal::ctrl_c() => return Err(Failure::new(statehouse_fault::SH5007, "interrupted")),
    };
    if !cx.print_json(&report) {
        say!("{}", report::table(&report));
    }
    let missed = args.strict && report.goals.iter().any(|goal| !goal.met);
    if !report.checks.equal() || missed {
        return Ok(Exit::Refused);
    }
    Ok(Exit::Fine)
}

async fn measured(args: &Args, cx: &Cx) -> Result<Report, Failure> {
    let plan = Plan::new(args.quick, args.records).map_err(Failure::usage)?;
    let app = Folder::sound(&args.app, cx)?;
    let scratch = args.scratch.clone().unwrap_or_else(std::env::temp_dir);
    let world = World::make(&scratch, &app, &plan).await?;
    let machine = Machine::of(&world);
    let (limit1, rows) = measure::all(&world, &plan).await?;
    let checks = world.count(rows.iter().map(|row| row.moves).sum()).await?;
    let arguments = world.sizes().await?;
    let goals = report::goals(&rows);
    Ok(Report { format_version: 1, machine, records: plan.records, arguments, limit1, rows, checks, goals })
}
