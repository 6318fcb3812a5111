//! `statehouse plan`: what would change in the database.

use serde_json::json;

use crate::cx::Cx;
use crate::failure::{Exit, Failure};
use crate::folder::Change;
use crate::render;

/// What it takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    change: Change,
    /// End with 2 when something would change
    #[arg(long)]
    exit_code: bool,
}

/// Runs it.
pub async fn run(args: Args, cx: &Cx) -> Result<Exit, Failure> {
    let (app, _, proposal) = args.change.propose(cx).await?;
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
