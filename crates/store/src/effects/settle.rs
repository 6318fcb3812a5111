//! What became of effects.

use std::time::Duration;

use serde_json::{Value, json};

use super::held::{self, Held};
use crate::{Db, StoreFault};

/// What became of an effect.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// The provider did it.
    Done {
        /// What its answer was mapped to; kept up to 16 KiB.
        result: Value,
    },
    /// The provider said no, for good.
    Failed {
        /// What its answer was mapped to; kept up to 16 KiB.
        result: Value,
    },
    /// To be tried again after `after`.
    Again {
        /// How long from now, by the database's clock.
        after: Duration,
        /// This send, or one before it, may have reached the provider. A plain effect of class N is then unknown
        /// rather than due, whatever is said here.
        doubt: bool,
        /// Whether this attempt counts. One given back unsent does not, nor one that the provider told to come later.
        counts: bool,
    },
    /// Nobody can tell whether it happened.
    Unknown,
    /// Given up without a doubt; it waits for somebody to try it again. A call that is given up is in doubt, whatever was
    /// known of it.
    Dead,
}

impl End {
    /// The state it leaves the effect in.
    pub fn state(&self) -> &'static str {
        match self {
            End::Done { .. } => "done",
            End::Failed { .. } => "failed",
            End::Again { .. } => "due",
            End::Unknown => "unknown",
            End::Dead => "dead",
        }
    }
}

/// What is known of one attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The claim it was made under.
    pub held: Held,
    /// What became of the effect.
    pub end: End,
    /// Why, as a code of ours (`SH7…`) or of the provider, at most 200 characters of it.
    pub code: Option<String>,
    /// Status of the answer, where there was one.
    pub status: Option<u16>,
    /// How long the attempt took.
    pub took: Duration,
    /// For what is tried again: the connector it goes out by from now on. Of no account where a send may have reached a
    /// provider.
    pub through: Option<String>,
}

impl Outcome {
    /// An outcome without a code and an answer.
    pub fn new(held: Held, end: End) -> Outcome {
        Outcome { held, end, code: None, status: None, took: Duration::ZERO, through: None }
    }

    pub(super) fn json(&self) -> Value {
        let Held { tenant, record, seq, n, attempt } = self.held;
        let mut said = json!({
            "tenant": tenant, "record": record, "seq": seq, "n": n, "attempt": attempt, "to": self.end.state(),
            "code": self.code.as_deref().map(clean), "status": self.status, "ms": self.took.as_millis() as u64, "through": self.through,
        });
        match &self.end {
            End::Done { result } | End::Failed { result } => said["result"] = cleaned(result),
            End::Again { after, doubt, counts } => {
                said["after"] = json!(after.as_secs_f64());
                said["doubt"] = json!(doubt);
                said["counts"] = json!(counts);
            }
            End::Unknown => said["doubt"] = json!(true),
            End::Dead => {}
        }
        said
    }
}

/// Postgres stores no character zero, and a provider's answer may hold one: it must not keep a fact from being written.
pub(super) fn clean(text: &str) -> String {
    text.chars().filter(|c| *c != '\0').take(200).collect()
}

pub(crate) fn cleaned(value: &Value) -> Value {
    let text = |text: &str| text.replace('\0', "");
    match value {
        Value::String(held) => Value::String(text(held)),
        Value::Array(items) => items.iter().map(cleaned).collect(),
        Value::Object(fields) => fields.iter().map(|(name, value)| (text(name), cleaned(value))).collect(),
        other => other.clone(),
    }
}

/// Writes down what became of plain effects, and of calls that are to be tried again or were given up; says of which.
/// Those that are missing were no longer the worker's, and nothing was written about them.
///
/// # Errors
/// Faults of storage: then nothing is known to be written.
pub async fn settle(db: &Db, worker: &str, outcomes: &[Outcome]) -> Result<Vec<Held>, StoreFault> {
    let said: Value = outcomes.iter().map(Outcome::json).collect();
    let client = db.lean().await?;
    let statement = client.prepare_cached(include_str!("../../queries/effect_settle.sql")).await?;
    statehouse_fault::point!("store.settle_effects:before");
    let rows = client.query(&statement, &[&worker, &said]).await.map_err(StoreFault::doing("settling effects"))?;
    statehouse_fault::point!("store.settle_effects:after");
    Ok(rows.iter().map(held::Held::of).collect())
}
