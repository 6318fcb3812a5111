//! Messages that go out: what they say, where they go, and how a provider sends them again.

mod client;
mod courier;
mod deliveries;
mod target;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use courier::Courier;
pub(crate) use deliveries::Deliveries;
pub use deliveries::{Delivery, State};
pub use target::Target;

/// A message that is owed to the caller's address, before it is signed: that is done anew at every attempt.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Notice {
    /// Tells it from every other one, also from one with the same id.
    #[serde(default)]
    pub(crate) nr: String,
    /// The id by which its receiver tells it apart.
    pub(crate) id: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// The account of the provider that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) account: Option<String>,
    /// The id of the object it is about, where that stands outside the body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) about: Option<String>,
    /// Where to, when the request named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) url: Option<String>,
    /// The body; of a form, its fields.
    pub(crate) body: Value,
    /// When it happened, in seconds since 1970.
    pub(crate) at_s: i64,
    /// How much older than it is it is said to be, in seconds.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) age_s: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) delay_ms: Option<u64>,
    /// Signed with a secret that is not the receiver's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) forged: bool,
}

fn is_zero(number: &i64) -> bool {
    *number == 0
}

impl Notice {
    pub(crate) fn new(id: impl Into<String>, kind: impl Into<String>, at_s: i64, body: Value) -> Notice {
        Notice { id: id.into(), kind: kind.into(), at_s, body, ..Notice::default() }
    }

    pub(crate) fn of(self, account: Option<String>) -> Notice {
        Notice { account, ..self }
    }
}

/// A message that is to go out, and where to.
#[derive(Clone, Debug)]
pub(crate) struct Owed {
    pub(crate) notice: Notice,
    pub(crate) target: Target,
    /// How often it was sent already.
    pub(crate) attempts: u64,
}

/// A message as it goes over the wire.
#[derive(Clone, Debug)]
pub(crate) struct Post {
    pub(crate) url: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

impl Post {
    pub(crate) fn json(url: &str, body: Vec<u8>) -> Post {
        Post { url: url.to_owned(), headers: vec![("content-type", "application/json".to_owned())], body }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Post {
        self.headers.push((name, value.into()));
        self
    }
}

/// How a provider delivers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Habit {
    /// The waits between attempts, in seconds, as documented.
    pub(crate) waits_s: &'static [u64],
    /// Whether an answer counts as received.
    pub(crate) accepts: fn(status: u16, body: &[u8]) -> bool,
    /// Whether one that is not received holds back the others.
    pub(crate) in_order: bool,
    /// After so many failures in a row nothing is sent any more until somebody resumes it.
    pub(crate) pause_after: Option<u32>,
    /// It is sent again only when nobody answered at all.
    pub(crate) only_unanswered: bool,
}

impl Habit {
    /// Any 2xx is received; each message for itself.
    pub(crate) const fn usual(waits_s: &'static [u64]) -> Habit {
        Habit { waits_s, accepts: two_hundreds, in_order: false, pause_after: None, only_unanswered: false }
    }
}

fn two_hundreds(status: u16, _body: &[u8]) -> bool {
    (200..300).contains(&status)
}
