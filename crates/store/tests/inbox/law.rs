//! What a message may become: a table written by hand, tried by whoever owns the tables.

use statehouse_testkit::people::NORDUR;

use crate::world::{World, world};

const STATES: [&str; 9] = ["due", "leased", "waiting", "done", "ignored", "late", "quarantined", "conflict", "dead"];
/// Each state and the ones that may follow.
const FOLLOWS: [(&str, &[&str]); 9] = [
    ("due", &["leased", "ignored"]),
    ("leased", &["done", "ignored", "waiting", "late", "quarantined", "due", "dead"]),
    ("waiting", &["leased", "due", "ignored"]),
    ("done", &[]),
    ("ignored", &["due"]),
    ("late", &["due", "ignored"]),
    ("quarantined", &["due", "ignored"]),
    ("conflict", &[]),
    ("dead", &["due", "ignored"]),
];

/// The columns that make a row of this state whole.
fn whole(state: &str) -> String {
    let lease = if state == "leased" { "'w', statehouse.now()" } else { "null, null" };
    let due = if matches!(state, "due" | "waiting") { "statehouse.now()" } else { "null" };
    format!("state = '{state}', (worker, leased_until) = ({lease}), due_at = {due}, wait_until = statehouse.now(), code = 'SH7106'")
}

/// Puts the one message into a state, whatever the law says of it.
fn put(world: &World, state: &str) {
    world.tamper(&format!(
        "begin; alter table statehouse.message disable trigger law; update statehouse.message set n = {}, {}; alter table statehouse.message enable trigger law; commit",
        i32::from(state == "conflict"),
        whole(state)
    ));
}

fn try_as_owner(world: &World, update: &str) -> String {
    let run = world.database.psql_as_superuser(&format!("\\set VERBOSITY sqlstate\nset role statehouse_owner; {update}"));
    if run.stderr.contains("ERROR") { run.stderr.trim().replace("ERROR:  ", "") } else { "allowed".to_owned() }
}

#[tokio::test]
async fn a_state_is_left_only_for_one_that_follows() {
    let world = world("message_law").await;
    let token = world.endpoint(NORDUR, None).await;
    world.arrives(&token, "evt_1", "payment.captured", "ch_1").await;
    for (from, follows) in FOLLOWS {
        for to in STATES.into_iter().filter(|to| *to != from) {
            put(&world, from);
            let attempt = if to == "leased" { ", attempt = attempt + 1" } else { "" };
            let n = if to == "conflict" { ", n = 1" } else { "" };
            let said = try_as_owner(&world, &format!("update statehouse.message set {}{attempt}{n}", whole(to)));
            let expected = match to {
                to if follows.contains(&to) => "allowed",
                "conflict" => "S4014", // its number is part of what came
                _ => "S7120",
            };
            assert_eq!(said, expected, "{from} to {to}");
        }
    }
}

#[tokio::test]
async fn what_came_stays_as_it_came() {
    let world = world("message_kept").await;
    let token = world.endpoint(NORDUR, None).await;
    world.arrives(&token, "evt_1", "payment.captured", "ch_1").await;
    for (change, expected) in [
        ("body = 'x'", "S4014"),
        ("key = 'other'", "S4014"),
        ("source = 'other'", "S4014"),
        ("fingerprint = sha256('x')", "S4014"),
        ("received_at = received_at + interval '1 second'", "S4014"),
        ("headers = '{\"a\": \"b\"}'", "S4014"),
        ("query = 'a'", "S4014"),
        ("type = 'payment.refunded'", "S4014"),
        ("tenant = 2", "S4014"),
        ("secret = 's2'", "S4014"),
        ("coverage = 'none'", "S4014"),
        ("id = gen_random_uuid()", "S4014"),
        ("app = 'other'", "S4014"),
        ("item = 1", "S4014"),
        ("body = '', headers = '{}', query = ''", "S4014"),
        ("attempt = 3", "S7120"),
        ("attempt = -1", "S7120"),
    ] {
        assert_eq!(try_as_owner(&world, &format!("update statehouse.message set {change}")), expected, "{change}");
    }
    for whole in ["delete from statehouse.message", "truncate statehouse.message"] {
        assert_eq!(try_as_owner(&world, whole), "S4014", "{whole}");
    }
    assert_eq!(world.ask("select count(*) from statehouse.message"), "1");
    // And without its law it could be changed.
    world.tamper("alter table statehouse.message disable trigger law, disable trigger said");
    assert_eq!(try_as_owner(&world, "update statehouse.message set body = 'x', attempt = 7"), "allowed");
}
