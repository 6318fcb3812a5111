//! Every bug that can be planted by SQL, one at a time, and the drill that has to notice.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use statehouse_crashtests::rows::Rows;
use statehouse_crashtests::{drill, plant, scene, survivors};
use statehouse_testkit::{Cluster, app};
use tokio::task::JoinSet;

/// How many at once: each keeps one connection of the server busy.
const AT_ONCE: usize = 3;
/// The short run tries these, where nothing says that they survive, and none of them may. The long one tries all, and compares
/// what survives with `data/survivors.csv`.
const SHORT: [&str; 22] = [
    "C02", "G02", "G04", "G05", "L02", "L03", "L06", "L07", "L08", "M01", "M02", "M03", "R02", "T01", "T02", "T03", "W01", "W02", "W03",
    "W04", "W05", "W07",
];
/// No drill takes so long.
const BOUND: Duration = Duration::from_secs(600);
/// A bug that makes the drill take so many times longer than without one is noticed too.
const TIMES: u32 = 10;

#[tokio::test(flavor = "multi_thread")]
async fn each_planted_bug_is_noticed_or_explained() {
    let cluster = Cluster::shared();
    let template = app::template(cluster, &scene::folder());
    let plants = {
        let db = cluster.database_from(&template, "plants");
        plant::all(&Rows::connect(&db).await).await
    };
    let long = std::env::var_os("STATEHOUSE_TEST_LONG").is_some();
    let known = survivors::explained(&plants.iter().map(|plant| plant.operator.id.clone()).collect());
    let short = |plant: &plant::Plant| SHORT.contains(&plant.operator.id.as_str()) && !known.contains_key(&plant.name);
    let named = std::env::var("STATEHOUSE_PLANTS").unwrap_or_default();
    let wanted: Vec<&str> = named.split_whitespace().collect();
    let chosen = |plant: &plant::Plant| wanted.is_empty() || wanted.contains(&plant.operator.id.as_str());
    let plants: Vec<plant::Plant> = plants.into_iter().filter(|plant| (long || short(plant)) && chosen(plant)).collect();
    // As it stands the drill passes; otherwise nothing that follows says anything.
    let alone = Instant::now();
    if let Some(breach) = seen(cluster, &template, "", BOUND).await {
        panic!("without a bug: {breach}");
    }
    let bound = (alone.elapsed() * TIMES).clamp(Duration::from_secs(60), BOUND);
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
                let seen = seen(cluster, &template, &plant.sql, bound).await;
                (plant.name, seen)
            });
        }
        let Some(ended) = running.join_next().await else { break };
        let (name, seen) = ended.expect("the drill of a plant ends");
        match seen {
            Some(how) => {
                caught += 1;
                eprintln!("caught    {name}: {}", how.lines().next().unwrap_or_default());
            }
            None => {
                eprintln!("survived  {name}");
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
