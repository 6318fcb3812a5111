//! Events after a place, as one session sees them.

use std::fmt::Write as _;

use futures_util::future::join5;
use serde::Serialize;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::cursor::{Cursor, xid};
use crate::record::Session;
use crate::{Db, StoreFault};

/// What happened to a record, as its reader may know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its place.
    pub cursor: Cursor,
    /// The entity, without its app.
    pub entity: String,
    /// Which record.
    pub record: Uuid,
    /// The record's version after it. Two events of a record are in this order; the feed's order is that of the cursor.
    pub seq: i32,
    /// `created`, `edited`, a declared verb …
    pub verb: String,
    /// The state it left; none for a new record.
    pub from: Option<String>,
    /// The state it entered.
    pub to: String,
    /// When, RFC 3339 in UTC.
    pub at: String,
    /// Who acted; none where the reader may not know.
    pub actor: Option<Uuid>,
    /// `member`, `timer` and the like.
    pub kind: String,
    /// What it carried, JSON as text; none once erased.
    pub payload: Option<String>,
}

impl Event {
    /// One line of JSON: `{"cursor":…,"entity":…,…,"payload":…}`, every key always there.
    pub fn json(&self) -> String {
        let head = Head {
            cursor: self.cursor.to_string(),
            entity: &self.entity,
            record: self.record,
            seq: self.seq,
            verb: &self.verb,
            from: self.from.as_deref(),
            to: &self.to,
            at: &self.at,
            actor: self.actor,
            kind: &self.kind,
        };
        let mut json = serde_json::to_string(&head).unwrap_or_else(|_| "{}".to_owned());
        // The payload is JSON already; taking it apart only to print it again would double the cost of an event.
        json.truncate(json.len() - 1);
        let _ = write!(json, ",\"payload\":{}}}", self.payload.as_deref().unwrap_or("null"));
        json
    }
}

#[derive(Serialize)]
struct Head<'a> {
    cursor: String,
    entity: &'a str,
    record: Uuid,
    seq: i32,
    verb: &'a str,
    from: Option<&'a str>,
    to: &'a str,
    at: &'a str,
    actor: Option<Uuid>,
    kind: &'a str,
}

/// Some events in the feed's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The events.
    pub events: Vec<Event>,
    /// The place to go on from; it moves over what the session does not see.
    pub next: Cursor,
    /// There may be more right now.
    pub more: bool,
}

/// What follows `after` in the feed of these entities, as far as one stretch goes: at most `places_max` events of each
/// entity, however many of them the session sees. Postgres decides at this moment, by the history views of the session's
/// role, which are there. `entities` are names of the definition whose records the role sees.
///
/// # Errors
/// `SH2001`, `SH2002` for a session that is over, and faults of storage.
pub async fn page(db: &Db, session: &Session, entities: &[String], after: Cursor, places_max: i32) -> Result<Page, StoreFault> {
    let client = db.get().await?;
    let doing = || StoreFault::doing("reading the feed");
    let open = client.prepare_cached(include_str!("../../queries/session_set.sql")).await.map_err(doing())?;
    let stretch = client.prepare_cached(include_str!("../../queries/feed_stretch.sql")).await.map_err(doing())?;
    let read = client.prepare_cached(&statement(session, entities)).await.map_err(doing())?;
    let after_xid = after.xid.to_string();
    let whose: [&(dyn ToSql + Sync); 2] = [&session.token, &session.locale];
    let from: [&(dyn ToSql + Sync); 4] = [&entities, &after_xid, &after.n, &places_max];
    let beyond: [&(dyn ToSql + Sync); 2] = [&after_xid, &after.n];
    // All five are written at once: a reader who goes away leaves no transaction open behind him.
    let (begun, opened, end, rows, committed) = join5(
        client.batch_execute("begin read only"),
        client.execute(&open, &whose),
        client.query_one(&stretch, &from),
        client.query(&read, &beyond),
        client.batch_execute("commit"),
    )
    .await;
    begun.map_err(doing())?;
    opened.map_err(doing())?;
    let end = end.map_err(doing())?;
    let events = rows.map_err(doing())?.iter().map(event).collect();
    committed.map_err(doing())?;
    let next = Cursor { xid: xid(end.get(0)), n: end.get(1) };
    Ok(Page { events, next: next.max(after), more: end.get(2) })
}

/// One branch an entity, each a stretch of `event_feed`, then the record by its key; one text per role and choice of
/// entities. The horizon is asked for again, so that no wrong bound can serve what is not yet settled.
fn statement(session: &Session, entities: &[String]) -> String {
    let mut text = String::from("-- A stretch of the feed; each branch by event_feed, then the record by its key.\n");
    for (at, entity) in entities.iter().enumerate() {
        let view = crate::record::view(&session.app, &session.role, &format!("{entity}_history"));
        let _ = write!(
            text,
            "{union}select {name}::text as entity, h.xid::text as xid, h.n, h.record, h.seq, h.verb, h.from_state, h.to_state,
       to_char(h.at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') as at, h.actor, h.kind, h.payload::text as payload, h.xid as place
  from {view} h
 where (h.xid, h.n) > ($1::text::xid8, $2::int8)
   and (h.xid, h.n) <= (current_setting('statehouse.feed_xid')::xid8, current_setting('statehouse.feed_n')::int8)
   and h.xid < statehouse.feed_horizon()
",
            union = if at == 0 { "" } else { "union all\n" },
            name = literal(entity),
        );
    }
    text.push_str("order by place, n");
    text
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn event(row: &Row) -> Event {
    Event {
        cursor: Cursor { xid: xid(row.get(1)), n: row.get(2) },
        entity: row.get(0),
        record: row.get(3),
        seq: row.get(4),
        verb: row.get(5),
        from: row.get(6),
        to: row.get(7),
        at: row.get(8),
        actor: row.get(9),
        kind: row.get(10),
        payload: row.get(11),
    }
}
