//! What members see of what is owed, and what they may do about it; each needs the capability `outside.manage`.

use std::time::SystemTime;

use serde_json::Value;
use statehouse_definition::model::Class;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::claim::class;
use super::held::Id;
use crate::record::Session;
use crate::record::pipeline::within;
use crate::{Db, StoreFault};

/// Every state of an effect.
pub const STATES: [&str; 7] = ["due", "leased", "done", "failed", "unknown", "held", "dead"];
/// The longest page.
pub const PAGE_MAX: i32 = 200;

/// An effect as people see it: never what it is sent with, nor what came back.
#[derive(Clone, Debug, PartialEq)]
pub struct Owed {
    /// The effect.
    pub id: Id,
    /// The record's entity, without its app.
    pub entity: String,
    /// The verb that owes it.
    pub verb: String,
    /// Whom it is for.
    pub connector: String,
    /// What is asked of them.
    pub action: String,
    /// What a doubt means.
    pub class: Class,
    /// The call of a claiming transition.
    pub call: bool,
    /// One of [`STATES`].
    pub state: String,
    /// When it is, or last was, due.
    pub due_at: SystemTime,
    /// How often it was claimed.
    pub attempt: i32,
    /// A send may have reached the provider.
    pub doubt: bool,
    /// Why it is where it is.
    pub code: Option<String>,
    /// The last attempts, oldest first: `{at, attempt, to, code, status, ms}`.
    pub tried: Value,
    /// When it came to its end.
    pub finished_at: Option<SystemTime>,
}

/// Where a page begins: after this one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct After {
    /// Its due time.
    pub due_at: SystemTime,
    /// Itself.
    pub id: Id,
}

/// A gate as people see it.
#[derive(Clone, Debug, PartialEq)]
pub struct Gate {
    /// The connector.
    pub connector: String,
    /// Its breaker: `closed`, `open` or `probing`.
    pub state: String,
    /// Failures in a row.
    pub failures: i32,
    /// When it opened.
    pub opened_at: Option<SystemTime>,
    /// When one call is tried.
    pub open_until: Option<SystemTime>,
    /// Until when the provider asked to be left alone.
    pub blocked_until: Option<SystemTime>,
    /// Effects that are due now, counted up to 1000.
    pub due: i64,
    /// Since when the oldest of them waits.
    pub oldest_due_at: Option<SystemTime>,
}

/// What a replay did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// The effect.
    pub id: Id,
    /// Whether it is due again by this call; not so what is neither held nor dead. One that is not the caller's is left out.
    pub due: bool,
}

/// Effects of the caller's tenant and app in any of these states, or in all if none is named, newest due time first, over a
/// pool of `statehouse_api`.
///
/// # Errors
/// `SH6505` without the capability, and faults of storage.
pub async fn outbox(db: &Db, session: &Session, states: &[&str], after: Option<After>, most: i32) -> Result<Vec<Owed>, StoreFault> {
    let (at, record, seq, n) =
        after.map_or((None, None, None, None), |a| (Some(a.due_at), Some(a.id.record), Some(a.id.seq), Some(a.id.n)));
    let most = most.clamp(1, PAGE_MAX);
    let given: [&(dyn ToSql + Sync); 6] = [&states, &at, &record, &seq, &n, &most];
    let rows = asked(db, session, "reading what is owed", include_str!("../../queries/effect_outbox.sql"), &given).await?;
    Ok(rows.iter().map(|row| owed(row, &session.app)).collect())
}

fn owed(row: &Row, app: &str) -> Owed {
    let entity: String = row.get("entity");
    Owed {
        id: id(row),
        entity: entity.strip_prefix(&format!("{app}.")).unwrap_or(&entity).to_owned(),
        verb: row.get("verb"),
        connector: row.get("connector"),
        action: row.get("action"),
        class: class(row.get("class")),
        call: row.get("call"),
        state: row.get("state"),
        due_at: row.get("due_at"),
        attempt: row.get("attempt"),
        doubt: row.get("doubt"),
        code: row.get("code"),
        tried: row.get("tried"),
        finished_at: row.get("finished_at"),
    }
}

fn id(row: &Row) -> Id {
    Id { record: row.get("record"), seq: row.get("seq"), n: row.get("n") }
}

/// The gates of the caller's tenant and app.
///
/// # Errors
/// `SH6505` without the capability, and faults of storage.
pub async fn gates(db: &Db, session: &Session) -> Result<Vec<Gate>, StoreFault> {
    let rows = asked(db, session, "reading the gates", include_str!("../../queries/gate_list.sql"), &[]).await?;
    let gate = |row: &Row| Gate {
        connector: row.get("connector"),
        state: row.get("state"),
        failures: row.get("failures"),
        opened_at: row.get("opened_at"),
        open_until: row.get("open_until"),
        blocked_until: row.get("blocked_until"),
        due: row.get("due"),
        oldest_due_at: row.get("oldest_due_at"),
    };
    Ok(rows.iter().map(gate).collect())
}

/// Makes effects due again that are held or dead, at most [`PAGE_MAX`]; to ask twice does it once.
///
/// # Errors
/// `SH6505` without the capability, `SH8002` for too many, and faults of storage.
pub async fn replay(db: &Db, session: &Session, effects: &[Id]) -> Result<Vec<Replayed>, StoreFault> {
    let ids: Value = effects.iter().map(|id| serde_json::json!([id.record, id.seq, id.n])).collect();
    statehouse_fault::point!("store.replay_effects:before");
    let rows = asked(db, session, "replaying effects", include_str!("../../queries/effect_replay.sql"), &[&ids]).await?;
    statehouse_fault::point!("store.replay_effects:after");
    Ok(rows.iter().map(|row| Replayed { id: id(row), due: row.get("due") }).collect())
}

/// A person says what happened to a plain effect that is unknown or held, and what they go by, at least three characters. A call
/// is resolved by its record's own verbs.
///
/// # Errors
/// `SH6505` without the capability, `SH1002` where there is no such effect, `SH7021` where it is neither unknown nor held, or
/// a call, `SH7022` without evidence, and faults of storage.
pub async fn resolve(db: &Db, session: &Session, effect: Id, happened: bool, evidence: &str) -> Result<(), StoreFault> {
    let (Id { record, seq, n }, evidence) = (effect, evidence.replace('\0', ""));
    let given: [&(dyn ToSql + Sync); 5] = [&record, &seq, &n, &happened, &evidence];
    statehouse_fault::point!("store.resolve_effect:before");
    asked(db, session, "resolving an effect", include_str!("../../queries/effect_resolve.sql"), &given).await?;
    statehouse_fault::point!("store.resolve_effect:after");
    Ok(())
}

async fn asked(db: &Db, session: &Session, doing: &str, text: &str, given: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, StoreFault> {
    let client = db.lean().await?;
    let statement = client.prepare_cached(text).await.map_err(StoreFault::doing(doing))?;
    within(&client, session, doing, "commit", client.query(&statement, given)).await
}
