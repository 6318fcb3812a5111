//! One line of the log: what a stand-in was asked and what it did.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::hooks::Notice;

/// One request, one message that went out, or one wish of whoever plays with the sandbox.
///
/// The lines are all that a sandbox knows: read again from the first, they bring back its objects and its keys.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Line {
    /// Its number, from 1, without gaps.
    pub n: u64,
    /// When, by the clock of the sandbox, RFC 3339 with microseconds.
    pub at: String,
    /// The stand-in, as in its address: `twilio`.
    pub provider: String,
    /// What was asked: `messages.create`; `hook` for a message that went out, `happen` for something done by hand.
    pub op: String,
    /// The idempotency key that came with it, whether or not the provider looks at it.
    pub key: Option<String>,
    /// The caller's own reference, as far as the provider keeps one; of a text, what stands last in square brackets.
    #[serde(rename = "ref")]
    pub reference: Option<String>,
    /// Whether something new happened at the provider. A replayed answer, a refusal and a look-up are no effect.
    pub effect: bool,
    /// The status answered; `null` where no answer was given.
    pub status: Option<u16>,
    /// The fault switch that was on, or `limit`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// How long a 429 told the caller to wait, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_ms: Option<u64>,
    /// The body, read: a form as an object.
    #[serde(default)]
    pub body: Value,
    /// What a person would call it, for `/_/sent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<Sent>,
    /// Objects as they stand afterwards.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) put: Vec<Put>,
    /// The answer kept for the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) keep: Option<Kept>,
    /// Messages that are owed to the caller's address.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) hooks: Vec<Notice>,
}

/// What was sent or charged, as a person would say it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Sent {
    /// `text message`, `call`, `mail`, `payment`, `refund`, `invoice`, …
    pub what: String,
    /// To whom; empty where nobody is named.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub to: String,
    /// What it says.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// How much, in the currency's smallest unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<i64>,
    /// The currency of the amount, in capitals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// The provider's id of it.
    pub id: String,
}

/// An object of a stand-in, as it stands after a line.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Put {
    pub(crate) kind: String,
    pub(crate) id: String,
    /// Words by which lists and searches find it; they count from its first line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) words: Vec<String>,
    pub(crate) value: Value,
}

/// The answer that is given again to the same key.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Kept {
    pub(crate) key: String,
    /// Tells whether a request is the same one.
    pub(crate) print: String,
    pub(crate) status: u16,
    pub(crate) body: Value,
}
