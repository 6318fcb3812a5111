//! The caller's own tenant, and all tenants as the operator sees them.

use serde::Serialize;
use serde_json::Value;
use statehouse_fault::{Fault, SH1001};
use tokio_postgres::types::Json;
use tokio_postgres::{Client, GenericClient};

use super::doors;
use crate::record::Session;
use crate::{Db, StoreFault};

/// The limits of a tenant that can be set, by the names of their columns.
pub const LIMITS: [&str; 5] = ["members", "keys", "requests_per_second", "file_bytes", "uploads_open"];

/// A tenant, as the operator sees it.
#[derive(Clone, Debug, Serialize)]
pub struct Standing {
    /// Its short name.
    pub slug: String,
    /// What people call it; empty once erased.
    pub name: String,
    /// Its market.
    pub market: Option<String>,
    /// Since when nobody has access, RFC 3339.
    pub suspended_at: Option<String>,
    /// Since when nothing is left of it, RFC 3339.
    pub erased_at: Option<String>,
    /// Once erased: the Merkle root over the heads of its chains, in hex.
    pub audit_root: Option<String>,
    /// People who belong to it.
    pub members: i64,
    /// By [`LIMITS`].
    pub limits: Value,
}

/// The caller's tenant: `{slug, name, market}`, and for those who manage members `limits` and `usage`.
///
/// # Errors
/// Faults of storage and of the session.
pub async fn own(db: &Db, session: &Session) -> Result<Value, StoreFault> {
    doors::one(db, session, "asking for the tenant", include_str!("../../queries/tenant_own.sql"), &[]).await
}

/// Gives the caller's tenant another name.
///
/// # Errors
/// `SH6505` without `members.manage`.
pub async fn rename(db: &Db, session: &Session, name: &str) -> Result<(), StoreFault> {
    doors::call(db, session, "renaming the tenant", include_str!("../../queries/tenant_rename.sql"), &[&name]).await.map(drop)
}

/// Every tenant, by slug; asked by the administrator.
///
/// # Errors
/// Faults of storage.
pub async fn all(admin: &impl GenericClient) -> Result<Vec<Standing>, StoreFault> {
    let rows = admin.query(include_str!("../../queries/tenant_standing.sql"), &[]).await.map_err(StoreFault::doing("listing tenants"))?;
    let standing = |row: &tokio_postgres::Row| Standing {
        slug: row.get("slug"),
        name: row.get("name"),
        market: row.get("market"),
        suspended_at: row.get("suspended_at"),
        erased_at: row.get("erased_at"),
        audit_root: row.get("audit_root"),
        members: row.get("members"),
        limits: row.get::<_, Json<Value>>("limits").0,
    };
    Ok(rows.iter().map(standing).collect())
}

/// Makes a tenant.
///
/// # Errors
/// `SH5010` for a slug that is taken, `SH5011` for one that is none.
pub async fn add(admin: &impl GenericClient, slug: &str, name: &str, market: Option<&str>) -> Result<(), StoreFault> {
    let doing = StoreFault::doing(format!("making the tenant `{slug}`"));
    admin.execute(include_str!("../../queries/tenant_add.sql"), &[&slug, &name, &market]).await.map_err(doing).map(drop)
}

/// Ends every session of a tenant and lets nobody in; effects, timers and messages stay as they are.
///
/// # Errors
/// `SH1001` for a tenant that is not there.
pub async fn suspend(admin: &mut Client, slug: &str) -> Result<(), StoreFault> {
    told(admin, slug, include_str!("../../queries/tenant_suspend.sql"), "tenant_suspended").await
}

/// Lets the people of a tenant in again; they sign in anew.
///
/// # Errors
/// `SH1001` for a tenant that is not there or is erased.
pub async fn resume(admin: &mut Client, slug: &str) -> Result<(), StoreFault> {
    told(admin, slug, include_str!("../../queries/tenant_resume.sql"), "tenant_resumed").await
}

/// Sets a limit, one of [`LIMITS`].
///
/// # Errors
/// `SH1001` for a tenant or limit that is not there.
pub async fn limit(admin: &mut Client, slug: &str, which: &str, most: i64) -> Result<(), StoreFault> {
    if !LIMITS.contains(&which) {
        let fault = Fault::new(SH1001, format!("there is no limit `{which}`"));
        return Err(fault.with_help(format!("name one of {}", statehouse_definition::quoted_list(LIMITS))).into());
    }
    let number = crate::record::tenant(admin, slug).await?;
    let transaction = admin.transaction().await?;
    let doing = || StoreFault::doing(format!("limiting `{slug}`"));
    let text = format!("update statehouse.tenant_limit set {which} = $2 where tenant = $1");
    let (whole, small) = (most, i32::try_from(most).unwrap_or(i32::MAX));
    let value: &(dyn tokio_postgres::types::ToSql + Sync) = if which == "file_bytes" { &whole } else { &small };
    transaction.execute(&text, &[&number, value]).await.map_err(doing())?;
    note(&transaction, number, "tenant_limited", &serde_json::json!({ which: most })).await?;
    transaction.commit().await?;
    Ok(())
}

/// Runs a statement on a tenant and leaves a row about it.
async fn told(admin: &mut Client, slug: &str, text: &str, what: &str) -> Result<(), StoreFault> {
    let number = crate::record::tenant(admin, slug).await?;
    let transaction = admin.transaction().await?;
    let changed = transaction.execute(text, &[&number]).await.map_err(StoreFault::doing(format!("changing the tenant `{slug}`")))?;
    if changed > 0 {
        note(&transaction, number, what, &Value::Object(Default::default())).await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// A row about what the administrator changed.
pub(super) async fn note(admin: &impl GenericClient, tenant: i32, what: &str, about: &Value) -> Result<(), StoreFault> {
    admin.execute(include_str!("../../queries/admin_event_note.sql"), &[&tenant, &what, &Json(about)]).await?;
    Ok(())
}
