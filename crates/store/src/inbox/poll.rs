//! Asking a source for what it sent: for messages that were lost on their way.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tokio_postgres::types::ToSql;

use super::receive::{Receipt, receipt};
use crate::{Db, StoreFault};

/// A source of one tenant, lent to a worker to be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Poll {
    /// The tenant.
    pub tenant: i32,
    /// Its short name.
    pub slug: String,
    /// The app.
    pub app: String,
    /// The inbox.
    pub source: String,
    /// Number of the claim: the fence.
    pub attempt: i32,
    /// When the last good poll began; none before the first.
    pub since: Option<SystemTime>,
    /// When this one began, by the database's clock.
    pub started_at: SystemTime,
    /// Where the reading of its list goes on, in the worker's own words, at most 8 KiB; none: with the first page.
    pub place: Option<Value>,
    /// Failures in a row.
    pub failures: i32,
}

/// Lends a worker one source that is due to be asked, of those in `known` (app, source), over a pool of
/// `statehouse_worker`. A tenant is asked for that has an address for the source; none where nothing is due.
///
/// # Errors
/// Faults of storage.
pub async fn claim_poll(worker_db: &Db, worker: &str, known: &[(String, String)], lease: Duration) -> Result<Option<Poll>, StoreFault> {
    let client = worker_db.lean().await?;
    let claim = client.prepare_cached(include_str!("../../queries/poll_claim.sql")).await?;
    let known: Value = known.iter().map(|(app, source)| json!([app, source])).collect();
    statehouse_fault::point!("store.claim_poll:before");
    let row = client.query_opt(&claim, &[&worker, &known, &lease.as_secs_f64()]).await.map_err(StoreFault::doing("claiming a poll"))?;
    statehouse_fault::point!("store.claim_poll:after");
    Ok(row.map(|row| Poll {
        tenant: row.get("tenant"),
        slug: row.get("slug"),
        app: row.get("app"),
        source: row.get("source"),
        attempt: row.get("attempt"),
        since: row.get("since"),
        started_at: row.get("started_at"),
        failures: row.get("failures"),
        place: row.get("place"),
    }))
}

/// An item of a list that a source was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a> {
    /// What makes it the same message.
    pub key: &'a str,
    /// Its type.
    pub kind: &'a str,
    /// The item, as JSON.
    pub body: &'a [u8],
}

/// Stores an item as a message of the polled source; the same key is the same message, whatever else it says. None where
/// the poll is no longer the worker's.
///
/// # Errors
/// Faults of storage.
pub async fn receive_item(worker_db: &Db, worker: &str, poll: &Poll, item: &Item<'_>) -> Result<Option<Receipt>, StoreFault> {
    let client = worker_db.lean().await?;
    let store = client.prepare_cached(include_str!("../../queries/message_receive_item.sql")).await?;
    let (key, kind) = (item.key.replace('\0', "\u{fffd}"), item.kind.replace('\0', "\u{fffd}"));
    let given: [&(dyn ToSql + Sync); 7] = [&worker, &poll.tenant, &poll.app, &poll.source, &key, &kind, &item.body];
    statehouse_fault::point!("store.receive_item:before");
    let row = client.query_opt(&store, &given).await.map_err(StoreFault::doing("storing an item"))?;
    statehouse_fault::point!("store.receive_item:after");
    Ok(row.as_ref().map(receipt))
}

/// Ends a poll: a good one moves the time from which the next asks, unless `place` says that there is more to read. False
/// where it is no longer the worker's.
///
/// # Errors
/// Faults of storage.
pub async fn finish_poll(
    worker_db: &Db,
    worker: &str,
    poll: &Poll,
    good: bool,
    after: Duration,
    code: Option<&str>,
) -> Result<bool, StoreFault> {
    let client = worker_db.lean().await?;
    let finish = client.prepare_cached(include_str!("../../queries/poll_finish.sql")).await?;
    let after_s = after.as_secs_f64();
    let given: [&(dyn ToSql + Sync); 9] =
        [&worker, &poll.tenant, &poll.app, &poll.source, &poll.attempt, &good, &after_s, &code, &poll.place];
    statehouse_fault::point!("store.finish_poll:before");
    let row = client.query_one(&finish, &given).await.map_err(StoreFault::doing("ending a poll"))?;
    statehouse_fault::point!("store.finish_poll:after");
    Ok(row.get(0))
}
