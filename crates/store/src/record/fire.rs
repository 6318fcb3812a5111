//! One verb fired on one record.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use futures_util::future::join4;
use serde_json::Value;
use statehouse_definition::expr::ident;
use statehouse_fault::{SH1002, SH5002};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::refusal;
use super::session::Session;
use crate::{Db, StoreFault};

/// A crossed transaction is tried again this often, with a random pause in between.
const RETRIES_MAX: u32 = 3;
const PAUSE_MS: u64 = 20;

/// Which record.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    /// By id.
    Id(Uuid),
    /// By its readable reference.
    Reference(&'a str),
}

impl<'a> Target<'a> {
    /// `order/ORD-000001` or `order/0193…`: the entity, and which of its records.
    pub fn parse(name: &'a str) -> Option<(&'a str, Target<'a>)> {
        let (entity, record) = name.split_once('/').filter(|(entity, record)| !entity.is_empty() && !record.is_empty())?;
        Some((entity, record.parse().map_or(Target::Reference(record), Target::Id)))
    }
}

/// A verb, and what it is handed.
#[derive(Clone, Copy, Debug)]
pub struct Move<'a> {
    /// The entity, without its app.
    pub entity: &'a str,
    /// The record.
    pub record: Target<'a>,
    /// The verb.
    pub verb: &'a str,
    /// Its inputs, a JSON object.
    pub input: Option<&'a Value>,
    /// The same key fires once, however often it is sent.
    pub key: Option<&'a str>,
    /// The version the caller has seen; another one refuses as stale.
    pub version: Option<i32>,
}

impl<'a> Move<'a> {
    /// A bare verb.
    pub fn new(entity: &'a str, record: Target<'a>, verb: &'a str) -> Move<'a> {
        Move { entity, record, verb, input: None, key: None, version: None }
    }

    /// With inputs.
    pub fn with(mut self, input: &'a Value) -> Move<'a> {
        self.input = Some(input);
        self
    }
}

/// Where the record stands after the move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Its id.
    pub id: Uuid,
    /// Its state.
    pub state: String,
    /// Its version.
    pub version: i32,
}

/// Fires a verb. What is refused leaves a row in the log of refusals, in a transaction of its own.
///
/// # Errors
/// The refusal of the law as its fault (`SH4…`), `SH1002` where the caller sees no such record, `SH5002` when it
/// crossed with others more than three times in a row. A stale version (`SH4012`) is not tried again: the caller decided
/// on a state that is no longer there.
pub async fn fire(db: &Db, session: &Session, wanted: &Move<'_>) -> Result<Moved, StoreFault> {
    let mut tried = 0;
    let fault = loop {
        let fault = match attempt(db, session, wanted).await {
            Ok(Some(moved)) => return Ok(moved),
            Ok(None) => break unseen(wanted).into(),
            Err(fault) => fault,
        };
        if tried == RETRIES_MAX || fault.fault().code != SH5002 {
            break fault;
        }
        tried += 1;
        tokio::time::sleep(pause(tried)).await;
    };
    refusal::note(db, session, wanted, &fault).await;
    Err(fault)
}

/// The move once; `None` when the caller sees no such record.
async fn attempt(db: &Db, session: &Session, wanted: &Move<'_>) -> Result<Option<Moved>, StoreFault> {
    let client = db.get().await?;
    let (id, reference) = match wanted.record {
        Target::Id(id) => (Some(id), None),
        Target::Reference(reference) => (None, Some(reference)),
    };
    let open = client.prepare_cached(include_str!("../../queries/session_set.sql")).await?;
    let update = client.prepare_cached(&statement(session, wanted)).await.map_err(StoreFault::doing("preparing the move"))?;
    let whose: [&(dyn ToSql + Sync); 2] = [&session.token, &session.locale];
    let which: &(dyn ToSql + Sync) = if reference.is_some() { &reference } else { &id };
    let given: [&(dyn ToSql + Sync); 5] = [which, &wanted.verb, &wanted.input, &wanted.key, &wanted.version];
    // All four are written when this is first polled, in this order; see the head of the module.
    let (begun, opened, moved, committed) = join4(
        client.batch_execute("begin"),
        client.execute(&open, &whose),
        client.query_opt(&update, &given),
        client.batch_execute("commit"),
    )
    .await;
    let doing = || StoreFault::doing(format!("firing `{}`", wanted.verb));
    begun.map_err(doing())?;
    opened.map_err(doing())?;
    let moved = moved.map_err(doing())?;
    committed.map_err(doing())?;
    Ok(moved.map(|row| Moved { id: row.get(0), state: row.get(1), version: row.get(2) }))
}

/// The move as SQL; one text per view and way of naming the record, so that it is prepared once a connection.
fn statement(session: &Session, wanted: &Move<'_>) -> String {
    let view = super::view(&session.app, &session.role, wanted.entity);
    let by = match wanted.record {
        Target::Id(_) => ident("id"),
        Target::Reference(_) => ident("reference"),
    };
    format!(
        "update {view} set fire = $2, input = $3, key = $4, version = coalesce($5, version) where {by} = $1 returning id, state, version"
    )
}

fn unseen(wanted: &Move<'_>) -> statehouse_fault::Fault {
    let name = match wanted.record {
        Target::Id(id) => id.to_string(),
        Target::Reference(reference) => reference.to_owned(),
    };
    statehouse_fault::Fault::new(SH1002, format!("there is no `{}` `{name}` that you can see", wanted.entity))
}

/// Between half and three halves of a pause that doubles: two who crossed must not meet again.
fn pause(tried: u32) -> Duration {
    let base = PAUSE_MS << tried;
    let jitter = RandomState::new().hash_one(tried) % base;
    Duration::from_millis(base / 2 + jitter)
}
