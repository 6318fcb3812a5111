//! `statehouse apply`: changes the database exactly as planned.

use serde_json::json;
use statehouse_store::apply;

use crate::cx::Cx;
use crate::failure::{Exit, Failure};
use crate::folder::Change;
use crate::render;

/// What it takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    change: Change,
    /// Allow the destructive step of this name; may be given more than once
    #[arg(long, value_name = "NAME")]
    allow_destroy: Vec<String>,
    /// Only if the database, the definition and the mapping still are as the plan saw them: the first letters of the plan's fingerprint
    #[arg(long, value_name = "FINGERPRINT")]
    planned: Option<String>,
}

/// Runs it.
pub async fn run(args: Args, cx: &Cx) -> Result<Exit, Failure> {
    let (app, reached, proposal) = args.change.propose(cx).await?;
    if args.planned.as_ref().is_some_and(|planned| !proposal.plan.fingerprint.starts_with(planned.as_str())) {
        return Err(Failure::new(
            statehouse_fault::SH3053,
            "the database, the definition or the mapping has changed since the plan was made",
        ));
    }
    if !cx.json {
        say!("{}", render::proposal(&proposal, &app.name));
    }
    let applied = apply::apply(&reached.place, &app, &proposal, &args.allow_destroy).await?;
    let body = json!({ "app": app.name, "changed": proposal.has_changes(), "applied": applied });
    if !cx.print_json(&body) && proposal.has_changes() {
        sayln!("`{}` is at version {}", app.name, applied.version);
    }
    Ok(Exit::Fine)
}
