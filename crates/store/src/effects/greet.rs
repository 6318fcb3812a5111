//! Whether this is the database it was: after a restore nothing is sent by itself.

use std::time::SystemTime;

use crate::{Db, StoreFault};

/// What a worker learns when it comes to a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Greeting {
    /// The database is not where it was, or stands before what the worker remembers: what was owed is held now.
    pub restored: bool,
    /// Effects that are held since this call.
    pub held: i64,
    /// The epoch in force.
    pub epoch: i32,
    /// How far the server's log has got, for the worker's witness to remember: `0/16B3748`.
    pub lsn: String,
}

/// Greets a database, before anything is claimed and whenever the connection was lost. `witness` is the `lsn` of an
/// earlier greeting that the worker has kept outside the database.
///
/// # Errors
/// Faults of storage; then nothing may be claimed.
pub async fn greet(db: &Db, witness: Option<&str>) -> Result<Greeting, StoreFault> {
    let client = db.lean().await?;
    let statement = client.prepare_cached(include_str!("../../queries/worker_greet.sql")).await?;
    statehouse_fault::point!("store.greet_worker:before");
    let row = client.query_one(&statement, &[&witness]).await.map_err(StoreFault::doing("greeting the database"))?;
    statehouse_fault::point!("store.greet_worker:after");
    Ok(Greeting { restored: row.get("restored"), held: row.get("held"), epoch: row.get("epoch"), lsn: row.get("lsn") })
}

/// The database's clock, or the hand-held one of a test database.
///
/// # Errors
/// Faults of storage.
pub async fn now(db: &Db) -> Result<SystemTime, StoreFault> {
    let client = db.lean().await?;
    let statement = client.prepare_cached(include_str!("../../queries/clock_now.sql")).await?;
    Ok(client.query_one(&statement, &[]).await.map_err(StoreFault::doing("asking for the time"))?.get(0))
}
