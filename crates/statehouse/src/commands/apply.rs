//! `statehouse apply`: changes the database exactly as planned.

use std::path::PathBuf;

use serde_json::json;
use statehouse_store::apply;

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
    /// Allow the destructive step of this name; may be given more than once
    #[arg(long, value_name = "NAME")]
    allow_destroy: Vec<String>,
    /// Only if the database, the definition and the mapping still are as the plan saw them: the first letters of the plan's fingerprint
    #[arg(long, value_name = "FINGERPRINT")]
    planned: Option<String>,
}

/// Runs it.
pub async fn run(args: Args, cx: &Cx) -> Result<Exit, Failure> {
    let app = Folder::sound(&args.app, cx)?;
    let mapping = args.mapping.as_ref().map(folder::yaml).transpose()?.unwrap_or_default();
    let reached = cx.reach(&app.name)?;
    let proposal = apply::propose(&reached.place, &app, &mapping).await?;
    folder::type_changed(&args.app, &reached.place, &app, &proposal, cx).await?;
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
