//! Sessions that are not opened with an API key.

use std::time::Duration;

use super::session::{Session, read};
use crate::{Db, StoreFault};

/// Opens a session for a member whom the server has verified, over a pool of `statehouse_server`.
///
/// # Errors
/// `SH2004` where the person is no member of the tenant, faults of storage.
pub async fn open(server: &Db, email: &str, tenant: &str, app: &str, lasts: Duration) -> Result<Session, StoreFault> {
    let client = server.get().await?;
    let statement = client.prepare_cached(include_str!("../../queries/session_open.sql")).await?;
    let row = client
        .query_one(&statement, &[&email, &tenant, &app, &lasts.as_secs_f64()])
        .await
        .map_err(StoreFault::doing("opening a session"))?;
    Ok(read(row.get("token"), &row))
}
