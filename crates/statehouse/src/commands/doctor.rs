//! `statehouse doctor`: one line a check, and what to do under each that fails.

use std::path::PathBuf;

use serde::Serialize;
use statehouse_postgres::Binaries;
use statehouse_store::doctor::{self, Check};

use crate::cx::Cx;
use crate::failure::{Exit, Failure};
use crate::folder::Folder;

/// What it takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The app's folder
    #[arg(default_value = ".")]
    app: PathBuf,
}

#[derive(Serialize)]
struct Report {
    fine: bool,
    checks: Vec<Check>,
}

/// Runs it.
pub async fn run(args: Args, cx: &Cx) -> Result<Exit, Failure> {
    let mut checks = vec![binaries(cx)];
    let app = Folder::sound(&args.app, cx)?;
    let reached = cx.reach(&app.name);
    match reached {
        Ok(reached) => checks.extend(doctor::examine(&reached.place, &app).await?),
        Err(failure) => checks.push(Check::wrong("server", failure.fault.detail, failure.fault.help)),
    }
    let report = Report { fine: checks.iter().all(|check| check.fine), checks };
    if !cx.print_json(&report) {
        for check in &report.checks {
            sayln!("{} {:<22} {}", if check.fine { "ok  " } else { "FAIL" }, check.name, check.found);
            if let Some(help) = &check.help {
                sayln!("     {:<22} {help}", "");
            }
        }
    }
    Ok(if report.fine { Exit::Fine } else { Exit::Refused })
}

/// The programs of a private server; not needed with a database of one's own.
fn binaries(cx: &Cx) -> Check {
    match Binaries::find(None) {
        Ok(found) => Check::fine("postgres programs", found.dir().display().to_string()),
        Err(_) if cx.database_url.is_some() => Check::fine("postgres programs", "none here, and none needed"),
        Err(fault) => Check::wrong("postgres programs", fault.to_string(), fault.help()),
    }
}
