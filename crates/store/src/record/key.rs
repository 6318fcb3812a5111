//! Keys of requests: what one of them did, and the end of those that are old.

use statehouse_definition::expr::ident;
use statehouse_fault::{Fault, SH4018, SH6402};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::fire::{Move, Moved, Target};
use super::pipeline::within;
use super::session::Session;
use crate::{Db, StoreFault};

/// What a key of the caller's own did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The entity, without its app.
    pub entity: String,
    /// The record.
    pub record: Uuid,
    /// The version the request made.
    pub version: i32,
    /// The verb.
    pub verb: String,
    /// The state it led to.
    pub state: String,
    same: bool,
}

/// What a key of the caller's own did; `None` for one that did nothing in the last 30 days.
///
/// # Errors
/// Faults of storage.
pub async fn keyed(db: &Db, session: &Session, key: &str) -> Result<Option<Kept>, StoreFault> {
    find(db, session, key, None).await
}

/// The answer a move was given before, where its record has since left the caller's sight.
pub(super) async fn replayed(db: &Db, session: &Session, wanted: &Move<'_>) -> Result<Option<Moved>, StoreFault> {
    let (Some(key), Target::Id(id)) = (wanted.key, wanted.record) else { return Ok(None) };
    let Some(kept) = find(db, session, key, Some(wanted)).await? else { return Ok(None) };
    if kept.record != id {
        return Ok(None);
    }
    if !kept.same {
        let fault = Fault::new(SH4018, format!("the key `{key}` was used for another request"));
        return Err(fault.with_help("send a new key with a new request").into());
    }
    Ok(Some(Moved { id, state: kept.state, version: kept.version, replayed: true }))
}

async fn find(db: &Db, session: &Session, key: &str, wanted: Option<&Move<'_>>) -> Result<Option<Kept>, StoreFault> {
    let client = db.lean().await?;
    let statement = client.prepare_cached(include_str!("../../queries/key_find.sql")).await?;
    let (verb, input) = (wanted.map(|wanted| wanted.verb), wanted.and_then(|wanted| wanted.input));
    let given: [&(dyn ToSql + Sync); 3] = [&key, &verb, &input];
    let row = within(&client, session, "looking up a key", "commit", client.query_opt(&statement, &given)).await?;
    Ok(row.map(|row| {
        let entity: String = row.get("entity");
        let entity = entity.strip_prefix(&format!("{}.", session.app)).unwrap_or(&entity).to_owned();
        Kept {
            entity,
            record: row.get("record"),
            version: row.get("seq"),
            verb: row.get("verb"),
            state: row.get("state"),
            same: row.get("same"),
        }
    }))
}

/// A lock that was not had in time, in a request with a key, is the key of a request still under way.
pub(super) fn in_flight(key: Option<&str>, fault: StoreFault) -> StoreFault {
    match key {
        Some(key) if fault.sqlstate() == Some("55P03") => under_way(key).into(),
        _ => fault,
    }
}

/// What a request is told whose first was not answered within two seconds.
pub(super) fn under_way(key: &str) -> Fault {
    Fault::new(SH6402, format!("the first request with the key `{key}` is still under way"))
}

/// Deletes keys older than 30 days, at most `most`; how many went. Over a pool of `statehouse_worker`.
///
/// # Errors
/// Faults of storage.
pub async fn purge(db: &Db, most: i32) -> Result<i32, StoreFault> {
    let client = db.get().await?;
    let statement = client.prepare_cached(include_str!("../../queries/key_purge.sql")).await?;
    statehouse_fault::point!("store.purge_keys:before");
    let row = client.query_one(&statement, &[&most]).await.map_err(StoreFault::doing("purging keys"))?;
    statehouse_fault::point!("store.purge_keys:after");
    Ok(row.get(0))
}

/// `v.id = $1` or `v.reference = $1`, for a statement that names a record by a typed value.
pub(super) fn by(record: Target<'_>) -> String {
    match record {
        Target::Id(_) => ident("id"),
        Target::Reference(_) => ident("reference"),
    }
}
