//! What became of a call, together with the move that says so: both or neither.

use futures_util::future::{join, join5};
use serde_json::Value;
use statehouse_fault::{Fault, SH1002, SH4012, SH5002, SH7020};
use tokio_postgres::types::{ToSql, Type};

use super::settle::{Outcome, cleaned};
use crate::record::{Moved, view};
use crate::{Db, StoreFault};

/// Crossed with another move of the record, it is tried again this often.
const RETRIES_MAX: u32 = 3;

/// The outcome verb that goes with the end of a call.
#[derive(Clone, Copy, Debug)]
pub struct Move<'a> {
    /// The app.
    pub app: &'a str,
    /// The record's entity, without its app.
    pub entity: &'a str,
    /// `charge.done`, `charge.failed` or `charge.unknown`.
    pub verb: &'a str,
    /// What is kept of the result: a JSON object, field to value.
    pub input: Option<&'a Value>,
}

/// What came of it.
#[derive(Clone, Debug)]
pub enum Called {
    /// The effect is settled and the record has moved.
    Moved(Moved),
    /// The lease is somebody else's by now, or nobody's; nothing was written.
    Lost,
    /// The law refused the verb, so that nothing was written and the lease still runs. What the provider said stands
    /// nowhere but with the caller. Where it was done, say [`super::End::Unknown`] with its verb instead; where that is
    /// refused too, or it had failed, [`super::End::Dead`] with the fault's code leaves it for somebody to look at, in doubt.
    Refused(Box<Fault>),
}

/// Settles a call as done, failed or unknown and fires its outcome verb on the record, as a connector, in one
/// transaction. A caller who goes away leaves both or neither.
///
/// # Errors
/// Faults of storage: where the connection was lost at the end, both or neither was written, and the same call tells
/// which (`Lost` where they were).
pub async fn settle_call(db: &Db, worker: &str, outcome: &Outcome, fired: &Move<'_>) -> Result<Called, StoreFault> {
    let mut tried = 0;
    loop {
        statehouse_fault::point!("store.settle_call:before");
        let answered = attempt(db, worker, outcome, fired).await;
        statehouse_fault::point!("store.settle_call:after");
        let fault = match answered {
            Ok(Some(moved)) => return Ok(Called::Moved(moved)),
            // The transaction was refused at its end: a settled call without a move.
            Ok(None) => {
                StoreFault::refused(SH1002, format!("there is no `{}` `{}` to fire `{}` on", fired.entity, outcome.held.record, fired.verb))
            }
            Err(fault) => fault,
        };
        let told = fault.fault();
        match told.code {
            code if code == SH7020 => return Ok(Called::Lost),
            code if (code == SH5002 || code == SH4012) && tried < RETRIES_MAX => {
                tried += 1;
                tokio::time::sleep(crate::record::pause(tried)).await;
            }
            code if code == SH1002 || code.code.starts_with("SH4") || code.code.starts_with("SH2") => {
                return Ok(Called::Refused(Box::new(told)));
            }
            _ => return Err(fault),
        }
    }
}

/// Everything is written to the connection in one go before anything is awaited, and refused as a whole where a part is.
async fn attempt(db: &Db, worker: &str, outcome: &Outcome, fired: &Move<'_>) -> Result<Option<Moved>, StoreFault> {
    let client = db.lean().await?;
    let doing = format!("firing `{}`", fired.verb);
    let failed = || StoreFault::doing(doing.clone());
    let enter = client.prepare_cached(include_str!("../../queries/session_enter_for.sql")).await.map_err(failed())?;
    let settle = client.prepare_cached(include_str!("../../queries/effect_settle_call.sql")).await.map_err(failed())?;
    let leave = client.prepare_cached(include_str!("../../queries/session_leave_for.sql")).await.map_err(failed())?;
    let update = client.prepare_typed_cached(&statement(fired), &[Type::UUID, Type::TEXT, Type::JSONB]).await.map_err(failed())?;
    let (kind, said, input) = ("connector", outcome.json(), fired.input.map(cleaned));
    let whose: [&(dyn ToSql + Sync); 3] = [&kind, &outcome.held.tenant, &fired.app];
    let settled: [&(dyn ToSql + Sync); 2] = [&worker, &said];
    let moved: [&(dyn ToSql + Sync); 3] = [&outcome.held.record, &fired.verb, &input];
    let work = join(client.execute(&settle, &settled), client.query_opt(&update, &moved));
    let (begun, entered, (settled, moved), left, ended) = join5(
        client.batch_execute("begin"),
        client.execute(&enter, &whose),
        work,
        client.execute(&leave, &[]),
        client.batch_execute("commit"),
    )
    .await;
    begun.map_err(failed())?;
    entered.map_err(failed())?;
    settled.map_err(failed())?;
    let Some(row) = moved.map_err(failed())? else { return Ok(None) };
    left.map_err(failed())?;
    ended.map_err(failed())?;
    Ok(Some(Moved { id: row.get(0), state: row.get(1), version: row.get(2), replayed: false }))
}

fn statement(fired: &Move<'_>) -> String {
    format!("update {} set fire = $2, input = $3 where id = $1 returning id, state, version", view(fired.app, "system", fired.entity))
}
