//! What is due becomes somebody's, for a while.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use statehouse_definition::model::Class;

use super::held::{Held, Id};
use crate::{Db, StoreFault};

/// How fast a connector may be called, per tenant, over all processes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// Calls a second in the long run.
    pub per_second: f64,
    /// Calls at once after a pause.
    pub burst: u32,
}

/// A connector the caller knows how to speak to.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    /// The app.
    pub app: String,
    /// Its connector.
    pub connector: String,
    /// The versions of its wire format that the caller speaks.
    pub versions: Vec<i32>,
    /// How fast it may be called; as fast as it goes where none.
    pub pace: Option<Pace>,
    /// Effects of one tenant in one claim, at most.
    pub most: i32,
}

impl Known {
    pub(super) fn json(&self) -> Value {
        let pace = self.pace.as_ref();
        json!({
            "app": self.app, "connector": self.connector, "versions": self.versions, "most": self.most,
            "per_second": pace.map(|pace| pace.per_second), "burst": pace.map(|pace| pace.burst),
        })
    }
}

/// A connector in whose place another takes what it cannot be given.
#[derive(Clone, Debug, PartialEq)]
pub struct Detour {
    /// The connector, its versions, and how much of it in one claim; its pace is of no account here.
    pub of: Known,
    /// The other connector of the same app.
    pub through: String,
    /// How fast the other may be called.
    pub pace: Option<Pace>,
}

impl Detour {
    pub(super) fn json(&self) -> Value {
        let mut known = Known { pace: self.pace, ..self.of.clone() }.json();
        known["through"] = self.through.as_str().into();
        known
    }
}

/// An effect lent to the caller until `until`.
#[derive(Clone, Debug, PartialEq)]
pub struct Claimed {
    /// The fence.
    pub held: Held,
    /// The tenant's slug, by which secrets are kept.
    pub slug: String,
    /// The app.
    pub app: String,
    /// The record's entity, without its app.
    pub entity: String,
    /// The verb that owes it.
    pub verb: String,
    /// Whom to call.
    pub connector: String,
    /// What to ask of them.
    pub action: String,
    /// Version of the connector it was written for.
    pub version: i32,
    /// What a doubt means.
    pub class: Class,
    /// Frozen when it was owed.
    pub args: Value,
    /// The call of a claiming transition: an outcome verb follows, see [`super::settle_call`].
    pub call: bool,
    /// Attempts that count: this one and those before it, without those given back unsent or told to wait.
    pub tries: i32,
    /// A send before this one may have reached the provider.
    pub doubt: bool,
    /// By the database's clock, when it became due: for the first attempt, when it was owed.
    pub due_at: SystemTime,
    /// By the database's clock, when it was first claimed: the age of its key.
    pub first_at: SystemTime,
    /// By the database's clock, now.
    pub now: SystemTime,
    /// By the database's clock, until when it is the caller's.
    pub until: SystemTime,
    /// The one call that is tried while the breaker is half open.
    pub probe: bool,
    /// The connector it goes out by, where that is not its own.
    pub through: Option<String>,
}

impl Claimed {
    /// The idempotency key sent to the provider; the same for every attempt.
    pub fn key(&self) -> String {
        self.id().to_string()
    }

    /// The effect without the claim.
    pub fn id(&self) -> Id {
        self.held.id()
    }

    /// How long the provider has had its key.
    pub fn key_age(&self) -> Duration {
        self.now.duration_since(self.first_at).unwrap_or_default()
    }
}

/// Claims at most `most` due effects for `worker`, a name of the process that no other has, over a pool of
/// `statehouse_worker`; in the order of their due times. Gates take turns; one that is parked, open or out of tokens
/// gives none. Each is the caller's for `lease` by the database's clock.
///
/// # Errors
/// Faults of storage; what may have been claimed nevertheless comes back when its lease ends.
pub async fn claim(db: &Db, worker: &str, known: &[Known], most: i32, lease: Duration) -> Result<Vec<Claimed>, StoreFault> {
    lend(db, include_str!("../../queries/effect_claim.sql"), worker, known.iter().map(Known::json).collect(), most, lease).await
}

/// As [`claim`], what goes out through another connector than its own: what is on its way there already, and what nobody
/// may have yet while the breaker of its own is open.
///
/// # Errors
/// As [`claim`].
pub async fn claim_through(db: &Db, worker: &str, detours: &[Detour], most: i32, lease: Duration) -> Result<Vec<Claimed>, StoreFault> {
    lend(db, include_str!("../../queries/effect_claim_through.sql"), worker, detours.iter().map(Detour::json).collect(), most, lease).await
}

async fn lend(db: &Db, query: &str, worker: &str, known: Value, most: i32, lease: Duration) -> Result<Vec<Claimed>, StoreFault> {
    let client = db.lean().await?;
    let statement = client.prepare_cached(query).await?;
    statehouse_fault::point!("store.claim_effects:before");
    let rows =
        client.query(&statement, &[&worker, &known, &most, &lease.as_secs_f64()]).await.map_err(StoreFault::doing("claiming effects"))?;
    statehouse_fault::point!("store.claim_effects:after");
    rows.iter().map(read).collect()
}

fn read(row: &tokio_postgres::Row) -> Result<Claimed, StoreFault> {
    let app: String = row.get("app");
    let entity: String = row.get("entity");
    Ok(Claimed {
        held: Held::of(row),
        slug: row.get("slug"),
        entity: entity.strip_prefix(&format!("{app}.")).unwrap_or(&entity).to_owned(),
        app,
        verb: row.get("verb"),
        connector: row.get("connector"),
        action: row.get("action"),
        version: row.get("version"),
        class: class(row.get("class")),
        args: row.get("args"),
        call: row.get("call"),
        tries: row.get("tries"),
        doubt: row.get("doubt"),
        due_at: row.get("due_at"),
        first_at: row.get("first_at"),
        now: row.get("now"),
        until: row.get("leased_until"),
        probe: row.get("probe"),
        through: row.get("through"),
    })
}

/// A domain of the database allows these three; whatever else came is treated with the most care.
pub(super) fn class(letter: &str) -> Class {
    match letter {
        "K" => Class::K,
        "Q" => Class::Q,
        _ => Class::N,
    }
}
