//! Which kills are drawn, and whose turn it is.

use std::collections::{BTreeMap, BTreeSet};

use statehouse_crashtests::kill::{How, Kill, Way};
use statehouse_crashtests::plan::{self, Line, Plan, RUNS};
use statehouse_crashtests::turns::TRIES_MAX;

const SEED: u64 = 7;
/// So many databases are enough for each point.
const DATABASES: usize = 40;

/// The name, whether after it, and the way of a kill at a point.
fn point(kill: &Kill) -> Option<(&str, bool, u64)> {
    match &kill.how {
        How::Point { name, after, nth, .. } => Some((name, *after, *nth)),
        How::Moment { .. } => None,
    }
}

/// A plan over `others` points that a worker comes to and one that the first of a database comes to.
fn small(others: usize) -> (Plan, Vec<String>) {
    let line = |point: String, way| Line { point, way, times: 3 };
    let names: Vec<String> = (0..others).map(|n| format!("other{n:02}")).collect();
    let mut ways: BTreeMap<String, Line> = names.iter().map(|name| (name.clone(), line(name.clone(), Way::Working))).collect();
    ways.insert("first".into(), line("first".into(), Way::Fresh));
    let points: Vec<String> = ways.keys().cloned().collect();
    (Plan::of(SEED, 1_000, ways, points), names)
}

/// Draws the kills of whole databases until the plan is covered; `meets` says at which points a kill after it meets a write.
fn drawn(plan: &mut Plan, meets: impl Fn(&str) -> bool) -> Vec<Kill> {
    let mut kills = Vec::new();
    for _ in 0..DATABASES {
        if plan.is_covered() {
            break;
        }
        for place in 0..RUNS {
            let kill = plan.draw(place);
            let met = point(&kill).is_some_and(|(name, after, _)| after && meets(name));
            plan.tell(&kill, met);
            kills.push(kill);
        }
    }
    kills
}

#[test]
fn a_point_that_is_not_met_goes_before_the_others() {
    let (mut plan, names) = small(10);
    let kills = drawn(&mut plan, |_| true);
    let others: Vec<_> = kills.iter().filter_map(point).filter(|(name, ..)| *name != "first").collect();
    let (turns, planned) = others.split_at(names.len());
    // Each has its turn, after it and the first time it is reached, before anything else is tried.
    assert_eq!(turns.iter().map(|(name, ..)| *name).collect::<BTreeSet<_>>(), names.iter().map(String::as_str).collect());
    assert!(turns.iter().all(|(_, after, nth)| *after && *nth == 1), "{turns:?}");
    // Then each before it; who was met after it need not be met there a second time at once.
    let before: BTreeSet<&str> = planned.iter().take(names.len()).filter(|(_, after, _)| !after).map(|(name, ..)| *name).collect();
    assert_eq!(before.len(), names.len(), "{planned:?}");
    assert!(plan.unmet().is_empty());
}

#[test]
fn it_keeps_its_turn_until_it_is_met() {
    let (mut plan, _) = small(4);
    // All others are met at once, this one with its third turn, each time somebody else who comes there.
    let mut tried = Vec::new();
    for place in (0..RUNS).cycle().take(2 * RUNS) {
        let waits = !plan.is_met("other02");
        let kill = plan.draw(place);
        let Some((name, after, nth)) = point(&kill).map(|(name, after, nth)| (name.to_owned(), after, nth)) else { continue };
        let was_met = plan.is_met(&name);
        if name == "other02" && waits {
            tried.push((after, nth));
        }
        plan.tell(&kill, after && (name != "other02" || tried.len() >= 3));
        assert!(!waits || !was_met || name == "first", "{kill} goes before a point that is not met");
    }
    assert_eq!(tried, [(true, 1), (true, 2), (true, 3)]);
    assert!(plan.unmet().is_empty());
}

#[test]
fn two_at_once_have_different_turns() {
    let (mut plan, _) = small(2);
    plan.draw(0);
    let (one, other) = (plan.draw(1), plan.draw(2));
    assert_ne!(point(&one).map(|(name, ..)| name), point(&other).map(|(name, ..)| name));
    // Both are under way: the next is a planned one, and nothing is met by that.
    assert!(!plan.is_covered() && plan.unmet().len() == 3);
    let next = plan.draw(4);
    plan.tell(&one, false);
    plan.tell(&other, true);
    plan.tell(&next, false);
    assert_eq!(point(&plan.draw(6)).map(|(name, ..)| name), point(&one).map(|(name, ..)| name), "who was not met has the next turn");
}

#[test]
fn who_is_never_met_stays_so_after_all_its_turns() {
    let (mut plan, _) = small(3);
    let kills = drawn(&mut plan, |name| name != "other01");
    assert!(plan.is_covered(), "it does not end");
    assert_eq!(plan.unmet(), ["other01"], "and the matrix fails by it");
    let tried = kills.iter().filter_map(point).filter(|(name, after, _)| *name == "other01" && *after).count();
    assert!(u32::try_from(tried).is_ok_and(|tried| tried >= TRIES_MAX), "{tried} turns");
}

/// A point of which nobody says how it is reached cannot be met.
#[test]
fn a_point_without_a_way_stays_unmet() {
    let ways = plan::ways();
    let points = ways.keys().cloned().chain(["store.nobody_comes_here".to_owned()]).collect::<Vec<_>>();
    let mut plan = Plan::of(SEED, 1_000, ways, points);
    drawn(&mut plan, |_| true);
    assert!(plan.is_covered(), "it does not end");
    assert_eq!(plan.unmet(), ["store.nobody_comes_here"]);
}

#[test]
fn each_point_is_met_before_and_after_it_and_a_third_are_moments() {
    let mut plan = Plan::new(SEED, 1_000);
    let kills = drawn(&mut plan, |_| true);
    assert!(plan.is_covered() && plan.unmet().is_empty());
    let at: BTreeSet<(&str, bool)> = kills.iter().filter_map(point).map(|(name, after, _)| (name, after)).collect();
    let all: BTreeSet<(String, bool)> = plan::ways().into_keys().flat_map(|name| [(name.clone(), false), (name, true)]).collect();
    assert_eq!(at.into_iter().map(|(name, after)| (name.to_owned(), after)).collect::<BTreeSet<_>>(), all);
    let moments = kills.iter().filter(|kill| point(kill).is_none()).count();
    assert!(moments * 3 >= kills.len(), "{moments} of {}", kills.len());
    let astray = kills.iter().filter(|kill| kill.way() == Way::Astray).count();
    assert!(astray * 5 >= moments, "{astray} of {moments} find nobody at their providers");
    // The first of each database is at a point that the first worker of a database comes to, and no other one is.
    let fresh = |kill: &Kill| kill.way() == Way::Fresh;
    assert!(kills.iter().enumerate().all(|(at, kill)| fresh(kill) == at.is_multiple_of(RUNS)));
    // The same seed, the same kills.
    assert_eq!(kills, drawn(&mut Plan::new(SEED, 1_000), |_| true));
    assert_ne!(kills, drawn(&mut Plan::new(SEED + 1, 1_000), |_| true));
}
