//! Moves the records of removed states, tenant by tenant, in small transactions, under the law: each record's move is
//! an event `migrated`, and no trigger is ever disabled.

use statehouse_compile::entity::Cx;
use statehouse_compile::plan::{Branch, Migration, ident, literal};
use statehouse_definition::App;
use statehouse_definition::expr::Purpose;
use statehouse_definition::model::{Expr, Span};
use statehouse_fault::{Code, Fault};
use tokio_postgres::Client;

use super::run::patiently;
use crate::StoreFault;

/// Rows in one transaction: few enough that a client who waits for one of them waits well under a second.
const BATCH_ROWS: u32 = 200;

/// One kind of move: the statement that moves a batch of it.
struct Batch {
    sql: String,
    what: String,
}

/// Moves every record; returns how many were moved. Begun again after a crash it goes on where it stopped.
pub(super) async fn run(client: &mut Client, app: &App, migration: &Migration) -> Result<u64, StoreFault> {
    let batches = batches(app, migration)?;
    let tenants =
        client.query(include_str!("../../queries/tenant_list.sql"), &[]).await.map_err(StoreFault::doing("listing the tenants"))?;
    let mut moved = 0;
    for tenant in &tenants {
        for batch in &batches {
            loop {
                let rows = patiently(20, async || once(client, app, tenant.get(0), batch).await).await?;
                moved += rows;
                if rows == 0 {
                    break;
                }
            }
        }
    }
    Ok(moved)
}

fn batches(app: &App, migration: &Migration) -> Result<Vec<Batch>, StoreFault> {
    let mut batches = Vec::new();
    for step in &migration.moves {
        // Branches are tried in order: what the first took is no longer in the old state for the second.
        for branch in &step.branches {
            batches.push(Batch {
                sql: statement(app, migration, &step.from, branch)?,
                what: format!("moving `{}` from `{}` to `{}`", migration.entity, step.from, branch.to),
            });
        }
    }
    Ok(batches)
}

fn statement(app: &App, migration: &Migration, from: &str, branch: &Branch) -> Result<String, StoreFault> {
    let table = format!("{}.{}", ident(&migration.schema), ident(&migration.table));
    let when = condition(app, migration, branch)?;
    Ok(format!(
        "update {table} m set state = {} from (select t.tenant, t.id from {table} t where t.state = {} and ({when}) order by t.id limit {} for update) p \
         where m.tenant = p.tenant and m.id = p.id",
        literal(&branch.to),
        literal(from),
        migration.batch.min(BATCH_ROWS)
    ))
}

/// The condition of a split as our own printed SQL: the text of a mapping file is as little trusted as a definition's.
fn condition(app: &App, migration: &Migration, branch: &Branch) -> Result<String, StoreFault> {
    let (Some(text), Some(entity)) = (&branch.when, app.entities.get(&migration.entity)) else {
        return Ok("true".into());
    };
    let expr = Expr { text: text.clone(), at: Span::default() };
    let printed = Cx::new(app, entity).print(&expr, "t", Purpose::Check).map_err(|fault| {
        let code = Code::find(fault.fault.code).unwrap_or(statehouse_fault::SH9001);
        Fault::new(code, format!("in the mapping, `{text}`: {}", fault.fault))
    })?;
    Ok(printed.sql)
}

/// One batch as the owner behind the door of one tenant, so that row-level security holds the statement to it.
async fn once(client: &mut Client, app: &App, tenant: i32, batch: &Batch) -> Result<u64, StoreFault> {
    let transaction = client.transaction().await?;
    transaction.batch_execute("set local lock_timeout = '1s'; set local role statehouse_owner").await?;
    transaction
        .execute(include_str!("../../queries/migration_enter.sql"), &[&tenant, &app.name])
        .await
        .map_err(StoreFault::doing("entering a tenant"))?;
    let rows = transaction.execute(&batch.sql, &[]).await.map_err(StoreFault::doing(batch.what.clone()))?;
    transaction.commit().await?;
    Ok(rows)
}
