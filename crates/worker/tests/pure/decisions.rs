//! Every row of `tests/data/decisions.csv`, and that no row of the table is missing.

use std::collections::BTreeSet;
use std::time::Duration;

use statehouse_definition::model::Class;
use statehouse_worker::effects::decide::{Case, First, Gate, Happened, Next, To, Waiting, first, next, not_there};

const TABLE: &str = include_str!("../data/decisions.csv");

#[test]
fn every_row_of_the_table() {
    let mut rows = 0;
    for row in read() {
        check(&row);
        rows += 1;
    }
    assert_eq!(rows, 81, "the table has rows that nobody counted");
}

#[test]
fn the_table_leaves_nothing_out() {
    let told: BTreeSet<(String, String)> = read().iter().map(|row| (row["class"].clone(), kind(&row["happened"]).to_owned())).collect();
    let all = ["-", "done", "failed", "denied", "busy", "unreachable", "unready", "held_back", "doubt"];
    for class in ["K", "Q", "N"] {
        for happened in all {
            // What does not look at the class is told once for it, and for those whom the doubt makes different.
            let same = matches!(happened, "denied" | "unready" | "held_back" | "failed") && class == "Q";
            assert!(same || told.contains(&(class.to_owned(), happened.to_owned())), "{class} {happened} is not told");
        }
    }
    for happened in ["asked_happened", "asked_failed", "asked_not_there", "asked_cannot_tell"] {
        assert!(told.contains(&("Q".to_owned(), happened.to_owned())), "Q {happened} is not told");
    }
}

/// Whatever is claimed with whatever history: no second send where the first may have arrived and nothing protects it.
#[test]
fn nothing_is_sent_blindly() {
    let mut looked_at = 0;
    for class in [Class::K, Class::Q, Class::N] {
        for attempt in 1..=14 {
            for (age, life) in [(0, None), (10, Some(20)), (30, Some(20))] {
                for (doubt, can_ask, waits) in (0..8).map(|bits| (bits & 1 > 0, bits & 2 > 0, bits & 4 > 0)) {
                    let case = Case {
                        class,
                        call: waits.then_some(Waiting { within: Duration::from_secs(20) }),
                        attempt,
                        claims: attempt,
                        attempts_max: 12,
                        age: Duration::from_secs(age),
                        doubt,
                        can_ask,
                        key_life: life.map(Duration::from_secs),
                        ask_after: Duration::from_secs(30),
                    };
                    if first(&case) == First::Send && doubt {
                        assert_eq!(class, Class::K, "{case:?}");
                        assert!(life.is_none_or(|life| age < life), "{case:?}");
                    }
                    for happened in
                        [Happened::Doubt, Happened::AskedCannotTell, Happened::Unreachable, Happened::Denied, Happened::Busy(None)]
                    {
                        let then = next(&case, happened, 0.0);
                        let open = doubt || matches!(happened, Happened::Doubt | Happened::AskedCannotTell);
                        // What may have happened is never said to have failed, and never put where a click sends it again.
                        assert!(!open || (then.doubt && matches!(then.to, To::Due(_) | To::Unknown)), "{case:?} {happened:?} {then:?}");
                        // What is known not to have happened is never said to be unknown.
                        assert!(open || then.to != To::Unknown, "{case:?} {happened:?} {then:?}");
                        assert!(then.to != To::Done, "{case:?} {happened:?} invents a success");
                        assert!(!(class == Class::N && then.doubt && matches!(then.to, To::Due(_)) && !doubt), "{case:?} {happened:?}");
                        looked_at += 1;
                    }
                }
            }
        }
    }
    assert_eq!(looked_at, 3 * 14 * 3 * 8 * 5);
}

type Row = std::collections::BTreeMap<String, String>;

fn read() -> Vec<Row> {
    let mut reader = csv::ReaderBuilder::new().comment(Some(b'#')).from_reader(TABLE.as_bytes());
    reader.deserialize().map(|row| row.expect("a whole row")).collect()
}

