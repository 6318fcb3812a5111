//! API keys, as their holders and those who manage keys see them.

use serde::Deserialize;
use serde_json::Value;
use tokio_postgres::types::Json;
use uuid::Uuid;

use super::doors;
use crate::record::Session;
use crate::{Db, StoreFault};

/// A key to be made.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewKey {
    /// What it is for, at most 100 characters.
    pub label: String,
    /// When it ends, RFC 3339; never where it is left out.
    #[serde(default)]
    pub expires: Option<String>,
    /// Whose it is, with `keys.manage`; the caller's own where it is left out.
    #[serde(default)]
    pub member: Option<Uuid>,
}

/// At most `most` (≤ 1000) keys by id, those after `after`: the caller's own, and with `keys.manage` the tenant's.
/// `{id, label, member, name, created_at, used_at, expires, revoked_at}`, `used_at` to the hour.
///
/// # Errors
/// Faults of storage and of the session.
pub async fn keys(db: &Db, session: &Session, after: Option<Uuid>, most: i32) -> Result<Vec<Value>, StoreFault> {
    doors::list(db, session, "listing keys", include_str!("../../queries/key_list.sql"), &[&after, &most]).await
}

/// Makes a key. The answer is that of [`keys`] with `key`, `sk_<slug>_<secret>` of 256 bits, which is told this once.
///
/// # Errors
/// `SH6505` for another's without `keys.manage`, `SH6501` for somebody who holds more, `SH6506` at the limit.
pub async fn make(db: &Db, session: &Session, wanted: &NewKey) -> Result<Value, StoreFault> {
    let given: [&(dyn tokio_postgres::types::ToSql + Sync); 3] = [&wanted.label, &wanted.expires, &wanted.member];
    let rows = doors::call(db, session, "making a key", include_str!("../../queries/key_make.sql"), &given).await?;
    let mut made = Value::Null;
    if let Some(row) = rows.first() {
        made = row.get::<_, Json<Value>>(1).0;
        made["key"] = Value::String(row.get(0));
    }
    Ok(made)
}

/// Ends a key and its sessions, at once.
///
/// # Errors
/// `SH1002` for a key the caller does not see, `SH6501` for one of somebody who holds more.
pub async fn revoke(db: &Db, session: &Session, id: Uuid) -> Result<(), StoreFault> {
    doors::call(db, session, "revoking a key", include_str!("../../queries/key_end.sql"), &[&id]).await.map(drop)
}
