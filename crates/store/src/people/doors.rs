//! One call of a door of the engine, in a transaction of its own.

use futures_util::future::join4;
use serde_json::Value;
use tokio_postgres::Row;
use tokio_postgres::types::{Json, ToSql};

use crate::record::Session;
use crate::{Db, StoreFault};

/// Times are told in UTC, whatever the server's zone is.
const BEGIN: &str = "begin; set local time zone 'UTC'";

/// Begin, who asks, the call and commit, written to the connection in one go before anything is awaited: a caller who
/// goes away leaves no transaction open.
pub(crate) async fn call(
    db: &Db,
    session: &Session,
    doing: &str,
    text: &str,
    given: &[&(dyn ToSql + Sync)],
) -> Result<Vec<Row>, StoreFault> {
    let client = db.get().await?;
    let open = client.prepare_cached(include_str!("../../queries/session_set.sql")).await?;
    let call = client.prepare_cached(text).await.map_err(StoreFault::doing(doing))?;
    let token = session.token();
    let whose: [&(dyn ToSql + Sync); 2] = [&token, &session.locale];
    let (begun, opened, rows, committed) =
        join4(client.batch_execute(BEGIN), client.execute(&open, &whose), client.query(&call, given), client.batch_execute("commit")).await;
    let failed = || StoreFault::doing(doing);
    begun.map_err(failed())?;
    opened.map_err(failed())?;
    let rows = rows.map_err(failed())?;
    committed.map_err(failed())?;
    Ok(rows)
}

/// The first column of every row, as JSON.
pub(crate) async fn list(
    db: &Db,
    session: &Session,
    doing: &str,
    text: &str,
    given: &[&(dyn ToSql + Sync)],
) -> Result<Vec<Value>, StoreFault> {
    let rows = call(db, session, doing, text, given).await?;
    Ok(rows.iter().map(|row| row.get::<_, Json<Value>>(0).0).collect())
}

/// The one value of a door that gives exactly one.
pub(crate) async fn one(db: &Db, session: &Session, doing: &str, text: &str, given: &[&(dyn ToSql + Sync)]) -> Result<Value, StoreFault> {
    Ok(list(db, session, doing, text, given).await?.pop().unwrap_or_default())
}
