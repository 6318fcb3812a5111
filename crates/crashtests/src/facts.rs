//! What there is to judge: rows of the database and lines of the provider's log.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

/// A row of `statehouse.effect`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Effect {
    /// Whose.
    pub tenant: i32,
    /// Of which record.
    pub record: String,
    /// Of which of its moves.
    pub seq: i32,
    /// Its place in that move.
    pub n: i32,
    /// `app.entity`.
    pub entity: String,
    /// The move's verb.
    pub verb: String,
    /// To whom.
    pub connector: String,
    /// What.
    pub action: String,
    /// `K`, `Q` or `N`.
    pub class: String,
    /// Frozen when it was owed.
    pub args: Value,
    /// Where it stands.
    pub state: String,
    /// The number of its claims.
    pub attempt: i32,
    /// Who has it.
    pub worker: Option<String>,
    /// Class N: a send was about to begin.
    #[serde(default)]
    pub sending: bool,
    /// A send may have arrived.
    #[serde(default)]
    pub doubt: bool,
    /// By whom it goes, where that is not its own connector.
    #[serde(default)]
    pub through: Option<String>,
    /// What the provider said.
    #[serde(default)]
    pub result: Option<Value>,
    /// When it ended.
    #[serde(default)]
    pub finished_at: Option<String>,
}

impl Effect {
    /// The idempotency key that providers are sent.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}-{}-{}", self.record.replace('-', ""), self.seq, self.n)
    }

    /// Whether somebody or something still has to deal with it by itself.
    #[must_use]
    pub fn open(&self) -> bool {
        matches!(self.state.as_str(), "due" | "leased")
    }
}

/// A row of `statehouse.event`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Event {
    /// Whose.
    pub tenant: i32,
    /// `app.entity`.
    pub entity: String,
    /// Of which record.
    pub record: String,
    /// The record's version after it.
    pub seq: i32,
    /// What was done.
    pub verb: String,
    /// The state it entered.
    pub to_state: String,
}

/// A row of the app.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Record {
    /// Whose.
    pub tenant: i32,
    /// `app.entity`.
    pub entity: String,
    /// Its id.
    pub id: String,
    /// Where it stands.
    pub state: String,
    /// Its counter.
    pub version: i32,
    /// Its other columns.
    #[serde(flatten)]
    pub fields: Map<String, Value>,
}

/// A line of the provider's log.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Call {
    /// Its number in the log.
    pub n: u64,
    /// Which stand-in.
    pub provider: String,
    /// What was asked for.
    pub op: String,
    /// The idempotency key that came with it.
    #[serde(default)]
    pub key: Option<String>,
    /// Our reference in its body.
    #[serde(default, rename = "ref")]
    pub reference: Option<String>,
    /// Whether something happened because of it, rather than an earlier answer being given again.
    #[serde(default)]
    pub effect: bool,
    /// All else that the log says.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl Call {
    /// Whether it wanted something to happen, rather than to know.
    #[must_use]
    pub fn is_send(&self) -> bool {
        self.op == "send"
    }

    /// The effect it belongs to, as it says itself.
    #[must_use]
    pub fn of(&self) -> Option<&str> {
        self.key.as_deref().or(self.reference.as_deref())
    }
}

/// All of it at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts {
    /// Every effect.
    pub effects: Vec<Effect>,
    /// Every event.
    pub events: Vec<Event>,
    /// Every record of the app.
    pub records: Vec<Record>,
    /// Every call.
    pub calls: Vec<Call>,
    /// Sessions that sit in a transaction and do nothing, by what they did last.
    pub idle: Vec<String>,
    /// What the audit of the chains found.
    pub audit: Vec<String>,
}

impl Facts {
    /// Every effect by its key.
    #[must_use]
    pub fn by_key(&self) -> BTreeMap<String, &Effect> {
        self.effects.iter().map(|effect| (effect.key(), effect)).collect()
    }

    /// How many effects are neither ended nor a person's.
    #[must_use]
    pub fn open(&self) -> usize {
        self.effects.iter().filter(|effect| effect.open()).count()
    }
}
