//! Every bug that can be planted by SQL, one at a time, and the drill that has to notice.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use statehouse_crashtests::rows::Rows;
use statehouse_crashtests::{drill, plant, scene, survivors};
use statehouse_testkit::{Cluster, app};
use tokio::task::JoinSet;

/// How many at once: each keeps one connection of the server busy.
const AT_ONCE: usize = 3;
/// The short run tries these: of most operators one that the drill notices early, so that it takes seconds. None may survive. The
/// long one tries all, and compares what survives with `data/survivors.csv`.
const SHORT: [&str; 24] = [
    "F01 statehouse.settle_within 1",
    "F02 statehouse.settle_within 1",
    "F05 statehouse.claim_gate 3",
    "F06 statehouse.settle_within 2",
    "F07 statehouse.mark_sending 1",
    "L01 statehouse.recover_effect 1",
    "L02 statehouse.recover_effect 1",
    "L03 statehouse.beat_effects 1",
    "L06 statehouse.claim_gate 1",
    "L07 statehouse.claim_gate 1",
    "L08 statehouse.claim_gate 1",
    "C03 statehouse.finish_poll 1",
    "W01 statehouse.mark_sending 1",
    "W02 statehouse.recover_effect 1",
    "W03 statehouse.recover_effect 1",
    "W04 statehouse.settle_within 1",
    "W05 statehouse.settle_within 1",
    "W08 statehouse.recover_effect 3",
    "T02 statehouse.effect.effect_pkey 1",
    "T02 statehouse.message.message_pkey 1",
    "M01 proof.parcel_moved 2",
    "M02 proof.parcel_moved 2",
    "M03 proof.payment_moved 1",
    "I01 statehouse.store_message 1",
];
/// No drill takes so long.
const BOUND: Duration = Duration::from_secs(600);
/// A bug that makes the drill take so many times longer than without one is noticed too, and not before so long: a machine may
/// be busy.
const TIMES: u32 = 10;
const NOT_BEFORE: Duration = Duration::from_secs(240);

/// The short run tries a few, the long one (`--long`) all; `STATEHOUSE_PLANTS` names some (`L01, F05 statehouse.claim_gate 1`).
#[tokio::test(flavor = "multi_thread")]
async fn each_planted_bug_is_noticed_or_explained() {
    let cluster = Cluster::shared();
    let template = app::template(cluster, &scene::folder());
    let plants = {
        let db = cluster.database_from(&template, "plants");
        plant::all(&Rows::connect(&db).await).await
    };
    let long = std::env::var_os("STATEHOUSE_TEST_LONG").is_some();
    let short = |plant: &plant::Plant| SHORT.contains(&plant.name.as_str());
    let gone: Vec<&&str> = SHORT.iter().filter(|name| !plants.iter().any(|plant| plant.name == **name)).collect();
    assert!(gone.is_empty(), "these are planted nowhere any more: {gone:?}");
    let plants: Vec<plant::Plant> =
        plants.into_iter().filter(|plant| (long || short(plant)) && survivors::is_wanted(&plant.name)).collect();
    // As it stands the drill passes; otherwise nothing that follows says anything.
    let alone = Instant::now();
    if let Some(breach) = seen(cluster, &template, "", BOUND).await {
        panic!("without a bug: {breach}");
    }
    let bound = (alone.elapsed() * TIMES).clamp(NOT_BEFORE, BOUND);
    eprintln!("without a bug nothing is noticed, in {} ms", alone.elapsed().as_millis());
    let (pairs, began) = (plants.len(), Instant::now());
    let operators: BTreeSet<String> = plants.iter().map(|plant| plant.operator.id.clone()).collect();
    let (mut survived, mut caught) = (BTreeSet::new(), 0);
    let mut running = JoinSet::new();
    let mut left = plants.into_iter();
    loop {
        while running.len() < AT_ONCE {
            let Some(plant) = left.next() else { break };
            let template = template.clone();
            running.spawn(async move {
                let began = Instant::now();
                let seen = seen(cluster, &template, &plant.sql, bound).await;
                (plant.name, began.elapsed(), seen)
            });
        }
        let Some(ended) = running.join_next().await else { break };
        let (name, took, seen) = ended.expect("the drill of a plant ends");
        let what = format!("{:6} ms  {name}", took.as_millis());
        match seen {
            Some(how) => {
                caught += 1;
                eprintln!("caught    {what}: {}", how.lines().next().unwrap_or_default());
            }
            None => {
                eprintln!("survived  {what}");
                survived.insert(name);
            }
        }
    }
    println!("{pairs} pairs of an operator and a site: {caught} noticed, {} not, in {} s", survived.len(), began.elapsed().as_secs());
    let explained = survivors::explained(&operators).into_iter().filter(|(name, _)| long || survived.contains(name)).collect();
    let differences = survivors::differences(&explained, &survived);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// How a bug is noticed, if it is.
async fn seen(cluster: &'static Cluster, template: &str, sql: &str, bound: Duration) -> Option<String> {
    let db = cluster.database_from(template, "planted");
    db.psql_as_superuser(sql).ok();
    // A bug may also break what the drill itself relies on.
    let drilled = tokio::spawn(async move { tokio::time::timeout(bound, drill::run(&db)).await });
    match drilled.await {
        Ok(Ok(Ok(()))) => None,
        Ok(Ok(Err(breach))) => Some(breach.to_string()),
        Ok(Err(_)) => Some("quiet: it takes for ever".to_owned()),
        Err(panicked) => Some(format!("it breaks: {panicked}")),
    }
}
