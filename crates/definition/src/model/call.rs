//! Claiming transitions: a call to the outside and the moves that are its outcomes.
//!
//! One `via` in a file is several ordinary transitions here: `charge`, `charge.done`, `charge.failed`,
//! `charge.unknown`, `charge.resolve_done`, `charge.resolve_failed` and `charge.late_done`.

use serde::{Deserialize, Serialize};

use super::{Actor, Duration, Named, Pattern, Span};

/// What a claiming transition has besides an ordinary one; its one effect is the call.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Call {
    /// Where `call` is written.
    pub at: Span,
    /// The claim state it leads to.
    pub via: String,
    /// The state `.done` leads to.
    pub done: String,
    /// The state `.failed` leads to.
    pub failed: String,
    /// How long a doubt is asked about before a person is.
    pub within: Duration,
    /// Who may say what happened.
    pub by: Vec<Actor>,
    /// The text field that holds what they went by: `charge_evidence`.
    pub evidence: String,
    /// It has `.late_done`.
    pub late: bool,
}

impl Call {
    /// The verb of one of its outcomes: `charge.done`.
    pub fn verb(of: &str, kind: OutcomeKind) -> String {
        format!("{of}.{}", kind.name())
    }
}

/// What a derived transition is to its claiming one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outcome {
    /// The claiming verb.
    pub of: String,
    /// Which outcome.
    pub kind: OutcomeKind,
    /// Field → its value; holes are keys of the action's result and `code`. One without a value is left as it is.
    pub keep: Named<Pattern>,
}

/// The outcomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum OutcomeKind {
    /// The provider did it.
    Done,
    /// The provider refused it.
    Failed,
    /// Nobody knows; the record stays in the claim state.
    Unknown,
    /// A person says that it was done.
    ResolveDone,
    /// A person says that it was not done.
    ResolveFailed,
    /// It was done after all, when it had been taken for failed.
    LateDone,
}

impl OutcomeKind {
    /// All of them.
    pub const ALL: [OutcomeKind; 6] = [
        OutcomeKind::Done,
        OutcomeKind::Failed,
        OutcomeKind::Unknown,
        OutcomeKind::ResolveDone,
        OutcomeKind::ResolveFailed,
        OutcomeKind::LateDone,
    ];

    /// What stands behind the dot of its verb.
    pub fn name(self) -> &'static str {
        match self {
            OutcomeKind::Done => "done",
            OutcomeKind::Failed => "failed",
            OutcomeKind::Unknown => "unknown",
            OutcomeKind::ResolveDone => "resolve_done",
            OutcomeKind::ResolveFailed => "resolve_failed",
            OutcomeKind::LateDone => "late_done",
        }
    }
}
