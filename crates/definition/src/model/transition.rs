//! Verbs: who may fire them, when, and what follows.

use serde::{Deserialize, Serialize};

use super::{Call, Expr, Named, Outcome, Span, Texts};

/// A named legal move.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Transition {
    /// Where its name is written.
    pub at: Span,
    /// What people call it.
    pub label: Texts,
    /// States it leaves.
    pub from: Vec<String>,
    /// State it enters; `None` stays where the record is.
    pub to: Option<String>,
    /// Who may fire it.
    pub by: Vec<Actor>,
    /// Fields the caller may hand in with the move; the flag says it must.
    pub input: Named<Input>,
    /// Named conditions in order.
    pub guards: Named<Guard>,
    /// Fields the move sets.
    pub set: Named<Expr>,
    /// Taken by the engine, in the same transaction, as soon as its guards hold.
    pub auto: bool,
    /// Verbs fired on children or related records.
    pub each: Vec<Cascade>,
    /// Ref field whose record is written first, so that a guard over a set of records cannot race.
    pub lock: Option<String>,
    /// Effects owed, in order.
    pub effects: Vec<Effect>,
    /// It claims: its one effect is a call, and what becomes of it are moves of their own.
    #[serde(default)]
    pub call: Option<Call>,
    /// It is what became of a call; written by nobody, but by `call` of another transition.
    #[serde(default)]
    pub outcome: Option<Outcome>,
}

/// Who may fire a verb.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Actor {
    /// A role of the app.
    Role(String),
    /// Anyone with the capability.
    Capability(String),
    /// The engine itself, by kind of session: `timer`, `connector` (also written `webhook`), `system`.
    Kind(Kind),
}

/// Kinds of actor that are not people and may stand in `by`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// A timer that came due.
    Timer,
    /// An outside system through a connector or inbox.
    Connector,
    /// The engine: `auto` and `each`.
    System,
}

impl Kind {
    /// The word used in sessions and in YAML.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Timer => "timer",
            Kind::Connector => "connector",
            Kind::System => "system",
        }
    }
}

/// A field the caller hands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// The move is refused without it.
    pub required: bool,
}

/// A named condition.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Guard {
    /// Where its name is written.
    pub at: Span,
    /// Must be true; null refuses.
    pub that: Expr,
    /// What the person is told when it is not.
    pub otherwise: Texts,
}

/// Fire `verb` on each record of `of` that belongs to this one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cascade {
    /// Related entity.
    pub of: String,
    /// Its ref field that points here.
    pub through: String,
    /// Verb fired on each.
    pub verb: String,
    /// Only records in these states; empty for every state the verb leaves.
    pub only: Vec<String>,
}

/// Work owed to the outside.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Effect {
    /// Where it is written.
    pub at: Span,
    /// Connector name.
    pub connector: String,
    /// Action of the connector.
    pub action: String,
    /// Arguments: templates such as `{client.phone}` or plain text.
    pub args: Named<Template>,
}

/// A text with `{expression}` holes; a template that is one hole keeps the expression's type.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Template {
    /// Pieces in order.
    pub parts: Vec<Part>,
}

/// A piece of a template.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Part {
    /// Text as it is.
    Text(String),
    /// A value.
    Hole(Expr),
}
