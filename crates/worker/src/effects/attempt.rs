//! One attempt at one effect: it is asked about or sent, and what came of it is told in the words of [`super::decide`].

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value};
use statehouse_connect::call::{self, Asked, Given, Prepared, Unready, Verdict};
use statehouse_connect::egress::{Answer, Unsent, Why};
use statehouse_definition::model::{Action, Class, Connector};
use statehouse_fault::{Code, SH7004, SH7005, SH7006, SH7007};
use statehouse_store::effects::{self, Claimed};

use super::decide::{Case, First, Gate, Happened, To, Waiting, first, next, not_there};
use super::keep::Keep;
use super::lanes::{Lane, Pass};
use crate::retry::spread;
use crate::running::Installed;
use crate::shared::Shared;

/// How long an effect rests whose connector is not here in its version: the definition is being changed.
const STRANGE_REST: Duration = Duration::from_secs(5);

/// An effect in hand.
pub(crate) struct Effect {
    pub claimed: Claimed,
    /// The definition it is read by; none where the app has gone.
    pub installed: Option<Arc<Installed>>,
    /// When it was claimed, by the monotonic clock.
    pub since: Instant,
    /// Whether a byte of it may have left in this attempt.
    pub begun: Arc<AtomicBool>,
}

/// What an attempt came to.
#[derive(Clone, Debug)]
pub(crate) struct Came {
    pub to: To,
    pub doubt: bool,
    pub counts: bool,
    /// What is kept of the answer.
    pub result: Map<String, Value>,
    pub code: Option<&'static Code>,
    pub status: Option<u16>,
    /// The connector it goes out by from now on.
    pub through: Option<String>,
}

impl Came {
    /// To here, without a doubt; nothing is known besides.
    pub fn of(to: To) -> Came {
        Came { to, doubt: false, counts: true, result: Map::new(), code: None, status: None, through: None }
    }
}

/// What happened, and what is known besides.
struct Found {
    happened: Happened,
    result: Map<String, Value>,
    code: Option<&'static Code>,
    status: Option<u16>,
    /// How long it asks to be left alone, though it may have happened.
    quiet: Option<Duration>,
    /// The call alone.
    took: Duration,
    /// Kept until the lane knows how it went: whoever comes next looks at that first.
    _pass: Option<Pass>,
}

impl Found {
    fn of(happened: Happened) -> Found {
        Found { happened, result: Map::new(), code: None, status: None, quiet: None, took: Duration::ZERO, _pass: None }
    }

    fn because(happened: Happened, code: &'static Code) -> Found {
        Found { code: Some(code), ..Found::of(happened) }
    }

    fn unready(why: &Unready) -> Found {
        tracing::warn!(%why, "a call cannot be made");
        Found::because(Happened::Unready, why.code())
    }

    /// There was no answer. The fence holds what was not begun; whoever has the lease now sees to it.
    fn unsent(unsent: &Unsent, doubt: Happened) -> Found {
        match unsent {
            Unsent::NotSent(Why::Fenced) => Found::of(Happened::HeldBack(Duration::ZERO)),
            Unsent::NotSent(Why::Refused(_)) => Found::because(Happened::Unready, unsent.code()),
            Unsent::NotSent(_) => Found::because(Happened::Unreachable, SH7005),
            Unsent::Doubt(_) => Found::because(doubt, SH7006),
        }
    }
}

impl Effect {
    /// The database's clock, as far as this process can tell.
    pub fn now(&self) -> SystemTime {
        self.claimed.now + self.since.elapsed()
    }

    /// The connector it goes out by.
    pub fn by(&self) -> &str {
        self.claimed.through.as_deref().unwrap_or(&self.claimed.connector)
    }

    /// By which connector and action it is sent. It was written for a version of its own connector, whoever sends it.
    fn definition(&self) -> Option<(&Connector, &Action)> {
        let own = self.own()?;
        let by = match &self.claimed.through {
            Some(through) => self.installed.as_ref()?.latest(through)?,
            None => own,
        };
        Some((by, by.actions.get(&self.claimed.action)?))
    }

