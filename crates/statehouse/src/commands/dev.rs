//! `statehouse dev`.

use crate::cx::Cx;
use crate::failure::{Exit, Failure};

/// What it takes.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs it.
pub async fn run(_: Args, _: &Cx) -> Result<Exit, Failure> {
    Err(Failure::usage("`dev` is not part of this build"))
}
