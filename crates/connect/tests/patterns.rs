//! What stands in the holes of patterns.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use serde_json::{Value, json};
use statehouse_connect::pattern::{Missing, Scope, at, render, text};
use statehouse_definition::model::{Filter, Pattern, Piece};
use statehouse_definition::{SourceFile, read};

/// The pattern as a definition reads it, in a place where any hole may stand.
fn pattern(written: &str) -> Pattern {
    let app = "app: shop\nlocales: [en]\ncurrency: EUR\ntime_zone: UTC\nroles: { rep: {} }\n".to_owned();
    let inbox = format!(
        "inbox: one\nscheme: standard_webhooks\nsecrets: [one]\nid: {}\ntype: \"{{body.type}}\"\nmessages: {{}}\n",
        serde_json::to_string(written).unwrap()
    );
    let files = [("app.yaml", app), ("inbox/one.yaml", inbox)];
    let loaded = read(&files.map(|(path, text)| SourceFile { path: path.to_owned(), text }));
    let app = loaded.app.unwrap_or_else(|| panic!("{written}: {:#?}", loaded.findings));
    app.inboxes.values().next().unwrap().id.clone()
}

fn body() -> Value {
    json!({
        "text": "Ævar", "empty": "", "null": null, "true": true, "whole": 12, "big": 9_007_199_254_740_993_i64, "part": 12.5,
        "list": [{"id": "a"}, {"id": "b"}], "map": {"x": 1}, "currency": "isk", "no_currency": "XXX",
        "minor": 1234, "minor_text": "1234", "major": "12.34", "at": "2026-11-20T16:41:00+00:00", "day": "2026-11-20"
    })
}

fn filled(written: &str) -> Result<Value, String> {
    let body = body();
    render(&pattern(written), &Scope::new().with("body", &body)).map_err(|missing| missing.to_string())
}

#[test]
fn one_hole_keeps_its_type_and_others_are_text() {
    let cases = [
        ("{body.text}", json!("Ævar")),
        ("{body.whole}", json!(12)),
        ("{body.big}", json!(9_007_199_254_740_993_i64)),
        ("{body.part}", json!(12.5)),
        ("{body.true}", json!(true)),
        ("{body.empty}", json!("")),
        ("{body.map}", json!({"x": 1})),
        ("{body.list.1.id}", json!("b")),
        ("a {body.text} b", json!("a Ævar b")),
        ("{body.whole}{body.true}", json!("12true")),
        ("{body.part} ", json!("12.5 ")),
        ("{{{body.whole}}}", json!("{12}")),
        ("{{}}", json!("{}")),
        ("", json!("")),
        ("plain", json!("plain")),
    ];
    for (written, expected) in cases {
        assert_eq!(filled(written), Ok(expected), "{written}");
    }
}

#[test]
fn what_has_no_value_is_said_and_never_empty() {
    let cases = [
        ("{body.null}", "`body.null` has no value"),
        ("{body.nothing}", "`body.nothing` has no value"),
        ("{body.text.deeper}", "`body.text.deeper` has no value"),
        ("{body.list.2.id}", "`body.list.2.id` has no value"),
        ("{body.list.id}", "`body.list.id` has no value"),
        ("{header.x}", "`header.x` has no value"),
        ("a {body.null} b", "`body.null` has no value"),
        ("a {body.map} b", "`body.map` is not a text or a number"),
        ("a {body.list} b", "`body.list` is not a text or a number"),
    ];
    for (written, expected) in cases {
        assert_eq!(filled(written), Err(expected.to_owned()), "{written}");
    }
}

