//! Every bug of the source, one at a time: a program is built with it, and the trial has to notice.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use statehouse_crashtests::{operator, source, survivors, trial};

/// A bug that makes the trial wait for ever is noticed too.
const BOUND: Duration = Duration::from_secs(600);

/// With `--long` alone: each is a build of its own. `STATEHOUSE_PLANTS` names some of them (`A11 A27`).
#[tokio::test(flavor = "multi_thread")]
async fn each_bug_of_the_source_is_noticed_or_explained() {
    if std::env::var_os("STATEHOUSE_TEST_LONG").is_none() {
        return;
    }
    let named = std::env::var("STATEHOUSE_PLANTS").unwrap_or_default();
    let wanted: Vec<&str> = named.split_whitespace().collect();
    let plants: Vec<source::Plant> = source::all()
        .into_iter()
        .filter(|plant| plant.function().is_none())
        .filter(|plant| wanted.is_empty() || wanted.contains(&plant.operator.id.as_str()))
        .collect();
    let operators: BTreeSet<String> = plants.iter().map(|plant| plant.operator.id.clone()).collect();
    let (pairs, began) = (plants.len(), Instant::now());
    // As it stands it passes; otherwise nothing that follows says anything.
    let copy = source::Copy::new();
    let sound = copy.build(None).unwrap_or_else(|why| panic!("it does not build:\n{why}"));
    if let Some(breach) = seen(&sound).await {
        panic!("without a bug: {breach}");
    }
    eprintln!("{:5} s  without a bug nothing is noticed", began.elapsed().as_secs());
    let (mut survived, mut broken, mut caught) = (BTreeSet::new(), BTreeSet::new(), 0);
    for plant in plants {
        let said = |what: &str| eprintln!("{:5} s  {what} {} ({})", began.elapsed().as_secs(), plant.name, plant.operator.operator);
        match copy.build(Some(&plant)) {
            Err(why) => {
                said("does not build");
                eprintln!("{why}");
                broken.insert(plant.name.clone());
            }
            Ok(program) => match seen(&program).await {
                Some(how) => {
                    said("caught        ");
                    eprintln!("         {}", how.lines().next().unwrap_or_default());
                    caught += 1;
                }
                None => {
                    said("survived      ");
                    survived.insert(plant.name.clone());
                }
            },
        }
    }
    println!(
        "{pairs} bugs in the source: {caught} noticed, {} not, {} do not build, in {} s",
        survived.len(),
        broken.len(),
        began.elapsed().as_secs()
    );
    let differences = survivors::differences(&survivors::explained(&operators), &survived);
    assert!(differences.is_empty() && broken.is_empty(), "{}\ndo not build: {broken:?}", differences.join("\n"));
}

/// How it is noticed, if it is.
async fn seen(program: &std::path::Path) -> Option<String> {
    let program = program.to_owned();
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
    let lost = |plant: &source::Plant| Some(format!("{}: {}", plant.name, plant.files(&root).err()?));
    let lost: Vec<String> = source::all().iter().filter(|plant| plant.function().is_none()).filter_map(lost).collect();
    assert!(lost.is_empty(), "the lines of these stand there no more: {lost:#?}");
}
