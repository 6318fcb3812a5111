//! Somebody keeps a transaction open, so that nothing that died since can be removed: the work goes on nearly as fast.

use statehouse_crashtests::wait;
use tokio_postgres::Client;

use crate::facts::facts;
use crate::judge::judge;
use crate::load::Load;
use crate::meter::{Meter, median};
use crate::works::{APP, BOUND, Works, number};

/// Callers.
const CALLERS: usize = 16;
/// Asked for at once in each window.
const WINDOW: usize = 320;
const WINDOW_LONG: usize = 2_000;
/// Windows with the transaction, each between two without; two more pairs where the first say too little.
const PAIRS: usize = 3;
const PAIRS_MAX: usize = 5;
/// Of its throughput, so much stays.
const KEEPS: f64 = 0.8;
/// So many effects come, are due and go while the transaction is open, before the window begins, and so often is each
/// gate and each parcel written.
const DEAD: u32 = 20_000;
const DEAD_LONG: u32 = 500_000;
const WRITES: u32 = 1_000;

#[tokio::test(flavor = "multi_thread")]
async fn an_open_transaction_elsewhere_slows_nothing_down_much() {
    let long = std::env::var_os("STATEHOUSE_TEST_LONG").is_some();
    let (window, dead) = if long { (WINDOW_LONG, DEAD_LONG) } else { (WINDOW, DEAD) };
    let mut works = Works::open(&[]).await;
    let worker = works.work(&[]).await;
    let mut meter = Meter::of(works.dir());
    let load = Load::start(&works, CALLERS);
    let admin = works.postgres.connect("postgres", APP).await;
    let other = works.postgres.connect("postgres", APP).await;
    throughput(&load, &mut meter, &admin, window / 2).await; // warm
    let (mut free, mut held) = (vec![throughput(&load, &mut meter, &admin, window).await], Vec::new());
    let ratios = loop {
        other.batch_execute("begin isolation level repeatable read; select count(*) from statehouse.effect").await.expect("a snapshot");
        die(&admin, dead).await;
        held.push(throughput(&load, &mut meter, &admin, window).await);
        let kept =
            number(&admin, "select sum(n_dead_tup)::int8 from pg_stat_user_tables where schemaname in ('statehouse', 'outage')").await;
        other.batch_execute("commit").await.expect("let go");
        admin.batch_execute("vacuum").await.expect("vacuumed");
        free.push(throughput(&load, &mut meter, &admin, window).await);
        assert!(kept >= i64::from(dead), "{kept} dead rows are kept");
        let ratios: Vec<f64> =
            held.iter().zip(free.windows(2)).map(|(held, free)| held.per_s / f64::midpoint(free[0].per_s, free[1].per_s)).collect();
        if ratios.len() >= PAIRS_MAX || ratios.len() >= PAIRS && median(ratios.clone()) >= KEEPS {
            break ratios;
        }
    };
    let (acked, _) = load.stop().await;
    works.rests().await;
    let verdict = judge(&facts(&mut works, acked).await);
    let shown = |ran: &[Ran], of: fn(&Ran) -> f64| ran.iter().map(|one| format!("{:.0}", of(one))).collect::<Vec<_>>().join(" ");
    println!(
        "open transaction, {dead} dead effects: {} effects/s with it, {} without, ratio {:.2} (of {:?}); {} pages touched for each effect with it, {} without; {verdict}",
        shown(&held, |one| one.per_s),
        shown(&free, |one| one.per_s),
        median(ratios.clone()),
        ratios.iter().map(|ratio| (ratio * 100.0).round() / 100.0).collect::<Vec<_>>(),
        shown(&held, |one| one.pages),
        shown(&free, |one| one.pages)
    );
    verdict.assert();
    assert!(median(ratios.clone()) >= KEEPS, "it keeps {:.2} of its throughput", median(ratios));
    drop(worker);
}

/// Effects a second, and pages the server touched for each.
struct Ran {
    per_s: f64,
    pages: f64,
}

/// Asks for much at once, and waits until all of it happened.
#[allow(clippy::cast_precision_loss)]
async fn throughput(load: &Load, meter: &mut Meter, admin: &Client, many: usize) -> Ran {
    let touched = async || {
        admin.batch_execute("select pg_stat_force_next_flush(); select pg_stat_clear_snapshot()").await.expect("flushed");
        number(admin, "select blks_hit + blks_read from pg_stat_database where datname = current_database()").await
    };
    let (pages, done, began) = (touched().await, meter.look().len(), crate::meter::now());
    load.offer(many);
    let all = load.owed_at(f64::MAX);
    assert!(wait::within(BOUND * 4, async || meter.look().len() >= all).await, "{} of {all} effects happen", meter.look().len());
    let took = meter.look()[all - 1] - began;
    let effects = (all - done) as f64;
    Ran { per_s: effects / took, pages: (touched().await - pages) as f64 / effects }
}

/// What dies while somebody may still want to see it: effects that were due, in front of those that are, and versions of the
/// rows that everything writes.
async fn die(admin: &Client, effects: u32) {
    let script = format!(
        "set session_replication_role = replica; set synchronous_commit = off;
         begin;
         create temp table copied on commit drop as
           select * from statehouse.effect order by finished_at limit 1000;
         insert into statehouse.effect
           select (jsonb_populate_record(c, jsonb_build_object('state', 'due', 'attempt', 0, 'n', 1000 * c.n + g, 'worker', null, 'leased_until', null,
                     'finished_at', null, 'result', null, 'due_at', statehouse.now() - random() * interval '1 minute'))).*
             from copied c, generate_series(1, {effects} / (select count(*)::int from copied) + 1) g;
         delete from statehouse.effect where n > 1000;
         commit;"
    );
    admin.batch_execute(&script).await.unwrap_or_else(|cause| panic!("{cause:?}"));
    admin
        .batch_execute(&format!(
            "do $$ begin for i in 1..{WRITES} loop update statehouse.gate set served_at = served_at; commit; end loop; end $$"
        ))
        .await
        .unwrap_or_else(|cause| panic!("{cause:?}"));
    admin
        .batch_execute(&format!(
            "do $$ begin for i in 1..{WRITES} / 20 loop update outage.parcel set title = title; commit; end loop; end $$"
        ))
        .await
        .unwrap_or_else(|cause| panic!("{cause:?}"));
    admin.batch_execute("reset session_replication_role; reset synchronous_commit").await.expect("reset");
}
