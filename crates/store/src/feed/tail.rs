//! Where feeds begin and end, without anybody's rows.

use futures_util::future::join4;
use statehouse_fault::{SH6201, SH6202};
use tokio_postgres::types::ToSql;

use super::cursor::{Cursor, xid};
use crate::record::Session;
use crate::{Db, StoreFault};

/// From where a reader wants the feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// What is committed from now on, and what committed before but could not be served yet.
    Now,
    /// From the beginning of kept history.
    Begin,
    /// After a place it had reached.
    After(Cursor),
}

/// The place a reader begins after.
///
/// # Errors
/// `SH6201` when history before the cursor is no longer kept, `SH6202` for a place this database has not reached,
/// `SH2001` and `SH2002` for a session that is over.
pub async fn start(db: &Db, session: &Session, wanted: Start) -> Result<Cursor, StoreFault> {
    let client = db.get().await?;
    let doing = || StoreFault::doing("finding the place in the feed");
    let open = client.prepare_cached(include_str!("../../queries/session_set.sql")).await.map_err(doing())?;
    let look = client.prepare_cached(include_str!("../../queries/feed_window.sql")).await.map_err(doing())?;
    let whose: [&(dyn ToSql + Sync); 2] = [&session.token, &session.locale];
    let (begun, opened, window, committed) = join4(
        client.batch_execute("begin read only"),
        client.execute(&open, &whose),
        client.query_one(&look, &[]),
        client.batch_execute("commit"),
    )
    .await;
    begun.map_err(doing())?;
    opened.map_err(doing())?;
    let window = window.map_err(doing())?;
    committed.map_err(doing())?;
    let (floor, horizon, ceiling) = (xid(window.get(0)), xid(window.get(1)), xid(window.get(2)));
    match wanted {
        Start::Now => Ok(Cursor::before(horizon)),
        Start::Begin => Ok(Cursor::before(floor)),
        Start::After(cursor) if cursor < Cursor::before(floor) => {
            Err(StoreFault::refused(SH6201, format!("history is kept from `{}` on, the cursor is `{cursor}`", Cursor::before(floor))))
        }
        Start::After(cursor) if cursor > Cursor::before(ceiling) => {
            Err(StoreFault::refused(SH6202, format!("the cursor `{cursor}` is ahead of this database")))
        }
        Start::After(cursor) => Ok(cursor),
    }
}

/// Where feeds end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tail {
    /// The oldest transaction that still runs, or the next one: events are served below it.
    pub horizon: u64,
    /// Some transaction runs at the horizon and holds back what was committed since it began.
    pub held: bool,
    /// The newest served place of each pair asked for that has any; in the order asked.
    pub newest: Vec<((i32, String), Cursor)>,
}

/// Looks at the end of the feeds of these `(tenant, app.entity)`, over a pool of `statehouse_server`.
///
/// # Errors
/// `SH8002` for more than 1000 pairs, and faults of storage.
pub async fn tail(db: &Db, pairs: &[(i32, String)]) -> Result<Tail, StoreFault> {
    let (tenants, entities): (Vec<i32>, Vec<&str>) = pairs.iter().map(|(tenant, entity)| (*tenant, entity.as_str())).unzip();
    let client = db.get().await?;
    let look = client.prepare_cached(include_str!("../../queries/feed_newest.sql")).await?;
    let rows = client.query(&look, &[&tenants, &entities]).await.map_err(StoreFault::doing("looking at the end of the feed"))?;
    let (horizon, ceiling) = rows.first().map_or((0, 0), |row| (xid(row.get(0)), xid(row.get(1))));
    let newest = rows.iter().skip(1).map(|row| ((row.get(2), row.get(3)), Cursor { xid: xid(row.get(4)), n: row.get(5) })).collect();
    Ok(Tail { horizon, held: horizon < ceiling, newest })
}

/// Lets the planner look at months of events that have grown since it last did, over a pool of `statehouse_server`; cheap
/// while none has.
///
/// # Errors
/// Faults of storage.
pub async fn weigh(db: &Db) -> Result<(), StoreFault> {
    let client = db.get().await?;
    let weigh = client.prepare_cached(include_str!("../../queries/feed_weigh.sql")).await?;
    client.query_one(&weigh, &[]).await.map_err(StoreFault::doing("weighing the months of events"))?;
    Ok(())
}
