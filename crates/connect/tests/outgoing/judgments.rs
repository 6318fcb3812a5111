//! What answers mean.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use proptest::prelude::*;
use serde_json::{Value, json};
use statehouse_connect::call::{Asked, Verdict, judge, judge_ask};
use statehouse_connect::egress::Answer;
use statehouse_definition::model::Connector;

use super::wire::{Case, connector};

const CONNECTOR: &str = r#"
connector: one
class: Q
base: "https://api.example.com"
actions:
  plain:
    args: {}
    send: { post: /x }
  kept:
    args: {}
    send: { post: /x }
    result: { id: "{body.id}", reason: "{body.error.code}", status: "{status}", trace: "{header.x-trace}" }
  stated:
    args: {}
    send: { post: /x }
    answers:
      - { status: 402, means: failed }
      - { status: 2xx, where: { state: rejected, "items.0.n": "1" }, means: failed }
      - { status: 2xx, where: { state: rejected }, means: doubt }
      - { status: 404, where: { code: gone }, means: done }
      - { status: 500, means: failed }
      - { status: 422, means: busy }
      - { status: 503, means: busy }
  asked:
    args: { id: required }
    send: { post: /x }
    ask:
      get: "/x/{id}"
      where: { id: "{id}" }
      answers:
        - { status: 2xx, where: { state: failed }, means: failed }
        - { status: 2xx, where: { state: pending }, means: doubt }
      result: { id: "{object.id}" }
  listed:
    args: { id: required }
    send: { post: /x }
    ask:
      get: /x
      query: { ref: "{id}" }
      list: data.items
      where: { ref: "{id}", "money.currency": EUR }
      answers: [{ status: 2xx, where: { state: failed }, means: failed }, { status: 2xx, where: { state: pending }, means: busy }]
      result: { id: "{object.id}", more: "{body.more}" }
"#;

fn answer(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> Answer {
    let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect::<HeaderMap>();
    Answer { status, headers, body: Bytes::from(body.to_owned()) }
}

fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Done(_) => "done",
        Verdict::Failed { .. } => "failed",
        Verdict::Busy { .. } => "busy",
        Verdict::Doubt { .. } => "doubt",
    }
}

#[test]
fn a_status_has_a_meaning_of_its_own() {
    let connector = connector(CONNECTOR);
    let mean = |status: u16| word(&judge(&connector.actions["plain"], &answer(status, &[], ""), 0));
    for status in 100..=599 {
        let expected = match status {
            200..=299 => "done",
            // RFC 6585 and RFC 8470: these two say that it was not taken; no other status does.
            425 | 429 => "busy",
            408 | 409 => "doubt",
            300..=499 => "failed",
            _ => "doubt",
        };
        assert_eq!(mean(status), expected, "{status}");
    }
}

