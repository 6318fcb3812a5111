//! The end of a tenant: every row of it, in bounded batches; what stays is its number, its slug and the root of its audit.

use std::collections::BTreeMap;

use serde::Serialize;
use statehouse_definition::expr::ident;
use statehouse_fault::{Fault, SH5012};
use tokio_postgres::Client;
use uuid::Uuid;

use crate::{StoreFault, audit};

/// Rows of one delete; each is a transaction of its own, so that nobody waits long for a lock and a stop loses little.
const BATCH: i64 = 5_000;
/// Rounds over all tables: a transaction that was under way may still write a row behind the first.
const ROUNDS_MAX: usize = 5;

/// What was erased.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Erased {
    /// Rows by table.
    pub rows: BTreeMap<String, u64>,
    /// People who belonged nowhere else.
    pub people: i64,
    /// The Merkle root over the heads of its chains, in hex; kept beside the slug.
    pub audit_root: String,
}

struct Table {
    name: String,
    held_by: Vec<String>,
    holds_itself: bool,
}

/// Erases a tenant. Access ends first; then its rows go, those that refer before those referred to. It may be stopped and
/// run again: it goes on where it was.
///
/// # Errors
/// `SH1001` for a tenant that is not there, `SH5012` when rows stay because something outside the tenant refers to them,
/// faults of storage.
pub async fn erase(admin: &mut Client, slug: &str) -> Result<Erased, StoreFault> {
    let tenant = crate::record::tenant(admin, slug).await?;
    let audit_root = close(admin, tenant, slug).await?;
    let mut erased = Erased { audit_root, ..Erased::default() };
    let people: Vec<Uuid> =
        admin.query(include_str!("../../queries/tenant_people.sql"), &[&tenant]).await?.iter().map(|row| row.get(0)).collect();
    let tables = in_order(tables(admin).await?);
    admin.execute(include_str!("../../queries/tenant_speak.sql"), &[&tenant]).await?;
    for _ in 0..ROUNDS_MAX {
        let mut gone = 0;
        for table in &tables {
            let rows = empty(admin, table, tenant).await?;
            *erased.rows.entry(table.name.clone()).or_default() += rows;
            gone += rows;
        }
        if gone == 0 {
            let doing = StoreFault::doing("forgetting people");
            erased.people = admin.query_one(include_str!("../../queries/member_forget.sql"), &[&people]).await.map_err(doing)?.get(0);
            erased.rows.retain(|_, rows| *rows > 0);
            return Ok(erased);
        }
    }
    let fault = Fault::new(SH5012, format!("rows of `{slug}` come back while they are erased"));
    Err(fault.with_help("stop whatever still writes to this tenant, and run it again").into())
}

/// Ends all access and writes the tombstone. The root is taken before anything goes, and only once.
async fn close(admin: &mut Client, tenant: i32, slug: &str) -> Result<String, StoreFault> {
    let row = admin.query_one(include_str!("../../queries/tenant_root.sql"), &[&tenant]).await?;
    if let Some(root) = row.get::<_, Option<String>>(0) {
        return Ok(root);
    }
    super::tenant::suspend(admin, slug).await?;
    let anchor = audit::anchor(admin).await?;
    let root = anchor.tenants.iter().find(|one| one.tenant == tenant).map(|one| one.root.clone()).unwrap_or_default();
    let doing = StoreFault::doing(format!("closing the tenant `{slug}`"));
    admin.execute(include_str!("../../queries/tenant_close.sql"), &[&tenant, &root]).await.map_err(doing)?;
    Ok(root)
}

async fn tables(admin: &Client) -> Result<Vec<Table>, StoreFault> {
    let rows = admin.query(include_str!("../../queries/tenant_leaves.sql"), &[]).await.map_err(StoreFault::doing("listing tables"))?;
    let table =
        |row: &tokio_postgres::Row| Table { name: row.get("name"), held_by: row.get("held_by"), holds_itself: row.get("holds_itself") };
    Ok(rows.iter().map(table).collect())
}

/// Those that refer before those they refer to; tables that refer to each other in a circle come last as they are.
fn in_order(mut left: Vec<Table>) -> Vec<Table> {
    let mut ordered: Vec<Table> = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let names: Vec<String> = left.iter().map(|table| table.name.clone()).collect();
        let (free, held): (Vec<Table>, Vec<Table>) =
            left.into_iter().partition(|table| !table.held_by.iter().any(|other| names.contains(other)));
        if free.is_empty() {
            ordered.extend(held);
            return ordered;
        }
        ordered.extend(free);
        left = held;
    }
    ordered
}

/// Deletes a tenant's rows of one table, batch by batch. Rows that refer to rows of their own table go in one statement.
async fn empty(admin: &Client, table: &Table, tenant: i32) -> Result<u64, StoreFault> {
    // The name is a regclass, printed by Postgres with the quotes it needs.
    let name = &table.name;
    let most = if table.holds_itself { i64::MAX } else { BATCH };
    let text = format!("delete from {name} where ctid = any (array(select ctid from {name} where {} = $1 limit $2))", ident("tenant"));
    let mut gone = 0;
    loop {
        let rows = admin.execute(&text, &[&tenant, &most]).await.map_err(StoreFault::doing(format!("erasing rows of `{name}`")))?;
        gone += rows;
        if rows == 0 || table.holds_itself {
            return Ok(gone);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_refers_goes_before_what_it_refers_to() {
        let table = |name: &str, held_by: &[&str]| Table {
            name: name.into(),
            held_by: held_by.iter().map(|other| (*other).to_owned()).collect(),
            holds_itself: false,
        };
        let order = |tables| in_order(tables).iter().map(|table| table.name.clone()).collect::<Vec<_>>().join(" ");
        assert_eq!(
            order(vec![table("client", &["order"]), table("line", &[]), table("order", &["line", "elsewhere"])]),
            "line order client"
        );
        assert_eq!(order(vec![table("a", &["b"]), table("b", &["a"]), table("c", &[])]), "c a b", "a circle ends");
    }
}
