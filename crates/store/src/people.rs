//! Tenants, members, what they may do, their keys, and how they sign in.
//!
//! What members ask for goes through doors of the engine, which judge it: `members`, `keys`, `sign_in`, `rules` and the
//! first half of `tenant`. The rest is the operator's, over the administrator's own connection.

pub mod erase;
pub mod keys;
pub mod members;
pub mod rules;
pub mod sign_in;
pub mod tenant;

pub(crate) mod doors;

use serde::{Deserialize, Serialize};
use statehouse_definition::App;
use statehouse_definition::model::Through;
use statehouse_fault::Fault;
use tokio_postgres::types::Json;
use tokio_postgres::{Client, GenericClient};
use uuid::Uuid;

use crate::{StoreFault, secret};

/// The file of demo people.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct People {
    /// In order.
    pub tenants: Vec<Tenant>,
}

/// A tenant and its members.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tenant {
    /// Its short name, unique; part of every key.
    pub slug: String,
    /// What people call it.
    pub name: String,
    /// The market its rule tables are read for.
    #[serde(default)]
    pub market: Option<String>,
    /// Who belongs to it.
    #[serde(default)]
    pub members: Vec<Member>,
}

/// A person in a role of one tenant.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// What people call them.
    pub name: String,
    /// Unique over all tenants: the same address is the same person.
    pub email: String,
    /// Their role in this tenant.
    pub role: String,
    /// Capabilities beyond the role's.
    #[serde(default)]
    pub extra: Vec<String>,
    /// Capabilities taken away; this wins.
    #[serde(default)]
    pub revoked: Vec<String>,
}

/// An API key as it is shown once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Key {
    /// The tenant's slug.
    pub tenant: String,
    /// The member's address.
    pub member: String,
    /// The member's role there.
    pub role: String,
    /// `sk_<slug>_<secret>`; only its hash is kept.
    pub key: String,
}

/// Makes what is missing and corrects what differs, in one transaction. Nobody is removed.
///
/// # Errors
/// `SH3012` for a role or capability the app does not have, else what Postgres said.
pub async fn ensure(client: &mut Client, app: &App, people: &People) -> Result<(), StoreFault> {
    check(app, people)?;
    let transaction = client.transaction().await?;
    for tenant in &people.tenants {
        let id = ensure_tenant(&transaction, tenant).await?;
        for member in &tenant.members {
            let member_id = ensure_member(&transaction, member).await?;
            transaction
                .execute(
                    include_str!("../queries/membership_upsert.sql"),
                    &[&id, &member_id, &app.name, &member.role, &member.extra, &member.revoked],
                )
                .await
                .map_err(StoreFault::doing(format!("making `{}` a member of `{}`", member.email, tenant.slug)))?;
        }
    }
    transaction.commit().await?;
    Ok(())
}

fn check(app: &App, people: &People) -> Result<(), StoreFault> {
    for member in people.tenants.iter().flat_map(|tenant| &tenant.members) {
        if !app.roles.contains_key(&member.role) {
            let detail = format!("`{}` has the role `{}`, which `{}` does not declare", member.email, member.role, app.name);
            return Err(Fault::new(statehouse_fault::SH3012, detail).into());
        }
        if app.roles[&member.role].by != Through::Membership {
            let detail = format!("`{}` has the role `{}`, which is held by a link or a form and has no members", member.email, member.role);
            return Err(Fault::new(statehouse_fault::SH3012, detail).into());
        }
        if let Some(unknown) = member.extra.iter().chain(&member.revoked).find(|name| !app.has_capability(name)) {
            let detail = format!("`{}` is given the capability `{unknown}`, which `{}` does not declare", member.email, app.name);
            return Err(Fault::new(statehouse_fault::SH3012, detail).into());
        }
    }
    Ok(())
}

async fn ensure_tenant(client: &impl GenericClient, tenant: &Tenant) -> Result<i32, StoreFault> {
    let row = client
        .query_one(include_str!("../queries/tenant_upsert.sql"), &[&tenant.slug, &tenant.name, &tenant.market])
        .await
        .map_err(StoreFault::doing(format!("making the tenant `{}`", tenant.slug)))?;
    Ok(row.get(0))
}

async fn ensure_member(client: &impl GenericClient, member: &Member) -> Result<Uuid, StoreFault> {
    let row = client
        .query_one(include_str!("../queries/member_upsert.sql"), &[&member.name, &member.email])
        .await
        .map_err(StoreFault::doing(format!("making the member `{}`", member.email)))?;
    Ok(row.get(0))
}

/// Makes one key for every membership of the app, so labelled; with `instead`, living keys of that label are revoked.
///
/// # Errors
/// What Postgres said.
pub async fn issue_keys(client: &mut Client, app: &str, label: &str, instead: Instead) -> Result<Vec<Key>, StoreFault> {
    let transaction = client.transaction().await?;
    if instead == Instead::OfOlder {
        transaction
            .execute(include_str!("../queries/key_revoke.sql"), &[&app, &label])
            .await
            .map_err(StoreFault::doing("revoking the keys of before"))?;
    }
    let rows = transaction
        .query(include_str!("../queries/membership_list.sql"), &[&app])
        .await
        .map_err(StoreFault::doing("listing the members"))?;
    let mut keys = Vec::with_capacity(rows.len());
    let mut wire = Vec::with_capacity(rows.len());
    for row in rows {
        let (tenant, member): (i32, Uuid) = (row.get(0), row.get(1));
        let key = Key { tenant: row.get(2), member: row.get(3), role: row.get(4), key: new_key(row.get(2))? };
        wire.push(serde_json::json!({ "hash": secret::hex(&secret::sha256(&key.key)), "tenant": tenant, "member": member }));
        keys.push(key);
    }
    transaction
        .execute(include_str!("../queries/key_insert.sql"), &[&app, &label, &Json(&wire)])
        .await
        .map_err(StoreFault::doing("making keys"))?;
    transaction.commit().await?;
    Ok(keys)
}

/// Whether new keys take the place of older ones of the same label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instead {
    /// The older ones stay.
    OfNone,
    /// The older ones are revoked.
    OfOlder,
}

fn new_key(slug: &str) -> Result<String, StoreFault> {
    Ok(format!("sk_{slug}_{}", secret::secret()?))
}
