//! Moves the records of removed states, tenant by tenant, in small transactions, under the law.

use statehouse_compile::plan::Migration;

use crate::{Place, StoreFault};

/// Moves every record; returns how many were moved.
pub(super) async fn run(_: &Place, app: &str, migration: &Migration) -> Result<u64, StoreFault> {
    Err(StoreFault::refused(
        statehouse_fault::SH3052,
        format!("records of `{app}.{}` cannot be moved by this release", migration.entity),
    ))
}