#[test]
fn filters_change_a_value_or_refuse_it() {
    let cases = [
        ("{body.text|upper}", Ok(json!("ÆVAR"))),
        ("{body.text|lower}", Ok(json!("ævar"))),
        ("{body.whole|text}", Ok(json!("12"))),
        ("{body.map|text}", Ok(json!("{\"x\":1}"))),
        ("{body.minor_text|integer}", Ok(json!(1234))),
        ("{body.whole|integer}", Ok(json!(12))),
        ("{body.part|integer}", Err("`body.part` is not a whole number")),
        ("{body.text|integer}", Err("`body.text` is not a whole number")),
        ("{body.empty|integer}", Err("`body.empty` is not a whole number")),
        ("{body.major|number}", Ok(json!(12.34))),
        ("{body.minor_text|number}", Ok(json!(1234))),
        ("{body.text|number}", Err("`body.text` is not a number that JSON holds exactly")),
        ("{body.at|date}", Ok(json!("2026-11-20"))),
        ("{body.day|date}", Ok(json!("2026-11-20"))),
        ("{body.text|date}", Err("`body.text` is not a day or a time")),
        ("{body.minor|major EUR}", Ok(json!("12.34"))),
        ("{body.minor|major body.currency}", Ok(json!("1234"))),
        ("{body.minor|major body.no_currency}", Err("`body.no_currency` is not a currency")),
        ("{body.minor|major body.nothing}", Err("`body.nothing` has no value")),
        ("{body.minor|major XYZ}", Err("`XYZ` is not a currency")),
        ("{body.minor|major EUR|number}", Ok(json!(12.34))),
        ("{body.major|minor EUR}", Ok(json!(1234))),
        ("{body.major|minor ISK}", Err("`body.major` is not an amount of this currency")),
        ("{body.null|upper}", Err("`body.null` has no value")),
    ];
    for (written, expected) in cases {
        assert_eq!(filled(written), expected.map_err(str::to_owned), "{written}");
    }
}

fn filtered(filter: Filter, value: Value) -> Option<Value> {
    let pattern = Pattern { parts: vec![Piece::Hole { path: vec!["x".into()], filters: vec![filter] }] };
    render(&pattern, &Scope::new().own("x", value)).ok()
}

/// Amounts as the bulletins of the currencies write them.
#[test]
fn amounts_have_the_digits_of_their_currency() {
    let table = [
        ("EUR", 0, "0.00"),
        ("EUR", 5, "0.05"),
        ("EUR", 50, "0.50"),
        ("EUR", 1234, "12.34"),
        ("EUR", -5, "-0.05"),
        ("EUR", -1234, "-12.34"),
        ("PLN", 100, "1.00"),
        ("BRL", 3700, "37.00"),
        ("USD", i64::MAX, "92233720368547758.07"),
        ("USD", i64::MIN, "-92233720368547758.08"),
        ("ISK", 0, "0"),
        ("ISK", 1234, "1234"),
        ("JPY", -7, "-7"),
        ("CLP", 990, "990"),
        ("KWD", 1, "0.001"),
        ("KWD", 1234, "1.234"),
        ("BHD", 12_345_678, "12345.678"),
        ("CLF", 12_345, "1.2345"),
    ];
    for (currency, minor, major) in table {
        assert_eq!(filtered(Filter::Major(currency.into()), json!(minor)), Some(json!(major)), "{minor} {currency}");
        assert_eq!(filtered(Filter::Minor(currency.into()), json!(major)), Some(json!(minor)), "{major} {currency}");
    }
    let read = [
        ("EUR", json!("12"), Some(1200)),
        ("EUR", json!("12.3"), Some(1230)),
        ("EUR", json!("12.340"), Some(1234)),
        ("EUR", json!("0012.34"), Some(1234)),
        ("EUR", json!(12.34), Some(1234)),
        ("EUR", json!(129.9), Some(12_990)),
        ("EUR", json!(100.0), Some(10_000)),
        ("EUR", json!(7), Some(700)),
        ("ISK", json!("1234.00"), Some(1234)),
        ("KWD", json!("1.234"), Some(1234)),
        ("EUR", json!("12.345"), None),
        ("ISK", json!("12.5"), None),
        ("KWD", json!("1.2345"), None),
        ("EUR", json!("12,34"), None),
        ("EUR", json!("1.234,00"), None),
        ("EUR", json!("1e3"), None),
        ("EUR", json!(1e300), None),
        ("EUR", json!("+12.34"), None),
        ("EUR", json!("12."), None),
        ("EUR", json!(".5"), None),
        ("EUR", json!("-"), None),
        ("EUR", json!(""), None),
        ("EUR", json!(" 12"), None),
        ("EUR", json!("١٢"), None),
        ("EUR", json!(true), None),
        ("EUR", json!("92233720368547758.08"), None),
        ("EUR", json!("99999999999999999999999999"), None),
    ];
    for (currency, major, minor) in read {
        assert_eq!(filtered(Filter::Minor(currency.into()), major.clone()), minor.map(Value::from), "{major} {currency}");
    }
    for minor in [json!("12.5"), json!(12.5), json!("x"), json!([1])] {
        assert_eq!(filtered(Filter::Major("EUR".into()), minor.clone()), None, "{minor}");
    }
}

