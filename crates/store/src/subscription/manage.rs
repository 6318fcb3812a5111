//! A member's own subscriptions. Somebody else's are not there.

use futures_util::future::join4;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::record::Session;
use crate::{Db, StoreFault};

/// Who wants to be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// Its id.
    pub id: Uuid,
    /// What its maker calls it.
    pub label: String,
    /// Where messages go.
    pub url: String,
    /// What it wants: `*`, `order.*`, `order.confirm`.
    pub events: Vec<String>,
    /// `active` or `ended`.
    pub state: String,
    /// Why it has ended.
    pub ended_why: Option<String>,
    /// The number of its secret.
    pub secret: i32,
    /// Until when the secret before signs too, RFC 3339.
    pub previous_until: Option<String>,
    /// When it was made, RFC 3339.
    pub created_at: String,
    /// Messages that wait to be sent.
    pub due: i64,
}

/// A new subscription of the session's member, from now on. `url` and `events` have been judged by the caller as far as
/// the definition says; the form is judged again by the database.
///
/// # Errors
/// `SH2006` unless a member asks, `SH6212` for too many, `SH5011` for a form that is not accepted, faults of storage.
pub async fn subscribe(db: &Db, session: &Session, label: &str, url: &str, events: &[String]) -> Result<Subscription, StoreFault> {
    let made = ask(db, session, include_str!("../../queries/subscription_insert.sql"), &[&label, &url, &events], "subscribing").await?;
    made.first().map(subscription).ok_or_else(|| StoreFault::refused(statehouse_fault::SH9001, "a subscription was made and is not there"))
}

/// The member's own, the ended ones with their reason; at most 200.
///
/// # Errors
/// Faults of storage.
pub async fn list(db: &Db, session: &Session) -> Result<Vec<Subscription>, StoreFault> {
    let rows = ask(db, session, include_str!("../../queries/subscription_list.sql"), &[], "listing subscriptions").await?;
    Ok(rows.iter().map(subscription).collect())
}

/// Ends one and what is still owed to it; false where there is none of the member's.
///
/// # Errors
/// Faults of storage.
pub async fn remove(db: &Db, session: &Session, id: Uuid) -> Result<bool, StoreFault> {
    let rows = ask(db, session, include_str!("../../queries/subscription_remove.sql"), &[&id], "ending a subscription").await?;
    Ok(rows.first().is_some_and(|row| row.get(0)))
}

/// The next secret; the one before signs too for `keep_s` seconds, at most 7 days. None where there is none of the member's.
///
/// # Errors
/// Faults of storage.
pub async fn rotate(db: &Db, session: &Session, id: Uuid, keep_s: f64) -> Result<Option<Subscription>, StoreFault> {
    let rows = ask(db, session, include_str!("../../queries/subscription_rotate.sql"), &[&id, &keep_s], "changing a secret").await?;
    Ok(rows.first().map(subscription))
}

/// Owes it one message of type `test`; the message's id. None where there is none of the member's.
///
/// # Errors
/// Faults of storage.
pub async fn test(db: &Db, session: &Session, id: Uuid) -> Result<Option<String>, StoreFault> {
    let rows = ask(db, session, include_str!("../../queries/subscription_test.sql"), &[&id], "testing a subscription").await?;
    Ok(rows.first().and_then(|row| row.get(0)))
}

async fn ask(db: &Db, session: &Session, text: &str, given: &[&(dyn ToSql + Sync)], doing: &str) -> Result<Vec<Row>, StoreFault> {
    let client = db.get().await?;
    let doing = || StoreFault::doing(doing);
    let open = client.prepare_cached(include_str!("../../queries/session_set.sql")).await.map_err(doing())?;
    let asked = client.prepare_cached(text).await.map_err(doing())?;
    let whose: [&(dyn ToSql + Sync); 2] = [&session.token, &session.locale];
    let (begun, opened, rows, committed) =
        join4(client.batch_execute("begin"), client.execute(&open, &whose), client.query(&asked, given), client.batch_execute("commit"))
            .await;
    begun.map_err(doing())?;
    opened.map_err(doing())?;
    let rows = rows.map_err(doing())?;
    committed.map_err(doing())?;
    Ok(rows)
}

fn subscription(row: &Row) -> Subscription {
    Subscription {
        id: row.get("id"),
        label: row.get("label"),
        url: row.get("url"),
        events: row.get("events"),
        state: row.get("state"),
        ended_why: row.get("ended_why"),
        secret: row.get("secret"),
        previous_until: row.get("previous_until"),
        created_at: row.get("created_at"),
        due: row.get("due"),
    }
}
