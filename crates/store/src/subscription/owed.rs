//! What is owed to subscribers, lent to whoever calls them, and what became of it.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use uuid::Uuid;

use crate::{Db, StoreFault};

/// A message to one subscriber, lent to a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The tenant.
    pub tenant: i32,
    /// The subscription.
    pub subscription: Uuid,
    /// The event's place in the feed.
    pub xid: String,
    /// The same.
    pub n: i64,
    /// Number of the claim: the fence.
    pub attempt: i32,
    /// By which the receiver knows it, the same for every attempt.
    pub id: String,
    /// Where it goes.
    pub url: String,
    /// The bytes that are signed and sent.
    pub body: String,
    /// The number of the subscription's secret.
    pub secret: i32,
    /// Whether the secret before signs too.
    pub previous: bool,
    /// By the database's clock, now.
    pub now: SystemTime,
}

/// What became of a call to a subscriber.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It was taken.
    Yes,
    /// It was not, and is tried again after `after`; the receiver is left alone for `rest`.
    Later {
        /// How long from now.
        after: Duration,
        /// For how long nothing is sent to this subscriber.
        rest: Duration,
    },
    /// It was not, and is tried no more.
    Never,
    /// Its receiver says that it is gone: the subscription ends.
    Gone,
}

/// One call and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The message.
    pub delivery: Delivery,
    /// What became of it.
    pub taken: Taken,
    /// Why it was not taken.
    pub code: Option<String>,
    /// What was answered.
    pub status: Option<u16>,
}

impl Call {
    fn json(&self) -> Value {
        let Delivery { tenant, subscription, xid, n, attempt, .. } = &self.delivery;
        let (to, after, rest) = match self.taken {
            Taken::Yes => ("done", None, None),
            Taken::Later { after, rest } => ("due", Some(after.as_secs_f64()), Some(rest.as_secs_f64())),
            Taken::Never | Taken::Gone => ("dead", None, None),
        };
        json!({
            "tenant": tenant, "subscription": subscription, "xid": xid, "n": n, "attempt": attempt, "to": to, "after": after, "rest": rest,
            "ends": self.taken == Taken::Gone, "code": self.code, "status": self.status,
        })
    }
}

/// Lends a worker at most `most` messages that are due to subscribers, an even share each, over a pool of
/// `statehouse_worker`. Of a subscriber that fails it is one at a time.
///
/// # Errors
/// Faults of storage.
pub async fn claim(worker_db: &Db, worker: &str, most: i32, lease: Duration) -> Result<Vec<Delivery>, StoreFault> {
    let client = worker_db.lean().await?;
    let claim = client.prepare_cached(include_str!("../../queries/delivery_claim.sql")).await?;
    statehouse_fault::point!("store.claim_deliveries:before");
    let rows = client
        .query(&claim, &[&worker, &most, &lease.as_secs_f64()])
        .await
        .map_err(StoreFault::doing("claiming messages to subscribers"))?;
    statehouse_fault::point!("store.claim_deliveries:after");
    Ok(rows.iter().map(read).collect())
}

fn read(row: &tokio_postgres::Row) -> Delivery {
    Delivery {
        tenant: row.get("tenant"),
        subscription: row.get("subscription"),
        xid: row.get("xid"),
        n: row.get("n"),
        attempt: row.get("attempt"),
        id: row.get("id"),
        url: row.get("url"),
        body: row.get("body"),
        secret: row.get("secret"),
        previous: row.get("previous"),
        now: row.get("now"),
    }
}

/// Takes up messages whose caller went away; how many.
///
/// # Errors
/// Faults of storage.
pub async fn recover(worker_db: &Db) -> Result<i32, StoreFault> {
    let client = worker_db.lean().await?;
    let recover = client.prepare_cached(include_str!("../../queries/delivery_recover.sql")).await?;
    statehouse_fault::point!("store.recover_deliveries:before");
    let row = client.query_one(&recover, &[]).await.map_err(StoreFault::doing("taking up messages to subscribers"))?;
    statehouse_fault::point!("store.recover_deliveries:after");
    Ok(row.get(0))
}

/// Writes down what became of calls; of how many. Those that were no longer the worker's are left out.
///
/// # Errors
/// Faults of storage: then nothing is known to be written.
pub async fn settle(worker_db: &Db, worker: &str, calls: &[Call]) -> Result<i32, StoreFault> {
    let client = worker_db.lean().await?;
    let settle = client.prepare_cached(include_str!("../../queries/delivery_settle.sql")).await?;
    let said: Value = calls.iter().map(Call::json).collect();
    statehouse_fault::point!("store.settle_deliveries:before");
    let row = client.query_one(&settle, &[&worker, &said]).await.map_err(StoreFault::doing("settling messages to subscribers"))?;
    statehouse_fault::point!("store.settle_deliveries:after");
    Ok(row.get(0))
}

/// Forgets messages that were taken a week ago, or given up a month ago, at most `most`; how many.
///
/// # Errors
/// Faults of storage.
pub async fn purge(worker_db: &Db, most: i32) -> Result<i32, StoreFault> {
    let client = worker_db.lean().await?;
    let purge = client.prepare_cached(include_str!("../../queries/delivery_purge.sql")).await?;
    statehouse_fault::point!("store.purge_deliveries:before");
    let row = client.query_one(&purge, &[&most]).await.map_err(StoreFault::doing("forgetting messages to subscribers"))?;
    statehouse_fault::point!("store.purge_deliveries:after");
    Ok(row.get(0))
}
