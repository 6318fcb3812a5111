//! One verb fired on one record.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use futures_util::future::join;
use serde_json::Value;
use statehouse_fault::{SH1002, SH4012, SH5002};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::get::{self, Seen};
use super::pipeline::within;
use super::session::Session;
use super::shape::Shape;
use super::write::Written;
use super::{key, refusal};
use crate::{Db, StoreFault};

/// A crossed transaction is tried again this often, with a random pause in between.
pub(super) const RETRIES_MAX: u32 = 3;
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
    /// The answer to a request that was made before under the same key: where the record stood then.
    pub replayed: bool,
}

/// Fires a verb. What is refused leaves a row in the log of refusals, in a transaction of its own.
///
/// # Errors
/// The refusal of the law as its fault (`SH4…`), `SH1002` where the caller sees no such record, `SH5002` when it
/// crossed with others more than three times in a row. A stale version (`SH4012`) is not tried again: the caller decided
/// on a state that is no longer there.
pub async fn fire(db: &Db, session: &Session, wanted: &Move<'_>) -> Result<Moved, StoreFault> {
    whole(db, session, wanted, None).await.map(|(moved, _)| moved)
}

/// As [`fire`], and the record as the caller sees it after the move; none where the move took it out of the caller's sight.
///
/// # Errors
/// As [`fire`].
pub async fn fire_seen(db: &Db, session: &Session, wanted: &Move<'_>, shape: &Shape<'_>) -> Result<Written, StoreFault> {
    let read = shape.single(get::named(wanted.record).0);
    whole(db, session, wanted, Some(&read)).await.map(|(moved, seen)| Written { moved, seen })
}

async fn whole(db: &Db, session: &Session, wanted: &Move<'_>, read: Option<&str>) -> Result<(Moved, Option<Seen>), StoreFault> {
    let mut tried = 0;
    let fault = loop {
        let fault = match attempt(db, session, wanted, read).await {
            Ok(Some(done)) => return Ok(done),
            Ok(None) => match key::replayed(db, session, wanted).await {
                Ok(Some(moved)) => return Ok((moved, None)),
                Ok(None) => break unseen(wanted.entity, wanted.record).into(),
                Err(fault) => break fault,
            },
            Err(fault) => fault,
        };
        if tried == RETRIES_MAX || fault.fault().code != SH5002 {
            break fault;
        }
        tried += 1;
        tokio::time::sleep(pause(tried)).await;
    };
    let fault = key::in_flight(wanted.key, fault);
    let record = match wanted.record {
        Target::Id(id) => Some(id),
        Target::Reference(_) => None,
    };
    refusal::note(db, session, wanted.entity, record, wanted.verb, &fault).await;
    Err(fault)
}

/// The move once, and the record after it where it is wanted; `None` when the caller sees no such record.
async fn attempt(db: &Db, session: &Session, wanted: &Move<'_>, read: Option<&str>) -> Result<Option<(Moved, Option<Seen>)>, StoreFault> {
    let client = db.lean().await?;
    let (id, reference) = match wanted.record {
        Target::Id(id) => (Some(id), None),
        Target::Reference(reference) => (None, Some(reference)),
    };
    let doing = format!("firing `{}`", wanted.verb);
    let update = client.prepare_cached(&statement(session, wanted)).await.map_err(StoreFault::doing(&doing))?;
    let read = match read {
        Some(read) => Some(client.prepare_cached(read).await.map_err(StoreFault::doing(&doing))?),
        None => None,
    };
    let which: &(dyn ToSql + Sync) = if reference.is_some() { &reference } else { &id };
    let given: [&(dyn ToSql + Sync); 5] = [which, &wanted.verb, &wanted.input, &wanted.key, &wanted.version];
    let named = get::named(wanted.record).1;
    let reading: [&(dyn ToSql + Sync); 1] = [&named];
    let work = async {
        let reading = async {
            match &read {
                Some(read) => client.query_opt(read, &reading).await,
                None => Ok(None),
            }
        };
        let (moved, seen) = join(client.query_opt(&update, &given), reading).await;
        Ok((moved?, seen?))
    };
    let (moved, seen) = within(&client, session, &doing, "commit", work).await?;
    let seen = seen.as_ref().map(Seen::of);
    Ok(moved.map(|row| (Moved { id: row.get(0), state: row.get(1), version: row.get(2), replayed: row.get(3) }, seen)))
}

/// The move as SQL; one text per view and way of naming the record, so that it is prepared once a connection.
fn statement(session: &Session, wanted: &Move<'_>) -> String {
    let view = super::view(&session.app, &session.role, wanted.entity);
    let by = key::by(wanted.record);
    format!(
        "update {view} set fire = $2, input = $3, key = $4, version = coalesce($5, version) where {by} = $1 returning id, state, version, key is not null"
    )
}

/// What is not there and what is not to be seen read the same.
pub(super) fn unseen(entity: &str, record: Target<'_>) -> statehouse_fault::Fault {
    let name = match record {
        Target::Id(id) => id.to_string(),
        Target::Reference(reference) => reference.to_owned(),
    };
    statehouse_fault::Fault::new(SH1002, format!("there is no `{}` `{name}` that you can see", entity))
}

/// Whether it met another move of the same record, so that the engine, which has seen nothing, may try again. Whoever has
/// decided on a state that is no longer there decides anew instead.
pub(crate) fn crossed(fault: &StoreFault) -> bool {
    let code = fault.fault().code;
    code == SH5002 || code == SH4012
}

/// Between half and three halves of a pause that doubles: two who crossed must not meet again.
pub(crate) fn pause(tried: u32) -> Duration {
    let base = PAUSE_MS << tried;
    let jitter = RandomState::new().hash_one(tried) % base;
    Duration::from_millis(base / 2 + jitter)
}
