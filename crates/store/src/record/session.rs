//! Who asks: a token, and what it stands for.

use uuid::Uuid;

use statehouse_fault::{Fault, SH1001};
use tokio_postgres::GenericClient;

use crate::kept::Kept;
use crate::{Db, StoreFault};

/// A session as its holder knows it. The token is a secret: it is never printed.
#[derive(Clone)]
pub struct Session {
    pub(crate) token: String,
    /// The app.
    pub app: String,
    /// The role; `system` for the engine's own kinds.
    pub role: String,
    /// `member`, `timer`, `connector`, `import` and the like.
    pub kind: String,
    /// The tenant.
    pub tenant: i32,
    /// Who acts.
    pub actor: Uuid,
    /// The language refusals are told in, e.g. `pl`; the app's first when empty.
    pub locale: String,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Session { app, role, kind, tenant, actor, .. } = self;
        write!(f, "Session({kind} {actor} as {role} of {app} in tenant {tenant})")
    }
}

impl Session {
    /// The same session, told things in this language.
    pub fn in_locale(mut self, locale: impl Into<String>) -> Session {
        self.locale = locale.into();
        self
    }

    /// The token, for a client that sets `statehouse.session` itself.
    pub fn token(&self) -> &str {
        &self.token
    }
}

/// The number of the tenant with this slug, asked by the administrator.
///
/// # Errors
/// `SH1001` for a tenant that is not there, and faults of storage.
pub async fn tenant(admin: &impl GenericClient, slug: &str) -> Result<i32, StoreFault> {
    let row = admin.query_opt(include_str!("../../queries/tenant_find.sql"), &[&slug]).await?;
    if let Some(row) = row {
        return Ok(row.get(0));
    }
    let there = admin.query(include_str!("../../queries/audit_tenants.sql"), &[]).await?;
    let slugs: Vec<String> = there.iter().map(|row| row.get("slug")).collect();
    let (there, help) = match slugs.as_slice() {
        [] => ("none yet".to_owned(), "make one with `statehouse tenant add`"),
        slugs => (statehouse_definition::quoted_list(slugs), "name one of them"),
    };
    Err(Fault::new(SH1001, format!("there is no tenant `{slug}`; there are {there}")).with_help(help).into())
}

/// Enters with an API key, over a pool of `statehouse_api` or `statehouse_read`.
///
/// # Errors
/// `SH2003` for a key that is not accepted, and faults of storage.
pub async fn enter(db: &Db, api_key: &str) -> Result<Session, StoreFault> {
    let client = db.get().await?;
    let statement = client.prepare_cached(include_str!("../../queries/session_enter.sql")).await?;
    context(&client, client.query_one(&statement, &[&api_key]).await.map_err(StoreFault::doing("entering"))?.get(0)).await
}

/// Enters as a kind of the engine, over a pool of `statehouse_worker`.
///
/// # Errors
/// `SH2006` for a kind that is not the engine's, `SH2010` over another login role.
pub async fn enter_as(db: &Db, kind: &str, tenant: i32, app: &str) -> Result<Session, StoreFault> {
    let client = db.get().await?;
    let statement = client.prepare_cached(include_str!("../../queries/session_enter_as.sql")).await?;
    context(&client, client.query_one(&statement, &[&kind, &tenant, &app]).await.map_err(StoreFault::doing("entering"))?.get(0)).await
}

/// What a token stands for, over a pool of `statehouse_api` or `statehouse_read`.
///
/// # Errors
/// `SH2002` for a token that is not or no longer a session's.
pub async fn resume(db: &Db, token: String) -> Result<Session, StoreFault> {
    let client = db.get().await?;
    let open = client.prepare_cached(include_str!("../../queries/session_set.sql")).await?;
    let look = client.prepare_cached(include_str!("../../queries/session_context.sql")).await?;
    let whose: [&(dyn tokio_postgres::types::ToSql + Sync); 2] = [&token, &""];
    let (begun, opened, row, ended) = futures_util::future::join4(
        client.batch_execute("begin"),
        client.execute(&open, &whose),
        client.query_one(&look, &[]),
        client.batch_execute("commit"),
    )
    .await;
    let doing = || StoreFault::doing("looking a session up");
    begun.map_err(doing())?;
    opened.map_err(doing())?;
    let row = row.map_err(doing())?;
    ended.map_err(doing())?;
    Ok(read(token, &row))
}

/// What the connection's fresh session stands for.
pub(crate) async fn context(client: &Kept, token: String) -> Result<Session, StoreFault> {
    let statement = client.prepare_cached(include_str!("../../queries/session_context.sql")).await?;
    let row = client.query_one(&statement, &[]).await.map_err(StoreFault::doing("entering"))?;
    Ok(read(token, &row))
}

pub(crate) fn read(token: String, row: &tokio_postgres::Row) -> Session {
    Session {
        token,
        app: row.get("app"),
        role: row.get("role"),
        kind: row.get("kind"),
        tenant: row.get("tenant"),
        actor: row.get("actor"),
        locale: String::new(),
    }
}

/// Forgets sessions that ended more than a day ago, at most `most`; how many. Over a pool of `statehouse_worker`.
///
/// # Errors
/// Faults of storage.
pub async fn purge_sessions(worker_db: &Db, most: i32) -> Result<i32, StoreFault> {
    let client = worker_db.lean().await?;
    let purge = client.prepare_cached(include_str!("../../queries/session_purge.sql")).await?;
    statehouse_fault::point!("store.purge_sessions:before");
    let row = client.query_one(&purge, &[&most]).await.map_err(StoreFault::doing("forgetting sessions"))?;
    statehouse_fault::point!("store.purge_sessions:after");
    Ok(row.get(0))
}
