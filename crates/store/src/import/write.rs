//! Drafts into the database: as an import session, through the engine's own views, all or nothing.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::Value;
use statehouse_definition::expr::ident;
use statehouse_definition::model::{App, Entity, Field, Named};
use tokio_postgres::{Client, Transaction};
use uuid::Uuid;

use super::draft::{self, Draft, Target};
use super::{BadCell, Report, Source};
use crate::StoreFault;
use crate::record::tenant;

/// Records sent in one statement.
const BATCH: usize = 200;

/// What is imported, and where.
#[derive(Clone, Copy, Debug)]
pub struct Import<'a> {
    /// The app as it is applied.
    pub app: &'a App,
    /// The entity's name.
    pub entity: &'a str,
    /// The tenant's slug.
    pub tenant: &'a str,
    /// Write what is good though something is bad.
    pub partial: bool,
}

/// Imports files. `admin` looks up members and the tenant, `worker` (logged in as `statehouse_worker`) writes.
///
/// # Errors
/// `SH1003` for an entity the app does not have, `SH1001` for a tenant that is not there, and faults of storage. Bad
/// cells are no errors: they are in the report.
pub async fn import(admin: &Client, worker: &mut Client, import: Import<'_>, sources: &[Source]) -> Result<Report, StoreFault> {
    let entity = crate::definition::entity(import.app, import.entity)?;
    let mut report = Report::default();
    let target = Target { app: import.app, entity, tenant: import.tenant };
    let mut drafts = draft::drafts(target, sources, &mut report.bad);
    let tenant = tenant(admin, import.tenant).await?;
    members(admin, tenant, &import.app.name, &mut drafts, &mut report.bad).await?;

    let transaction = worker.transaction().await?;
    transaction.execute(include_str!("../../queries/session_enter_as.sql"), &[&"import", &tenant, &import.app.name]).await?;
    let there = ids(&transaction, import.app, import.entity, drafts.iter().map(|draft| draft.id).collect()).await?;
    report.present = there.len() as u64;
    drafts.retain(|draft| !there.contains(&draft.id));
    references(&transaction, import.app, &mut drafts, &mut report.bad).await?;
    if report.bad.is_empty() || import.partial {
        for batch in drafts.chunks(BATCH) {
            write(&transaction, import.app, entity, batch, &mut report).await?;
        }
    }
    transaction.execute(include_str!("../../queries/session_leave.sql"), &[]).await?;
    if report.bad.is_empty() || import.partial {
        transaction.commit().await?;
    } else {
        transaction.rollback().await?;
        (report.added, report.children) = (0, 0);
    }
    report.bad.sort();
    Ok(report)
}

/// E-mails become members of the tenant; one that is nobody's takes its record out.
async fn members(admin: &Client, tenant: i32, app: &str, drafts: &mut Vec<Draft>, bad: &mut Vec<BadCell>) -> Result<(), StoreFault> {
    if drafts.iter().all(|draft| draft.members.is_empty()) {
        return Ok(());
    }
    let rows = admin.query(include_str!("../../queries/member_list.sql"), &[&tenant, &app]).await?;
    let known: HashMap<String, Uuid> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    drafts.retain_mut(|draft| {
        let before = bad.len();
        for member in &draft.members {
            match known.get(&member.value) {
                Some(id) => drop(draft.values.insert(member.field.clone(), id.to_string().into())),
                None => bad.push(draft.row.bad(
                    member.column,
                    format!("`{}` is no member of this tenant", member.text),
                    "name a member by e-mail, or add the person first",
                )),
            }
        }
        bad.len() == before
    });
    Ok(())
}

