//! What happens before a sender is told that its message has arrived.

use serde_json::Value;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::{Db, StoreFault};

/// A message whose signature has been verified.
#[derive(Clone, Debug)]
pub struct Received<'a> {
    /// The token of the address it came to.
    pub token: &'a str,
    /// By what its sender knows it, 1 to 500 characters: the same key is the same message.
    pub key: &'a str,
    /// Its type; none where the body cannot be read.
    pub kind: Option<&'a str>,
    /// The body as it came, at most 1 MiB.
    pub body: &'a [u8],
    /// The headers that patterns read, lower case: a JSON object of texts.
    pub headers: &'a Value,
    /// The raw text after `?`, where it belongs to the message: another one makes another message of it.
    pub query: &'a str,
    /// The id of the secret it was signed with.
    pub secret: Option<&'a str>,
    /// How much of it the signature covers, as `connect::verify` names it.
    pub coverage: &'a str,
    /// The account it names, where the inbox says where to find one.
    pub account: Option<&'a str>,
    /// Which of the items of the body it is, where one body holds several, and the bytes by which the same item is
    /// known in another body.
    pub item: Option<(i32, &'a [u8])>,
}

/// Whether it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It is new.
    New,
    /// It was stored before.
    Again,
    /// Another one was stored under the same key; this one is kept beside it and never acted upon.
    Conflict,
}

impl Verdict {
    pub(super) fn of(word: &str) -> Verdict {
        match word {
            "new" => Verdict::New,
            "again" => Verdict::Again,
            _ => Verdict::Conflict,
        }
    }
}

/// What may be acknowledged: the row is on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Whether it is known.
    pub verdict: Verdict,
    /// Its id, or that of the one stored before.
    pub id: Uuid,
}

/// Stores a message, over a pool of `statehouse_server`. A suspended tenant's are stored too. None for an address that is
/// not known or was revoked.
///
/// # Errors
/// `SH7102` for a message of another account than the address is for, `SH5011` for one beyond the bounds. On any fault
/// nothing is known to be stored, and nothing may be acknowledged.
pub async fn receive(server: &Db, received: &Received<'_>) -> Result<Option<Receipt>, StoreFault> {
    let client = server.lean().await?;
    let doing = || StoreFault::doing("storing a message");
    let store = client.prepare_cached(include_str!("../../queries/message_receive.sql")).await.map_err(doing())?;
    let (item, same) = received.item.unzip();
    let given: [&(dyn ToSql + Sync); 11] = [
        &received.token,
        &received.key,
        &received.kind,
        &received.body,
        received.headers,
        &received.query,
        &received.secret,
        &received.coverage,
        &received.account,
        &item,
        &same,
    ];
    statehouse_fault::point!("store.receive_message:before");
    let row = client.query_opt(&store, &given).await.map_err(doing())?;
    statehouse_fault::point!("store.receive_message:after");
    Ok(row.as_ref().map(receipt))
}

pub(super) fn receipt(row: &tokio_postgres::Row) -> Receipt {
    Receipt { verdict: Verdict::of(row.get("verdict")), id: row.get("id") }
}
