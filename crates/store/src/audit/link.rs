//! One event, and the hash that ties it to the one before.

use sha2::{Digest, Sha256};
use uuid::Uuid;

/// A SHA-256.
pub type Hash = [u8; 32];

/// What stands before the first event of a record.
pub const NOTHING: Hash = [0; 32];

/// An event as it is stored.
#[derive(Clone, Debug)]
pub struct Event {
    pub tenant: i32,
    pub entity: String,
    pub record: Uuid,
    pub seq: i32,
    /// Microseconds since 2000-01-01 UTC, as Postgres keeps them.
    pub at_us: i64,
    pub verb: String,
    pub from_state: Option<String>,
    pub to_state: String,
    pub actor: Uuid,
    pub kind: String,
    pub cause: Option<String>,
    pub definition: i32,
    /// As Postgres prints it; `None` once the subject is erased.
    pub payload: Option<String>,
    pub payload_hash: Vec<u8>,
    pub previous: Vec<u8>,
    pub head: Vec<u8>,
}

impl Event {
    /// The head this event should have, after `previous`: byte for byte what `statehouse.chain` computes.
    pub fn link(&self, previous: &Hash) -> Hash {
        let mut hash = Sha256::new();
        hash.update(previous);
        hash.update(self.tenant.to_be_bytes());
        hash.update(self.record.as_bytes());
        hash.update(self.seq.to_be_bytes());
        hash.update(self.actor.as_bytes());
        hash.update(self.at_us.to_be_bytes());
        hash.update(self.definition.to_be_bytes());
        hash.update(&self.payload_hash);
        let (from, cause) = (self.from_state.as_deref().unwrap_or_default(), self.cause.as_deref().unwrap_or_default());
        for part in [&self.entity, &self.verb, from, &self.to_state, &self.kind, cause] {
            // Postgres counts characters, not bytes.
            hash.update(part.chars().count().to_string());
            hash.update(":");
            hash.update(part);
        }
        hash.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::{hex, sha256};

    /// Printed by Postgres 15: `select encode(statehouse.chain('\x00…', 7, 'orders.order', …), 'hex')`.
    #[test]
    fn is_what_postgres_computes() {
        let event = Event {
            tenant: 7,
            entity: "orders.order".into(),
            record: Uuid::from_u128(0x0193_4a5b_0000_7000_8000_0000_0000_00ff),
            seq: 3,
            at_us: 848_000_000_123_456,
            verb: "quote".into(),
            from_state: None,
            to_state: "źródło".into(),
            actor: Uuid::from_u128(0xa1),
            kind: "member".into(),
            cause: None,
            definition: 2,
            payload: Some("{}".into()),
            payload_hash: sha256("{}").to_vec(),
            previous: NOTHING.to_vec(),
            head: Vec::new(),
        };
        assert_eq!(hex(&event.link(&NOTHING)), "6431e71a8dc879131d6faa4db0faf53469e01d67d810717cf09e6f463cc45ca4");
    }
}
