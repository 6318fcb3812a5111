//! What there is to judge, read once everything is at rest.

use statehouse_crashtests::facts::Call;
use tokio_postgres::Client;

use crate::asked::Acked;
use crate::works::{APP, Works};

/// All there is to judge, once it is at rest.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// What callers were told is done.
    pub acked: Vec<Acked>,
    /// Idempotency keys, each with the move it made.
    pub keys: Vec<(String, Move)>,
    /// Messages by their sender's key, with their state; the conflicting ones as well.
    pub messages: Vec<(String, String)>,
    /// Moves with their verbs.
    pub events: Vec<(Move, String)>,
    /// Effects: of which move, which of it, and where they stand.
    pub effects: Vec<(Move, i32, String)>,
    /// The providers' log.
    pub calls: Vec<Call>,
    /// What the audit of the chains found.
    pub audit: Vec<String>,
}

/// A record and its version after the move.
pub type Move = (String, i32);

/// Reads everything.
pub async fn facts(works: &mut Works, acked: Vec<Acked>) -> Facts {
    let mut admin = works.postgres.connect("postgres", APP).await;
    let audit = statehouse_store::audit::verify(&mut admin, None).await.unwrap_or_else(|cause| panic!("no audit: {cause:?}"));
    Facts {
        acked,
        keys: keys(&admin).await,
        messages: messages(&admin).await,
        events: rows(&admin, "select record::text, seq, verb from statehouse.event", |row| ((row.get(0), row.get(1)), row.get(2))).await,
        effects: rows(&admin, "select record::text, seq, n, state from statehouse.effect", |row| {
            ((row.get(0), row.get(1)), row.get(2), row.get(3))
        })
        .await,
        calls: works.provider.calls().to_vec(),
        audit: audit.findings.iter().map(|finding| format!("{finding:?}")).collect(),
    }
}

/// Idempotency keys, each with the move it made.
pub async fn keys(admin: &Client) -> Vec<(String, Move)> {
    rows(admin, "select key::text, record::text, seq from statehouse.key", |row| (row.get(0), (row.get(1), row.get(2)))).await
}

/// Messages by their sender's key, with their state.
pub async fn messages(admin: &Client) -> Vec<(String, String)> {
    rows(admin, "select key, state from statehouse.message", |row| (row.get(0), row.get(1))).await
}

async fn rows<T>(admin: &Client, statement: &str, read: impl Fn(&tokio_postgres::Row) -> T) -> Vec<T> {
    let rows = admin.query(statement, &[]).await.unwrap_or_else(|cause| panic!("{statement}: {cause:?}"));
    rows.iter().map(read).collect()
}
