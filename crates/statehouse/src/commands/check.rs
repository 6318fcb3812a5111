//! `statehouse check`: what is wrong with a definition, without a database; `--typed` asks Postgres too.

use std::path::PathBuf;

use statehouse_definition::{Severity, shorten};

use crate::cx::Cx;
use crate::failure::{Exit, Failure};
use crate::folder::Folder;
use crate::render;

/// What it takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The app's folder
    #[arg(default_value = ".")]
    app: PathBuf,
    /// Let Postgres type every expression and explain every row rule
    #[arg(long)]
    typed: bool,
    /// Show every finding
    #[arg(long)]
    all: bool,
}

/// Runs it.
pub async fn run(args: Args, cx: &Cx) -> Result<Exit, Failure> {
    let mut folder = Folder::read(&args.app);
    if let Some(app) = folder.app.as_ref().filter(|_| args.typed) {
        let reached = cx.reach(&app.name)?;
        folder.findings.extend(statehouse_store::apply::typed::check(&reached.place, app).await?);
        statehouse_definition::tidy(&mut folder.findings);
    }
    let refused = folder.findings.iter().any(|finding| finding.severity == Severity::Error);
    let shown = if args.all { folder.findings } else { shorten(folder.findings, render::SHOWN_MOST) };
    render::findings(&args.app, &shown, cx);
    if !cx.json {
        let tally = render::tally(&shown);
        match &folder.app {
            Some(app) if tally.is_empty() => sayln!("`{}` is in order", app.name),
            _ => eprintln!("{tally}"),
        }
    }
    Ok(if refused { Exit::Refused } else { Exit::Fine })
}
