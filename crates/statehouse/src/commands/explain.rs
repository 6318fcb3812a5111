//! `statehouse explain`: the page of a code.

use crate::cx::Cx;
use crate::failure::{Exit, Failure};

/// What it takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A code such as `SH4004`
    what: String,
}

/// Runs it.
pub async fn run(args: Args, cx: &Cx) -> Result<Exit, Failure> {
    if args.what.len() == 6 && args.what.to_ascii_uppercase().starts_with("SH") {
        return crate::render::page(&args.what.to_ascii_uppercase(), cx);
    }
    Err(Failure::usage(format!("`{}` is not a code", args.what)))
}
