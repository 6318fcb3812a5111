//! A provider that is away is stood in for by another, and nothing that one of them may have goes to the other.

use std::collections::BTreeMap;
use std::time::Duration;

use statehouse_sandbox::{Mode, Sandbox, Switch};
use statehouse_settings::Connector;
use statehouse_worker::Worker;

use crate::world::World;

const HOUR: Duration = Duration::from_secs(3600);
/// Where nobody listens.
const NOWHERE: &str = "http://127.0.0.1:1/k";

/// The world, and the provider that stands in for its `text`.
async fn with_spare() -> (World, Sandbox) {
    let mut world = World::new().await;
    let spare = Sandbox::start(statehouse_sandbox::Settings::default()).await.expect("a sandbox");
    world.settings.connectors.insert("spare".into(), Connector { base: spare.base("k"), ..Connector::default() });
    (world, spare)
}

/// A worker that finds nobody at the address of `text`.
async fn away(world: &mut World, id: &str) -> Worker {
    let there = reach(world, NOWHERE.into());
    let worker = world.worker(id).await;
    reach(world, there);
    worker
}

/// Points `text` there; where it was pointed to.
fn reach(world: &mut World, base: String) -> String {
    let text = world.settings.connectors.get_mut("text").expect("a connector");
    std::mem::replace(&mut text.base, base)
}

fn titles(many: usize) -> Vec<String> {
    (0..many).map(|nth| format!("n{nth}")).collect()
}

fn notes(world: &World, many: usize) {
    let titles = titles(many);
    world.notes(&titles.iter().map(String::as_str).collect::<Vec<_>>(), "tell_text");
}

/// How often each was done, by key, at both together.
fn done(world: &World, spare: &Sandbox) -> BTreeMap<String, usize> {
    let mut all = world.sandbox.effects("k");
    for (key, times) in spare.effects("k") {
        *all.entry(key).or_default() += times;
    }
    all
}