/// Every reference must lead to a record of this tenant.
async fn references(transaction: &Transaction<'_>, app: &App, drafts: &mut Vec<Draft>, bad: &mut Vec<BadCell>) -> Result<(), StoreFault> {
    let mut wanted: BTreeMap<&str, HashSet<Uuid>> = BTreeMap::new();
    for (entity, id) in drafts.iter().flat_map(|draft| &draft.refs).map(|waiting| &waiting.value) {
        wanted.entry(entity).or_default().insert(*id);
    }
    let mut there: HashSet<(String, Uuid)> = HashSet::new();
    for (entity, wanted) in wanted {
        let found = ids(transaction, app, entity, wanted.into_iter().collect()).await?;
        there.extend(found.into_iter().map(|id| (entity.to_owned(), id)));
    }
    drafts.retain(|draft| {
        let missing: Vec<_> = draft.refs.iter().filter(|waiting| !there.contains(&waiting.value)).collect();
        for waiting in &missing {
            let detail = format!("no {} has the key `{}`", waiting.value.0, waiting.text);
            bad.push(draft.row.bad(waiting.column, detail, format!("import the {} first, or correct the key", waiting.value.0)));
        }
        missing.is_empty()
    });
    Ok(())
}

/// Those of `wanted` that are records already.
async fn ids(transaction: &Transaction<'_>, app: &App, entity: &str, wanted: Vec<Uuid>) -> Result<HashSet<Uuid>, StoreFault> {
    let view = crate::record::view(&app.name, "system", entity);
    let rows = transaction.query(&format!("select id from {view} where id = any($1)"), &[&wanted]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Writes a batch in one statement a table; when Postgres refuses it, record by record, to say which one is bad.
async fn write(transaction: &Transaction<'_>, app: &App, entity: &Entity, batch: &[Draft], report: &mut Report) -> Result<(), StoreFault> {
    let Err(fault) = attempt(transaction, app, entity, batch).await else {
        report.added += batch.len() as u64;
        report.children += batch.iter().map(|draft| draft.children.len() as u64).sum::<u64>();
        return Ok(());
    };
    if fault.sqlstate().is_none() {
        return Err(fault);
    }
    if let [draft] = batch {
        let fault = fault.fault();
        report.bad.push(draft.row.bad(0, fault.detail, fault.help));
        return Ok(());
    }
    for draft in batch {
        Box::pin(write(transaction, app, entity, std::slice::from_ref(draft), report)).await?;
    }
    Ok(())
}

/// One statement a table, undone together.
async fn attempt(transaction: &Transaction<'_>, app: &App, entity: &Entity, batch: &[Draft]) -> Result<(), StoreFault> {
    transaction.batch_execute("savepoint batch").await?;
    let written = insert(transaction, app, entity, batch).await;
    let end = if written.is_ok() { "release savepoint batch" } else { "rollback to savepoint batch; release savepoint batch" };
    transaction.batch_execute(end).await?;
    written
}

async fn insert(transaction: &Transaction<'_>, app: &App, entity: &Entity, batch: &[Draft]) -> Result<(), StoreFault> {
    let records: Vec<Value> = batch.iter().map(|draft| Value::Object(draft.values.clone())).collect();
    let view = crate::record::view(&app.name, "system", &entity.name);
    let text = statement(&view, &["id", "state", "entered_at"], &entity.fields);
    let doing = || StoreFault::doing(format!("importing `{}`", entity.name));
    transaction.execute(&text, &[&Value::Array(records)]).await.map_err(doing())?;
    for (name, child) in &entity.children {
        let mut rows = Vec::new();
        for draft in batch {
            for (_, values) in draft.children.iter().filter(|(of, _)| of == name) {
                let mut values = values.clone();
                values.insert(entity.name.clone(), draft.id.to_string().into());
                rows.push(Value::Object(values));
            }
        }
        let view = crate::record::view(&app.name, "system", &format!("{}_{name}", entity.name));
        let text = statement(&view, &[&entity.name, "id", "position"], &child.fields);
        if !rows.is_empty() {
            transaction.execute(&text, &[&Value::Array(rows)]).await.map_err(doing())?;
        }
    }
    Ok(())
}

/// `insert into view (columns) select columns from jsonb_populate_recordset(…)`, in the order of the array; the view's
/// own row type says how each value is read.
fn statement(view: &str, own: &[&str], fields: &Named<Field>) -> String {
    let given = fields.iter().filter(|(_, field)| field.derived.is_none()).map(|(name, _)| name.as_str());
    let names = own.iter().copied().chain(given).map(ident).collect::<Vec<_>>().join(", ");
    format!(
        "insert into {view} ({names}) select {names} from rows from (jsonb_populate_recordset(null::{view}, $1)) with ordinality as given \
         order by ordinality"
    )
}
