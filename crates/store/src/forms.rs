//! Forms that anybody may fill in.

use crate::record::{Session, context};
use crate::{Db, StoreFault};

/// One form of one tenant.
#[derive(Clone, Copy, Debug)]
pub struct Form<'a> {
    /// The app.
    pub app: &'a str,
    /// Its name in the app.
    pub name: &'a str,
    /// The tenant's slug.
    pub tenant: &'a str,
}

/// The name of the tenant whose form this is, over a pool of `statehouse_api`.
///
/// # Errors
/// `SH6304` where there is no such form, faults of storage.
pub async fn host(db: &Db, form: &Form<'_>) -> Result<String, StoreFault> {
    known(form)?;
    let client = db.get().await?;
    let host = client.prepare_cached(include_str!("../queries/form_host.sql")).await?;
    let row = client.query_one(&host, &[&form.app, &form.name, &form.tenant]).await.map_err(StoreFault::doing("opening a form"))?;
    row.get::<_, Option<String>>(0).ok_or_else(unknown)
}

/// A session of one minute for one record of the form, over a pool of `statehouse_api`. It is counted for `address`, which
/// is kept only as a keyed hash; the same `key` makes the same record, however often it is sent.
///
/// # Errors
/// `SH6304` where there is no such form, `SH6305` when it was sent too often.
pub async fn enter(db: &Db, form: &Form<'_>, address: &str, key: Option<&str>) -> Result<Session, StoreFault> {
    known(form)?;
    let client = db.get().await?;
    let enter = client.prepare_cached(include_str!("../queries/form_enter.sql")).await?;
    let row = client
        .query_one(&enter, &[&form.app, &form.name, &form.tenant, &address, &key])
        .await
        .map_err(StoreFault::doing("opening a form"))?;
    context(&client, row.get(0)).await
}

/// What cannot be a name is none.
fn known(form: &Form<'_>) -> Result<(), StoreFault> {
    if [form.name, form.tenant].iter().any(|name| name.len() > 63 || name.contains('\0')) { Err(unknown()) } else { Ok(()) }
}

fn unknown() -> StoreFault {
    StoreFault::refused(statehouse_fault::SH6304, "there is no such form")
}
