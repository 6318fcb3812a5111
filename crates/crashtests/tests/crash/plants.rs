//! Every bug that can be planted by SQL, one at a time, and the drill that has to notice.

use std::collections::BTreeSet;
use std::time::Duration;

use statehouse_crashtests::rows::Rows;
use statehouse_crashtests::{drill, plant, scene, survivors};
use statehouse_testkit::{Cluster, app};
use tokio::task::JoinSet;

/// How many at once: each keeps one connection of the server busy.
const AT_ONCE: usize = 3;
/// Operators of which every site was noticed; the short run tries these, and none of them may survive. The long one tries
/// all, and compares what survives with `data/survivors.csv`.
const SHORT: [&str; 22] = [
    "C02", "G02", "G04", "G05", "L02", "L03", "L06", "L07", "L08", "M01", "M02", "M03", "R02", "T01", "T02", "T03", "W01", "W02", "W03",
    "W04", "W05", "W07",
];
/// A bug that makes the drill wait for ever is noticed too.
const BOUND: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn each_planted_bug_is_noticed_or_explained() {
    let cluster = Cluster::shared();
    let template = app::template(cluster, &scene::folder());
    let plants = {
        let db = cluster.database_from(&template, "plants");
        plant::all(&Rows::connect(&db).await).await
    };
    let long = std::env::var_os("STATEHOUSE_TEST_LONG").is_some();
    let plants: Vec<plant::Plant> = plants.into_iter().filter(|plant| long || SHORT.contains(&plant.operator.id.as_str())).collect();
    let operators: BTreeSet<String> = plants.iter().map(|plant| plant.operator.id.clone()).collect();
    let (mut survived, mut caught) = (BTreeSet::new(), 0);
    let mut running = JoinSet::new();
    let mut left = plants.into_iter();
    loop {
        while running.len() < AT_ONCE {
            let Some(plant) = left.next() else { break };
            let template = template.clone();
            running.spawn(async move {
                let seen = seen(cluster, &template, &plant).await;
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
    println!("{caught} planted bugs noticed, {} not", survived.len());
    let differences = survivors::differences(&survivors::explained(&operators), &survived);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// How a bug is noticed, if it is.
async fn seen(cluster: &'static Cluster, template: &str, plant: &plant::Plant) -> Option<String> {
    let db = cluster.database_from(template, "planted");
    db.psql_as_superuser(&plant.sql).ok();
    // A bug may also break what the drill itself relies on.
    let drilled = tokio::spawn(async move { tokio::time::timeout(BOUND, drill::run(&db)).await });
    match drilled.await {
        Ok(Ok(Ok(()))) => None,
        Ok(Ok(Err(breach))) => Some(breach.to_string()),
        Ok(Err(_)) => Some("quiet: it takes for ever".to_owned()),
        Err(panicked) => Some(format!("it breaks: {panicked}")),
    }
}
