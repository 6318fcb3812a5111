//! Lets Postgres type every expression and explain every row rule, in a scratch database.

use statehouse_definition::{App, Finding};

use crate::{Place, StoreFault};

/// What Postgres finds wrong.
///
/// # Errors
/// When the scratch database cannot be made.
pub async fn check(_: &Place, _: &App) -> Result<Vec<Finding>, StoreFault> {
    Err(StoreFault::refused(statehouse_fault::SH1001, "`--typed` is not part of this build"))
}