#[test]
fn a_number_says_the_same_digits_again_or_is_refused() {
    let cases = [
        (json!("129.90"), Some("129.9")),
        (json!("0.10"), Some("0.1")),
        (json!("-0.01"), Some("-0.01")),
        (json!("100.00"), Some("100")),
        (json!("9223372036854775807"), Some("9223372036854775807")),
        (json!("9007199254740993"), Some("9007199254740993")),
        (json!("1234567890123.45"), Some("1234567890123.45")),
        (json!("12345678901234.567"), None),
        (json!("90071992547409.931"), None),
        (json!("0.0000001"), None),
        (json!("1e5"), None),
        (json!("NaN"), None),
        (json!("-"), None),
    ];
    for (text, expected) in cases {
        assert_eq!(filtered(Filter::Number, text.clone()).map(|value| value.to_string()).as_deref(), expected, "{text}");
    }
}

#[test]
fn a_day_is_one_that_exists() {
    let cases = [
        ("2026-11-20", true),
        ("2026-11-20T23:59:59Z", true),
        ("2026-11-20 16:41:00+00", true),
        ("2028-02-29", true),
        ("2026-02-29", false),
        ("2026-13-01", false),
        ("2026-11-2", false),
        ("2026-11-200", false),
        ("20261120", false),
        ("2026-11-20x", false),
        ("-026-11-20", false),
        ("ąąąąą", false),
        ("", false),
    ];
    for (text, is_day) in cases {
        assert_eq!(filtered(Filter::Date, json!(text)).is_some(), is_day, "{text}");
    }
}

#[test]
fn a_time_is_seconds_since_1970() {
    for (text, seconds) in
        [("1970-01-01T00:00:00Z", Some(0)), ("2026-11-20T17:00:00+01:00", Some(1_795_190_400)), ("2026-11-20", None), ("", None)]
    {
        assert_eq!(filtered(Filter::Unix, json!(text)), seconds.map(|at: i64| json!(at)), "{text}");
    }
}

#[test]
fn a_text_stands_where_there_is_no_value() {
    let body = json!({ "there": "A", "nothing": null });
    let scope = Scope::new().with("body", &body);
    for (written, expected) in [
        ("{body.there|or none|lower}", "a"),
        ("{body.nothing|or None|lower}", "none"),
        ("{body.missing|or not yet}", "not yet"),
        ("{body.there}:{body.list.0.id|or paid}", "A:paid"),
    ] {
        assert_eq!(render(&pattern(written), &scope), Ok(json!(expected)), "{written}");
    }
}

#[test]
fn paths_lead_through_objects_and_lists() {
    let body = body();
    assert_eq!(at(&body, "list.0.id"), Some(&json!("a")));
    assert_eq!(at(&body, "list.-1"), None);
    assert_eq!(at(&body, ""), Some(&body));
    assert_eq!(at(&body, "map.x.y"), None);
}

#[test]
fn headers_and_parameters_are_flat() {
    let (header, query) = (json!({"x-id": "7"}), json!({"data.id": "123", "topic": "payment"}));
    let scope = Scope::new().with("header", &header).with("query", &query);
    let filled = |written: &str| render(&pattern(written), &scope).ok();
    assert_eq!(filled("{query.data.id}"), Some(json!("123")));
    assert_eq!(filled("{query.topic}"), Some(json!("payment")));
    assert_eq!(filled("{query.data}"), None);
    assert_eq!(filled("{header.x-id}"), Some(json!("7")));
    // A definition is asked to write them small; one stored before is understood all the same.
    assert_eq!(render(&Pattern::hole("header.X-Id"), &scope), Ok(json!("7")));
}

