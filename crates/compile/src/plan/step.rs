//! What a plan is made of.

use serde::{Deserialize, Serialize};

use super::mapping::Branch;
use super::{Kind, ObjectId};

/// The version of the plan's JSON.
pub const FORMAT_VERSION: u32 = 1;

/// Rows moved in one transaction of a migration.
pub const BATCH_ROWS: u32 = 1000;

/// What must happen to make the live database the desired one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// [`FORMAT_VERSION`].
    pub format_version: u32,
    /// Of the live snapshot the plan was made from; who knows the definition and the mapping adds theirs. `apply` refuses
    /// another (SH3053).
    pub fingerprint: String,
    /// In the order in which they can be carried out.
    pub steps: Vec<Step>,
    /// What the caller must know or do first.
    pub findings: Vec<Finding>,
    /// What is there and not ours: reported, left alone.
    pub unmanaged: Vec<Unmanaged>,
}

/// One change of one object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Number and words, unique in the plan: `07 alter column orders.order.net`.
    pub id: String,
    /// What it touches.
    pub object: ObjectId,
    /// What it does.
    pub action: Action,
    /// What it risks.
    pub class: Class,
    /// Somebody changed the object after the last apply, and this puts it back.
    pub drift: bool,
    /// Why, in one line without full stop.
    pub reason: String,
    /// The lock, what it is held on and whether rows are read under it; empty for none worth a word.
    pub lock: String,
    /// The statements.
    pub sql: Vec<String>,
    /// Each statement runs on its own, outside any transaction block; otherwise neighbouring steps share one.
    pub own_transaction: bool,
    /// What `--allow-destroy` must name first.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub allow: Option<String>,
    /// Why it cannot be carried out as things stand.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub blocked: Option<String>,
    /// Rows to be moved tenant by tenant under kind `migration`; such a step has no statements.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub migration: Option<Migration>,
}

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It is not there.
    Create,
    /// It is there and different.
    Alter,
    /// It is there, different, and can only be made anew.
    Replace,
    /// It has another name.
    Rename,
    /// It is no longer wanted.
    Drop,
    /// Rows go to another state.
    Migrate,
}

/// What a step risks, mildest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// A lock for an instant at most.
    Safe,
    /// Others wait while rows are read or an index is built.
    Locks,
    /// Others wait while every row is written.
    Rewrites,
    /// Data is gone afterwards.
    Destructive,
}

impl Class {
    /// The word in plans.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Locks => "locks",
            Self::Rewrites => "rewrites",
            Self::Destructive => "destructive",
        }
    }
}

/// Rows that leave removed states.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Migration {
    /// The entity.
    pub entity: String,
    /// Schema of its table.
    pub schema: String,
    /// Its table.
    pub table: String,
    /// State by state.
    pub moves: Vec<Move>,
    /// At most so many rows in one transaction.
    pub batch: u32,
}

/// The records of one removed state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    /// The removed state.
    pub from: String,
    /// How many stood in it when the plan was made.
    pub rows: u64,
    /// Each record goes to the first branch whose condition it meets.
    pub branches: Vec<Branch>,
}

/// Something the plan wants to say beside its steps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// e.g. `SH3054`.
    pub code: String,
    /// What it is about.
    pub object: ObjectId,
    /// What is the case.
    pub message: String,
    /// What to do.
    pub help: String,
    /// `apply` does nothing while this stands.
    pub refuses: bool,
}

/// An object in our schemas, or on our tables, that nobody here made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unmanaged {
    /// What it is.
    pub object: ObjectId,
    /// What it means.
    pub note: String,
    /// It can widen what somebody reads or writes.
    pub harmful: bool,
}

impl Plan {
    /// Nothing to do. Unmanaged objects do not count: they stay.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The worst class among the steps.
    #[must_use]
    pub fn risk(&self) -> Class {
        self.steps.iter().map(|step| step.class).max().unwrap_or(Class::Safe)
    }

    /// Why `apply` must not begin, given what `--allow-destroy` names; empty when it may.
    #[must_use]
    pub fn refusals(&self, allowed: &[String]) -> Vec<Finding> {
        let mut found: Vec<Finding> = self.findings.iter().filter(|finding| finding.refuses).cloned().collect();
        for step in &self.steps {
            if let Some(name) = step.allow.as_ref().filter(|name| !allowed.contains(name)) {
                found.push(Finding {
                    code: "SH3051".into(),
                    object: step.object.clone(),
                    message: format!("{} `{name}` destroys data", step.object.kind.word()),
                    help: format!("read the step, then pass `--allow-destroy {name}`"),
                    refuses: true,
                });
            }
        }
        found
    }

    pub(super) fn has_drift(&self) -> bool {
        self.steps.iter().any(|step| step.drift)
    }
}

/// When a step may run; within a phase, what is needed comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    Role,
    Rename,
    Drop,
    Schema,
    Type,
    Sequence,
    Table,
    Column,
    Function,
    Constraint,
    Index,
    View,
    Trigger,
    Policy,
    Security,
    Grant,
    Comment,
    /// Outside a transaction: validation, indexes built beside the traffic.
    Alone,
    Migrate,
    /// What the new shape no longer allows or needs.
    Contract,
    /// Outside a transaction again: what only now can be proven.
    Prove,
}

/// A step before it has its place.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) phase: Phase,
    pub(super) step: Step,
    /// What later steps may build on.
    pub(super) provides: Vec<ObjectId>,
    /// What it builds on.
    pub(super) needs: Vec<ObjectId>,
}

impl Draft {
    pub(super) fn new(phase: Phase, action: Action, object: &ObjectId, reason: impl Into<String>, sql: Vec<String>) -> Self {
        let step = Step {
            id: String::new(),
            object: object.clone(),
            action,
            class: Class::Safe,
            drift: false,
            reason: reason.into(),
            lock: String::new(),
            sql,
            own_transaction: false,
            allow: None,
            blocked: None,
            migration: None,
        };
        Self { phase, step, provides: Vec::new(), needs: Vec::new() }
    }

    pub(super) fn class(mut self, class: Class) -> Self {
        self.step.class = class;
        self
    }

    pub(super) fn lock(mut self, lock: impl Into<String>) -> Self {
        self.step.lock = lock.into();
        self
    }

    /// Outside a transaction block.
    pub(super) fn alone(mut self) -> Self {
        self.step.own_transaction = true;
        self
    }

    pub(super) fn destroys(mut self) -> Self {
        self.step.class = Class::Destructive;
        self.step.allow = Some(self.step.object.short());
        self
    }

    pub(super) fn blocked(mut self, why: impl Into<String>) -> Self {
        self.step.blocked = Some(why.into());
        self.step.sql.clear();
        self
    }

    /// Makes the object what `needs` of its desired facts says it is made of.
    pub(super) fn makes(mut self, needs: Vec<ObjectId>) -> Self {
        self.provides.push(self.step.object.clone());
        self.needs.extend(needs);
        if self.step.object.kind.inside_relation() {
            self.needs.push(self.step.object.relation(Kind::Table));
            self.needs.push(self.step.object.relation(Kind::View));
        }
        self
    }
}
