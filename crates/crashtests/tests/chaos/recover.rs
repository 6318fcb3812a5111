//! The five public scenarios: something fails under a steady load, and a little later all is as it was.

use std::time::Duration;

use serde_json::json;
use statehouse_crashtests::process::Process;
use statehouse_crashtests::wait;

use crate::asked::EFFECTS_EACH;
use crate::facts::facts;
use crate::judge::judge;
use crate::load::Load;
use crate::meter::{self, Meter, now, rate};
use crate::postgres::Mode;
use crate::works::{APP, BOUND, Works, number};

/// Callers.
const CALLERS: usize = 16;
/// Asked for at once, to see how much can be done.
const BURST: usize = 160;
/// The offered load is this share of what can be done, and not more than this many a second.
const SHARE: f64 = 0.5;
const RATE_MAX: f64 = 40.0;
/// Before the fault so many seconds count, after those of warming up.
const BASE_S: f64 = 5.0;
const WARM_S: f64 = 1.5;
/// It has to be back after so many seconds, and stay so.
const BACK_WITHIN_S: f64 = 10.0;
const STAYS_S: f64 = 3.0;
/// Where workers die, providers take so long to answer.
const ANSWER_MS: u64 = 100;
/// So long a fault stays that does not pass by itself.
const FAULT_S: f64 = 3.0;

/// Everything of a scenario while its fault is there.
struct Trial {
    works: Works,
    load: Load,
    workers: Vec<Process>,
    per_second: f64,
}

impl Trial {
    /// Until so many seconds' worth was asked for.
    async fn goes_on(&self, seconds: f64) {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let wanted = self.load.offered() + (self.per_second * seconds).ceil() as usize;
        assert!(wait::within(BOUND, async || self.load.offered() >= wanted).await, "nobody asks for anything any more");
    }
}

/// The load runs, the fault happens, and one line says what it did.
async fn scenario(name: &str, fault: impl AsyncFnOnce(&mut Trial)) {
    with_answers_after(0, name, fault).await;
}

/// The same, where providers take so many milliseconds to answer, so that there is always something under way.
async fn with_answers_after(ms: u64, name: &str, fault: impl AsyncFnOnce(&mut Trial)) {
    let mut works = Works::open(&[]).await;
    if ms > 0 {
        for provider in ["k", "q"] {
            works.provider.fault(json!({ "provider": provider, "mode": "slow", "ms": ms })).await;
        }
    }
    let mut meter = Meter::of(works.dir());
    let worker = works.work(&[]).await;
    let mut load = Load::start(&works, CALLERS);
    let capacity = capacity(&load, &mut meter).await;
    let per_second = (capacity * SHARE / EFFECTS_EACH).clamp(2.0, RATE_MAX);
    load.pace(per_second);
    let mut trial = Trial { works, load, workers: vec![worker], per_second };
    trial.goes_on(WARM_S + BASE_S).await;
    let began = now();
    let base = rate(meter.look(), began - BASE_S, began);
    fault(&mut trial).await;
    let ended = now();
    let load = &trial.load;
    let mut found = None;
    wait::within(Duration::from_secs_f64(BACK_WITHIN_S + STAYS_S + meter::WINDOW_S + 5.0), async || {
        found = meter::back(meter.look(), |moment| load.owed_at(moment), base, ended, now());
        found.is_some_and(|back| now() >= back + STAYS_S)
    })
    .await;
    let dip = meter::dip(meter.look(), base, began, found.unwrap_or(ended));
    let after = found.map_or(0.0, |back| rate(meter.look(), back, back + STAYS_S));
    let Trial { mut works, load, workers, .. } = trial;
    let (acked, told) = load.stop().await;
    works.rests().await;
    let verdict = judge(&facts(&mut works, acked).await);
    let took = found.map_or("never".to_owned(), |back| format!("{:.1} s", back - ended));
    println!(
        "{name}: baseline {base:.1} effects/s (of {capacity:.0} possible), fault {:.1} s, dip to {:.0} %, back to 95 % after {took}, then {:.0} %; {verdict}; callers were told {:?}",
        ended - began,
        dip * 100.0,
        after / base * 100.0,
        told.refusals
    );
    verdict.assert();
    assert!(found.is_some_and(|back| back - ended <= BACK_WITHIN_S), "{name}: back after {took}");
    assert!(after >= meter::BACK * base, "{name}: {after:.1} effects/s afterwards, {base:.1} before");
    assert!(told.is_passing(), "{name}: a passing fault was told as something else: {:?}", told.refusals);
    assert!(told.rude.is_empty(), "{name}: 503 without saying when to come again: {:?}", told.rude);
    drop(workers);
}

