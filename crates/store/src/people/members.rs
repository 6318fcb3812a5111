//! Who belongs to the caller's tenant, and what they may do there.

use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::doors;
use crate::record::Session;
use crate::{Db, StoreFault};

/// Somebody to be made a member.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Invitation {
    /// The address: the same one is the same person in every tenant.
    pub email: String,
    /// What this tenant calls the person.
    pub name: String,
    /// The role.
    pub role: String,
    /// Capabilities beyond the role's.
    #[serde(default)]
    pub extra: Vec<String>,
    /// Capabilities taken away; this wins.
    #[serde(default)]
    pub revoked: Vec<String>,
}

/// What is to be another; what is left out stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Change {
    /// The role.
    pub role: Option<String>,
    /// All capabilities beyond the role's.
    pub extra: Option<Vec<String>>,
    /// All capabilities taken away.
    pub revoked: Option<Vec<String>>,
}

/// Who the caller is: `{member, tenant, app, role, kind, session, capabilities, memberships}`. Where else the person
/// belongs is told only to somebody who signed in.
///
/// # Errors
/// Faults of storage and of the session.
pub async fn me(db: &Db, session: &Session) -> Result<Value, StoreFault> {
    doors::one(db, session, "asking who asks", include_str!("../../queries/person_me.sql"), &[]).await
}

/// At most `most` (≤ 1000) members by id, those after `after`: `{id, name, email, role, extra, revoked, capabilities}`.
///
/// # Errors
/// `SH6505` without `members.manage`, faults of storage.
pub async fn members(db: &Db, session: &Session, after: Option<Uuid>, most: i32) -> Result<Vec<Value>, StoreFault> {
    doors::list(db, session, "listing members", include_str!("../../queries/person_list.sql"), &[&after, &most]).await
}

/// Makes somebody a member; answers as [`members`] does.
///
/// # Errors
/// `SH6501` for more than the caller holds, `SH6506` at the limit, `SH6507` for a member, `SH6508` for an unknown role.
pub async fn invite(db: &Db, session: &Session, who: &Invitation) -> Result<Value, StoreFault> {
    let given: [&(dyn tokio_postgres::types::ToSql + Sync); 5] = [&who.email, &who.name, &who.role, &who.extra, &who.revoked];
    doors::one(db, session, "inviting a member", include_str!("../../queries/person_invite.sql"), &given).await
}

/// Changes a member's role or capabilities; their sessions end. Answers as [`members`] does.
///
/// # Errors
/// `SH1002` for a member who is not there, `SH6501` for more than the caller holds, `SH6502` for oneself, `SH6503` for
/// the last who holds `members.manage`.
pub async fn change(db: &Db, session: &Session, id: Uuid, to: &Change) -> Result<Value, StoreFault> {
    let given: [&(dyn tokio_postgres::types::ToSql + Sync); 4] = [&id, &to.role, &to.extra, &to.revoked];
    doors::one(db, session, "changing a member", include_str!("../../queries/person_change.sql"), &given).await
}

/// Ends a membership with its keys and sessions.
///
/// # Errors
/// As [`change`].
pub async fn dismiss(db: &Db, session: &Session, id: Uuid) -> Result<(), StoreFault> {
    doors::call(db, session, "dismissing a member", include_str!("../../queries/person_dismiss.sql"), &[&id]).await.map(drop)
}
