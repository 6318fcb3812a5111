//! Secret addresses: whom one belongs to, and how it is made and ended.

use serde_json::Value;
use statehouse_definition::{App, quoted_list};
use statehouse_fault::{Fault, SH1001};
use tokio_postgres::{Client, GenericClient};
use uuid::Uuid;

use crate::people::doors;
use crate::record::Session;
use crate::{Db, StoreFault, secret};

/// Whom an address belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The tenant.
    pub tenant: i32,
    /// Its short name.
    pub slug: String,
    /// The app.
    pub app: String,
    /// The inbox of the app whose messages it takes.
    pub source: String,
    /// The account whose messages it takes; none for any that is signed.
    pub account: Option<String>,
}

/// An address as it is shown once.
#[derive(Clone, PartialEq, Eq)]
pub struct Made {
    /// What it is called by those who may not know its token.
    pub id: Uuid,
    /// The last part of its URL: a secret, kept nowhere else.
    pub token: String,
}

impl std::fmt::Debug for Made {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Made({})", self.id)
    }
}

/// Whom an address belongs to, over a pool of `statehouse_server`; none for one that is not known or was revoked.
///
/// # Errors
/// Faults of storage.
pub async fn endpoint_of(server: &Db, token: &str) -> Result<Option<Endpoint>, StoreFault> {
    if token.contains('\0') {
        return Ok(None);
    }
    let client = server.lean().await?;
    let find = client.prepare_cached(include_str!("../../queries/endpoint_find.sql")).await?;
    let row = client.query_opt(&find, &[&token]).await.map_err(StoreFault::doing("looking an address up"))?;
    Ok(row.map(|row| Endpoint {
        tenant: row.get("tenant"),
        slug: row.get("slug"),
        app: row.get("app"),
        source: row.get("source"),
        account: row.get("account"),
    }))
}

/// A new address of the session's tenant, for a member with `outside.manage`:
/// `{id, source, account, label, created_at, token}`, the token this once.
///
/// # Errors
/// `SH1001` for a source the app does not have, `SH6505` without the capability, `SH6506` for too many.
pub async fn make_endpoint(
    db: &Db,
    session: &Session,
    app: &App,
    source: &str,
    account: Option<&str>,
    label: &str,
) -> Result<Value, StoreFault> {
    known(app, source)?;
    statehouse_fault::point!("store.make_endpoint:before");
    let made =
        doors::one(db, session, "making an address", include_str!("../../queries/endpoint_make.sql"), &[&source, &account, &label]).await;
    statehouse_fault::point!("store.make_endpoint:after");
    made
}

/// The addresses of the session's tenant, at most 500:
/// `{id, source, account, label, made_by, created_at, revoked_at}`, times in RFC 3339.
///
/// # Errors
/// `SH6505` without `outside.manage`.
pub async fn endpoints(db: &Db, session: &Session) -> Result<Vec<Value>, StoreFault> {
    doors::list(db, session, "listing addresses", include_str!("../../queries/endpoint_list.sql"), &[]).await
}

/// Ends an address; false where the tenant has none such.
///
/// # Errors
/// `SH6505` without `outside.manage`.
pub async fn revoke_endpoint(db: &Db, session: &Session, id: Uuid) -> Result<bool, StoreFault> {
    statehouse_fault::point!("store.revoke_endpoint:before");
    let ended = doors::one(db, session, "revoking an address", include_str!("../../queries/endpoint_revoke.sql"), &[&id]).await;
    statehouse_fault::point!("store.revoke_endpoint:after");
    ended.map(|ended| ended == Value::Bool(true))
}

/// A new address, made by the administrator.
///
/// # Errors
/// `SH1001` for a tenant or a source that is not there.
pub async fn issue(admin: &mut Client, app: &App, slug: &str, source: &str, account: Option<&str>) -> Result<Made, StoreFault> {
    known(app, source)?;
    let tenant = crate::record::tenant(admin, slug).await?;
    let made = Made { id: Uuid::nil(), token: format!("in_{}", secret::secret()?) };
    let hash = secret::sha256(&made.token).to_vec();
    let given: [&(dyn tokio_postgres::types::ToSql + Sync); 5] = [&tenant, &hash, &app.name, &source, &account];
    statehouse_fault::point!("store.issue_endpoint:before");
    let row =
        admin.query_one(include_str!("../../queries/endpoint_insert.sql"), &given).await.map_err(StoreFault::doing("making an address"))?;
    statehouse_fault::point!("store.issue_endpoint:after");
    Ok(Made { id: row.get(0), ..made })
}

/// Every address of an app, of one tenant or of all, for the administrator: as [`endpoints`], with the slug of its `tenant`.
///
/// # Errors
/// Faults of storage.
pub async fn all(admin: &impl GenericClient, app: &str, slug: Option<&str>) -> Result<Vec<Value>, StoreFault> {
    let rows = admin
        .query(include_str!("../../queries/endpoint_all.sql"), &[&app, &slug])
        .await
        .map_err(StoreFault::doing("listing addresses"))?;
    Ok(rows.iter().map(|row| row.get::<_, tokio_postgres::types::Json<Value>>(0).0).collect())
}

/// Ends an address, by the administrator; false where there is none such.
///
/// # Errors
/// Faults of storage.
pub async fn withdraw(admin: &impl GenericClient, id: Uuid) -> Result<bool, StoreFault> {
    statehouse_fault::point!("store.withdraw_endpoint:before");
    let ended =
        admin.execute(include_str!("../../queries/endpoint_end.sql"), &[&id]).await.map_err(StoreFault::doing("revoking an address"))?;
    statehouse_fault::point!("store.withdraw_endpoint:after");
    Ok(ended > 0)
}

fn known(app: &App, source: &str) -> Result<(), StoreFault> {
    if app.inboxes.contains_key(source) {
        return Ok(());
    }
    let there: Vec<&String> = app.inboxes.keys().collect();
    let there = if there.is_empty() { "none".to_owned() } else { quoted_list(&there) };
    Err(Fault::new(SH1001, format!("`{}` takes no messages of `{source}`; its sources are {there}", app.name))
        .with_help("name one of its inboxes")
        .into())
}