#[test]
fn what_is_missing_is_named_without_its_value() {
    let scope = Scope::new().own("secretive", json!({"inner": ["canary-5f3a9c"]}));
    let missing = text(&Pattern::hole("secretive.inner"), &scope).unwrap_err();
    assert_eq!(missing, Missing::Form { hole: "secretive.inner".into(), wanted: "a text or a number" });
    assert!(!format!("{scope:?} {missing:?} {missing}").contains("canary"));
    assert_eq!(format!("{scope:?}"), r#"Scope(["secretive"])"#);
}

const PATHS: [&str; 6] = ["body.a", "body.a-b.0", "body.A_9", "header.x-id", "query.id", "body"];
const FILTERS: [(&str, Filter); 4] = [("upper", Filter::Upper), ("text", Filter::Text), ("number", Filter::Number), ("date", Filter::Date)];

/// A piece as it is written and as it is meant.
fn piece() -> impl Strategy<Value = (String, Piece)> {
    let plain = "[a-zA-Z0-9 :|.,'\"żÞ😀/-]{1,8}|[{}]{1,3}";
    let plain = plain.prop_map(|text: String| (text.replace('{', "{{").replace('}', "}}"), Piece::Text(text)));
    let hole = (0..PATHS.len(), prop::collection::vec(0..FILTERS.len(), 0..3), any::<bool>());
    let hole = hole.prop_map(|(path, filters, spaced)| {
        let bar = if spaced { " | " } else { "|" };
        let written: String = filters.iter().map(|n| format!("{bar}{}", FILTERS[*n].0)).collect();
        let path_parts = PATHS[path].split('.').map(str::to_owned).collect();
        let meant = Piece::Hole { path: path_parts, filters: filters.iter().map(|n| FILTERS[*n].1.clone()).collect() };
        (format!("{{{}{written}}}", PATHS[path]), meant)
    });
    prop_oneof![plain, hole]
}

/// Neighbouring texts are one text to whoever reads them.
fn joined(pieces: impl Iterator<Item = Piece>) -> Vec<Piece> {
    let mut parts: Vec<Piece> = Vec::new();
    for piece in pieces {
        match (parts.last_mut(), piece) {
            (Some(Piece::Text(before)), Piece::Text(text)) => before.push_str(&text),
            (_, piece) => parts.push(piece),
        }
    }
    parts
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![any::<i64>().prop_map(Value::from), any::<bool>().prop_map(Value::from), ".{0,12}".prop_map(Value::from)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read_as_it_is_meant(pieces in prop::collection::vec(piece(), 1..6)) {
        let written: String = pieces.iter().map(|(text, _)| text.as_str()).collect();
        let meant = joined(pieces.into_iter().map(|(_, piece)| piece));
        prop_assert_eq!(pattern(&written).parts, meant, "{}", written);
    }

    #[test]
    fn holes_are_filled_in_their_places(texts in prop::collection::vec(".{0,6}", 3), values in prop::collection::vec(scalar(), 2)) {
        let hole = |n: usize| Piece::Hole { path: vec!["v".into(), n.to_string()], filters: Vec::new() };
        let parts = vec![Piece::Text(texts[0].clone()), hole(0), Piece::Text(texts[1].clone()), hole(1), Piece::Text(texts[2].clone())];
        let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let expected = [texts[0].clone(), plain(&values[0]), texts[1].clone(), plain(&values[1]), texts[2].clone()].concat();
        prop_assert_eq!(render(&Pattern { parts }, &Scope::new().own("v", values)), Ok(Value::String(expected)));
    }

    #[test]
    fn amounts_go_there_and_back(minor in any::<i64>(), currency in prop::sample::select(vec!["EUR", "ISK", "KWD", "CLF"])) {
        let major = filtered(Filter::Major(currency.into()), json!(minor)).unwrap();
        prop_assert_eq!(filtered(Filter::Minor(currency.into()), major), Some(json!(minor)));
    }

    #[test]
    fn no_text_is_too_strange_for_a_filter(text in ".{0,20}|[0-9.eE+-]{0,24}") {
        for filter in [Filter::Integer, Filter::Number, Filter::Date, Filter::Minor("KWD".into()), Filter::Major("JPY".into())] {
            let _ = filtered(filter, json!(text));
        }
    }
}