fn check(row: &Row) {
    let case = case(row);
    let expected = (row["to"].as_str(), row["left"] == "y", row["gate"].as_str());
    match kind(&row["happened"]) {
        "-" => {
            let found = match first(&case) {
                First::Send => "send".to_owned(),
                First::Ask => "ask".to_owned(),
                First::Settle(to) => word(to),
            };
            assert_eq!(found, expected.0, "{row:?}");
        }
        "asked_not_there" => {
            let found = not_there(&case).map_or("unknown", |now| {
                assert!(!now.doubt);
                "send"
            });
            assert_eq!(found, expected.0, "{row:?}");
        }
        _ => {
            for spread in [-1.0, 0.0, 1.0] {
                let Next { to, doubt, counts, gate } = next(&case, happened(&row["happened"]), spread);
                let gate = match gate {
                    Gate::Good => "good".to_owned(),
                    Gate::Bad => "bad".to_owned(),
                    Gate::Blocked(span) => format!("blocked:{}", span.as_secs_f64()),
                    Gate::Untouched => "-".to_owned(),
                };
                assert_eq!((doubt, gate.as_str()), (expected.1, expected.2), "{row:?}");
                assert!(!matches!(to, To::Due(_)) || counts == (row["counts"] == "y"), "{row:?}");
                assert_eq!(word(to), about(expected.0, spread), "{row:?} at {spread}");
            }
        }
    }
}

/// `due:10~` is 8 to 12 seconds, by the spread.
fn about(expected: &str, spread: f64) -> String {
    let Some(span) = expected.strip_prefix("due:").and_then(|span| span.strip_suffix('~')) else {
        return expected.to_owned();
    };
    let whole: f64 = span.parse().expect("seconds");
    word(To::Due(Duration::from_secs_f64(whole * (1.0 + 0.2 * spread))))
}

fn word(to: To) -> String {
    match to {
        To::Done => "done".to_owned(),
        To::Failed => "failed".to_owned(),
        To::Due(span) => format!("due:{}", (span.as_secs_f64() * 1000.0).round() / 1000.0),
        To::Unknown => "unknown".to_owned(),
        To::Dead => "dead".to_owned(),
    }
}

fn case(row: &Row) -> Case {
    let number = |name: &str| row[name].parse::<u64>().ok();
    let seconds = |name: &str| number(name).map(Duration::from_secs);
    Case {
        class: match row["class"].as_str() {
            "K" => Class::K,
            "Q" => Class::Q,
            _ => Class::N,
        },
        call: seconds("call").map(|within| Waiting { within }),
        attempt: number("attempt").expect("a number") as u32,
        claims: number("attempt").expect("a number") as u32,
        attempts_max: number("of").expect("a number") as u32,
        age: seconds("age").expect("seconds"),
        doubt: row["doubt"] == "y",
        can_ask: row["ask"] == "y",
        key_life: seconds("life"),
        ask_after: Duration::from_secs(30),
    }
}

fn kind(happened: &str) -> &str {
    happened.split(':').next().unwrap_or_default()
}

fn happened(text: &str) -> Happened {
    let span = text.split_once(':').map(|(_, span)| Duration::from_secs(span.parse().expect("seconds")));
    match kind(text) {
        "done" => Happened::Done,
        "failed" => Happened::Failed,
        "denied" => Happened::Denied,
        "busy" => Happened::Busy(span),
        "unreachable" => Happened::Unreachable,
        "unready" => Happened::Unready,
        "held_back" => Happened::HeldBack(span.expect("a time")),
        "doubt" => Happened::Doubt,
        "asked_happened" => Happened::AskedHappened,
        "asked_failed" => Happened::AskedFailed,
        "asked_cannot_tell" => Happened::AskedCannotTell,
        other => panic!("`{other}` is nothing that happens"),
    }
}
