//! Leases of messages, and what became of those that moved nothing.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::effects::cleaned;
use crate::{Db, StoreFault};

/// After so many claims without a verdict a message is dead: whoever works on it dies, or fails, each time.
pub const TRIES_MAX: i32 = 8;

/// A claim of a message: the fence. Whatever is said under an older attempt changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Held {
    /// The tenant.
    pub tenant: i32,
    /// The message.
    pub id: Uuid,
    /// Number of the claim, from 1.
    pub attempt: i32,
}

impl Held {
    fn json(&self) -> Value {
        json!([self.tenant, self.id, self.attempt])
    }

    fn of(row: &Row) -> Held {
        Held { tenant: row.get("tenant"), id: row.get("id"), attempt: row.get("attempt") }
    }
}

/// A message lent to a worker.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// The claim.
    pub held: Held,
    /// The tenant's short name.
    pub slug: String,
    /// The app.
    pub app: String,
    /// The inbox.
    pub source: String,
    /// By what its sender knows it.
    pub key: String,
    /// Which of the items of its body it is.
    pub item: Option<i32>,
    /// Its type; none where the body could not be read.
    pub kind: Option<String>,
    /// The body as it came.
    pub body: Vec<u8>,
    /// The headers that were kept: a JSON object of texts.
    pub headers: Value,
    /// The raw text after `?`.
    pub query: String,
    /// How much of it was signed; `polled` for an item we asked for ourselves, whose body is the item.
    pub coverage: String,
    /// When it came.
    pub received_at: SystemTime,
    /// Claims since the last verdict, this one included; beyond the first, somebody died or failed.
    pub tries: i32,
    /// How often it was told to wait.
    pub waits: i32,
    /// What its sender answered when it was asked before.
    pub fetched: Option<Value>,
}

impl Claimed {
    fn of(row: &Row) -> Claimed {
        Claimed {
            held: Held::of(row),
            slug: row.get("slug"),
            app: row.get("app"),
            source: row.get("source"),
            key: row.get("key"),
            item: row.get("item"),
            kind: row.get("type"),
            body: row.get("body"),
            headers: row.get("headers"),
            query: row.get("query"),
            coverage: row.get("coverage"),
            received_at: row.get("received_at"),
            tries: row.get("tries"),
            waits: row.get("waits"),
            fetched: row.get("fetched"),
        }
    }
}

/// Lends a worker at most `most` messages of these apps, fairly between tenants, over a pool of `statehouse_worker`.
///
/// # Errors
/// Faults of storage: then what was lent, if anything, is found again when its lease is over.
pub async fn claim(worker_db: &Db, worker: &str, apps: &[String], most: i32, lease: Duration) -> Result<Vec<Claimed>, StoreFault> {
    let client = worker_db.lean().await?;
    let claim = client.prepare_cached(include_str!("../../queries/message_claim.sql")).await?;
    statehouse_fault::point!("store.claim_messages:before");
    let rows =
        client.query(&claim, &[&worker, &apps, &most, &lease.as_secs_f64()]).await.map_err(StoreFault::doing("claiming messages"))?;
    statehouse_fault::point!("store.claim_messages:after");
    Ok(rows.iter().map(Claimed::of).collect())
}

/// Keeps those of `held` that still are the worker's for `lease` from now; says which those are.
///
/// # Errors
/// Faults of storage: then none is known to be kept.
pub async fn beat(worker_db: &Db, worker: &str, held: &[Held], lease: Duration) -> Result<Vec<Held>, StoreFault> {
    let client = worker_db.lean().await?;
    let beat = client.prepare_cached(include_str!("../../queries/message_beat.sql")).await?;
    let held: Value = held.iter().map(Held::json).collect();
    statehouse_fault::point!("store.beat_messages:before");
    let rows = client.query(&beat, &[&worker, &held, &lease.as_secs_f64()]).await.map_err(StoreFault::doing("keeping messages"))?;
    statehouse_fault::point!("store.beat_messages:after");
    Ok(rows.iter().map(Held::of).collect())
}

/// A message whose lease ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// The claim that ran out.
    pub held: Held,
    /// Given up: it was the eighth in a row.
    pub dead: bool,
}

