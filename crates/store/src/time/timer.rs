//! Timers: a verb owed to one record.

use serde_json::Value;
use uuid::Uuid;

use crate::people::doors;
use crate::record::Session;
use crate::{Db, StoreFault};

/// A timer that was due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rung {
    /// The tenant.
    pub tenant: i32,
    /// The app.
    pub app: String,
    /// The entity, without its app.
    pub entity: String,
    /// The record.
    pub record: Uuid,
    /// The verb.
    pub verb: String,
    /// The record has moved, and the timer is gone. Otherwise it was refused and put off.
    pub moved: bool,
    /// The refusal.
    pub code: Option<String>,
}

/// Rings one timer that is due, of these apps, over a pool of `statehouse_worker`: fires its verb as a timer, in one
/// transaction, or notes the refusal and puts it off. None where nothing is due. However many ring at once, each timer
/// moves its record once; one whose record has left the state is passed over.
///
/// # Errors
/// Faults of storage.
pub async fn ring_one(worker_db: &Db, apps: &[String]) -> Result<Option<Rung>, StoreFault> {
    let client = worker_db.lean().await?;
    let ring = client.prepare_cached(include_str!("../../queries/timer_ring.sql")).await?;
    statehouse_fault::point!("store.ring_timer:before");
    let row = client.query_opt(&ring, &[&apps]).await.map_err(StoreFault::doing("ringing a timer"))?;
    statehouse_fault::point!("store.ring_timer:after");
    Ok(row.map(|row| Rung {
        tenant: row.get("tenant"),
        app: row.get("app"),
        entity: row.get("entity"),
        record: row.get("record"),
        verb: row.get("verb"),
        moved: row.get("moved"),
        code: row.get("code"),
    }))
}

/// Timers of the session's tenant that were refused, at most `most` (≤ 1000), the longest overdue first:
/// `{entity, record, verb, due_at, since, attempt, code}`, times in RFC 3339.
///
/// # Errors
/// `SH6505` without `outside.manage`, faults of storage and of the session.
pub async fn timers(db: &Db, session: &Session, most: i32) -> Result<Vec<Value>, StoreFault> {
    doors::list(db, session, "listing timers", include_str!("../../queries/timer_list.sql"), &[&most]).await
}
