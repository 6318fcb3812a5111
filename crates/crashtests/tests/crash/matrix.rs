//! Real workers, killed at every point and at random moments.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use statehouse_crashtests::run::{How, run};
use statehouse_crashtests::scene::Scene;
use statehouse_crashtests::{program, scan};

/// Pairs of an effect and a kill that a run has to try.
const PAIRS: usize = 2_000;
const PAIRS_LONG: usize = 180_000;
/// A database has so many runs; then a fresh one is made, since each look reads all of it.
const RUNS_PER_SCENE: usize = 25;
/// A random moment lies within this time after the moves, in microseconds: a little more than they take to be worked off.
const MOMENT_US: u64 = 250_000;

/// The same numbers from the same seed (splitmix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % end.max(1)
    }
}

#[derive(Default)]
struct Record {
    pairs: usize,
    kills: usize,
    random: usize,
    exercised: BTreeSet<String>,
    reached: BTreeSet<String>,
}

#[tokio::test(flavor = "multi_thread")]
async fn killing_it_changes_nothing() {
    let program = program::with_points();
    let binary = std::fs::read(program).expect("the binary");
    assert!(binary.windows(17).any(|part| part == b"STATEHOUSE_POINTS"), "the binary under test has no points");
    drop(binary);
    let seed = std::env::var("STATEHOUSE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_261_120);
    let long = std::env::var_os("STATEHOUSE_TEST_LONG").is_some();
    let wanted = if long { PAIRS_LONG } else { PAIRS };
    let mut chance = Chance(seed);
    let points: Vec<String> =
        scan::points("store").into_iter().chain(scan::points("connect")).filter(|name| !elsewhere().contains_key(name)).collect();
    let mut record = Record::default();
    let mut plan = plan(&points, &mut chance);
    let began = Instant::now();
    while record.pairs < wanted || !plan.is_empty() {
        let mut scene = Scene::new(program, "matrix").await;
        let mut worker = None;
        for _ in 0..RUNS_PER_SCENE {
            let how = match plan.pop() {
                // One third of all runs are killed at a random moment.
                Some(how) if record.random * 2 >= record.kills - record.random => how,
                Some(how) => {
                    plan.push(how);
                    How::Moment { us: chance.below(MOMENT_US) }
                }
                None if record.pairs >= wanted => break,
                None => How::Moment { us: chance.below(MOMENT_US) },
            };
            let ended = run(&mut scene, &mut worker, &how).await;
            eprintln!(
                "{:4} s, run {}: {how:?}, {} pairs{}",
                began.elapsed().as_secs(),
                record.kills + 1,
                ended.pairs,
                if ended.exercised {
                    ", exercised"
                } else if ended.reached {
                    ""
                } else {
                    ", not reached"
                }
            );
            record.kills += 1;
            record.pairs += ended.pairs;
            match &how {
                How::Moment { .. } => record.random += 1,
                How::Point { name, starting, .. } => {
                    if ended.reached {
                        record.reached.insert(name.clone());
                    }
                    if ended.exercised {
                        record.exercised.insert(name.clone());
                    }
                    // A worker that runs does not come there, or has nothing to write: one that starts, perhaps.
                    if !starting && !record.exercised.contains(name) && matches!(&how, How::Point { after: true, .. }) {
                        plan.extend([false, true].map(|after| How::Point { name: name.clone(), after, nth: 1, starting: true }));
                    }
                }
            }
            assert!(ended.breaches.is_empty(), "seed {seed}, {how:?} after {} kills: {:#?}", record.kills, ended.breaches);
        }
        if let Some(worker) = worker {
            scene.kill(worker).await;
        }
    }
    // What only a fresh database has to write.
    for name in
        points.iter().filter(|point| !record.exercised.contains(*point) && !unexercised().contains_key(*point)).cloned().collect::<Vec<_>>()
    {
        let mut scene = Scene::new(program, "fresh").await;
        let mut worker = None;
        let how = How::Point { name: name.clone(), after: true, nth: 1, starting: true };
        let ended = run(&mut scene, &mut worker, &how).await;
        assert!(ended.breaches.is_empty(), "seed {seed}, {how:?} in a fresh database: {:#?}", ended.breaches);
        (record.kills, record.pairs) = (record.kills + 1, record.pairs + ended.pairs);
        if ended.exercised {
            record.exercised.insert(name);
        }
    }
    let missed: Vec<&String> = points.iter().filter(|point| !record.exercised.contains(*point)).collect();
    println!(
        "{} pairs of an effect and a kill in {} kills, {} of them at a random moment, {} points exercised, in {} s: with 95 % confidence fewer than 3 in {} go wrong",
        record.pairs,
        record.kills,
        record.random,
        record.exercised.len(),
        began.elapsed().as_secs(),
        record.pairs
    );
    let unlisted: Vec<&&String> = missed.iter().filter(|point| !unexercised().contains_key(**point)).collect();
    assert!(unlisted.is_empty(), "no kill around these met a write: {unlisted:?}; reached: {:?}", record.reached);
}

/// Before and after each point, in an order of the seed.
fn plan(points: &[String], chance: &mut Chance) -> Vec<How> {
    let mut plan: Vec<How> = Vec::new();
    for name in points {
        for after in [false, true] {
            plan.push(How::Point { name: name.clone(), after, nth: 1 + chance.below(3), starting: false });
        }
    }
    for at in (1..plan.len()).rev() {
        plan.swap(at, usize::try_from(chance.below(at as u64 + 1)).unwrap_or(0));
    }
    plan
}

/// Points of doors that no worker goes through.
fn elsewhere() -> BTreeMap<String, String> {
    listed(include_str!("../../data/elsewhere.csv"))
}

/// Points at which this app's work has nothing to write.
fn unexercised() -> BTreeMap<String, String> {
    listed(include_str!("../../data/unexercised.csv"))
}

fn listed(text: &str) -> BTreeMap<String, String> {
    csv::Reader::from_reader(text.as_bytes()).deserialize().map(|row: Result<(String, String), _>| row.expect("a line")).collect()
}
