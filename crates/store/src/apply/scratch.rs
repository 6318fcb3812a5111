//! A database that lives for one question: what would the definition make? Everything in it is made in one
//! transaction that is rolled back, so that not even a role of the cluster stays behind.

use statehouse_compile::plan::Snapshot;
use tokio_postgres::Client;

use super::catalog;
use crate::{Place, StoreFault};

/// What a scratch database is called, before its random part; those of dead runs are removed by the next and by `doctor`.
pub const PREFIX: &str = "statehouse_scratch_";

/// One advisory lock for all that touches roles or makes databases in a cluster, held on the maintenance database:
/// Postgres refuses two transactions that comment on one role at the same time.
const LOCK: i64 = 0x5374_6174_6568_6f75;

/// A connection to the maintenance database that holds the cluster's lock while it lives.
pub(super) async fn maintenance(place: &Place) -> Result<Client, StoreFault> {
    let client = place.database("postgres").connect_admin().await?;
    client.batch_execute("set lock_timeout = '10min'").await?;
    client
        .execute(include_str!("../../queries/cluster_lock.sql"), &[&LOCK])
        .await
        .map_err(StoreFault::doing("waiting for another apply in this cluster"))?;
    Ok(client)
}

/// An empty scratch database with a connection to it.
pub struct Scratch {
    /// The connection; the transaction in it is the caller's.
    pub client: Client,
    name: String,
}

impl Scratch {
    /// Makes it. `maintenance` is a connection to another database of the cluster.
    ///
    /// # Errors
    /// When the database cannot be made or reached.
    pub async fn make(maintenance: &Client, place: &Place) -> Result<Scratch, StoreFault> {
        sweep_under(maintenance).await?;
        let name = format!("{PREFIX}{}", crate::secret::word(10)?);
        maintenance
            .batch_execute(&format!("create database {name} template template0"))
            .await
            .map_err(StoreFault::doing("making the scratch database"))?;
        match place.database(&name).connect_admin().await {
            Ok(client) => Ok(Scratch { client, name }),
            Err(fault) => {
                remove(maintenance, &name).await;
                Err(fault)
            }
        }
    }

    /// Drops it.
    pub async fn drop(self, maintenance: &Client) {
        drop(self.client);
        remove(maintenance, &self.name).await;
    }
}

/// What is left over is removed by `doctor`; the answer we came for is not given up for it.
async fn remove(maintenance: &Client, name: &str) {
    let _ = maintenance.batch_execute(&format!("drop database if exists {name} with (force)")).await;
}

/// The snapshot of a database made by `script`.
pub(super) async fn imagine(
    maintenance: &Client,
    place: &Place,
    script: &str,
    schemas: &[String],
    roles: &[String],
) -> Result<Snapshot, StoreFault> {
    let scratch = Scratch::make(maintenance, place).await?;
    let found = imagine_in(&scratch.client, script, schemas, roles).await;
    scratch.drop(maintenance).await;
    found
}

async fn imagine_in(client: &Client, script: &str, schemas: &[String], roles: &[String]) -> Result<Snapshot, StoreFault> {
    client.batch_execute("begin").await?;
    client.batch_execute(script).await.map_err(StoreFault::doing("making the definition in a scratch database"))?;
    let snapshot = catalog::read_imagined(client, schemas, roles).await?;
    client.batch_execute("rollback").await?;
    Ok(snapshot)
}

/// Removes the scratch databases of dead runs: whoever holds the cluster's lock knows that none of them lives. Returns how many.
pub(super) async fn sweep(place: &Place) -> Result<usize, StoreFault> {
    sweep_under(&maintenance(place).await?).await
}

async fn sweep_under(maintenance: &Client) -> Result<usize, StoreFault> {
    let rows = maintenance
        .query(include_str!("../../queries/scratch_list.sql"), &[&PREFIX])
        .await
        .map_err(StoreFault::doing("listing scratch databases"))?;
    for row in &rows {
        remove(maintenance, row.get(0)).await;
    }
    Ok(rows.len())
}
