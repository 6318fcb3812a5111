//! Forgetting a subject: values and payloads go, the chain stays.

use statehouse_definition::expr::ident;
use tokio_postgres::Client;
use uuid::Uuid;

use crate::StoreFault;
use crate::record::tenant;

/// Whom to forget.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The app.
    pub app: &'a str,
    /// The tenant's slug.
    pub tenant: &'a str,
    /// The entity; it must have a `personal` field.
    pub entity: &'a str,
    /// The record.
    pub record: Uuid,
}

/// Takes the personal values out of a record and the payloads out of its events, and leaves an event `erased`. The
/// hashes stay, so the chain still verifies; the administrator's own connection, one transaction.
///
/// # Errors
/// `SH1002` for a record that is not there, `SH1001` for a tenant that is not, and faults of storage.
pub async fn erase(admin: &mut Client, subject: Subject<'_>) -> Result<(), StoreFault> {
    let number = tenant(admin, subject.tenant).await?;
    let transaction = admin.transaction().await?;
    transaction.batch_execute("set local role statehouse_owner").await.map_err(StoreFault::doing("becoming the owner"))?;
    transaction.execute(include_str!("../../queries/migration_enter.sql"), &[&number, &subject.app]).await?;
    let function = format!("{}.{}", ident(subject.app), ident(&format!("{}_erase", subject.entity)));
    let doing = StoreFault::doing(format!("erasing a `{}`", subject.entity));
    transaction.execute(&format!("select {function}($1)"), &[&subject.record]).await.map_err(doing)?;
    transaction.commit().await?;
    Ok(())
}
