//! `statehouse bench`: measures, on a private server of its own that is gone afterwards.

mod cells;
mod effects;
mod figures;
mod http;
mod measure;
mod messages;
mod meter;
mod pgbench;
mod report;
mod transitions;
mod world;

use crate::cx::Cx;
use crate::failure::{Exit, Failure};

/// What it takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to measure
    #[command(subcommand)]
    what: What,
}

/// One line a measurement.
#[derive(Debug, clap::Subcommand)]
enum What {
    /// Moves a second of the orders app, against the bare work on the same server in the same run
    Transitions(transitions::Args),
    /// How soon outside systems are thanked for messages while nothing works them off
    Messages(messages::Args),
    /// Messages delivered a second, and how soon, beside more and more that waits
    Effects(effects::Args),
}

/// Runs it.
pub async fn run(args: Args, cx: &Cx) -> Result<Exit, Failure> {
    match args.what {
        What::Transitions(args) => transitions::run(args, cx).await,
        What::Effects(args) => effects::run(args, cx).await,
        What::Messages(args) => messages::run(args, cx).await,
    }
}
