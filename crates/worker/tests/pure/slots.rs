//! Schedules against instants that were worked out by hand.

use jiff::Timestamp;
use serde_json::{Value, json};
use statehouse_definition::App;
use statehouse_definition::model::{Calendar, Schedule, Weekday};
use statehouse_worker::schedule::Times;

const SLOTS: &str = include_str!("../data/slots.csv");
const MISSED: &str = include_str!("../data/missed.csv");

#[test]
fn every_row_is_due_when_it_says() {
    let mut rows = 0;
    for row in read(SLOTS) {
        let times = times(&row, &json!({}));
        let (after, until) = (instant(&row["after"]), instant(&row["until"]));
        let due = instants(&row["due"]);
        assert_eq!(times.between(after, until, 1000), due, "{row:?}");
        // Fewer are asked for, and one by one they are the same.
        assert_eq!(times.between(after, until, 1), due.iter().take(1).copied().collect::<Vec<_>>(), "{row:?}");
        let mut at = after;
        for expected in &due {
            at = times.next(at).unwrap_or(Timestamp::MAX);
            assert_eq!(at, *expected, "{row:?}");
        }
        assert!(times.next(at).is_none_or(|more| more > until), "{row:?}");
        rows += 1;
    }
    assert_eq!(rows, 43);
}

#[test]
fn what_was_missed_is_made_up_for_as_it_says() {
    let mut rows = 0;
    for mut row in read(MISSED) {
        for (name, value) in [("zone", "UTC"), ("skipped", "later"), ("doubled", "first"), ("calendar", ""), ("off_day", "skip")] {
            row.insert(name.to_owned(), value.to_owned());
        }
        let times = times(&row, &json!({ "catch_up": capital(&row["catch_up"]) }));
        assert_eq!(times.owed(instant(&row["last"]), instant(&row["now"])), instants(&row["due"]), "{row:?}");
        rows += 1;
    }
    assert_eq!(rows, 11);
}

#[test]
fn much_is_made_up_for_in_bounded_bites() {
    let row = read(SLOTS).into_iter().find(|row| row["cron"] == "*/30 * * * *").expect("a row");
    let times = times(&row, &json!({ "catch_up": "All" }));
    let (mut last, now) = (instant("2026-01-01T00:00Z"), instant("2026-02-01T00:00Z"));
    let mut made = Vec::new();
    while let Some(most) = times.owed(last, now).last().copied() {
        let bite = times.owed(last, now);
        assert!(bite.len() <= 100);
        made.extend(bite);
        last = most;
    }
    assert_eq!(made.len(), 31 * 48);
    assert!(made.is_sorted());
}

#[test]
fn what_is_none_is_told() {
    let row = read(SLOTS).remove(0);
    for (change, named) in [
        (json!({ "cron": "61 * * * *" }), "61 * * * *"),
        (json!({ "cron": "0 0 * * * *" }), "0 0 * * * *"),
        (json!({ "cron": "* * *" }), "* * *"),
        (json!({ "zone": "Europe/Atlantis" }), "Europe/Atlantis"),
        (json!({ "calendar": "none" }), "none"),
    ] {
        let (schedule, app) = schedule(&row, &change);
        let unsound = Times::of(&schedule, &app).expect_err("none").to_string();
        assert!(unsound.contains(&format!("`{named}`")), "{unsound}");
    }
}

type Row = std::collections::BTreeMap<String, String>;

fn read(table: &str) -> Vec<Row> {
    let mut reader = csv::ReaderBuilder::new().comment(Some(b'#')).from_reader(table.as_bytes());
    reader.deserialize().map(|row| row.expect("a whole row")).collect()
}

fn times(row: &Row, change: &Value) -> Times {
    let (schedule, app) = schedule(row, change);
    Times::of(&schedule, &app).unwrap_or_else(|unsound| panic!("{row:?}: {unsound}"))
}

/// As the definition would hold it, in an app with one calendar.
fn schedule(row: &Row, change: &Value) -> (Schedule, App) {
    let mut value = json!({
        "at": place(), "label": {}, "cron": row["cron"], "zone": row["zone"], "calendar": "here",
        "off_day": capital(&row["off_day"]), "catch_up": "Once", "skipped_hour": capital(&row["skipped"]),
        "doubled_hour": capital(&row["doubled"]), "fire": { "entity": "order", "verb": "remind", "only": null },
    });
    for (key, changed) in change.as_object().expect("an object") {
        value[key] = changed.clone();
    }
    let mut calendar = Calendar { at: Default::default(), weekend: Vec::new(), holidays: Vec::new() };
    for day in row["calendar"].split_whitespace() {
        match day.contains('-') {
            true => calendar.holidays.push(day.to_owned()),
            false => calendar.weekend.push(serde_json::from_value::<Weekday>(capital(day).into()).expect("a weekday")),
        }
    }
    let mut app: App = serde_json::from_value(json!({
        "name": "x", "label": {}, "locales": ["en"], "currency": "EUR", "time_zone": "UTC", "capabilities": {}, "roles": {}, "sets": {},
        "entities": {}, "tables": {}, "calculators": {}, "connectors": {},
    }))
    .expect("an app");
    app.calendars.insert("here".to_owned(), calendar);
    (serde_json::from_value(value).expect("a schedule"), app)
}

fn place() -> Value {
    json!({ "file": "app.yaml", "line": 1, "column": 1, "offset": 0, "len": 0 })
}

fn capital(word: &str) -> String {
    word[..1].to_uppercase() + &word[1..]
}

fn instant(text: &str) -> Timestamp {
    text.parse().unwrap_or_else(|cause| panic!("{text}: {cause}"))
}

fn instants(text: &str) -> Vec<Timestamp> {
    text.split_whitespace().map(instant).collect()
}
