//! One record with its rows, and what happened to it.

use uuid::Uuid;

use super::fire::Target;
use super::pipeline::{ask, within};
use super::session::Session;
use super::shape::Shape;
use crate::{Db, StoreFault};

/// Events of one answer where nothing is said, and at most.
pub const HISTORY_MAX: u32 = 200;

/// A record as a role sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its id.
    pub id: Uuid,
    /// Its state.
    pub state: String,
    /// Its version.
    pub version: i32,
    /// All of it as a JSON object, with the rows it owns.
    pub json: String,
}

impl Seen {
    pub(super) fn of(row: &tokio_postgres::Row) -> Seen {
        Seen { json: row.get(0), id: row.get(1), state: row.get(2), version: row.get(3) }
    }
}

/// `$1::uuid` or `$1`, and its value.
pub(super) fn named(record: Target<'_>) -> (&'static str, String) {
    match record {
        Target::Id(id) => ("$1::text::uuid", id.to_string()),
        Target::Reference(reference) => ("$1::text", reference.to_owned()),
    }
}

/// A reference where the entity has none leads nowhere, and is answered so before it is asked for.
///
/// # Errors
/// `SH1002`.
pub fn reachable(shape: &Shape<'_>, record: Target<'_>) -> Result<(), StoreFault> {
    match record {
        Target::Reference(name) if shape.entity.reference.is_none() || name.contains('\0') => Err(unseen(shape, record)),
        _ => Ok(()),
    }
}

/// What is not there and what is not to be seen read the same.
pub(super) fn unseen(shape: &Shape<'_>, record: Target<'_>) -> StoreFault {
    super::fire::unseen(&shape.entity.name, record).into()
}

/// One record by id or reference.
///
/// # Errors
/// `SH1002` where the caller sees no such record, faults of storage.
pub async fn get(db: &Db, session: &Session, shape: &Shape<'_>, record: Target<'_>) -> Result<Seen, StoreFault> {
    reachable(shape, record)?;
    let (by, value) = named(record);
    let client = db.lean().await?;
    let doing = format!("reading `{}`", shape.entity.name);
    let statement = client.prepare_cached(&shape.single(by)).await.map_err(StoreFault::doing(&doing))?;
    let row = within(&client, session, &doing, "commit", client.query_opt(&statement, &[&value])).await?;
    row.as_ref().map(Seen::of).ok_or_else(|| unseen(shape, record))
}

/// The rows of one child, in their order.
///
/// # Errors
/// As [`get`], and `SH1003` for a child the role does not see.
pub async fn rows(db: &Db, session: &Session, shape: &Shape<'_>, record: Target<'_>, child: &str) -> Result<(i32, String), StoreFault> {
    reachable(shape, record)?;
    shape.child(child)?;
    let (by, value) = named(record);
    let text = format!(
        "select v.version, (select coalesce(json_agg(row_to_json(c) order by c.position), '[]')::text from ({} where c.{} = v.id order by c.position limit {}) c) from {} v where v.{} = {by}",
        shape.child_select(child),
        statehouse_compile::sql::ident(&shape.entity.name),
        super::shape::CHILDREN_MAX,
        shape.view(),
        if by.ends_with("uuid") { "id" } else { "reference" },
    );
    let found = ask(db, session, &format!("reading `{child}`"), &text, &[Some(&value)]).await?;
    found.first().map(|row| (row.get(0), row.get(1))).ok_or_else(|| unseen(shape, record))
}

/// What happened to a record, from the first event after version `after` on, each as a JSON object with its `seq`; at most
/// `limit` (and [`HISTORY_MAX`]).
///
/// # Errors
/// As [`get`].
pub async fn history(
    db: &Db,
    session: &Session,
    shape: &Shape<'_>,
    record: Target<'_>,
    after: i32,
    limit: u32,
) -> Result<Vec<(i32, String)>, StoreFault> {
    reachable(shape, record)?;
    let (by, value) = named(record);
    let text = format!(
        "select v.id, h.seq, h.event from {view} v left join lateral (
           select e.seq, row_to_json(x)::text as event from {view_of_events} e, lateral (select e.seq, to_char(e.at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') as at, e.verb, e.from_state, e.to_state, e.actor, e.kind, e.cause, e.payload) x
            where e.record = v.id and e.seq > $2::text::int order by e.seq limit {limit}) h on true
          where v.{column} = {by} order by h.seq",
        view = shape.view(),
        view_of_events = super::view(&shape.app.name, shape.role, &format!("{}_history", shape.entity.name)),
        limit = limit.clamp(1, HISTORY_MAX),
        column = if by.ends_with("uuid") { "id" } else { "reference" },
    );
    let after = after.to_string();
    let rows = ask(db, session, "reading the history", &text, &[Some(&value), Some(&after)]).await?;
    if rows.is_empty() {
        return Err(unseen(shape, record));
    }
    Ok(rows.iter().filter_map(|row| Some((row.get::<_, Option<i32>>(1)?, row.get(2)))).collect())
}
