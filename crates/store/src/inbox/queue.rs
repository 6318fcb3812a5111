//! What a member with `outside.manage` sees of the messages of their tenant, and does about them.

use std::time::Duration;

use serde_json::Value;
use uuid::Uuid;

use crate::people::doors;
use crate::record::Session;
use crate::{Db, StoreFault};

/// Every state of a message, as people see it.
pub const STATES: [&str; 10] = ["due", "leased", "waiting", "held", "done", "ignored", "late", "quarantined", "conflict", "dead"];

/// Which messages.
#[derive(Clone, Debug, Default)]
pub struct Filter<'a> {
    /// In these states; none for all.
    pub states: Option<&'a [String]>,
    /// Of this source; none for all.
    pub source: Option<&'a str>,
    /// Older than this one.
    pub before: Option<Uuid>,
}

/// At most `most` (≤ 1000) messages without what they say, the newest first: `{id, source, key, n, item, type, state,
/// received_at, due_at, wait_until, settled_at, attempt, again, coverage, secret, entity, record, verb, code, why}`, times
/// in RFC 3339.
///
/// # Errors
/// `SH6505` without `outside.manage`, faults of storage and of the session.
pub async fn list(db: &Db, session: &Session, filter: &Filter<'_>, most: i32) -> Result<Vec<Value>, StoreFault> {
    let given: [&(dyn tokio_postgres::types::ToSql + Sync); 4] = [&filter.states, &filter.source, &filter.before, &most];
    doors::list(db, session, "listing messages", include_str!("../../queries/message_list.sql"), &given).await
}

/// One message as [`list`] gives it, with `body` (a text, or base64 under `body_base64` where it is none), `headers`,
/// `query`, `input` and `fetched`. None where the tenant has none such.
///
/// # Errors
/// As [`list`].
pub async fn one(db: &Db, session: &Session, id: Uuid) -> Result<Option<Value>, StoreFault> {
    let rows = doors::call(db, session, "reading a message", include_str!("../../queries/message_one.sql"), &[&id]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let mut told: Value = row.get::<_, tokio_postgres::types::Json<Value>>("told").0;
    let body: Vec<u8> = row.get("body");
    match String::from_utf8(body) {
        Ok(text) => told["body"] = Value::String(text),
        Err(other) => {
            use base64::Engine as _;
            told["body_base64"] = Value::String(base64::engine::general_purpose::STANDARD.encode(other.into_bytes()));
        }
    }
    Ok(Some(told))
}

/// Takes what they said from messages that never found their record and came to their end longer ago than `after`, at most
/// `most`, over a pool of `statehouse_worker`; how many. That they came stays known.
///
/// # Errors
/// Faults of storage.
pub async fn forget(worker_db: &Db, after: Duration, most: i32) -> Result<i32, StoreFault> {
    let client = worker_db.lean().await?;
    let forget = client.prepare_cached(include_str!("../../queries/message_forget.sql")).await?;
    statehouse_fault::point!("store.forget_messages:before");
    let row = client.query_one(&forget, &[&after.as_secs_f64(), &most]).await.map_err(StoreFault::doing("forgetting messages"))?;
    statehouse_fault::point!("store.forget_messages:after");
    Ok(row.get(0))
}

/// Has messages looked at again that came to nothing: dead, late, quarantined or ignored ones; says which. What is done
/// is not done again, and a second call finds none.
///
/// # Errors
/// As [`list`].
pub async fn replay(db: &Db, session: &Session, ids: &[Uuid]) -> Result<Vec<Uuid>, StoreFault> {
    statehouse_fault::point!("store.replay_messages:before");
    let rows = doors::call(db, session, "replaying messages", include_str!("../../queries/message_replay.sql"), &[&ids]).await;
    statehouse_fault::point!("store.replay_messages:after");
    Ok(rows?.iter().map(|row| row.get(0)).collect())
}
