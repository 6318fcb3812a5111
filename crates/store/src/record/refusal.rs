//! What was refused leaves a row.

use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::pipeline::within;
use super::session::Session;
use crate::{Db, StoreFault};

/// Notes a refused attempt, in a transaction of its own since the attempt's was undone. Without success nothing is
/// said: the caller's answer is the refusal, and the log is a sample.
pub(super) async fn note(db: &Db, session: &Session, entity: &str, record: Option<Uuid>, verb: &str, fault: &StoreFault) {
    let code = fault.fault().code;
    let refused = code.code.starts_with("SH4") || code.code == "SH1002";
    if refused {
        let _ = write(db, session, entity, record, verb, code.code).await;
    }
}

async fn write(db: &Db, session: &Session, entity: &str, record: Option<Uuid>, verb: &str, code: &str) -> Result<(), StoreFault> {
    let client = db.lean().await?;
    let note = client.prepare_cached(include_str!("../../queries/refusal_note.sql")).await?;
    let entity = format!("{}.{}", session.app, entity);
    let what: [&(dyn ToSql + Sync); 4] = [&entity, &record, &verb, &code];
    within(&client, session, "noting a refusal", "commit", client.execute(&note, &what)).await?;
    Ok(())
}
