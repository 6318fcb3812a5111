//! What follows from what happened to an effect. Pure: no clock, no chance, no row.
//!
//! Everything turns on one question: may the provider have done it already? If it may, class K asks again under the same
//! key for as long as the provider remembers it, class Q looks before it sends, and class N leaves it to a person. If it
//! may not, anybody may send. `tests/data/decisions.csv` holds the whole table, each row with its reason.

use std::time::Duration;

use statehouse_definition::model::Class;

/// How long an effect that no provider would take is kept trying before it is given up.
pub const PATIENCE: Duration = Duration::from_secs(72 * 3600);
/// The same, where a record stands still for it.
pub const PATIENCE_CALL: Duration = Duration::from_secs(3600);
/// The longest pause between two attempts that learnt something about the effect.
pub const PAUSE_MAX: Duration = Duration::from_secs(3600);
/// The longest pause of one that learnt something about the provider alone; its gate spares the provider.
const ABSENCE_MAX: Duration = Duration::from_secs(300);
/// The longest time for which a provider that names none is left alone.
const BLOCK_MAX: Duration = Duration::from_secs(60);

/// An effect as it was claimed.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// What the provider gives us against doubles.
    pub class: Class,
    /// The claiming transition's own effect: its record waits for the outcome.
    pub call: Option<Waiting>,
    /// Which attempt this is, from 1, of those that count.
    pub attempt: u32,
    /// The same, where those count too that nobody was to blame for.
    pub claims: u32,
    /// How many there are.
    pub attempts_max: u32,
    /// Since the first attempt.
    pub age: Duration,
    /// An earlier attempt may have reached the provider, and nobody has found out since.
    pub doubt: bool,
    /// The provider can be asked by our reference.
    pub can_ask: bool,
    /// How long the provider surely remembers a key.
    pub key_life: Option<Duration>,
    /// How long a doubt rests before it is asked about.
    pub ask_after: Duration,
}

/// A record that stands in a claim state.
#[derive(Clone, Copy, Debug)]
pub struct Waiting {
    /// How long a doubt is looked into before a person is told.
    pub within: Duration,
}

/// What to begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum First {
    /// Send it.
    Send,
    /// Ask whether it has happened.
    Ask,
    /// Neither may be done any more.
    Settle(To),
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happened {
    /// The provider did it.
    Done,
    /// The provider looked at it and will not do it.
    Failed,
    /// The provider did not let us in, so it did not look at it: our credentials are wrong.
    Denied,
    /// The provider has not done it and wants to be left alone, perhaps for a time it named.
    Busy(Option<Duration>),
    /// Nobody answered: not a byte of the request left.
    Unreachable,
    /// No request could be made: a secret is missing, a value is, or the address is not allowed.
    Unready,
    /// It was not tried: the provider asked for quiet meanwhile, or this process is going. To be taken up again after so long.
    HeldBack(Duration),
    /// The request left, at least in part, and what came back says nothing certain.
    Doubt,
    /// Asked, the provider says that it has happened.
    AskedHappened,
    /// Asked, the provider says that it was refused.
    AskedFailed,
    /// Asked, the provider gave no certain answer.
    AskedCannotTell,
}

/// What becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Next {
    /// Where the effect goes.
    pub to: To,
    /// Whether it may have reached the provider.
    pub doubt: bool,
    /// Whether the attempt counts.
    pub counts: bool,
    /// What the gate of the provider is told.
    pub gate: Gate,
}

/// Where an effect goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// It happened.
    Done,
    /// It did not happen and will not.
    Failed,
    /// Again, after so long.
    Due(Duration),
    /// A person must find out.
    Unknown,
    /// It never happened, and is tried no more unless somebody says so.
    Dead,
}

/// What the gate of a provider is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// The provider works.
    Good,
    /// It does not.
    Bad,
    /// It wants quiet for so long.
    Blocked(Duration),
    /// Nothing was learnt about it.
    Untouched,
}

/// What to begin with.
pub fn first(case: &Case) -> First {
    if case.attempt > case.attempts_max {
        // The attempts before did not all end: it takes processes down with it, or they were killed under it.
        return First::Settle(given_up(case));
    }
    match (case.class, case.doubt) {
        (_, false) => First::Send,
        (Class::Q, true) => First::Ask,
        (Class::K, true) if case.can_ask && forgotten(case) => First::Ask,
        (Class::K, true) if forgotten(case) => First::Settle(To::Unknown),
        (Class::K, true) => First::Send,
        (Class::N, true) => First::Settle(To::Unknown),
    }
}

