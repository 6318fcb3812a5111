//! Fault switches: how a stand-in is told to misbehave, and for how many requests.

mod limit;

use serde::{Deserialize, Serialize};

pub(crate) use limit::Bucket;
pub use limit::Limit;

use crate::moment::Moment;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// It is done, and no answer ever comes.
    AcceptThenHang,
    /// It is done, and the connection is reset.
    AcceptThenReset,
    /// The connection is reset, and nothing is done.
    ResetBefore,
    /// This status is answered: 500 and 502 after it was done, any other with nothing done, unless `done` says otherwise.
    Status,
    /// It is done, and the answer comes in drops for `ms` milliseconds.
    Slow,
    /// An outgoing message is delivered twice.
    DuplicateHook,
    /// An outgoing message is never delivered.
    DropHook,
    /// An outgoing message is delivered `ms` milliseconds later.
    DelayHook,
    /// Outgoing messages are held until there are `hold` of them, or for `ms` milliseconds, and go out the last one first.
    ReorderHooks,
    /// Before an outgoing message goes a forged one with the same id.
    ForgeHook,
}

impl Mode {
    /// Whether it is about messages that go out, not about requests that come in.
    pub(crate) fn is_of_hooks(self) -> bool {
        use Mode::{DelayHook, DropHook, DuplicateHook, ForgeHook, ReorderHooks};
        matches!(self, DuplicateHook | DropHook | DelayHook | ReorderHooks | ForgeHook)
    }

    /// As in JSON.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Mode::AcceptThenHang => "accept_then_hang",
            Mode::AcceptThenReset => "accept_then_reset",
            Mode::ResetBefore => "reset_before",
            Mode::Status => "status",
            Mode::Slow => "slow",
            Mode::DuplicateHook => "duplicate_hook",
            Mode::DropHook => "drop_hook",
            Mode::DelayHook => "delay_hook",
            Mode::ReorderHooks => "reorder_hooks",
            Mode::ForgeHook => "forge_hook",
        }
    }
}

/// What `retry-after` says beside a status.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(untagged)]
pub enum RetryAfter {
    /// Seconds.
    Seconds(i64),
    /// `date:30` is the HTTP date 30 seconds from now; any other text is sent as it is.
    Text(String),
}

impl RetryAfter {
    /// The header, and how long it means when it means anything.
    pub(crate) fn header(&self, now: Moment) -> (String, Option<i64>) {
        match self {
            RetryAfter::Seconds(seconds) => (seconds.to_string(), Some((*seconds).max(0))),
            RetryAfter::Text(text) => match text.strip_prefix("date:").and_then(|seconds| seconds.parse::<i64>().ok()) {
                Some(seconds) => (now.plus_s(seconds).http(), Some(seconds.max(0))),
                None => (text.clone(), None),
            },
        }
    }
}

/// One fault switch.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Switch {
    /// The stand-in, as in its address; `*` for all.
    pub provider: String,
    /// What goes wrong.
    pub mode: Mode,
    /// The requests it is about: an op as in the log, or its beginning, such as `payments`; `*` for look-ups too. Without it, whatever may
    /// have an effect. For messages that go out, the beginning of their type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub op: Option<String>,
    /// The status to answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// What to say in `retry-after`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<RetryAfter>,
    /// Whether it is done before the status is answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<bool>,
    /// How long, in milliseconds, where that is a question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ms: Option<u64>,
    /// How many messages are held to be reordered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<usize>,
    /// For how many requests; without it, until it is switched off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// For which share of them, from 0 to 1, drawn from `seed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
    /// Where the draws begin.
    #[serde(default)]
    pub seed: u64,
}

impl Switch {
    /// A switch for every request that may have an effect.
    pub fn new(provider: impl Into<String>, mode: Mode) -> Switch {
        Switch {
            provider: provider.into(),
            mode,
            op: None,
            status: None,
            retry_after: None,
            done: None,
            ms: None,
            hold: None,
            times: None,
            share: None,
            seed: 0,
        }
    }

    /// A switch that answers a status.
    pub fn status(provider: impl Into<String>, status: u16) -> Switch {
        Switch { status: Some(status), ..Switch::new(provider, Mode::Status) }
    }

    /// The same for these requests alone.
    pub fn on(self, op: impl Into<String>) -> Switch {
        Switch { op: Some(op.into()), ..self }
    }

    /// The same for so many of them.
    pub fn times(self, times: u64) -> Switch {
        Switch { times: Some(times), ..self }
    }

    /// The same for a share of them.
    pub fn share(self, share: f64, seed: u64) -> Switch {
        Switch { share: Some(share), seed, ..self }
    }

    /// The same with a time to wait, in seconds.
    pub fn retry_after_s(self, seconds: i64) -> Switch {
        Switch { retry_after: Some(RetryAfter::Seconds(seconds)), ..self }
    }

    /// The same, so long.
    pub fn ms(self, ms: u64) -> Switch {
        Switch { ms: Some(ms), ..self }
    }

    /// The same, holding so many messages.
    pub fn hold(self, hold: usize) -> Switch {
        Switch { hold: Some(hold), ..self }
    }

    /// Whether it is done although it fails.
    pub(crate) fn does(&self) -> bool {
        self.done.unwrap_or(matches!(self.status, Some(500 | 502)))
    }

