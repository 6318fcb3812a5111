//! A message becomes a move: what it means, on the record it is about, and what became of it, all in one transaction.

use serde_json::Value;
use statehouse_definition::App;
use statehouse_definition::model::Late;
use statehouse_definition::reach;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::claim::Claimed;
use crate::effects::cleaned;
use crate::record::{crossed, pause};
use crate::{Db, StoreFault};

/// Crossed with another move of the record, it is tried again this often.
const RETRIES_MAX: u32 = 3;

/// What a message means.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// The definition it was read by.
    pub app: &'a App,
    /// Whose record, without the app.
    pub entity: &'a str,
    /// The unique field, or `reference` or `id`, and the value by which the record is found.
    pub find: (&'a str, &'a str),
    /// The verb.
    pub verb: &'a str,
    /// Its inputs: a JSON object.
    pub input: Option<&'a Value>,
    /// How long, in seconds from its first wait, it may wait for its record or for a state that lets it move.
    pub wait_s: f64,
    /// What becomes of it once it can no longer move the record.
    pub late: Late,
    /// What its sender answered when asked.
    pub fetched: Option<&'a Value>,
}

/// What came of it. All but `Lost` is written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// The record has moved.
    Moved {
        /// The record.
        record: Uuid,
        /// Where it stands now.
        state: String,
        /// Its version.
        version: i32,
    },
    /// The verb had moved the record before, and there is no way back to where it could again: nothing is left to do.
    Repeat,
    /// Not yet: its record is not there, or its state or a guard does not let it, and may later.
    Waiting {
        /// The refusal.
        code: String,
    },
    /// It can no longer move the record; a person looks at it.
    Late,
    /// The same, and the definition says that it does not matter.
    Ignored,
    /// There is no such record, and there was none for as long as it may wait.
    Quarantined,
    /// The law refuses it, and will not think otherwise.
    Dead {
        /// The refusal.
        code: String,
    },
    /// It is no longer the worker's; nothing was written.
    Lost,
}

/// Fires what a message means, as a connector, over a pool of `statehouse_worker`. What the law refuses is judged by the
/// code of the refusal, the state of the record and what the definition says of the ways from there.
///
/// # Errors
/// `SH5002` where it crossed with others more than three times, faults of storage. The message is still the worker's then,
/// unless the connection was lost at the end: the same call tells which (`Lost` where it was settled).
pub async fn apply_message(worker_db: &Db, worker: &str, claimed: &Claimed, wanted: &Wanted<'_>) -> Result<Applied, StoreFault> {
    let mut tried = 0;
    loop {
        statehouse_fault::point!("store.apply_message:before");
        let answered = attempt(worker_db, worker, claimed, wanted).await;
        statehouse_fault::point!("store.apply_message:after");
        match answered {
            Err(fault) if tried < RETRIES_MAX && crossed(&fault) => {
                tried += 1;
                tokio::time::sleep(pause(tried)).await;
            }
            other => return other,
        }
    }
}

/// One statement is one transaction: a caller who goes away leaves all of it or nothing.
async fn attempt(worker_db: &Db, worker: &str, claimed: &Claimed, wanted: &Wanted<'_>) -> Result<Applied, StoreFault> {
    let client = worker_db.lean().await?;
    let doing = || StoreFault::doing(format!("firing `{}`", wanted.verb));
    let apply = client.prepare_cached(include_str!("../../queries/message_apply.sql")).await.map_err(doing())?;
    let hopeful = hopeful(wanted);
    let late = match wanted.late {
        Late::Queue => "late",
        Late::Ignore => "ignored",
    };
    let held = claimed.held;
    // A message may hold a character zero, and no text of Postgres does.
    let (input, fetched, value) = (wanted.input.map(cleaned), wanted.fetched.map(cleaned), wanted.find.1.replace('\0', "\u{fffd}"));
    let given: [&(dyn ToSql + Sync); 14] = [
        &worker,
        &held.tenant,
        &held.id,
        &held.attempt,
        &wanted.app.name,
        &wanted.entity,
        &wanted.find.0,
        &value,
        &wanted.verb,
        &input,
        &hopeful,
        &wanted.wait_s,
        &late,
        &fetched,
    ];
    let row = client.query_one(&apply, &given).await.map_err(doing())?;
    Ok(applied(&row))
}

/// The states from which the verb can still become legal, one that it leaves among them.
fn hopeful<'a>(wanted: &Wanted<'a>) -> Vec<&'a str> {
    let Some(entity) = wanted.app.entities.get(wanted.entity) else { return Vec::new() };
    let Some(verb) = entity.transitions.get(wanted.verb) else { return Vec::new() };
    entity.states.keys().filter(|state| reach::can_still(entity, state, &verb.from)).map(String::as_str).collect()
}

fn applied(row: &Row) -> Applied {
    let code = || row.get::<_, Option<String>>("code").unwrap_or_default();
    match (row.get::<_, &str>("state"), row.get("version"), row.get("record")) {
        ("done", Some(version), Some(record)) => Applied::Moved { record, state: row.get("stands"), version },
        ("done", ..) => Applied::Repeat,
        ("waiting", ..) => Applied::Waiting { code: code() },
        ("late", ..) => Applied::Late,
        ("ignored", ..) => Applied::Ignored,
        ("quarantined", ..) => Applied::Quarantined,
        ("dead", ..) => Applied::Dead { code: code() },
        _ => Applied::Lost,
    }
}
