//! `statehouse files`: remove what nothing holds any more.

use serde::Serialize;
use statehouse_store::Login;
use statehouse_store::files::sweep;

use crate::cx::Cx;
use crate::failure::{Exit, Failure};

/// Bytes removed in one transaction, about.
const BATCH_BYTES: u64 = 256 << 20;
/// More batches than any sweep that is run now and then needs.
const BATCHES_MAX: u32 = 10_000;

/// What it takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
    /// The app, where there is more than one
    #[arg(long, value_name = "APP", global = true)]
    app: Option<String>,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Remove uploads nobody finished and files no record holds, a day after they were let go
    Sweep,
}

#[derive(Default, Serialize)]
struct Report {
    uploads: u64,
    files: u64,
    bytes: u64,
}

/// Runs it.
pub async fn run(args: Args, cx: &Cx) -> Result<Exit, Failure> {
    let What::Sweep = args.what;
    let reached = cx.reach_only(args.app.as_deref()).await?;
    let worker = reached.db(Login::Worker, 1)?;
    let mut report = Report::default();
    for _ in 0..BATCHES_MAX {
        let swept = sweep(&worker, BATCH_BYTES).await?;
        if swept.uploads + swept.files == 0 {
            break;
        }
        report.uploads += swept.uploads;
        report.files += swept.files;
        report.bytes += swept.bytes;
    }
    if !cx.print_json(&report) {
        sayln!("{} uploads that were over and {} files that nothing held are gone: {} bytes", report.uploads, report.files, report.bytes);
    }
    Ok(Exit::Fine)
}
