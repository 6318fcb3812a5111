//! Signing in by mail, the caller's own sessions, and going from one tenant to another.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use uuid::Uuid;

use super::doors;
use crate::record::{self, Session};
use crate::{Db, StoreFault, secret};

/// What the tokens are derived for, so that the secret can serve other ends.
const PURPOSE: &[u8] = b"statehouse sign-in 1\0";

/// A sign-in somebody asked for.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The address that was given.
    pub email: &'a str,
    /// The app.
    pub app: &'a str,
    /// The tenant's slug, if it was said.
    pub tenant: Option<&'a str>,
}

/// A secret for a server that keeps none: 256 bits, as 43 characters.
///
/// # Errors
/// `SH9001` when the system gives no randomness.
pub fn fresh_secret() -> Result<String, StoreFault> {
    secret::secret()
}

/// The token of a sign-in, from its id alone: whoever writes the mail derives it again, and no table holds it.
pub fn token(secret: &[u8], id: Uuid) -> String {
    // A key of any length is taken.
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap_or_else(|_| unreachable!("HMAC takes a key of any length"));
    mac.update(PURPOSE);
    mac.update(id.as_bytes());
    secret::base64url(&mac.finalize().into_bytes())
}

/// Notes that somebody asked to sign in, over a pool of `statehouse_server`. The answer is the token where a mail is to
/// be written and nothing where nobody has the address; it takes as long either way, and a client is told neither.
///
/// # Errors
/// Faults of storage.
pub async fn ask(server: &Db, secret: &[u8], asked: Asked<'_>) -> Result<Option<String>, StoreFault> {
    let id = secret::random_id()?;
    let token = token(secret, id);
    let hash = secret::sha256(&token);
    let client = server.get().await?;
    let doing = || StoreFault::doing("noting a sign-in");
    let statement = client.prepare_cached(include_str!("../../queries/sign_in_ask.sql")).await.map_err(doing())?;
    let given: [&(dyn tokio_postgres::types::ToSql + Sync); 5] = [&id, &hash.as_slice(), &asked.email, &asked.app, &asked.tenant];
    let row = client.query_one(&statement, &given).await.map_err(doing())?;
    Ok(row.get::<_, bool>(0).then_some(token))
}

/// A session of 7 days for the token of a sign-in, which is used up.
///
/// # Errors
/// `SH6509` for a token that is not accepted, `SH6510` where a tenant is to be chosen (the token stays good), `SH2004`
/// for a tenant the person does not belong to.
pub async fn sign_in(db: &Db, token: &str, tenant: Option<&str>) -> Result<Session, StoreFault> {
    let client = db.get().await?;
    let statement = client.prepare_cached(include_str!("../../queries/sign_in_use.sql")).await?;
    let opened = client.query_one(&statement, &[&token, &tenant]).await.map_err(StoreFault::doing("signing in"))?;
    record::context(&client, opened.get(0)).await
}

/// A session of the same person in another tenant; for somebody who signed in.
///
/// # Errors
/// `SH2006` for the session of a key, `SH2004` for a tenant the person does not belong to.
pub async fn switch(db: &Db, session: &Session, tenant: &str) -> Result<Session, StoreFault> {
    let rows = doors::call(db, session, "going to another tenant", include_str!("../../queries/session_switch.sql"), &[&tenant]).await?;
    let token: String = rows.first().map(|row| row.get(0)).unwrap_or_default();
    record::resume(db, token).await
}

/// At most `most` (≤ 1000) living sessions of the caller in this tenant, the youngest first:
/// `{id, role, opened_by, created_at, expires, current}`.
///
/// # Errors
/// Faults of storage and of the session.
pub async fn sessions(db: &Db, session: &Session, most: i32) -> Result<Vec<Value>, StoreFault> {
    doors::list(db, session, "listing sessions", include_str!("../../queries/session_list.sql"), &[&most]).await
}

/// Ends one of the caller's own sessions.
///
/// # Errors
/// `SH1002` for one that is not the caller's.
pub async fn end(db: &Db, session: &Session, id: i64) -> Result<(), StoreFault> {
    doors::call(db, session, "ending a session", include_str!("../../queries/session_end.sql"), &[&id]).await.map(drop)
}

/// Ends the caller's session.
///
/// # Errors
/// Faults of storage.
pub async fn leave(db: &Db, session: &Session) -> Result<(), StoreFault> {
    doors::call(db, session, "leaving", include_str!("../../queries/session_leave.sql"), &[]).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed with `openssl dgst -sha256 -mac hmac`, over the purpose and the 16 bytes of the id.
    #[test]
    fn a_token_is_the_hmac_of_its_id() {
        let id: Uuid = "0194f1b2-0000-7000-8000-000000000001".parse().expect("an id");
        assert_eq!(token(b"a secret of the server", id), "h-xire_0mZ8l-01H8U7Qd9xJNyb08-zwac8e0iB8G9Y");
        assert_ne!(token(b"another secret", id), token(b"a secret of the server", id));
    }
}
