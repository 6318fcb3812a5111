//! Which kills there are: drawn from a seed, and first where no kill has met a write yet.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::kill::{FAULTS, Fault, How, Kill, Way};
use crate::provider::NAMES;
use crate::scan;
use crate::turns::Turns;

/// Runs of one database; then a fresh one is made.
pub const RUNS: usize = 25;
/// Those of them that are killed at a point, beside the first; the others, more than one in three, at a random moment.
const POINTS: usize = 15;
/// One in so many of the others finds nobody at its providers, so that effects go out by those who stand in for them.
const ASTRAY_EVERY: usize = 4;

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

/// The kills of a seed, endless: first after each point, where rows or log have to differ, until they did; then each point
/// before and after it, shuffled, again and again; between them random moments.
#[derive(Debug)]
pub struct Plan {
    seed: u64,
    moment_us: u64,
    drawn: usize,
    moments: usize,
    ways: BTreeMap<String, Line>,
    turns: Turns,
    fresh: Round,
    others: Round,
}

/// Each point before and after it, shuffled, and from the first again.
#[derive(Debug)]
struct Round {
    all: Vec<(Line, bool)>,
    left: Vec<(Line, bool)>,
    /// How many were begun.
    laps: usize,
}

impl Plan {
    /// Of a seed; a random moment lies within `moment_us` after the moves.
    #[must_use]
    pub fn new(seed: u64, moment_us: u64) -> Plan {
        let unexercised = unexercised();
        Plan::of(seed, moment_us, ways(), points().into_iter().filter(|name| !unexercised.contains_key(name)))
    }

    /// As [`Plan::new`], with these ways and these points, each of which has to be met.
    #[must_use]
    pub fn of(seed: u64, moment_us: u64, ways: BTreeMap<String, Line>, points: impl IntoIterator<Item = String>) -> Plan {
        let both = |line: &Line| [(line.clone(), false), (line.clone(), true)];
        let (fresh, others): (Vec<_>, Vec<_>) = ways.values().flat_map(both).partition(|(line, _)| line.way == Way::Fresh);
        let round = |all| Round { all, left: Vec::new(), laps: 0 };
        Plan { seed, moment_us, drawn: 0, moments: 0, ways, turns: Turns::new(points), fresh: round(fresh), others: round(others) }
    }

    /// The next kill, which is the `place`th of its database, from 0: the first one while it is fresh, then at points and
    /// at random moments. What came of it has to be told ([`Plan::tell`]).
    pub fn draw(&mut self, place: usize) -> Kill {
        let mut chance = chance(self.seed, self.drawn, 1);
        self.drawn += 1;
        // Of the places up to this one so many are points.
        let points = |place: usize| (place * POINTS).div_ceil(RUNS);
        let first = place == 0;
        if !first && points(place) == points(place - 1) {
            self.moments += 1;
            let us = chance.below(self.moment_us);
            if self.moments.is_multiple_of(ASTRAY_EVERY) {
                // What goes another way is done soon after the first did.
                let how = How::Moment { us: us / 8, way: Way::Astray };
                return Kill { how, lapses: chance.below(4) > 0, faults: Vec::new() };
            }
            let how = How::Moment { us, way: Way::Working };
            return Kill { how, lapses: chance.below(4) > 0, faults: faults(&mut chance, 2) };
        }
        let turn = self.turns.take(|name| self.ways.get(name).is_some_and(|line| (line.way == Way::Fresh) == first));
        if let Some((name, turns)) = turn {
            let Line { way, times, .. } = self.ways[&name];
            // Somebody may come first who has nothing to write, or who sends something that is no effect.
            let nth = 1 + u64::from(turns) % times;
            let how = How::Point { after: true, nth, way, name };
            return Kill { how, lapses: chance.below(4) > 0, faults: Vec::new() };
        }
        let round = if first { &mut self.fresh } else { &mut self.others };
        let (line, after) = round.next(self.seed, &self.turns);
        kill(&line, after, &mut chance)
    }

    /// What came of a kill: whether rows or log differed between just before its point and just after it.
    pub fn tell(&mut self, kill: &Kill, met: bool) {
        if let How::Point { name, .. } = &kill.how {
            self.turns.tell(name, met);
        }
    }

    /// Whether a kill at `name` has met a write.
    #[must_use]
    pub fn is_met(&self, name: &str) -> bool {
        self.turns.is_met(name)
    }

    /// Those points that have to be met and that no kill has met, however often they had their turn.
    #[must_use]
    pub fn unmet(&self) -> Vec<&str> {
        self.turns.unmet()
    }

    /// Whether a kill was drawn before and after each point, and no point that is not met has a turn left.
    #[must_use]
    pub fn is_covered(&self) -> bool {
        [&self.fresh, &self.others].into_iter().all(|round| round.is_through(&self.turns))
            && !self.turns.some_wait(|name| self.ways.contains_key(name))
    }
}

impl Round {
    fn next(&mut self, seed: u64, turns: &Turns) -> (Line, bool) {
        loop {
            match self.left.pop() {
                Some(next) if self.laps > 1 || !was(&next, turns) => return next,
                Some(_) => {}
                None => {
                    self.left.clone_from(&self.all);
                    shuffle(&mut self.left, &mut chance(seed, self.laps, 2));
                    self.laps += 1;
                }
            }
        }
    }

    /// Whether each of them was drawn once.
    fn is_through(&self, turns: &Turns) -> bool {
        self.all.is_empty() || self.laps > 1 || self.laps == 1 && self.left.iter().all(|one| was(one, turns))
    }
}

/// A kill after a point that was met is the one that met it; the first time round there need not be another.
fn was((line, after): &(Line, bool), turns: &Turns) -> bool {
    *after && turns.is_met(&line.point)
}

fn shuffle<T>(all: &mut [T], chance: &mut Chance) {
    for at in (1..all.len()).rev() {
        all.swap(at, usize::try_from(chance.below(at as u64 + 1)).unwrap_or(0));
    }
}

fn chance(seed: u64, place: usize, of: u64) -> Chance {
    let mut chance = Chance(seed ^ (of << 56));
    Chance(chance.below(u64::MAX) ^ (place as u64).wrapping_mul(0xD1B5_4A32_D192_ED03))
}

fn kill(line: &Line, after: bool, chance: &mut Chance) -> Kill {
    let nth = 1 + chance.below(line.times);
    let lapses = chance.below(4) > 0;
    // Who is held up by a provider may not come as far as a later one.
    let often = matches!(line.way, Way::Working | Way::Roomy) && nth <= 2;
    let faults = if often { faults(chance, 4) } else { Vec::new() };
    Kill { how: How::Point { name: line.point.clone(), after, nth, way: line.way }, lapses, faults }
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