/// Takes up at most `most` messages whose lease ran out.
///
/// # Errors
/// Faults of storage.
pub async fn recover(worker_db: &Db, most: i32) -> Result<Vec<Recovered>, StoreFault> {
    let client = worker_db.lean().await?;
    let recover = client.prepare_cached(include_str!("../../queries/message_recover.sql")).await?;
    statehouse_fault::point!("store.recover_messages:before");
    let rows = client.query(&recover, &[&most]).await.map_err(StoreFault::doing("taking up lost messages"))?;
    statehouse_fault::point!("store.recover_messages:after");
    Ok(rows.iter().map(|row| Recovered { held: Held::of(row), dead: row.get("dead") }).collect())
}

/// What becomes of a message that moves nothing, or nothing yet.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// It asked for nothing.
    Done,
    /// Its type means nothing here, and the definition says so.
    Ignored,
    /// Nobody knows what it is about, or it contradicts its sender: a person looks at it.
    Quarantined,
    /// It cannot be understood, and never will.
    Dead,
    /// Something failed that may work later. The eighth failure in a row is the last.
    Again {
        /// How long from now; none for a pause that doubles each time.
        after: Option<Duration>,
    },
    /// It has to wait for others, and nothing has failed: as long as it likes, but not beyond `wait` from its first wait.
    Waiting {
        /// How long from now until it is looked at again.
        after: Duration,
        /// How long it may wait altogether.
        wait: Duration,
    },
}

impl End {
    fn state(&self) -> &'static str {
        match self {
            End::Done => "done",
            End::Ignored => "ignored",
            End::Quarantined => "quarantined",
            End::Dead => "dead",
            End::Again { .. } => "due",
            End::Waiting { .. } => "waiting",
        }
    }
}

/// The end of one attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The claim.
    pub held: Held,
    /// What becomes of it.
    pub end: End,
    /// Why, as a code; those that are quarantined or dead have one.
    pub code: Option<String>,
    /// The same in words, at most 1000 characters of it.
    pub why: Option<String>,
    /// What its sender answered when asked.
    pub fetched: Option<Value>,
}

impl Outcome {
    /// An end without a reason.
    pub fn new(held: Held, end: End) -> Outcome {
        Outcome { held, end, code: None, why: None, fetched: None }
    }

    /// With a code and a sentence.
    pub fn because(mut self, code: impl Into<String>, why: impl Into<String>) -> Outcome {
        self.code = Some(code.into());
        self.why = Some(why.into());
        self
    }

    fn json(&self) -> Value {
        let Held { tenant, id, attempt } = self.held;
        let why = self.why.as_deref().map(|why| why.chars().filter(|c| *c != '\0').take(1000).collect::<String>());
        let mut said = json!({
            "tenant": tenant, "id": id, "attempt": attempt, "to": self.end.state(), "code": self.code, "why": why, "fetched": self.fetched.as_ref().map(cleaned),
        });
        match &self.end {
            End::Again { after } => said["after_s"] = json!(after.map(|after| after.as_secs_f64())),
            End::Waiting { after, wait } => {
                said["after_s"] = json!(after.as_secs_f64());
                said["wait_s"] = json!(wait.as_secs_f64());
            }
            _ => {}
        }
        said
    }
}

/// Writes down what became of messages; says of which. Those that are missing were no longer the worker's, and nothing
/// was written about them.
///
/// # Errors
/// Faults of storage: then nothing is known to be written.
pub async fn settle(worker_db: &Db, worker: &str, outcomes: &[Outcome]) -> Result<Vec<Held>, StoreFault> {
    let client = worker_db.lean().await?;
    let settle = client.prepare_cached(include_str!("../../queries/message_settle.sql")).await?;
    let said: Value = outcomes.iter().map(Outcome::json).collect();
    statehouse_fault::point!("store.settle_messages:before");
    let rows = client.query(&settle, &[&worker, &said]).await.map_err(StoreFault::doing("settling messages"))?;
    statehouse_fault::point!("store.settle_messages:after");
    Ok(rows.iter().map(Held::of).collect())
}