async fn ways(world: &World) -> String {
    world.ask("select string_agg(s, ', ' order by s) from (select state || ' ' || coalesce(through, connector) || ' ' || count(*) s from statehouse.effect group by state, coalesce(through, connector)) g").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_away_is_stood_in_for() {
    let (mut world, spare) = with_spare().await;
    let worker = away(&mut world, "one").await;
    notes(&world, 12);
    // Well before the breaker lets its own be tried again.
    world.settle(&worker, Duration::from_secs(25)).await;
    assert_eq!(ways(&world).await, "done spare 12");
    assert_eq!((world.effects("k").len(), spare.effects("k").len(), done(&world, &spare).values().all(|times| *times == 1)), (0, 12, true));
    // When it is back, a call closes its breaker, and the next go its way again.
    let back = world.worker("two").await;
    world.wait(Duration::from_secs(31)).await;
    world.notes(&["back"], "tell_text");
    world.settle(&back, HOUR).await;
    world.notes(&["again", "and again"], "tell_text");
    world.settle(&back, HOUR).await;
    assert_eq!(ways(&world).await, "done spare 12, done text 3");
}

/// Some of them were taken before the provider went silent: nobody sends those to the other.
#[tokio::test(flavor = "multi_thread")]
async fn what_may_be_there_stays_there() {
    let (world, spare) = with_spare().await;
    let done = doubts(&world, &spare).await;
    assert_eq!((done.len(), done.values().max()), (12, Some(&1)), "{done:?}");
    assert!(world.effects("k").len() >= 5 && spare.effects("k").len() >= 4, "{:?} {:?}", world.effects("k"), spare.effects("k"));
    assert!(world.sends("k").len() > world.effects("k").len(), "the same keys were sent to it again");
    let mixed = "select count(*) from statehouse.effect e where jsonb_path_exists(tried, '$[*] ? (@.code == \"SH7006\" && !exists(@.through))') and through is not null";
    assert_eq!(world.ask(mixed).await, "0");
}

/// The same with the protection away: what the first provider may have is sent to the other too.
#[tokio::test(flavor = "multi_thread")]
async fn without_the_fence_it_is_done_twice() {
    let (world, spare) = with_spare().await;
    world.ask("drop trigger effect_law_2_states on statehouse.effect").await;
    for function in ["claim_through", "claim_through_gate"] {
        let careless = format!(
            "do $do$ declare f text; begin select pg_get_functiondef(p.oid) into strict f from pg_proc p where p.proname = '{function}';\n\
             assert f like '% and not e.doubt%'; execute replace(f, ' and not e.doubt', ''); end $do$"
        );
        world.ask(&careless).await;
    }
    let done = doubts(&world, &spare).await;
    assert!(done.values().any(|times| *times == 2), "{done:?}");
}

/// Twelve notes for a provider that takes each and breaks the connection, until it comes to its senses.
async fn doubts(world: &World, spare: &Sandbox) -> BTreeMap<String, usize> {
    let worker = world.worker("one").await;
    world.sandbox.fault(Switch::new("k", Mode::AcceptThenReset)).expect("a switch");
    notes(world, 12);
    world.settle(&worker, Duration::from_secs(10)).await;
    // The doubts have rested, and their own provider is still left alone.
    world.wait(Duration::from_secs(10)).await;
    worker.turn().await.expect("a turn");
    world.sandbox.clear_faults();
    world.settle(&worker, HOUR).await;
    assert_eq!(world.states().await, "done 12", "{}", ways(world).await);
    done(world, spare)
}

/// On its way by the other, and nobody knows whether it arrived: its own provider, back again, does not get it.
#[tokio::test(flavor = "multi_thread")]
async fn a_doubt_about_the_other_stays_with_the_other() {
    let (mut world, spare) = with_spare().await;
    let worker = away(&mut world, "one").await;
    spare.fault(Switch::new("k", Mode::AcceptThenReset)).expect("a switch");
    notes(&world, 12);
    world.settle(&worker, Duration::from_secs(20)).await;
    assert!(!spare.effects("k").is_empty());
    drop(worker);
    let back = world.worker("two").await;
    world.settle(&back, 2 * HOUR).await;
    spare.clear_faults();
    world.settle(&back, 2 * HOUR).await;
    assert_eq!(world.states().await, "done 12", "{}", ways(&world).await);
    let done = done(&world, &spare);
    assert_eq!((done.len(), done.values().max()), (12, Some(&1)), "{done:?}");
    assert!(!world.effects("k").is_empty(), "what nobody had yet went its own way again");
}

/// What could never be sent goes to the other when its attempts are used up; what was refused is refused.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_given_up_goes_to_the_other_and_what_was_refused_does_not() {
    let (mut world, spare) = with_spare().await;
    world.settings.connectors.get_mut("text").expect("a connector").settings.clear();
    let worker = world.worker("one").await;
    world.notes(&["a"], "tell_text");
    world.payment("p", "charge_text");
    world.settle(&worker, HOUR).await;
    assert_eq!(ways(&world).await, "done spare 2");
    assert_eq!(world.ask("select min(attempt) || ' ' || max(attempt) from statehouse.effect").await, "4 4", "three and then one");
    assert!(world.stands("p").starts_with("charged|") && world.stands("p").len() > "charged||".len(), "{}", world.stands("p"));
    // Neither of them can take it: then it is given up.
    let mut settings = world.settings.clone();
    settings.connectors.get_mut("spare").expect("a connector").base = NOWHERE.into();
    std::mem::swap(&mut settings, &mut world.settings);
    let neither = world.worker("two").await;
    world.notes(&["b"], "tell_text");
    world.payment("r", "charge_text");
    world.settle(&neither, 100 * HOUR).await;
    assert_eq!(ways(&world).await, "dead spare 1, done spare 2, failed spare 1");
    assert_eq!(world.stands("r"), "open||SH7005", "nobody took it, so nobody says that it was done");
    std::mem::swap(&mut settings, &mut world.settings);
    let (world, spare_too) = with_spare().await;
    let worker = world.worker("one").await;
    world.sandbox.fault(Switch::status("k", 400)).expect("a switch");
    world.notes(&["c"], "tell_text");
    world.payment("q", "charge_text");
    world.settle(&worker, HOUR).await;
    assert_eq!((ways(&world).await.as_str(), spare_too.effects("k").len()), ("failed text 2", 0));
    assert_eq!((world.stands("q").as_str(), spare.effects("k").len()), ("open||SH7004", 2));
}
