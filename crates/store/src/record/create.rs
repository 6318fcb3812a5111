//! A new record from plain JSON, for callers without a definition at hand.

use serde_json::Value;
use statehouse_definition::expr::ident;
use statehouse_fault::SH5002;
use tokio_postgres::types::ToSql;

use super::fire::{Moved, RETRIES_MAX, pause};
use super::pipeline::within;
use super::refusal;
use super::session::Session;
use crate::{Db, StoreFault};

/// Creates a record from a JSON object of its fields. What is refused leaves a row in the log of refusals.
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
    let mut tried = 0;
    let fault = loop {
        let fault = match attempt(db, session, entity, &text, values).await {
            Ok(moved) => return Ok(moved),
            Err(fault) => fault,
        };
        if tried == RETRIES_MAX || fault.fault().code != SH5002 {
            break fault;
        }
        tried += 1;
        tokio::time::sleep(pause(tried)).await;
    };
    refusal::note(db, session, entity, None, "created", &fault).await;
    Err(fault)
}

async fn attempt(db: &Db, session: &Session, entity: &str, text: &str, values: &Value) -> Result<Moved, StoreFault> {
    let client = db.lean().await?;
    let doing = format!("creating `{entity}`");
    let insert = client.prepare(text).await.map_err(StoreFault::doing(&doing))?;
    let given: [&(dyn ToSql + Sync); 1] = [values];
    let row = within(&client, session, &doing, "commit", client.query_one(&insert, &given)).await?;
    Ok(Moved { id: row.get(0), state: row.get(1), version: row.get(2), replayed: false })
}