    /// Its own connector, in the version it was written for: whatever has become of that since, it goes out as it was owed.
    fn own(&self) -> Option<&Connector> {
        self.installed.as_ref()?.connector(&self.claimed.connector, self.claimed.version)
    }

    /// Another connector that may take it where its own has given up and nobody can have it; none where it is there already.
    fn elsewhere(&self) -> Option<String> {
        self.own()?.fallback.clone().filter(|_| self.claimed.through.is_none() && !self.claimed.doubt)
    }

    /// How often it is tried: where it goes another way, as often again.
    fn attempts_max(&self) -> u32 {
        let of = |connector: Option<&Connector>| connector.map_or(Connector::ATTEMPTS, |connector| connector.attempts);
        let through = |name: &str| of(self.installed.as_ref().and_then(|installed| installed.latest(name)));
        of(self.own()) + self.claimed.through.as_deref().map_or(0, through)
    }

    /// How it stands, for the table of decisions.
    pub fn case(&self) -> Case {
        let (connector, action) = self.definition().unzip();
        let within = || {
            let entity = self.installed.as_ref()?.app.entities.get(&self.claimed.entity)?;
            Some(Duration::from_secs(entity.transitions.get(&self.claimed.verb)?.call.as_ref()?.within.seconds()))
        };
        let wire = connector.and_then(|connector| connector.wire.as_ref());
        Case {
            class: self.claimed.class,
            call: self.claimed.call.then(|| Waiting { within: within().unwrap_or_default() }),
            attempt: self.claimed.tries.unsigned_abs(),
            claims: self.claimed.held.attempt.unsigned_abs(),
            attempts_max: self.attempts_max(),
            age: self.claimed.key_age(),
            doubt: self.claimed.doubt,
            can_ask: action.is_some_and(|action| action.ask.is_some()),
            key_life: wire.and_then(|wire| wire.key.as_ref()).map(|key| Duration::from_secs(key.life.seconds())),
            ask_after: wire.map_or(Duration::ZERO, |wire| Duration::from_secs(wire.ask_after.seconds())),
        }
    }
}

/// Makes the attempt. None where the lease was lost before anything left: nothing is to be written.
pub(crate) async fn make(shared: &Shared, keep: &Keep, effect: &Effect) -> Option<Came> {
    let Some((connector, action)) = effect.definition() else {
        return Some(Came { doubt: effect.claimed.doubt, counts: false, ..Came::of(To::Due(STRANGE_REST)) });
    };
    let attempt = Attempt { shared, keep, effect, connector, action };
    let mut case = effect.case();
    let found = match first(&case) {
        First::Settle(to) => {
            let came = Came { doubt: case.doubt, code: Some(SH7006), ..Came::of(to) };
            return Some(elsewhere(effect, came, true));
        }
        First::Send => attempt.send().await?,
        First::Ask => match attempt.ask().await? {
            Ok(found) => found,
            Err(NotThere) => match not_there(&case) {
                Some(clear) => {
                    case = clear;
                    attempt.send().await?
                }
                None => {
                    return Some(Came { doubt: true, code: Some(SH7006), ..Came::of(To::Unknown) });
                }
            },
        },
    };
    let then = next(&case, found.happened, spread());
    attempt.lane().learn(then.gate, effect.now(), found.took, connector.breaker.failures);
    attempt.tell_quiet(then.gate).await;
    if let Some(span) = found.quiet {
        let gate = Gate::Blocked(span);
        attempt.lane().learn(gate, effect.now(), found.took, connector.breaker.failures);
        attempt.tell_quiet(gate).await;
    }
    let looked_at = matches!(found.happened, Happened::Failed | Happened::AskedFailed);
    let came =
        Came { doubt: then.doubt, counts: then.counts, result: found.result, code: found.code, status: found.status, ..Came::of(then.to) };
    Some(elsewhere(effect, came, !looked_at))
}

