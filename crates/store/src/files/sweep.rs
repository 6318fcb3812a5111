//! What nothing holds any more.

use super::upload::unsigned;
use crate::{Db, StoreFault};

/// What a sweep removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Uploads that were over.
    pub uploads: u64,
    /// Files that nothing held.
    pub files: u64,
    /// Bytes of both.
    pub bytes: u64,
}

/// Removes one batch of what is over, in every tenant, over a pool of `statehouse_worker`: about `bytes_max` of it, in one
/// transaction. A batch in which nothing was removed is the last.
///
/// # Errors
/// Faults of storage.
pub async fn sweep(db: &Db, bytes_max: u64) -> Result<Swept, StoreFault> {
    let client = db.get().await?;
    let statement = client.prepare_cached(include_str!("../../queries/file_sweep.sql")).await?;
    let most = i64::try_from(bytes_max).unwrap_or(i64::MAX);
    statehouse_fault::point!("store.sweep_files:before");
    let row = client.query_one(&statement, &[&most]).await.map_err(StoreFault::doing("sweeping files"))?;
    statehouse_fault::point!("store.sweep_files:after");
    Ok(Swept { uploads: unsigned(&row, "uploads"), files: unsigned(&row, "files"), bytes: unsigned(&row, "bytes") })
}
