//! What the definition in force says of the source that an address is for.

use std::time::{SystemTime, UNIX_EPOCH};

use statehouse_connect::verify::{self, Proof, Received, Rejected, Scheme, Secret};
use statehouse_definition::App;
use statehouse_definition::model::Inbox;
use statehouse_fault::{SH7101, SH7110};
use statehouse_store::inbox::Endpoint;

use super::Inbound;
use crate::Problem;

/// Meta hands back this one to ask whether an address is ours; it signs nothing.
const QUESTION: &str = "verify_token";

/// A source of one tenant.
pub(super) struct Source<'a> {
    name: String,
    pub(super) inbox: &'a Inbox,
    pub(super) scheme: &'static Scheme,
    secrets: Vec<Secret>,
}

impl<'a> Source<'a> {
    /// The source that an address is for.
    ///
    /// # Errors
    /// `SH7110` where the definition in force does not know it, or not how it proves itself: whoever sends tries again,
    /// and by then it may.
    pub(super) fn of(app: &'a App, endpoint: &Endpoint, inbound: &Inbound) -> Result<Source<'a>, Problem> {
        let name = &endpoint.source;
        let inbox = app.inboxes.get(name).filter(|_| endpoint.app == app.name);
        let inbox = inbox.ok_or_else(|| not_judged(name, "the definition in force does not know it"))?;
        let scheme = verify::scheme(&inbox.scheme).ok_or_else(|| not_judged(name, "its scheme is not known"))?;
        let known = inbound.secrets.now();
        let secrets: Vec<Secret> = inbox.secrets.iter().flat_map(|name| known.all(&endpoint.slug, name)).collect();
        for secret in secrets.iter().filter(|secret| !scheme.reads(secret) && inbound.is_first(name, &secret.id)) {
            tracing::warn!(source = %name, secret = %secret.id, scheme = scheme.name, "a secret is not of its scheme's form and counts for nothing");
        }
        Ok(Source { name: name.clone(), inbox, scheme, secrets })
    }

    /// Whether a message is its sender's own.
    ///
    /// # Errors
    /// `SH7101` where it is not, in words that tell nobody how near they came; `SH7110` where that cannot be told.
    pub(super) fn verify(&self, received: &Received<'_>) -> Result<Proof, Problem> {
        let keys: Vec<Secret> = self.secrets.iter().filter(|secret| secret.id != QUESTION).cloned().collect();
        self.scheme.verify(received, &keys, now()).map_err(|rejected| match rejected {
            // Ours to put right: a message that cannot be judged is neither taken nor called forged.
            Rejected::NoSecret | Rejected::Secret(_) => not_judged(&self.name, &rejected.to_string()),
            other => {
                tracing::debug!(scheme = self.scheme.name, why = %other, "a message is not its sender's own");
                Problem::new(SH7101, "the message is not taken for its sender's own")
            }
        })
    }

    /// The answer to the provider's question whether the address is ours.
    pub(super) fn answer(&self, query: &str) -> Option<String> {
        self.scheme.challenge(query, &self.secrets, now())
    }
}

fn not_judged(source: &str, why: &str) -> Problem {
    tracing::warn!(source, why, "a message cannot be judged; its sender is told to try again");
    Problem::new(SH7110, format!("`{source}` cannot be judged: {why}"))
}

/// Seconds since 1970.
fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}