    /// What is wrong with it, if anything.
    pub(crate) fn wrong(&self) -> Option<String> {
        let status = self.status.is_some_and(|status| (200..600).contains(&status));
        if (self.mode == Mode::Status) != self.status.is_some() || (self.mode == Mode::Status && !status) {
            return Some("`status` from 200 to 599 goes with the mode `status`, and with no other".to_owned());
        }
        if matches!(self.mode, Mode::Slow | Mode::DelayHook) && self.ms.is_none() {
            return Some(format!("`{}` needs `ms`", self.mode.name()));
        }
        if self.share.is_some_and(|share| !(0.0..=1.0).contains(&share)) {
            return Some("`share` is a number from 0 to 1".to_owned());
        }
        None
    }
}

/// A switch that stands, and how often it was asked and went off.
#[derive(Clone, Debug, Serialize)]
pub struct Standing {
    /// The switch.
    #[serde(flatten)]
    pub switch: Switch,
    /// How many requests it was about.
    pub asked: u64,
    /// How many of them it failed.
    pub fired: u64,
}

impl Standing {
    pub(crate) fn new(switch: Switch) -> Standing {
        Standing { switch, asked: 0, fired: 0 }
    }

    fn fires(&mut self) -> bool {
        if self.switch.times.is_some_and(|times| self.fired >= times) {
            return false;
        }
        self.asked += 1;
        let drawn = self.switch.share.is_none_or(|share| draw(self.switch.seed, self.asked) < share);
        self.fired += u64::from(drawn);
        drawn
    }
}

/// The first switch that goes off for a request, or for a message that goes out.
pub(crate) fn pick(standing: &mut [Standing], provider: &str, op: &str, writes: bool, hooks: bool) -> Option<Switch> {
    let meant = |switch: &Switch| {
        let op = match switch.op.as_deref() {
            None => writes || hooks,
            Some("*") => true,
            Some(beginning) => op.starts_with(beginning),
        };
        switch.mode.is_of_hooks() == hooks && (switch.provider == provider || switch.provider == "*") && op
    };
    standing.iter_mut().filter(|one| meant(&one.switch)).find_map(|one| one.fires().then(|| one.switch.clone()))
}

/// A number from 0 to 1, the same for the same seed and count (splitmix64).
fn draw(seed: u64, count: u64) -> f64 {
    let mut z = seed.wrapping_add(count.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fired(switch: Switch, requests: u64) -> Vec<u64> {
        let mut standing = [Standing::new(switch)];
        (0..requests).filter(|_| pick(&mut standing, "k", "send", true, false).is_some()).collect()
    }

    #[test]
    fn for_so_many_or_for_a_share_that_its_seed_decides() {
        assert_eq!(fired(Switch::new("k", Mode::AcceptThenHang).times(2), 9), [0, 1]);
        let share = fired(Switch::new("*", Mode::AcceptThenHang).share(0.3, 7), 10_000);
        assert!((2_800..3_200).contains(&share.len()), "{}", share.len());
        assert_eq!(share, fired(Switch::new("k", Mode::AcceptThenHang).share(0.3, 7), 10_000));
        assert_ne!(share, fired(Switch::new("k", Mode::AcceptThenHang).share(0.3, 8), 10_000));
    }

    #[test]
    fn meant_for_what_it_names() {
        let mut standing = [Standing::new(Switch::status("stripe", 500).on("refunds"))];
        assert!(pick(&mut standing, "stripe", "payment_intents.create", true, false).is_none());
        assert!(pick(&mut standing, "asaas", "refunds.create", true, false).is_none());
        assert!(pick(&mut standing, "stripe", "refunds.create", true, true).is_none());
        assert!(pick(&mut standing, "stripe", "refunds.create", true, false).is_some());
        let mut standing = [Standing::new(Switch::status("q", 500))];
        assert!(pick(&mut standing, "q", "find", false, false).is_none());
        let mut standing = [Standing::new(Switch::status("q", 500).on("*"))];
        assert!(pick(&mut standing, "q", "find", false, false).is_some());
    }

    #[test]
    fn retry_after_in_every_form() {
        let now = Moment(1_438_287_151_000_000);
        let said = |json: &str| serde_json::from_str::<RetryAfter>(json).unwrap().header(now);
        assert_eq!(said("30"), ("30".to_owned(), Some(30)));
        assert_eq!(said("-5"), ("-5".to_owned(), Some(0)));
        assert_eq!(said("\"date:30\""), ("Thu, 30 Jul 2015 20:13:01 GMT".to_owned(), Some(30)));
        assert_eq!(said("\"soon\""), ("soon".to_owned(), None));
    }

    #[test]
    fn what_makes_no_sense_is_said() {
        for json in [
            r#"{"provider":"k","mode":"status"}"#,
            r#"{"provider":"k","mode":"status","status":100}"#,
            r#"{"provider":"k","mode":"slow"}"#,
            r#"{"provider":"k","mode":"accept_then_hang","status":500}"#,
            r#"{"provider":"k","mode":"accept_then_hang","share":2}"#,
        ] {
            assert!(serde_json::from_str::<Switch>(json).unwrap().wrong().is_some(), "{json}");
        }
        assert!(serde_json::from_str::<Switch>(r#"{"provider":"k","mode":"status","statsu":500}"#).is_err());
        assert!(Switch::status("k", 500).does() && !Switch::status("k", 503).does());
    }
}
