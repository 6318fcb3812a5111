//! Every bug of the source, one at a time, and the trial that has to notice.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use statehouse_crashtests::{copy, operator, source, survivors, trial};
use tokio::task::JoinSet;

/// How many at once: a trial waits most of its time.
const AT_ONCE: usize = 2;
/// A bug that makes the trial wait for ever is noticed too.
const BOUND: Duration = Duration::from_secs(600);

/// With `--long` alone: all of them are in one program, which is a build of its own. `STATEHOUSE_PLANTS` names some of them
/// (`A11, A27 2`).
#[tokio::test(flavor = "multi_thread")]
async fn each_bug_of_the_source_is_noticed_or_explained() {
    if std::env::var_os("STATEHOUSE_TEST_LONG").is_none() {
        return;
    }
    let all: Vec<source::Plant> = source::all().into_iter().filter(|plant| plant.function().is_none()).collect();
    let copy = copy::Copy::build(&all).unwrap_or_else(|why| panic!("it does not build:\n{why}"));
    let plants: Vec<source::Plant> = all.into_iter().filter(|plant| survivors::is_wanted(&plant.name)).collect();
    // As it stands it passes; otherwise nothing that follows says anything.
    let alone = Instant::now();
    if let Some(breach) = seen(copy.sound()).await {
        panic!("without a bug: {breach}");
    }
    eprintln!("without a bug nothing is noticed, in {} s", alone.elapsed().as_secs());
    let operators: BTreeSet<String> = plants.iter().map(|plant| plant.operator.id.clone()).collect();
    let (pairs, began) = (plants.len(), Instant::now());
    let (mut survived, mut caught) = (BTreeSet::new(), 0);
    let mut running = JoinSet::new();
    let mut left = plants.into_iter();
    loop {
        while running.len() < AT_ONCE {
            let Some(plant) = left.next() else { break };
            let program = copy.with(&plant);
            running.spawn(async move { (plant, seen(program).await) });
        }
        let Some(ended) = running.join_next().await else { break };
        let (plant, seen) = ended.expect("the trial of a bug ends");
        let what = format!("{:5} s  {} ({})", began.elapsed().as_secs(), plant.name, plant.operator.operator);
        match seen {
            Some(how) => {
                caught += 1;
                eprintln!("caught    {what}: {}", how.lines().next().unwrap_or_default());
            }
            None => {
                eprintln!("survived  {what}");
                survived.insert(plant.name);
            }
        }
    }
    println!("{pairs} bugs in the source: {caught} noticed, {} not, in {} s", survived.len(), began.elapsed().as_secs());
    let differences = survivors::differences(&survivors::explained(&operators), &survived);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// How it is noticed, if it is.
async fn seen(program: PathBuf) -> Option<String> {
    // What is awaited here need not move between threads.
    let tried = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Handle::current();
        std::panic::catch_unwind(AssertUnwindSafe(|| runtime.block_on(async { tokio::time::timeout(BOUND, trial::run(&program)).await })))
    });
    match tried.await {
        Ok(Ok(Ok(Ok(())))) => None,
        Ok(Ok(Ok(Err(breach)))) => Some(breach.to_string()),
        Ok(Ok(Err(_))) => Some("quiet: it takes for ever".to_owned()),
        Ok(Err(panicked)) => {
            let said =
                panicked.downcast_ref::<String>().cloned().or_else(|| panicked.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            Some(format!("it breaks: {}", said.unwrap_or_default()))
        }
        Err(broken) => Some(format!("it breaks: {broken}")),
    }
}

#[test]
fn all_operators_of_the_source_are_planted_somewhere() {
    let planted: BTreeSet<String> = source::all().into_iter().map(|plant| plant.operator.id).collect();
    let nowhere = include_str!("../../data/nowhere.csv");
    let missing: Vec<String> = operator::all()
        .into_iter()
        .filter(|operator| operator.kind == operator::Kind::Source && !planted.contains(&operator.id))
        .map(|operator| operator.id)
        .filter(|id| !nowhere.lines().any(|line| line.starts_with(&format!("{id},"))))
        .collect();
    assert_eq!(missing, [""; 0], "these are planted nowhere, and are not listed so");
    let root = statehouse_crashtests::scan::root();
    let lost = |plant: &source::Plant| Some(format!("{}: {}", plant.name, source::switched(std::slice::from_ref(plant), &root).err()?));
    let lost: Vec<String> = source::all().iter().filter(|plant| plant.function().is_none()).filter_map(lost).collect();
    assert!(lost.is_empty(), "the lines of these stand there no more: {lost:#?}");
}