#[test]
fn what_the_definition_says_of_an_answer_comes_first() {
    let connector = connector(CONNECTOR);
    let cases = [
        (402, "{}", "failed"),
        (200, r#"{"state":"rejected","items":[{"n":1}]}"#, "failed"),
        (200, r#"{"state":"rejected","items":[{"n":2}]}"#, "doubt"),
        (200, r#"{"state":"rejected"}"#, "doubt"),
        (200, r#"{"state":"taken"}"#, "done"),
        (200, r#"{"state":null}"#, "done"),
        (404, r#"{"code":"gone"}"#, "done"),
        (404, r#"{"code":"other"}"#, "failed"),
        (404, "", "failed"),
        (500, "<html>", "failed"),
        (502, "<html>", "doubt"),
        (422, "{}", "busy"),
        // Its own documents say that it takes nothing then.
        (503, "{}", "busy"),
        // It would have to be read, and is none that can be.
        (200, "<html>maintenance</html>", "doubt"),
        (200, r#"{"state":"taken","state":"rejected"}"#, "doubt"),
        (200, "", "done"),
    ];
    for (status, body, expected) in cases {
        assert_eq!(word(&judge(&connector.actions["stated"], &answer(status, &[], body), 0)), expected, "{status} {body}");
    }
    let kept = judge(&connector.actions["kept"], &answer(200, &[], "<html>"), 0);
    assert_eq!(word(&kept), "doubt", "what is kept of it would be nothing");
    let unread = judge(&connector.actions["plain"], &answer(200, &[], "<html>"), 0);
    assert_eq!(word(&unread), "done", "a body that nobody reads says nothing");
}

#[test]
fn of_an_answer_is_kept_what_is_there() {
    let connector = connector(CONNECTOR);
    let kept =
        |status, body: &str| match judge(&connector.actions["kept"], &answer(status, &[("x-trace", "t1"), ("x-trace", "t2")], body), 0) {
            Verdict::Done(result) | Verdict::Failed { result, .. } => Value::Object(result),
            other => panic!("{other:?}"),
        };
    assert_eq!(kept(201, r#"{"id":7}"#), json!({"id": 7, "status": 201, "trace": "t1"}));
    assert_eq!(kept(400, r#"{"error":{"code":"no"}}"#), json!({"reason": "no", "status": 400, "trace": "t1"}));
    assert_eq!(kept(400, "<html>"), json!({"status": 400, "trace": "t1"}));
    assert_eq!(kept(204, ""), json!({"status": 204, "trace": "t1"}));
    assert_eq!(kept(200, r#"{"id":null}"#), json!({"status": 200, "trace": "t1"}));
    // Postgres stores no zero, and no more than a page is stored.
    assert_eq!(kept(200, r#"{"id":{"a\u0000":["\u0000b"]}}"#)["id"], json!({"a": ["b"]}));
    assert_eq!(kept(200, &json!({"id": "x".repeat(20_000)}).to_string()), json!({}));
    let failed = judge(&connector.actions["plain"], &answer(400, &[], ""), 0);
    assert!(matches!(failed, Verdict::Failed { code, .. } if code.code == "SH7004"));
}

#[test]
fn how_long_to_wait_is_told() {
    let connector = connector(CONNECTOR);
    let busy = |status, headers: &[(&'static str, &'static str)]| judge(&connector.actions["plain"], &answer(status, headers, ""), 0);
    let wait = |seconds: Option<u64>| Verdict::Busy { retry_after: seconds.map(Duration::from_secs) };
    assert_eq!(busy(429, &[("retry-after", "30")]), wait(Some(30)));
    assert_eq!(busy(429, &[("retry-after", "soon")]), wait(None));
    assert_eq!(busy(425, &[]), wait(None));
    // A gateway says so too where the one behind it has done it.
    assert_eq!(busy(503, &[("retry-after", "30")]), Verdict::Doubt { retry_after: Some(Duration::from_secs(30)) });
    assert_eq!(busy(503, &[]), Verdict::Doubt { retry_after: None });
    assert_eq!(busy(408, &[("retry-after", "soon")]), Verdict::Doubt { retry_after: None });
}

fn asked(connector: &Connector, action: &str, status: u16, body: &str) -> Asked {
    let given = json!({"action": action, "key": "k", "args": {"id": "7"}, "settings": {}, "secrets": {}});
    judge_ask(&connector.actions[action], &Case::of(&given.to_string(), &[]).given(), &answer(status, &[("retry-after", "5")], body))
}

fn told(connector: &Connector, action: &str, status: u16, body: &str) -> String {
    match asked(connector, action, status, body) {
        Asked::Happened(result) => format!("happened {}", Value::Object(result)),
        Asked::Failed { result, .. } => format!("failed {}", Value::Object(result)),
        Asked::NotThere => "not there".to_owned(),
        Asked::CannotTell { retry_after } => format!("cannot tell {}", retry_after.unwrap().as_secs()),
    }
}

#[test]
fn only_an_answer_that_is_surely_about_it_counts() {
    let connector = connector(CONNECTOR);
    let one = [
        (200, r#"{"id":7}"#, "happened {\"id\":7}"),
        (200, r#"{"id":"7","state":"failed"}"#, "failed {\"id\":\"7\"}"),
        (200, r#"{"id":"7","state":"pending"}"#, "cannot tell 5"),
        (200, r#"{"id":"8"}"#, "not there"),
        (404, r#"{"error":"no such"}"#, "not there"),
        (404, "", "not there"),
        (200, r#"{"error":"no such"}"#, "cannot tell 5"),
        (200, r#"[{"id":7}]"#, "cannot tell 5"),
        (200, "null", "cannot tell 5"),
        (200, "", "cannot tell 5"),
        (200, "<html>", "cannot tell 5"),
        (204, "", "cannot tell 5"),
        (302, r#"{"id":7}"#, "cannot tell 5"),
        (401, r#"{"id":7}"#, "cannot tell 5"),
        (403, "{}", "cannot tell 5"),
        (410, "{}", "cannot tell 5"),
        (429, "{}", "cannot tell 5"),
        (500, r#"{"id":7}"#, "cannot tell 5"),
        (503, "", "cannot tell 5"),
    ];
    for (status, body, expected) in one {
        assert_eq!(told(&connector, "asked", status, body), expected, "{status} {body}");
    }
    let item = |id: u32, reference: &str, state: &str| json!({"id": id, "ref": reference, "money": {"currency": "EUR"}, "state": state});
    let list = |items: Value| json!({"data": {"items": items}, "more": false}).to_string();
    let many = [
        (200, list(json!([])), "not there"),
        (200, list(json!([item(1, "8", "paid")])), "not there"),
        (200, list(json!([item(1, "8", "paid"), item(2, "7", "paid")])), "happened {\"id\":2,\"more\":false}"),
        (200, list(json!([item(1, "7", "failed"), item(2, "7", "paid")])), "happened {\"id\":2,\"more\":false}"),
        (200, list(json!([item(1, "7", "failed")])), "failed {\"id\":1,\"more\":false}"),
        (200, list(json!([item(1, "7", "failed"), item(2, "7", "pending")])), "cannot tell 5"),
        // Without a currency it may be this one; with another it is not.
        (200, list(json!([{"id": 1, "ref": "7"}])), "cannot tell 5"),
        (200, list(json!([{"id": 1, "ref": "8"}])), "not there"),
        (200, list(json!([{"id": 1, "ref": "7", "money": {"currency": "USD"}}])), "not there"),
        (200, list(json!([{"id": 1}, item(2, "7", "paid")])), "happened {\"id\":2,\"more\":false}"),
        (200, list(json!(["7"])), "cannot tell 5"),
        (200, list(json!({"0": item(1, "7", "paid")})), "cannot tell 5"),
        (200, r#"{"data":{}}"#.to_owned(), "cannot tell 5"),
        (200, "[]".to_owned(), "cannot tell 5"),
        (404, "{}".to_owned(), "cannot tell 5"),
        (500, list(json!([])), "cannot tell 5"),
    ];
    for (status, body, expected) in many {
        assert_eq!(told(&connector, "listed", status, &body), expected, "{status} {body}");
    }
    assert!(matches!(asked(&connector, "plain", 200, "{}"), Asked::CannotTell { .. }), "nobody said how to ask");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_answer_is_too_strange(status in 0_u16..1000, body in prop::collection::vec(any::<u8>(), 0..60), wait in "\\PC{0,20}") {
        let connector = connector(CONNECTOR);
        let mut answer = Answer { status, headers: HeaderMap::new(), body: body.into() };
        if let Ok(value) = wait.parse() {
            answer.headers.insert("retry-after", value);
        }
        let given = json!({"action": "listed", "key": "k", "args": {"id": "7"}, "settings": {}, "secrets": {}});
        let case = Case::of(&given.to_string(), &[]);
        for action in connector.actions.values() {
            let verdict = judge(action, &answer, 0);
            prop_assert!(!matches!(verdict, Verdict::Done(_)) || (200..300).contains(&status) || status == 404);
            // Random bytes never look like an empty list.
            let asked = judge_ask(action, &case.given(), &answer);
            prop_assert!(!matches!(asked, Asked::NotThere) || status == 404, "{:?}", asked);
        }
    }
}
