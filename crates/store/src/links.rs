//! Signed links: made and ended by members, followed by whoever holds one.

use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::record::Session;
use crate::record::pipeline::within;
use crate::{Db, StoreFault};

/// A link as it is shown once.
#[derive(Clone)]
pub struct Made {
    /// What it is called by those who may not know its token.
    pub id: Uuid,
    /// The token: a secret, kept nowhere else.
    pub token: String,
    /// When it runs out, RFC 3339 in UTC.
    pub expires_at: String,
}

impl std::fmt::Debug for Made {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Made({} until {})", self.id, self.expires_at)
    }
}

/// What somebody holds who has followed a link.
#[derive(Clone, Debug)]
pub struct Followed {
    /// Of the holder, on the one record.
    pub session: Session,
    /// What the link is for.
    pub purpose: String,
    /// The record.
    pub record: Uuid,
    /// The name of the tenant.
    pub host: String,
}

/// Makes a link to a record the session sees; `uses` and `lasts_s` (seconds) may be less than the app says, never more.
///
/// # Errors
/// `SH6302` for a purpose that is not there, `SH6303` for one that others make, `SH1002` for a record out of sight,
/// `SH6306` when a hundred are alive.
pub async fn make(
    db: &Db,
    session: &Session,
    purpose: &str,
    record: Uuid,
    uses: Option<i32>,
    lasts_s: Option<f64>,
) -> Result<Made, StoreFault> {
    let client = db.get().await?;
    let make = client.prepare_cached(include_str!("../queries/link_make.sql")).await?;
    let given: [&(dyn ToSql + Sync); 4] = [&purpose, &record, &uses, &lasts_s];
    let row = within(&client, session, "making a link", "commit", client.query_one(&make, &given)).await?;
    Ok(Made { id: row.get("link"), token: row.get("token"), expires_at: row.get("expires") })
}

/// A link as a JSON object, for those who may make its like and see its record.
///
/// # Errors
/// Faults of storage; nothing for a link that is not there or not theirs to know.
pub async fn find(db: &Db, session: &Session, link: Uuid) -> Result<Option<String>, StoreFault> {
    let client = db.get().await?;
    let find = client.prepare_cached(include_str!("../queries/link_find.sql")).await?;
    let row = within(&client, session, "reading a link", "commit", client.query_opt(&find, &[&link])).await?;
    Ok(row.map(|row| row.get(0)))
}

/// Ends a link and the sessions opened with it; false where the caller knows no such link.
///
/// # Errors
/// Faults of storage.
pub async fn revoke(db: &Db, session: &Session, link: Uuid) -> Result<bool, StoreFault> {
    let client = db.get().await?;
    let revoke = client.prepare_cached(include_str!("../queries/link_revoke.sql")).await?;
    let row = within(&client, session, "revoking a link", "commit", client.query_one(&revoke, &[&link])).await?;
    Ok(row.get(0))
}

/// Exchanges the token of a link for a session of at most 15 minutes, over a pool of `statehouse_api`.
///
/// # Errors
/// `SH6301`, the same for a token that is not known, has run out, was revoked or is used up.
pub async fn follow(db: &Db, token: &str) -> Result<Followed, StoreFault> {
    let doing = || StoreFault::doing("following a link");
    if token.contains('\0') {
        return Err(StoreFault::refused(statehouse_fault::SH6301, "the link is not accepted"));
    }
    let client = db.get().await?;
    let enter = client.prepare_cached(include_str!("../queries/link_enter.sql")).await?;
    let look = client.prepare_cached(include_str!("../queries/link_context.sql")).await?;
    let session: String = client.query_one(&enter, &[&token]).await.map_err(doing())?.get(0);
    let row = client.query_one(&look, &[]).await.map_err(doing())?;
    Ok(Followed {
        session: crate::record::read_session(session, &row),
        purpose: row.get("purpose"),
        record: row.get("record"),
        host: row.get("host"),
    })
}
