//! A tenant's own rows of rule tables, and those that hold for it.

use serde_json::Value;
use uuid::Uuid;

use super::doors;
use crate::record::Session;
use crate::{Db, StoreFault};

/// The rows that may hold for the caller's tenant, its own first: `{id, scope, holds, says}`, `scope` being `tenant`,
/// `market` or `app`. At most 10,000.
///
/// # Errors
/// `SH1002` for no rule table of the app, `SH6505` without `rules.edit`.
pub async fn rules(db: &Db, session: &Session, table: &str) -> Result<Vec<Value>, StoreFault> {
    doors::list(db, session, "reading rules", include_str!("../../queries/rule_list.sql"), &[&table]).await
}

/// Adds a row of the tenant's own, from today or later; answers as [`rules`] does.
///
/// # Errors
/// `SH6511` where another row of the tenant holds, `SH6512` for a day that is past, `SH6513` for columns the table does
/// not have, and those of the table's own constraints.
pub async fn add(db: &Db, session: &Session, table: &str, row: &Value) -> Result<Value, StoreFault> {
    doors::one(db, session, "adding a rule", include_str!("../../queries/rule_add.sql"), &[&table, row]).await
}

/// Says until when a row of the tenant's own holds: the first day it no longer does, or nothing for an open end.
///
/// # Errors
/// `SH1002` for a row that is not the tenant's own, `SH6511` and `SH6512` as [`add`].
pub async fn end(db: &Db, session: &Session, table: &str, id: Uuid, valid_to: Option<&str>) -> Result<Value, StoreFault> {
    doors::one(db, session, "ending a rule", include_str!("../../queries/rule_end.sql"), &[&table, &id, &valid_to]).await
}

/// Takes back a row of the tenant's own that does not hold yet.
///
/// # Errors
/// `SH1002` for a row that is not the tenant's own, `SH6512` for one that holds or held.
pub async fn take_back(db: &Db, session: &Session, table: &str, id: Uuid) -> Result<(), StoreFault> {
    doors::call(db, session, "taking a rule back", include_str!("../../queries/rule_drop.sql"), &[&table, &id]).await.map(drop)
}