/// How many effects a second are done when much is asked for at once.
#[allow(clippy::cast_precision_loss)]
async fn capacity(load: &Load, meter: &mut Meter) -> f64 {
    let began = now();
    load.offer(BURST);
    let all = load.owed_at(f64::MAX);
    assert!(wait::within(BOUND, async || meter.look().len() >= all).await, "{} of {all} effects happen", meter.look().len());
    all as f64 / (meter.look()[all - 1] - began)
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_restarts() {
    scenario("postgres_restart (fast)", async |trial| {
        tokio::task::block_in_place(|| trial.works.postgres.restart(Mode::Fast));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_crashes() {
    scenario("postgres_restart (immediate)", async |trial| {
        tokio::task::block_in_place(|| trial.works.postgres.restart(Mode::Immediate));
    })
    .await;
}

/// Half of the sessions end, again and again, and at last all of them.
#[tokio::test(flavor = "multi_thread")]
async fn backends_are_killed() {
    scenario("pg_backend_kill", async |trial| {
        let admin = trial.works.postgres.connect("postgres", APP).await;
        let mut killed = 0;
        for nth in 0..20 {
            let chance = if nth == 19 { "true" } else { "random() < 0.5" };
            let kill = format!(
                "select count(pg_terminate_backend(pid)) from pg_stat_activity where usename like 'statehouse%' and datname = '{APP}' and {chance}"
            );
            killed += number(&admin, &kill).await;
            trial.goes_on(0.15).await;
        }
        assert!(killed > 50, "{killed} sessions were ended");
    })
    .await;
}

/// Somebody else has every connection that the server gives out.
#[tokio::test(flavor = "multi_thread")]
async fn connections_are_exhausted() {
    scenario("pool_exhaustion", async |trial| {
        let admin = trial.works.postgres.connect("postgres", APP).await;
        let ours = format!("from pg_stat_activity where usename like 'statehouse%' and usename <> 'statehouse_read' and datname = '{APP}'");
        let mut taken = Vec::new();
        let all = wait::within(BOUND, async || {
            number(&admin, &format!("select count(pg_terminate_backend(pid)) {ours}")).await;
            while let Ok(client) = trial.works.postgres.try_connect("statehouse_read", APP).await {
                taken.push(client);
            }
            number(&admin, &format!("select count(*) {ours}")).await == 0
        })
        .await;
        assert!(all && taken.len() > 40, "{} connections taken", taken.len());
        trial.goes_on(FAULT_S).await;
        assert_eq!(number(&admin, &format!("select count(*) {ours}")).await, 0, "they found a connection");
        drop(taken);
        let gone = "select count(*) from pg_stat_activity where usename = 'statehouse_read'";
        assert!(wait::within(BOUND, async || number(&admin, gone).await == 0).await, "they keep their connections");
    })
    .await;
}

/// The worker is killed; another is started at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_is_killed() {
    with_answers_after(ANSWER_MS, "crash_recovery", async |trial| {
        let orphans = replace(trial).await;
        println!("crash_recovery: {orphans} effects were in the hands of the dead");
    })
    .await;
}

/// Worker after worker is killed, a few hundred milliseconds after it began.
#[tokio::test(flavor = "multi_thread")]
async fn workers_are_killed_again_and_again() {
    let kills = if std::env::var_os("STATEHOUSE_TEST_LONG").is_some() { 100 } else { 12 };
    with_answers_after(ANSWER_MS, "repeated_kills", async |trial| {
        let mut orphans = 0;
        for _ in 0..kills {
            orphans += replace(trial).await;
            trial.goes_on(0.3).await;
        }
        println!("repeated_kills: {kills} kills, {orphans} times an effect was in the hands of the dead");
    })
    .await;
}

/// Kills the worker while it has something in hand, and starts another at once; how much it had.
async fn replace(trial: &mut Trial) -> i64 {
    let admin = trial.works.postgres.connect("postgres", APP).await;
    let held = "select count(*) from statehouse.effect where state = 'leased' and leased_until > statehouse.now() + interval '4 seconds'";
    assert!(wait::within(BOUND, async || number(&admin, held).await >= 3).await, "nothing is under way");
    trial.workers.pop().expect("a worker").kill().await;
    let orphans = number(&admin, held).await;
    let next = trial.works.work(&[]).await;
    trial.workers.push(next);
    orphans
}
