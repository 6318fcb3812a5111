//! A new record.

use futures_util::future::join4;
use serde_json::Value;
use statehouse_definition::expr::ident;
use tokio_postgres::types::ToSql;

use super::fire::Moved;
use super::session::Session;
use crate::{Db, StoreFault};

/// Creates a record from a JSON object of its fields.
///
/// # Errors
/// The refusal of the law as its fault, `SH1004` when `values` is not an object, faults of storage.
pub async fn create(db: &Db, session: &Session, entity: &str, values: &Value) -> Result<Moved, StoreFault> {
    let Some(fields) = values.as_object().filter(|fields| !fields.is_empty()) else {
        return Err(StoreFault::refused(statehouse_fault::SH1004, "a new record is a JSON object of its fields"));
    };
    let view = super::view(&session.app, &session.role, entity);
    let names = fields.keys().map(|name| ident(name)).collect::<Vec<_>>().join(", ");
    let text =
        format!("insert into {view} ({names}) select {names} from jsonb_populate_record(null::{view}, $1) returning id, state, version");
    let client = db.get().await?;
    let open = client.prepare_cached(include_str!("../../queries/session_set.sql")).await?;
    let doing = || StoreFault::doing(format!("creating `{entity}`"));
    let insert = client.prepare(&text).await.map_err(doing())?;
    let whose: [&(dyn ToSql + Sync); 2] = [&session.token, &session.locale];
    let given: [&(dyn ToSql + Sync); 1] = [values];
    let (begun, opened, made, committed) = join4(
        client.batch_execute("begin"),
        client.execute(&open, &whose),
        client.query_one(&insert, &given),
        client.batch_execute("commit"),
    )
    .await;
    begun.map_err(doing())?;
    opened.map_err(doing())?;
    let row = made.map_err(doing())?;
    committed.map_err(doing())?;
    Ok(Moved { id: row.get(0), state: row.get(1), version: row.get(2) })
}
