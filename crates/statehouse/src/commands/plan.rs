//! `statehouse plan`: what would change in the database.

use std::path::PathBuf;

use serde_json::json;
use statehouse_store::apply::propose;

use crate::cx::Cx;
use crate::failure::{Exit, Failure};
use crate::folder::{self, Folder};
use crate::render;

/// What it takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The app's folder
    #[arg(default_value = ".")]
    app: PathBuf,
    /// A YAML file that says where the records of removed states go, such as `booking: { booked: { to: reserved } }`
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
    /// End with 2 when something would change
    #[arg(long)]
    exit_code: bool,
}

/// Runs it.
pub async fn run(args: Args, cx: &Cx) -> Result<Exit, Failure> {
    let app = Folder::sound(&args.app, cx)?;
    let mapping = args.mapping.as_ref().map(folder::yaml).transpose()?.unwrap_or_default();
    let reached = cx.reach(&app.name)?;
    let proposal = propose(&reached.place, &app, &mapping).await?;
    folder::type_changed(&args.app, &reached.place, &app, &proposal, cx).await?;
    let refused = proposal.plan.findings.iter().any(|finding| finding.refuses);
    let body = json!({
        "app": app.name, "changes": proposal.has_changes(), "version": proposal.stored_version, "first": proposal.first,
        "text_changed": proposal.text_changed, "plan": proposal.plan,
    });
    if !cx.print_json(&body) {
        say!("{}", render::proposal(&proposal, &app.name));
    }
    Ok(match () {
        () if refused => Exit::Refused,
        () if args.exit_code && proposal.has_changes() => Exit::Changes,
        () => Exit::Fine,
    })
}
