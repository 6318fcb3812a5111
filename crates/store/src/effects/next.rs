//! When there will be something to do.

use std::time::Duration;

use serde_json::Value;

use super::claim::{Detour, Known};
use crate::{Db, StoreFault};

/// How long, by the database's clock, until something of these connectors may go out as far as anybody can tell now;
/// none where nothing is due. Zero does not say that a claim finds it: it may be a suspended tenant's, or of a version
/// that nobody here knows.
///
/// # Errors
/// Faults of storage.
pub async fn next(db: &Db, known: &[Known]) -> Result<Option<Duration>, StoreFault> {
    ask(db, include_str!("../../queries/effect_next.sql"), known.iter().map(Known::json).collect()).await
}

/// The same for what goes out through another connector than its own.
///
/// # Errors
/// Faults of storage.
pub async fn next_through(db: &Db, detours: &[Detour]) -> Result<Option<Duration>, StoreFault> {
    ask(db, include_str!("../../queries/effect_next_through.sql"), detours.iter().map(Detour::json).collect()).await
}

async fn ask(db: &Db, query: &str, known: Value) -> Result<Option<Duration>, StoreFault> {
    let client = db.lean().await?;
    let statement = client.prepare_cached(query).await?;
    let row = client.query_one(&statement, &[&known]).await.map_err(StoreFault::doing("asking when effects are due"))?;
    let wait: Option<f64> = row.get("wait");
    Ok(wait.map(|wait| Duration::try_from_secs_f64(wait.max(0.0)).unwrap_or(Duration::MAX)))
}
