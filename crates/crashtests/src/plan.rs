//! Which kills there are: drawn from a seed, the same each time.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

use crate::provider::NAMES;
use crate::scan;

/// Runs of one database; then a fresh one is made.
pub const RUNS: usize = 25;
/// Those of them that are killed at a point, beside the first; the others, more than one in three, at a random moment.
const POINTS: usize = 15;

/// Where it is killed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum How {
    /// At a point: the `nth` time it is reached, before it or after it.
    Point {
        /// Such as `store.settle_effects`.
        name: String,
        /// After it rather than before.
        after: bool,
        /// From 1.
        nth: u64,
        /// By whom it is reached.
        way: Way,
    },
    /// So long after the moves.
    Moment {
        /// Microseconds.
        us: u64,
    },
}

/// By whom a point is reached, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// By a worker that works.
    Working,
    /// By one that works on the next morning.
    Morning,
    /// By one that starts after another died.
    Successor,
    /// By the first one of a database.
    Fresh,
    /// As a successor that finds rows which are over.
    Swept,
    /// By one whose source has something that it did not tell.
    Polled,
    /// By one whose leases are short and whose provider gives no answer.
    Waiting,
    /// By one whose providers refuse.
    Refused,
    /// By one that tells subscribers.
    Telling,
    /// As a successor of one that died while it told subscribers.
    TellingOn,
}

impl Way {
    /// Whether another one has to die before.
    #[must_use]
    pub fn succeeds(self) -> bool {
        matches!(self, Way::Successor | Way::Fresh | Way::Swept | Way::TellingOn)
    }

    /// Whether somebody has subscribed to what happens.
    #[must_use]
    pub fn tells(self) -> bool {
        matches!(self, Way::Telling | Way::TellingOn)
    }
}

/// How a provider misbehaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is done, and nobody answers.
    Hang,
    /// It is done, and the connection breaks.
    Reset,
    /// The connection breaks before anything is done.
    ResetBefore,
    /// 429 with `Retry-After`.
    Busy,
    /// It is done, and answered with 500.
    Broken,
    /// Nothing is done, and it is answered with 503.
    Away,
}

const FAULTS: [Fault; 6] = [Fault::Hang, Fault::Reset, Fault::ResetBefore, Fault::Busy, Fault::Broken, Fault::Away];

/// One run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kill {
    /// Where.
    pub how: How,
    /// Whether the leases of the killed are over before the next one starts.
    pub lapses: bool,
    /// How the providers misbehave until the kill, each in every second call; nothing where they behave.
    pub faults: Vec<(&'static str, Fault)>,
}

impl fmt::Display for Kill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.how {
            How::Point { name, after, nth, way } => {
                write!(f, "{} the {nth}. {name} ({way:?})", if *after { "after" } else { "before" })?;
            }
            How::Moment { us } => write!(f, "{us} µs after the moves")?,
        }
        if !self.lapses {
            f.write_str(", while its leases hold")?;
        }
        if !self.faults.is_empty() {
            write!(f, ", {:?}", self.faults)?;
        }
        Ok(())
    }
}

impl Kill {
    /// By whom its point is reached.
    #[must_use]
    pub fn way(&self) -> Way {
        match &self.how {
            How::Point { way, .. } => *way,
            How::Moment { .. } => Way::Working,
        }
    }
}

/// A line of `data/ways.csv`: how a point is reached, and how often in one run at the least.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Line {
    /// The point.
    pub point: String,
    /// By whom.
    pub way: Way,
    /// So many times in a run.
    pub times: u64,
}

/// How each point is reached.
///
/// # Panics
/// When the file cannot be read.
#[must_use]
pub fn ways() -> BTreeMap<String, Line> {
    let mut reader = csv::Reader::from_reader(include_str!("../data/ways.csv").as_bytes());
    reader
        .deserialize()
        .map(|row| row.unwrap_or_else(|cause| panic!("data/ways.csv: {cause}")))
        .map(|line: Line| (line.point.clone(), line))
        .collect()
}

/// The points of `store` and `connect`, but for those in `data/elsewhere.csv`.
#[must_use]
pub fn points() -> Vec<String> {
    let elsewhere = elsewhere();
    scan::points("store").into_iter().chain(scan::points("connect")).filter(|name| !elsewhere.contains_key(name)).collect()
}

