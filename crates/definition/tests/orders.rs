//! The first app must load and check without a word, quickly, and survive the database.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;
use statehouse_definition::model::{Actor, Derived, FieldKind, Kind, RuleValue, See, Wait};
use statehouse_definition::{App, Loaded, SourceFile, check, load, read};

fn orders() -> Loaded {
    load(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../apps/orders"))
}

fn app() -> App {
    orders().app.expect("the first app is sound")
}

#[test]
fn orders_loads_without_findings() {
    let loaded = orders();
    assert_eq!(loaded.findings, []);
    assert_eq!(check(&loaded.app.expect("an app without findings is there")), []);
}

#[test]
fn orders_means_what_it_says() {
    let app = app();
    let order = &app.entities["order"];
    assert_eq!((order.states.len(), order.fields.len(), order.transitions.len()), (13, 26, 23));
    assert_eq!(order.reference.as_ref().map(|reference| (reference.prefix.as_str(), reference.width)), Some(("ORD-", 6)));
    assert_eq!(order.fields["client"].kind, FieldKind::Ref("client".to_owned()));
    assert!(matches!(&order.fields["vat"].derived, Some(Derived::Rollup { per, .. }) if *per == ["vat_category"]));
    assert!(matches!(&order.children["lines"].fields["discount"].derived, Some(Derived::Allocate { amount, over })
        if amount == "discount" && over == "gross"));
    assert!(matches!(&order.states["inquiry"].wait, Wait::Within { span, verb: Some(verb) }
        if span.to_string() == "24 hours" && verb == "nudge_admin"));
    assert!(matches!(&order.states["quoted"].wait, Wait::Until { field, .. } if field == "valid_until"));
    assert_eq!(order.transitions["to_customs"].by, [Actor::Role("broker".to_owned()), Actor::Kind(Kind::Connector)]);
    assert_eq!(order.transitions["cancel_late"].by, [Actor::Capability("order.cancel_late".to_owned())]);
    assert_eq!(order.transitions["hand_over"].to, None);
    assert!(matches!(&order.access["client"].see, See::Rule(rule)
        if rule.field == "client" && rule.with == RuleValue::Set("my_clients".to_owned())));
    // A label that is not written is the name in words.
    assert_eq!(order.fields["discount_pct"].label["en"], "Discount pct");
    assert_eq!(app.tables["tariff"].rows.len(), 9);
    assert_eq!(app.tables["tariff"].rows[8].values["amount"], "4900");
    assert_eq!(app.tables["fx"].rows[0].values["rate"], "143.20");
    assert_eq!(app.calculators["line_price"].variants["auto"].len(), 6);
}

/// An expression's place is where its text stands in the file.
#[test]
fn expressions_know_their_place() {
    let app = app();
    let guard = &app.entities["order"].transitions["start"].guards["has_lines"].that;
    let text = fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../apps/orders/entities/order.yaml"));
    let text = text.expect("the file is there");
    assert_eq!(&text[guard.at.offset..guard.at.offset + guard.at.len], "count(lines) > 0");
    let covered = &app.entities["order"].transitions["confirm"].guards["covered"].that;
    let from = covered.text.find("o.net").expect("the guard sums `o.net`");
    let at = app.places.within(covered, from, 5);
    assert_eq!(&text[at.offset..at.offset + at.len], "o.net");
}

#[test]
fn the_compiled_definition_survives_the_database() {
    let app = app();
    let stored = serde_json::to_value(&app).expect("an app is JSON");
    let back: App = serde_json::from_value(stored.clone()).expect("and comes back");
    assert_eq!(serde_json::to_value(&back).expect("an app is JSON"), stored);
    assert_eq!(check(&back), []);
}

/// The same shape as JSON means the same.
#[test]
fn json_means_the_same() {
    let yaml = "entity: part
label: { en: Part }
reference: \"P-{number:4}\"
fields:
  rep: { type: member, required: true }
  size: { type: enum, of: [s, m], default: \"'s'\" }
states:
  on: { initial: true, within: 2 days, then: stop }
  off: { final: true }
transitions:
  stop: { from: on, to: off, by: [admin, timer], set: { size: \"'m'\" } }
access:
  admin: { see: all, create: true, edit: { on: [size] } }
";
    let json = r#"{
  "entity": "part", "label": { "en": "Part" }, "reference": "P-{number:4}",
  "fields": { "rep": { "type": "member", "required": true },
              "size": { "type": "enum", "of": ["s", "m"], "default": "'s'" } },
  "states": { "on": { "initial": true, "within": "2 days", "then": "stop" }, "off": { "final": true } },
  "transitions": { "stop": { "from": "on", "to": "off", "by": ["admin", "timer"], "set": { "size": "'m'" } } },
  "access": { "admin": { "see": "all", "create": true, "edit": { "on": ["size"] } } }
}"#;
    let of = |path: &str, text: &str| {
        let app = "app: shop\nlocales: [en]\ntime_zone: UTC\nroles: { admin: {} }\n";
        let file = |path: &str, text: &str| SourceFile { path: path.to_owned(), text: text.to_owned() };
        let loaded = read(&[file("app.yaml", app), file(path, text)]);
        assert_eq!(loaded.findings, []);
        let app = loaded.app.expect("a sound app");
        assert_eq!(check(&app), []);
        placeless(serde_json::to_value(&app.entities).expect("entities are JSON"))
    };
    assert_eq!(of("entities/part.yaml", yaml), of("entities/part.json", json));
}

fn placeless(value: Value) -> Value {
    match value {
        Value::Object(map) => map.into_iter().filter(|(key, _)| key != "at").map(|(key, one)| (key, placeless(one))).collect(),
        Value::Array(items) => items.into_iter().map(placeless).collect(),
        other => other,
    }
}

#[test]
fn check_is_instant() {
    let app = app();
    let limit = Duration::from_millis(if cfg!(debug_assertions) { 1_500 } else { 150 });
    let best = (0..5)
        .map(|_| {
            let (start, cpu) = (Instant::now(), cpu_time());
            assert_eq!(check(&app), []);
            // Other work on the machine must not fail the test, so time on the processor counts where it is known.
            cpu_time().zip(cpu).map_or(start.elapsed(), |(after, before)| after.saturating_sub(before))
        })
        .min()
        .expect("five runs");
    println!("check took {best:?}");
    assert!(best <= limit, "check took {best:?}, more than {limit:?}");
}

/// Time this thread has spent on a processor, on Linux.
fn cpu_time() -> Option<Duration> {
    let line = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(Duration::from_nanos(line.split(' ').next()?.parse().ok()?))
}
