//! The rows an audit looks at, all of one snapshot, read without row-level security or not at all.

use std::collections::HashMap;
use std::ops::ControlFlow;

use futures_util::TryStreamExt;
use statehouse_definition::expr::ident;
use tokio_postgres::types::{FromSql, Type};
use tokio_postgres::{Client, IsolationLevel, Row, Transaction};
use uuid::Uuid;

use super::link::{Event, Hash};
use crate::StoreFault;

/// What a record itself says about its history.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub version: i32,
    pub head: Vec<u8>,
    pub state: String,
}

/// A record: tenant, entity, id.
pub(super) type Which = (i32, String, Uuid);

/// A read-only transaction that sees one moment, and every row of it: a role that row-level security would filter for
/// gets an error instead of an audit of nothing.
pub(super) async fn snapshot(admin: &mut Client) -> Result<Transaction<'_>, StoreFault> {
    let transaction = admin.build_transaction().isolation_level(IsolationLevel::RepeatableRead).read_only(true).start().await?;
    transaction.batch_execute("set local row_security = off").await?;
    Ok(transaction)
}

pub(super) async fn now(snapshot: &Transaction<'_>) -> Result<String, StoreFault> {
    Ok(snapshot.query_one(include_str!("../../queries/audit_now.sql"), &[]).await?.get(0))
}

/// Numbers and slugs, by number.
pub(super) async fn tenants(snapshot: &Transaction<'_>) -> Result<Vec<(i32, String)>, StoreFault> {
    let rows = snapshot.query(include_str!("../../queries/audit_tenants.sql"), &[]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// Every record of every app.
pub(super) async fn records(snapshot: &Transaction<'_>) -> Result<HashMap<Which, Stored>, StoreFault> {
    let mut all = HashMap::new();
    for table in snapshot.query(include_str!("../../queries/audit_tables.sql"), &[]).await? {
        let (schema, name): (String, String) = (table.get(0), table.get(1));
        let entity = format!("{schema}.{name}");
        let text = format!("select tenant, id, version, head, state from {}.{}", ident(&schema), ident(&name));
        let rows = snapshot.query_raw(&text, Vec::<i32>::new()).await.map_err(StoreFault::doing(format!("reading `{entity}`")))?;
        let mut rows = std::pin::pin!(rows);
        while let Some(row) = rows.try_next().await? {
            let stored = Stored { version: row.get(2), head: row.get(3), state: row.get(4) };
            all.insert((row.get(0), entity.clone(), row.get(1)), stored);
        }
    }
    Ok(all)
}

/// Every event, by tenant, entity, record and seq, handed to `each` until it breaks.
pub(super) async fn events(snapshot: &Transaction<'_>, mut each: impl FnMut(Event) -> ControlFlow<()>) -> Result<(), StoreFault> {
    let rows = snapshot.query_raw(include_str!("../../queries/audit_events.sql"), Vec::<i32>::new()).await;
    let mut rows = std::pin::pin!(rows.map_err(StoreFault::doing("reading the events"))?);
    while let Some(row) = rows.try_next().await? {
        if each(event(&row)).is_break() {
            break;
        }
    }
    Ok(())
}

fn event(row: &Row) -> Event {
    Event {
        tenant: row.get("tenant"),
        entity: row.get("entity"),
        record: row.get("record"),
        seq: row.get("seq"),
        at_us: row.get::<_, Microseconds>("at").0,
        verb: row.get("verb"),
        from_state: row.get("from_state"),
        to_state: row.get("to_state"),
        actor: row.get("actor"),
        kind: row.get("kind"),
        cause: row.get("cause"),
        definition: row.get("definition"),
        payload: row.get("payload"),
        payload_hash: row.get("payload_hash"),
        previous: row.get("previous"),
        head: row.get("head"),
    }
}

/// A hash out of a column that a named CHECK holds to 32 bytes; zeros where somebody removed the CHECK too.
pub(super) fn hash(bytes: &[u8]) -> Hash {
    bytes.try_into().unwrap_or_default()
}

/// A timestamp exactly as Postgres sends and hashes it.
struct Microseconds(i64);

impl<'a> FromSql<'a> for Microseconds {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        i64::from_sql(&Type::INT8, raw).map(Microseconds).map_err(|cause| format!("a {ty} of {} bytes: {cause}", raw.len()).into())
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::TIMESTAMPTZ
    }
}
