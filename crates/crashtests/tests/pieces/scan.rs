//! Every write that the worker makes has its points, and each point its partner.

use std::collections::BTreeSet;

use regex::Regex;
use statehouse_crashtests::{plan, scan, scene};
use statehouse_testkit::{Cluster, app};

#[test]
fn points_come_in_pairs() {
    for krate in ["store", "connect", "worker"] {
        assert_eq!(scan::unpaired(krate), [""; 0], "{krate}");
    }
    assert!(scan::points("store").len() > 20 && scan::points("connect").contains("connect.send"));
}

/// Each is met by a killed worker, by somebody else who is killed, or by nobody, for a reason.
#[test]
fn every_point_is_met_somewhere() {
    let (ways, elsewhere, unexercised) = (plan::ways(), plan::elsewhere(), plan::unexercised());
    let points: BTreeSet<String> = scan::points("store").into_iter().chain(scan::points("connect")).collect();
    for point in &points {
        let places = [ways.contains_key(point), elsewhere.contains_key(point), unexercised.contains_key(point)];
        assert_eq!(places.into_iter().filter(|there| *there).count(), 1, "`{point}` stands in one of the three lists of points in data");
    }
    let listed = ways.keys().chain(elsewhere.keys()).chain(unexercised.keys());
    assert_eq!(listed.filter(|point| !points.contains(*point)).collect::<Vec<_>>(), Vec::<&String>::new(), "these are no points");
}

#[test]
fn every_write_of_the_worker_has_its_points() {
    let cluster = Cluster::shared();
    let db = cluster.database_from(&app::template(cluster, &scene::folder()), "scan");
    let volatile = db.value_as_superuser(
        "select string_agg(distinct proname, ' ') from pg_proc where pronamespace = 'statehouse'::regnamespace and provolatile = 'v'",
    );
    let volatile: BTreeSet<&str> = volatile.split(' ').collect();
    assert!(volatile.contains("settle_effects") && !volatile.contains("now"));
    let called = Regex::new(r"statehouse\.(\w+)\s*\(").expect("a pattern");
    let changes = Regex::new(r"(?i)\b(insert\s+into|update|delete\s+from)\s+statehouse").expect("a pattern");
    let writes = |text: &str| changes.is_match(text) || called.captures_iter(text).any(|captured| volatile.contains(&captured[1]));
    // The scan sees what it should: without its points the settling of effects would be named.
    assert!(scan::reached().iter().any(|function| function.name == "settle" && function.file.ends_with("effects/settle.rs")));
    let unguarded = scan::unguarded(writes);
    assert!(unguarded.is_empty(), "no point stands around what these write: {unguarded:#?}");
}
