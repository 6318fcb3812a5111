//! What is said about a move.

use serde::Serialize;
use statehouse_fault::Fault;

/// Whose move it would be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Person {
    /// What people call them.
    pub name: String,
    /// Their role.
    pub role: String,
    /// The tenant's slug.
    pub tenant: String,
}

/// The answer, from its end to its reasons.
#[derive(Clone, Debug, Serialize)]
pub struct Answer {
    /// The record as it was asked for.
    pub record: String,
    /// The verb.
    pub verb: String,
    /// Who would fire it.
    pub who: Person,
    /// What would happen.
    pub outcome: Outcome,
    /// Each condition, in the order of judgment.
    pub checks: Vec<Check>,
    /// Who could fire it as far as roles go: names with their roles.
    pub who_can: Vec<String>,
}

/// What would happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It would move, to this state.
    Open(String),
    /// It would be refused.
    Refused(Fault),
    /// For this member the record is not there.
    Unseen,
}

/// One condition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// How it went.
    pub verdict: Verdict,
    /// `visible`, `state`, `role`, the name of a guard, or the code of another refusal.
    pub name: String,
    /// In words, with the values that matter.
    pub detail: String,
}

/// How a condition went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It holds.
    Ok,
    /// It does not.
    Fail,
    /// An earlier one failed, so the law did not come to it.
    NotReached,
}

impl Check {
    pub(super) fn new(holds: bool, name: impl Into<String>, detail: impl Into<String>) -> Check {
        let verdict = if holds { Verdict::Ok } else { Verdict::Fail };
        Check { verdict, name: name.into(), detail: detail.into() }
    }
}
