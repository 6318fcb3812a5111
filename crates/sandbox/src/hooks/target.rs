//! Where a stand-in delivers its messages.

use serde::{Deserialize, Serialize};

/// One address that a stand-in delivers to.
#[derive(Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// The address, `http` only.
    pub url: String,
    /// The secret, as the provider would show it: `whsec_…`, an auth token, an app secret, an API key, `user:password`.
    #[serde(default)]
    pub secret: String,
    /// The account whose messages go here; those of every account, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The waits between attempts, in milliseconds, instead of the provider's own at `pace`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_ms: Option<Vec<u64>>,
    /// How much of the provider's own waits is waited, from 0 to 1.
    #[serde(default = "pace")]
    pub pace: f64,
    /// How long an answer is waited for.
    #[serde(default = "timeout_ms")]
    pub timeout_ms: u64,
    /// Whether messages come by themselves after requests; else only when one is asked for.
    #[serde(default = "yes")]
    pub auto: bool,
    /// Whether a message is delivered before the request that caused it is answered.
    #[serde(default)]
    pub before_reply: bool,
    /// Whether one that is not received holds back the others, where that is not as the provider has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_order: Option<bool>,
}

/// Ten minutes are a second.
const PACE: f64 = 1.0 / 600.0;

fn pace() -> f64 {
    PACE
}

fn timeout_ms() -> u64 {
    10_000
}

fn yes() -> bool {
    true
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Target({})", self.url)
    }
}

impl Target {
    /// An address with its secret, and everything else as usual.
    pub fn new(url: impl Into<String>, secret: impl Into<String>) -> Target {
        Target {
            url: url.into(),
            secret: secret.into(),
            account: None,
            retry_ms: None,
            pace: PACE,
            timeout_ms: timeout_ms(),
            auto: true,
            before_reply: false,
            in_order: None,
        }
    }

    /// The same for the messages of one account.
    pub fn of(self, account: impl Into<String>) -> Target {
        Target { account: Some(account.into()), ..self }
    }

    /// The same with these waits between attempts.
    pub fn retrying_ms(self, waits_ms: &[u64]) -> Target {
        Target { retry_ms: Some(waits_ms.to_vec()), ..self }
    }

    /// The same, with messages only when one is asked for.
    pub fn by_hand(self) -> Target {
        Target { auto: false, ..self }
    }

    /// The same, delivering before the request is answered.
    pub fn before_reply(self) -> Target {
        Target { before_reply: true, ..self }
    }

    pub(crate) fn wrong(&self) -> Option<String> {
        if !self.url.starts_with("http://") {
            return Some(format!("`{}` is not an address of the form `http://host:port/path`", self.url));
        }
        (!(0.0..=1.0).contains(&self.pace)).then(|| "`pace` is a number from 0 to 1".to_owned())
    }
}
