//! How much waits, and for how long: what is owed to the outside, what came from there, timers.

use serde::Serialize;
use tokio_postgres::{Client, Row};

use crate::{Db, StoreFault};

/// So many of a kind in a state, over all tenants.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Queue {
    /// `effect`, `gate`, `message`, `timer` or `delivery`; `schedule` and `source` where a restore holds them.
    pub kind: String,
    /// The app; empty for timers.
    pub app: String,
    /// The connector, the source or the schedule; else empty.
    pub name: String,
    /// E.g. `due`, `unknown`, `late`; of a gate `open` or `probing`.
    pub state: String,
    /// How many; of one tenant no more than ten thousand are counted.
    pub count: i64,
    /// How long the oldest has waited, in seconds: since it was due, or since it came. Negative where nothing is due yet.
    pub oldest_s: f64,
}

/// All queues in which something is, over a pool of `statehouse_server` or `statehouse_worker`.
///
/// # Errors
/// Faults of storage.
pub async fn queues(db: &Db) -> Result<Vec<Queue>, StoreFault> {
    let client = db.get().await?;
    let list = client.prepare_cached(include_str!("../queries/queue_list.sql")).await?;
    let rows = client.query(&list, &[]).await.map_err(StoreFault::doing("counting what waits"))?;
    Ok(rows.iter().map(queue).collect())
}

/// The same over the administrator's own connection.
///
/// # Errors
/// Faults of storage.
pub async fn queues_as_admin(client: &Client) -> Result<Vec<Queue>, StoreFault> {
    let rows = client.query(include_str!("../queries/queue_list.sql"), &[]).await.map_err(StoreFault::doing("counting what waits"))?;
    Ok(rows.iter().map(queue).collect())
}

fn queue(row: &Row) -> Queue {
    Queue {
        kind: row.get("kind"),
        app: row.get("app"),
        name: row.get("name"),
        state: row.get("state"),
        count: row.get("count"),
        oldest_s: row.get::<_, Option<f64>>("oldest_s").unwrap_or_default(),
    }
}