/// Points of doors that no worker goes through, and who does.
#[must_use]
pub fn elsewhere() -> BTreeMap<String, String> {
    listed(include_str!("../data/elsewhere.csv"))
}

/// Points at which the app has nothing to write, and why.
#[must_use]
pub fn unexercised() -> BTreeMap<String, String> {
    listed(include_str!("../data/unexercised.csv"))
}

fn listed(text: &str) -> BTreeMap<String, String> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    reader.deserialize().map(|row| row.unwrap_or_else(|cause| panic!("the list of points: {cause}"))).collect()
}

/// The kills of a seed, endless: each point before and after it, shuffled, then again; between them random moments.
#[derive(Debug)]
pub struct Plan {
    seed: u64,
    moment_us: u64,
    fresh: Vec<(Line, bool)>,
    others: Vec<(Line, bool)>,
}

impl Plan {
    /// Of a seed; a random moment lies within `moment_us` after the moves.
    #[must_use]
    pub fn new(seed: u64, moment_us: u64) -> Plan {
        let both = |line: &Line| [(line.clone(), false), (line.clone(), true)];
        let (fresh, others): (Vec<_>, Vec<_>) = ways().values().flat_map(both).partition(|(line, _)| line.way == Way::Fresh);
        Plan { seed, moment_us, fresh, others }
    }

    /// So many databases until each point was met before and after it.
    #[must_use]
    pub fn round(&self) -> usize {
        self.others.len().div_ceil(POINTS).max(self.fresh.len())
    }

    /// The kills of the `number`th database: the first one while it is fresh, then at points and at random moments.
    #[must_use]
    pub fn scene(&self, number: usize) -> Vec<Kill> {
        let mut kills = Vec::with_capacity(RUNS);
        let mut points = 0;
        for place in 0..RUNS {
            let mut chance = self.chance(number * RUNS + place, 1);
            kills.push(if place == 0 {
                let (line, after) = &self.fresh[number % self.fresh.len()];
                self.kill(line, *after, &mut chance)
            } else if points * RUNS < place * POINTS {
                let nth = number * POINTS + points;
                points += 1;
                let order = self.order(nth / self.others.len());
                let (line, after) = &self.others[order[nth % self.others.len()]];
                self.kill(line, *after, &mut chance)
            } else {
                let how = How::Moment { us: chance.below(self.moment_us) };
                Kill { how, lapses: chance.below(4) > 0, faults: faults(&mut chance, 2) }
            });
        }
        kills
    }

    fn kill(&self, line: &Line, after: bool, chance: &mut Chance) -> Kill {
        let nth = 1 + chance.below(line.times);
        let lapses = chance.below(4) > 0;
        // Who is held up by a provider may not come as far as a later one.
        let often = line.way == Way::Working && nth <= 2;
        let faults = if often { faults(chance, 4) } else { Vec::new() };
        Kill { how: How::Point { name: line.point.clone(), after, nth, way: line.way }, lapses, faults }
    }

    /// The others in the order of one round.
    fn order(&self, round: usize) -> Vec<usize> {
        let mut chance = self.chance(round, 2);
        let mut order: Vec<usize> = (0..self.others.len()).collect();
        for at in (1..order.len()).rev() {
            order.swap(at, usize::try_from(chance.below(at as u64 + 1)).unwrap_or(0));
        }
        order
    }

    fn chance(&self, place: usize, of: u64) -> Chance {
        let mut chance = Chance(self.seed ^ (of << 56));
        Chance(chance.below(u64::MAX) ^ (place as u64).wrapping_mul(0xD1B5_4A32_D192_ED03))
    }
}

/// In one of so many runs each provider misbehaves in a way of its own, or behaves.
fn faults(chance: &mut Chance, one_in: u64) -> Vec<(&'static str, Fault)> {
    if chance.below(one_in) > 0 {
        return Vec::new();
    }
    let mut drawn =
        |name| usize::try_from(chance.below(FAULTS.len() as u64 + 1)).ok().and_then(|at| FAULTS.get(at)).map(|fault| (name, *fault));
    NAMES.into_iter().filter_map(&mut drawn).collect()
}

/// The same numbers from the same seed (splitmix64).
#[derive(Debug, Clone)]
pub struct Chance(pub u64);

impl Chance {
    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % end.max(1)
    }
}
