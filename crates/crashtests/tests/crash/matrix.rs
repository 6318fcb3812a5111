//! Real workers, killed at every point and at random moments.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use statehouse_crashtests::check::Breach;
use statehouse_crashtests::kill::{How, Kill, Way};
use statehouse_crashtests::plan::{self, Plan, RUNS};
use statehouse_crashtests::program;
use statehouse_crashtests::run::{Ended, judge, run};
use statehouse_crashtests::scene::Scene;

/// Pairs of an effect and a kill that a run has to try.
const PAIRS: usize = 2_000;
const PAIRS_LONG: usize = 180_000;
/// A kill counts if it finds so many effects in flight, and for so many at most.
const IN_FLIGHT: std::ops::RangeInclusive<usize> = 20..=50;
/// A run that has found so much need not go on.
const BREACHES_MAX: usize = 5;
/// A random moment lies within this time after the moves, in microseconds: about as long as they take to be worked off, by
/// a worker as it is built for tests and by an optimised one.
const MOMENT_US: u64 = 250_000;
const MOMENT_LONG_US: u64 = 130_000;
/// What has come of all runs so far.
#[derive(Default)]
struct Record {
    pairs: usize,
    in_hand: usize,
    kills: usize,
    random: usize,
    /// Pairs whose effect was on its way through another connector than its own, by class.
    astray: BTreeMap<String, usize>,
    /// Kills that count.
    crowded: usize,
    exercised: BTreeSet<String>,
    reached: BTreeSet<String>,
    breaches: Vec<String>,
}

struct Matrix {
    program: PathBuf,
    seed: u64,
    wanted: usize,
    began: Instant,
    next: AtomicUsize,
    plan: Mutex<Plan>,
    record: Mutex<Record>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn killing_it_changes_nothing() {
    let long = std::env::var_os("STATEHOUSE_TEST_LONG").is_some();
    let program = program::under_test(long);
    let binary = std::fs::read(&program).expect("the binary");
    assert!(binary.windows(17).any(|part| part == b"STATEHOUSE_POINTS"), "the binary under test has no points");
    drop(binary);
    let seed = std::env::var("STATEHOUSE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_261_120);
    let matrix = Matrix {
        program,
        seed,
        wanted: if long { PAIRS_LONG } else { PAIRS },
        began: Instant::now(),
        next: AtomicUsize::default(),
        plan: Mutex::new(Plan::new(seed, if long { MOMENT_LONG_US } else { MOMENT_US })),
        record: Mutex::default(),
    };
    let lane = async || while matrix.scene().await {};
    tokio::join!(lane(), lane());
    println!("{}", matrix.sum());
    let (record, plan) = (matrix.record(), matrix.plan());
    assert!(record.breaches.is_empty(), "{}", record.breaches.join("\n"));
    let unmet = plan.unmet();
    assert!(unmet.is_empty(), "seed {seed}: no kill around these met a write: {unmet:?}; reached: {:?}", record.reached);
    let listed: Vec<String> = plan::unexercised().into_keys().filter(|point| record.exercised.contains(point)).collect();
    assert!(listed.is_empty(), "these are exercised and listed in data/unexercised.csv: {listed:?}");
    let astray: String = record.astray.keys().map(String::as_str).collect();
    assert_eq!(astray, "KNQ", "seed {seed}: of these classes a kill met an effect that went another way");
    let Record { pairs, kills, random, .. } = *record;
    assert!(pairs >= matrix.wanted && random * 3 >= kills, "seed {seed}: {pairs} pairs in {kills} kills, {random} at a random moment");
}

impl Matrix {
    /// The runs of one database; whether there is another.
    async fn scene(&self) -> bool {
        if self.is_done() {
            return false;
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let mut scene = Scene::with_stand_ins(&self.program, "matrix").await;
        let (mut worker, mut faults) = (None, false);
        for place in 0..RUNS {
            let (kill, looks) = {
                let mut plan = self.plan();
                let kill = plan.draw(place);
                let looks = matches!(&kill.how, How::Point { name, .. } if !plan.is_met(name));
                (kill, looks)
            };
            let ended = run(&mut scene, &mut worker, &kill, looks).await;
            self.plan().tell(&kill, ended.exercised);
            faults |= !kill.faults.is_empty() || matches!(kill.way(), Way::Waiting | Way::Refused);
            if self.note(number, place, &kill, ended) || self.is_done() {
                break;
            }
        }
        if let Some(worker) = worker {
            scene.kill(worker).await;
        }
        // All of it once more, with the chains; every effect stands as it stood when its run ended.
        let breaches = judge(&mut scene, &[], faults).await;
        self.note_breaches(&format!("at the end of database {number}"), &breaches);
        println!("{}", self.sum());
        true
    }

    /// Whether all is proved that this test is about, or there is nothing more to find.
    fn is_done(&self) -> bool {
        let covered = self.plan().is_covered();
        let record = self.record();
        // A kill that counts is 20 pairs; where so few count that there is not one for each, there is something else wrong.
        let enough = record.pairs >= self.wanted && record.random * 3 >= record.kills || record.kills >= self.wanted;
        covered && enough || record.breaches.len() >= BREACHES_MAX
    }

    /// Takes in what has come of a run; whether its database is of no more use.
    fn note(&self, number: usize, place: usize, kill: &Kill, ended: Ended) -> bool {
        let mut record = self.record();
        record.kills += 1;
        if ended.pairs >= *IN_FLIGHT.start() {
            record.crowded += 1;
            record.pairs += ended.pairs.min(*IN_FLIGHT.end());
            record.in_hand += ended.in_hand.min(*IN_FLIGHT.end());
        }
        for (class, pairs) in &ended.astray {
            *record.astray.entry(class.clone()).or_default() += pairs;
        }
        match &kill.how {
            How::Moment { .. } => record.random += 1,
            How::Point { name, .. } => {
                if ended.reached {
                    record.reached.insert(name.clone());
                }
                if ended.exercised {
                    record.exercised.insert(name.clone());
                }
            }
        }
        let came = match (ended.reached, ended.exercised) {
            (false, _) => ", not reached",
            (_, true) => ", exercised",
            _ => "",
        };
        eprintln!(
            "{:5} s, {number}.{place}: {kill}: {} in flight, {} in hand{came}",
            self.began.elapsed().as_secs(),
            ended.pairs,
            ended.in_hand
        );
        drop(record);
        self.note_breaches(&format!("run {number}.{place}, {kill}"), &ended.breaches)
    }

    fn note_breaches(&self, at: &str, breaches: &[Breach]) -> bool {
        if breaches.is_empty() {
            return false;
        }
        let told = format!("seed {}, {at}: {breaches:#?}", self.seed);
        println!("BREACH: {told}");
        self.record().breaches.push(told);
        true
    }

    /// What is proved so far.
    fn sum(&self) -> String {
        let record = self.record();
        let Record { pairs, in_hand, kills, random, crowded, .. } = *record;
        let s = self.began.elapsed().as_secs();
        format!(
            "after {s} s: {pairs} pairs of an effect and a kill ({in_hand} of them in the hands of the killed) in those {crowded} of {kills} kills that found 20 or more effects \
             in flight, 50 of each at most; {random} kills at a random moment, {:?} pairs of effects on their way through another \
             connector, {} points exercised, {} breaches: with 95 % confidence fewer than 3 in {pairs} pairs, \
             and than 3 in {kills} kills, go wrong",
            record.astray,
            record.exercised.len(),
            record.breaches.len(),
        )
    }

    fn plan(&self) -> std::sync::MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record(&self) -> std::sync::MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