/// What its own connector has given up without a doubt goes to the one that stands in for it, if there is one. What a
/// provider has looked at and refused is refused.
fn elsewhere(effect: &Effect, came: Came, given_up: bool) -> Came {
    let ends = matches!(came.to, To::Dead) || matches!(came.to, To::Failed) && given_up;
    match effect.elsewhere() {
        Some(through) if ends && !came.doubt => Came { to: To::Due(Duration::ZERO), through: Some(through), ..came },
        _ => came,
    }
}

/// Asked, it is not there.
struct NotThere;

struct Attempt<'a> {
    shared: &'a Shared,
    keep: &'a Keep,
    effect: &'a Effect,
    connector: &'a Connector,
    action: &'a Action,
}

impl Attempt<'_> {
    async fn send(&self) -> Option<Found> {
        let key = self.effect.claimed.key();
        let prepared = match self.given(&key, |given| call::prepare(self.connector, self.action, given)) {
            Ok(prepared) => prepared,
            Err(unready) => return Some(Found::unready(&unready)),
        };
        let (answer, took, pass) = match self.over(&prepared, self.effect.claimed.class == Class::N).await? {
            Ok((Ok(answer), took, pass)) => (answer, took, pass),
            Ok((Err(unsent), took, pass)) => return Some(Found { took, _pass: Some(pass), ..Found::unsent(&unsent, Happened::Doubt) }),
            Err(held_back) => return Some(Found::of(held_back)),
        };
        let mut found = match call::judge(self.action, &answer, seconds(self.effect.now())) {
            Verdict::Done(result) => Found { result, ..Found::of(Happened::Done) },
            Verdict::Failed { code, result } if self.is_denied(answer.status) => Found { result, ..Found::because(Happened::Denied, code) },
            Verdict::Failed { code, result } => Found { result, ..Found::because(Happened::Failed, code) },
            Verdict::Busy { retry_after } => Found::because(Happened::Busy(retry_after), SH7007),
            Verdict::Doubt { retry_after } => Found { quiet: retry_after, ..Found::because(Happened::Doubt, SH7006) },
        };
        (found.status, found.took, found._pass) = (Some(answer.status), took, Some(pass));
        Some(found)
    }

    async fn ask(&self) -> Option<Result<Found, NotThere>> {
        let key = self.effect.claimed.key();
        let prepared = match self.given(&key, |given| call::prepare_ask(self.connector, self.action, given)) {
            Ok(prepared) => prepared,
            Err(unready) => return Some(Ok(Found::unready(&unready))),
        };
        let (answer, took, pass) = match self.over(&prepared, false).await? {
            Ok((Ok(answer), took, pass)) => (answer, took, pass),
            Ok((Err(unsent), took, pass)) => {
                return Some(Ok(Found { took, _pass: Some(pass), ..Found::unsent(&unsent, Happened::AskedCannotTell) }));
            }
            Err(held_back) => return Some(Ok(Found::of(held_back))),
        };
        let asked = self.given(&key, |given| call::judge_ask(self.action, given, &answer));
        let mut found = match asked {
            Asked::NotThere => return Some(Err(NotThere)),
            Asked::Happened(result) => Found { result, ..Found::of(Happened::AskedHappened) },
            Asked::Failed { code, result } => Found { result, ..Found::because(Happened::AskedFailed, code) },
            Asked::CannotTell { retry_after } if matches!(answer.status, 408 | 425 | 429 | 503) => {
                Found::because(Happened::Busy(retry_after), SH7007)
            }
            Asked::CannotTell { .. } if self.is_denied(answer.status) => Found::because(Happened::Denied, SH7004),
            Asked::CannotTell { .. } => Found::because(Happened::AskedCannotTell, SH7006),
        };
        (found.status, found.took, found._pass) = (Some(answer.status), took, Some(pass));
        Some(Ok(found))
    }

    /// Sends one request when it is its turn. The outer none: the lease is lost. `Err`: it was not tried.
    async fn over(&self, prepared: &Prepared, marks: bool) -> Option<Result<(Result<Answer, Unsent>, Duration, Pass), Happened>> {
        let held = &self.effect.claimed.held;
        let per_second = self.connector.limit.as_ref().map(|limit| f64::from(limit.count) / limit.per.seconds() as f64);
        let pass = self.lane().enter(per_second).await;
        let _place = self.shared.places.acquire().await.ok()?;
        if self.shared.is_stopping() {
            return Some(Err(Happened::HeldBack(Duration::ZERO)));
        }
        if self.lane().is_broken_since(self.effect.since) && !self.effect.claimed.probe {
            return Some(Err(Happened::HeldBack(Duration::ZERO)));
        }
        if let Some(left) = self.lane().quiet(self.effect.now()) {
            return Some(Err(Happened::HeldBack(left)));
        }
        if marks {
            // Written down before the send: whoever finds it so after a crash knows that it may have happened.
            let marked = effects::mark_sending(&self.shared.db, &self.shared.id, &[*held]).await;
            match marked {
                Ok(may) if may.contains(held) => {}
                Ok(_) => return None,
                Err(fault) => {
                    tracing::warn!(%fault, "a send could not be written down");
                    return Some(Err(Happened::HeldBack(Duration::from_secs(1))));
                }
            }
        }
        let fence = self.keep.fence(held, prepared.timeout).await?;
        self.effect.begun.store(true, Ordering::Release);
        let began = Instant::now();
        let answered = prepared.send(&self.shared.client, fence).await;
        Some(Ok((answered, began.elapsed(), pass)))
    }

    fn given<T>(&self, key: &str, work: impl FnOnce(&Given<'_>) -> T) -> T {
        let claimed = &self.effect.claimed;
        let (empty, none) = (BTreeMap::new(), Map::new());
        let outside = self.shared.outside.get(self.effect.by());
        let settings = outside.map_or(&empty, |outside| &outside.settings);
        let secrets = self.shared.secrets.now();
        work(&Given {
            tenant: &claimed.slug,
            args: claimed.args.as_object().unwrap_or(&none),
            key,
            callback: settings.get("callback").map(String::as_str),
            now: seconds(self.effect.now()),
            base: outside.map(|outside| outside.base.as_str()).filter(|base| !base.is_empty()),
            settings,
            secrets: &secrets,
        })
    }

    fn lane(&self) -> Arc<Lane> {
        let claimed = &self.effect.claimed;
        self.shared.lanes.of(claimed.held.tenant, &claimed.app, self.effect.by())
    }

    /// The provider did not let us in, and the definition does not say what that means.
    fn is_denied(&self, status: u16) -> bool {
        matches!(status, 401 | 403 | 407) && !self.action.answers.iter().any(|stated| stated.status.holds(status))
    }

    /// A provider that wants quiet is left alone by everybody, from now on and not from when this effect is settled.
    async fn tell_quiet(&self, gate: Gate) {
        let Gate::Blocked(span) = gate else { return };
        let claimed = &self.effect.claimed;
        let report = effects::Report {
            tenant: claimed.held.tenant,
            app: &claimed.app,
            connector: self.effect.by(),
            good: 0,
            bad: 0,
            blocked: Some(span),
            failures_max: self.connector.breaker.failures as i32,
            open: Duration::from_secs(self.connector.breaker.open.seconds()),
        };
        if let Err(fault) = effects::report_gate(&self.shared.db, &report).await {
            tracing::warn!(%fault, "a gate could not be told to be quiet");
        }
    }
}

pub(crate) fn seconds(at: SystemTime) -> i64 {
    at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64)
}
