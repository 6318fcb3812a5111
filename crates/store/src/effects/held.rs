//! Which effect, and which claim of it.

use serde_json::{Value, json};
use uuid::Uuid;

/// An effect: the move it was born of, and its place among that move's effects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id {
    /// The record.
    pub record: Uuid,
    /// The record's version after the move.
    pub seq: i32,
    /// Place among the move's effects, from 1.
    pub n: i32,
}

impl Id {
    /// `0193…-7-1` as it is printed; none for anything else.
    pub fn parse(text: &str) -> Option<Id> {
        let (rest, n) = text.rsplit_once('-')?;
        let (record, seq) = rest.rsplit_once('-')?;
        let number = |digits: &str| digits.parse::<i32>().ok().filter(|n| *n > 0 && digits == n.to_string());
        Some(Id { record: Uuid::try_parse(record).ok()?, seq: number(seq)?, n: number(n)? })
    }
}

/// What a provider is given as the idempotency key, and what people call the effect by.
impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}-{}", self.record.simple(), self.seq, self.n)
    }
}

/// A claim of an effect: the fence. Whatever is said under an older attempt changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Held {
    /// The tenant.
    pub tenant: i32,
    /// The record.
    pub record: Uuid,
    /// The record's version after the move that owes it.
    pub seq: i32,
    /// Place among the move's effects, from 1.
    pub n: i32,
    /// Number of the claim, from 1.
    pub attempt: i32,
}

impl Held {
    /// The effect without the claim.
    pub fn id(&self) -> Id {
        Id { record: self.record, seq: self.seq, n: self.n }
    }

    /// `[tenant, "record", seq, n, attempt]`
    pub(super) fn json(&self) -> Value {
        json!([self.tenant, self.record, self.seq, self.n, self.attempt])
    }

    /// The same read back.
    pub(super) fn of(row: &tokio_postgres::Row) -> Held {
        Held { tenant: row.get("tenant"), record: row.get("record"), seq: row.get("seq"), n: row.get("n"), attempt: row.get("attempt") }
    }
}

pub(super) fn all(held: &[Held]) -> Value {
    held.iter().map(Held::json).collect()
}
