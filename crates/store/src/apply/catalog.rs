//! Reads what a database holds.

use statehouse_compile::plan::{CATALOG, PREPARE, Snapshot};
use tokio_postgres::Client;

use crate::StoreFault;

/// The snapshot of `schemas` and `roles`, in a read-only transaction of its own.
pub(super) async fn read(client: &Client, schemas: &[String], roles: &[String]) -> Result<Snapshot, StoreFault> {
    client.batch_execute(PREPARE).await.map_err(StoreFault::doing("opening the catalog"))?;
    let found = read_within(client, schemas, roles).await;
    client.batch_execute("rollback").await.map_err(StoreFault::doing("closing the catalog"))?;
    found
}

/// The same inside the caller's transaction, with the settings under which printed definitions are comparable.
pub(super) async fn read_imagined(client: &Client, schemas: &[String], roles: &[String]) -> Result<Snapshot, StoreFault> {
    // The transaction has begun already; the rest of the preparation is settings.
    let settings = PREPARE.split_once(";\n").map_or("", |(_, settings)| settings);
    client.batch_execute(settings).await.map_err(StoreFault::doing("opening the catalog"))?;
    read_within(client, schemas, roles).await
}

async fn read_within(client: &Client, schemas: &[String], roles: &[String]) -> Result<Snapshot, StoreFault> {
    let sql = format!("select kind, schema, name, part, facts::text from (\n{CATALOG}\n) q");
    let rows = client.query(&sql, &[&schemas, &roles]).await.map_err(StoreFault::doing("reading the catalog"))?;
    let mut snapshot = Snapshot::default();
    for row in rows {
        snapshot
            .add(row.get(0), row.get(1), row.get(2), row.get(3), row.get(4))
            .map_err(|unreadable| StoreFault::refused(statehouse_fault::SH9001, unreadable.to_string()))?;
    }
    Ok(snapshot)
}