/// After an answer to [`First::Ask`] that it is not there: the case as it stands now, if it may be sent.
///
/// A key that the provider may have forgotten is no protection against what it lost from its list.
pub fn not_there(case: &Case) -> Option<Case> {
    (case.class == Class::Q).then_some(Case { doubt: false, ..*case })
}

/// What follows; `spread` from -1 to 1 moves a pause by a fifth at most, so that those who failed together do not come
/// back together.
pub fn next(case: &Case, happened: Happened, spread: f64) -> Next {
    let again = |after| if case.doubt && is_told(case) { To::Unknown } else { To::Due(after) };
    let later = again(pause(case.claims, spread).min(ABSENCE_MAX.mul_f64(1.0 + 0.2 * spread)));
    let to = match happened {
        Happened::Done | Happened::AskedHappened => To::Done,
        Happened::Failed | Happened::AskedFailed => To::Failed,
        Happened::Doubt if !case.doubt => new_doubt(case, spread),
        Happened::Doubt | Happened::AskedCannotTell => old_doubt(case, spread),
        Happened::HeldBack(after) => To::Due(after),
        Happened::Busy(_) | Happened::Unreachable | Happened::Denied if is_spent(case) => given_up(case),
        Happened::Busy(after) => after.map_or(later, again),
        Happened::Unreachable | Happened::Denied => later,
        Happened::Unready if case.attempt >= case.attempts_max => given_up(case),
        Happened::Unready => again(pause(case.attempt, spread)),
    };
    let in_doubt = case.doubt || matches!(happened, Happened::Doubt | Happened::AskedCannotTell);
    Next { to, doubt: in_doubt && matches!(to, To::Due(_) | To::Unknown), counts: counts(happened), gate: gate(case, happened) }
}

/// 2^attempt seconds, an hour at most, a fifth more or less.
pub fn pause(attempt: u32, spread: f64) -> Duration {
    let whole = Duration::from_secs(1 << attempt.min(12)).min(PAUSE_MAX);
    whole.mul_f64(1.0 + 0.2 * spread.clamp(-1.0, 1.0))
}

fn new_doubt(case: &Case, spread: f64) -> To {
    match case.class {
        Class::N => To::Unknown,
        _ if case.attempt >= case.attempts_max => To::Unknown,
        Class::Q => To::Due(case.ask_after),
        Class::K => To::Due(pause(case.attempt, spread)),
    }
}

/// A doubt that was looked into, and is still there.
fn old_doubt(case: &Case, spread: f64) -> To {
    if case.class == Class::N || case.attempt >= case.attempts_max || is_told(case) {
        return To::Unknown;
    }
    let again = pause(case.attempt, spread);
    To::Due(if case.class == Class::Q { again.max(case.ask_after) } else { again })
}

/// A record that waits for the outcome has waited for as long as it may without somebody being told.
fn is_told(case: &Case) -> bool {
    case.call.is_some_and(|waiting| case.age >= waiting.within)
}

/// Nobody would take it for long enough. A record that waits for its outcome is not held for days: what was not sent has
/// failed, and that can be said.
fn is_spent(case: &Case) -> bool {
    case.claims >= case.attempts_max && case.age >= if case.call.is_some() { PATIENCE_CALL } else { PATIENCE }
}

/// No further attempt is made.
fn given_up(case: &Case) -> To {
    match (case.doubt, case.call) {
        (true, _) => To::Unknown,
        (false, Some(_)) => To::Failed,
        (false, None) => To::Dead,
    }
}

/// Attempts that count come to an end. One that was not made does not count, nor one that the provider never had: where
/// nobody is reached it is the days that come to an end.
fn counts(happened: Happened) -> bool {
    !matches!(happened, Happened::HeldBack(_) | Happened::Busy(_) | Happened::Unreachable | Happened::Denied)
}

fn forgotten(case: &Case) -> bool {
    case.key_life.is_some_and(|life| case.age >= life)
}

fn gate(case: &Case, happened: Happened) -> Gate {
    match happened {
        Happened::Done | Happened::Failed | Happened::AskedHappened | Happened::AskedFailed => Gate::Good,
        Happened::Denied | Happened::Unreachable | Happened::Doubt | Happened::AskedCannotTell => Gate::Bad,
        Happened::Busy(after) => Gate::Blocked(after.unwrap_or_else(|| pause(case.claims, 0.0).min(BLOCK_MAX))),
        Happened::Unready | Happened::HeldBack(_) => Gate::Untouched,
    }
}
