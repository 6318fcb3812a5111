//! Whether what is acknowledged outlasts a crash. Nothing is acknowledged over a server that forgets.

use statehouse_fault::{Fault, SH0012};

use crate::{Db, StoreFault};

/// What a server does without, when it is fast and forgets.
const NEEDED: [&str; 3] = ["fsync", "full_page_writes", "synchronous_commit"];

/// Refuses a server that answers a commit before it is on the disk, or whose crash damages what is there. Asked once by
/// each process before it begins, as the login that it writes with.
///
/// # Errors
/// `SH0012` that names the settings; faults of storage.
pub async fn insist(db: &Db) -> Result<(), StoreFault> {
    let client = db.lean().await?;
    let doing = || StoreFault::doing("asking how durable the server is");
    let statement = client.prepare_cached(include_str!("../queries/durability_read.sql")).await.map_err(doing())?;
    let row = client.query_one(&statement, &[]).await.map_err(doing())?;
    let off: Vec<&str> = NEEDED.into_iter().filter(|name| row.get::<_, &str>(*name) == "off").collect();
    if off.is_empty() {
        return Ok(());
    }
    let (names, are) = (statehouse_definition::quoted_list(&off), if off.len() == 1 { "is" } else { "are" });
    Err(Fault::new(SH0012, format!("{names} {are} off: a crash loses what was acknowledged")).into())
}
