//! Records as a session sees them, events, written out as text.

mod tenant;

use std::io::Write;

use futures_util::TryStreamExt;
use statehouse_definition::expr::ident;
use statehouse_definition::model::App;
use statehouse_fault::{SH0003, SH1003};
use tokio_postgres::{Client, Transaction};

pub use tenant::{Whole, Written, tenant};

use crate::StoreFault;
use crate::record::{Session, view};

/// What the engine adds to views for asking, not for reading.
const NOT_VALUES: [&str; 4] = ["fire", "input", "key", "seen_by"];

/// How it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A header and a line a record; without children.
    Csv,
    /// One JSON object a line, children nested.
    Jsonl,
}

/// Writes the records of an entity that the session sees, by id. `client` is logged in for the session's kind:
/// `statehouse_read` or `statehouse_api` for a member, `statehouse_worker` for the engine's own.
///
/// # Errors
/// `SH1003` for an entity the app does not have, `SH0003` when `out` cannot be written, and faults of storage.
pub async fn records(
    client: &mut Client,
    session: &Session,
    app: &App,
    entity: &str,
    form: Form,
    out: &mut (dyn Write + Send),
) -> Result<u64, StoreFault> {
    let definition = crate::definition::entity(app, entity)?;
    let transaction = client.build_transaction().read_only(true).start().await?;
    transaction.execute(include_str!("../../queries/session_set.sql"), &[&session.token(), &session.locale]).await?;
    transaction.batch_execute("set local time zone 'UTC'").await?;
    let columns = columns(&transaction, &format!("{}_{}", app.name, session.role), entity).await?;
    if columns.is_empty() {
        return Err(StoreFault::refused(SH1003, format!("`{}` sees nothing of `{entity}`", session.role)));
    }
    let from = view(&app.name, &session.role, entity);
    let names = columns.iter().map(|name| format!("r.{}", ident(name))).collect::<Vec<_>>().join(", ");
    let written = match form {
        Form::Csv => csv(&transaction, &format!("select {names} from {from} r order by r.id"), out).await?,
        Form::Jsonl => {
            let mut list = names;
            for child in definition.children.keys() {
                list.push_str(&nested(&transaction, session, app, entity, child).await?);
            }
            jsonl(&transaction, &format!("select to_json(x)::text from (select {list} from {from} r order by r.id) x"), out).await?
        }
    };
    transaction.commit().await?;
    Ok(written)
}

/// Writes every event of a tenant as one JSON object a line, past row-level security or not at all.
///
/// # Errors
/// `SH1001` for a tenant that is not there, `SH0003` when `out` cannot be written, and faults of storage.
pub async fn events(admin: &mut Client, tenant: &str, out: &mut (dyn Write + Send)) -> Result<u64, StoreFault> {
    let transaction = admin.build_transaction().read_only(true).start().await?;
    transaction.batch_execute("set local row_security = off; set local time zone 'UTC'").await?;
    let number = crate::record::tenant(&transaction, tenant).await?;
    let text = include_str!("../../queries/export_events.sql");
    let rows = transaction.query_raw(text, [number]).await.map_err(StoreFault::doing("reading the events"))?;
    lines(rows, out).await
}

/// The columns of a view that hold values, in its order.
async fn columns(transaction: &Transaction<'_>, schema: &str, name: &str) -> Result<Vec<String>, StoreFault> {
    let rows = transaction.query(include_str!("../../queries/view_columns.sql"), &[&schema, &name]).await?;
    Ok(rows.iter().map(|row| row.get(0)).filter(|name: &String| !NOT_VALUES.contains(&name.as_str())).collect())
}

/// `, (select json_agg(…) …) as lines`, or nothing where the role has no view of the child.
async fn nested(transaction: &Transaction<'_>, session: &Session, app: &App, entity: &str, child: &str) -> Result<String, StoreFault> {
    let name = format!("{entity}_{child}");
    let mut columns = columns(transaction, &format!("{}_{}", app.name, session.role), &name).await?;
    columns.retain(|column| column != entity);
    if columns.is_empty() {
        return Ok(String::new());
    }
    let list = columns.iter().map(|name| format!("c.{}", ident(name))).collect::<Vec<_>>().join(", ");
    let from = view(&app.name, &session.role, &name);
    Ok(format!(
        // An array, because json_agg breaks its lines.
        ", array_to_json(array(select to_json(y) from (select {list} from {from} c where c.{} = r.id order by c.position) y)) as {}",
        ident(entity),
        ident(child)
    ))
}

async fn csv(transaction: &Transaction<'_>, select: &str, out: &mut (dyn Write + Send)) -> Result<u64, StoreFault> {
    let stream = transaction.copy_out(&format!("copy ({select}) to stdout with (format csv, header)")).await;
    let mut stream = std::pin::pin!(stream.map_err(StoreFault::doing("exporting"))?);
    let mut written = 0;
    while let Some(line) = stream.try_next().await? {
        out.write_all(&line).map_err(unwritable)?;
        written += 1;
    }
    // Postgres sends one message a line, the header first.
    Ok(u64::saturating_sub(written, 1))
}

async fn jsonl(transaction: &Transaction<'_>, select: &str, out: &mut (dyn Write + Send)) -> Result<u64, StoreFault> {
    let rows = transaction.query_raw(select, Vec::<i32>::new()).await.map_err(StoreFault::doing("exporting"))?;
    lines(rows, out).await
}

async fn lines(rows: tokio_postgres::RowStream, out: &mut (dyn Write + Send)) -> Result<u64, StoreFault> {
    let mut rows = std::pin::pin!(rows);
    let mut written = 0;
    while let Some(row) = rows.try_next().await? {
        // Text as Postgres prints it: a reader of JSON values would round its numbers.
        writeln!(out, "{}", row.get::<_, String>(0)).map_err(unwritable)?;
        written += 1;
    }
    Ok(written)
}

fn unwritable(cause: std::io::Error) -> StoreFault {
    StoreFault::refused(SH0003, format!("the export could not be written: {cause}"))
}
