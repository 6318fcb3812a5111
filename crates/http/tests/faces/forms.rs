//! Forms that anybody may fill in.

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::{Value, json};

use super::world::{Answer, World};

const FORM: &str = "/v1/forms/nordur/inquiry_form";
const PAGE: &str = "/f/nordur/inquiry_form";

fn inquiry() -> Value {
    json!({ "name": "Jón Jónsson", "phone": "+3545550199", "wanted": "print", "message": "500 leaflets" })
}

impl World {
    async fn submit(&self, body: &Value, key: Option<&str>) -> Answer {
        let mut request = Request::post(self.url(FORM)).header("content-type", "application/json");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        self.send(request.body(Body::from(body.to_string())).expect("a request")).await
    }

    async fn fill(&self, fields: &[(&str, &str)]) -> Answer {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request =
            Request::post(self.url(PAGE)).header("content-type", "application/x-www-form-urlencoded").header("accept-language", "pl");
        self.send(request.body(Body::from(body)).expect("a request")).await
    }

    fn requests(&self) -> String {
        self.db.value_as_superuser("select count(*) from orders.request")
    }
}

fn text(answer: &Answer) -> String {
    String::from_utf8(answer.bytes.clone()).expect("a page is text")
}

#[tokio::test]
async fn a_form_is_written_once_under_its_key() {
    let world = World::orders().await;
    for (key, requests) in [(Some("k-1"), "1"), (Some("k-1"), "1"), (Some("k-2"), "2"), (None, "3")] {
        let answer = world.submit(&inquiry(), key).await;
        assert_eq!((answer.status, &answer.body["accepted"]), (202, &json!(true)), "{answer:?}");
        assert_eq!(world.requests(), requests);
    }
    let stored = world.db.value_as_superuser("select distinct name, phone, wanted, message, state, tenant from orders.request");
    assert_eq!(stored, "Jón Jónsson|+3545550199|print|500 leaflets|new|1");
    let mut other = inquiry();
    other["message"] = json!("another");
    assert_eq!(world.submit(&other, Some("k-1")).await.code(), "SH4018");
}

#[tokio::test]
async fn what_fills_in_the_honeypot_is_told_the_same() {
    let world = World::orders().await;
    let accepted = world.submit(&inquiry(), None).await;
    let mut trapped = inquiry();
    trapped["website"] = json!("https://buy.example");
    let answer = world.submit(&trapped, None).await;
    assert_eq!((answer.status, &answer.bytes), (accepted.status, &accepted.bytes));
    assert_eq!(world.requests(), "1");
    trapped["website"] = json!("");
    assert_eq!(world.submit(&trapped, None).await.status, 202);
    assert_eq!(world.requests(), "2");
}

#[tokio::test]
async fn a_form_takes_its_fields_and_no_others() {
    let world = World::orders().await;
    let with = |name: &str, value: Value| {
        let mut body = inquiry();
        body[name] = value;
        body
    };
    for (body, answer, pointer) in [
        (with("taken_by", json!("00000000-0000-7000-8000-000000000000")), "400 SH6002", "/taken_by"),
        (with("state", json!("done")), "400 SH6002", "/state"),
        (with("tenant", json!(2)), "400 SH6002", "/tenant"),
        (with("phone", json!("call me")), "422 SH5015", "/phone"),
        (with("wanted", json!("everything")), "422 SH5015", "/wanted"),
        (with("message", json!("x".repeat(4001))), "422 SH5015", "/message"),
        (with("name", json!({ "a": 1 })), "422 SH5015", "/name"),
        (with("name", json!("  ")), "422 SH5015", "/name"),
        (with("message", json!("x".repeat(2001))), "422 SH5011", ""),
    ] {
        let refused = world.submit(&body, None).await;
        assert_eq!(format!("{} {}", refused.status, refused.code()), answer, "{body} {refused:?}");
        assert_eq!(refused.body["errors"][0]["pointer"].as_str().unwrap_or_default(), pointer);
    }
    assert_eq!(world.requests(), "0");
    for (path, answer) in [("/v1/forms/sudur/inquiry_form", "404 SH6304"), ("/v1/forms/nordur/inquiry", "404 SH6304")] {
        let refused = world.call(Method::POST, path, None, Some(&inquiry())).await;
        assert_eq!(format!("{} {}", refused.status, refused.code()), answer);
    }
}

#[tokio::test]
async fn an_address_sends_five_an_hour() {
    let world = World::orders().await;
    for _ in 0..5 {
        assert_eq!(world.submit(&inquiry(), None).await.status, 202);
    }
    let refused = world.submit(&inquiry(), None).await;
    assert_eq!((refused.status, refused.code()), (429, "SH6305"));
    let wait: u64 = refused.header("retry-after").parse().expect("seconds");
    assert!((1..=3600).contains(&wait), "{wait}");
    assert_eq!(world.requests(), "5");
    assert_eq!(
        world.db.value_as_superuser("select count(*) from statehouse.form_count where encode(who, 'escape') like '%127.0.0.1%'"),
        "0"
    );
}

#[tokio::test]
async fn the_page_is_filled_in_without_a_script() {
    let world = World::orders().await;
    let shown = world.call(Method::GET, PAGE, None, None).await;
    let html = text(&shown);
    assert_eq!(shown.status, 200);
    for expected in [
        "Ask for a quote",
        "Nordur",
        "name=\"phone\" type=\"tel\"",
        "<option value=\"logistics\">",
        "name=\"website\" tabindex=\"-1\"",
        "name=\"key\"",
    ] {
        assert!(html.contains(expected), "no `{expected}` in {html}");
    }
    assert!(!html.contains("<script") && !html.contains("taken_by"), "{html}");
    let key = html.split("name=\"key\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a key").to_owned();
    let fields = [
        ("key", key.as_str()),
        ("name", "Ewa <b>"),
        ("phone", "+48555550199"),
        ("email", ""),
        ("wanted", "auto"),
        ("message", "Brakes"),
        ("website", ""),
    ];
    let mut wrong = fields;
    wrong[2].1 = "call";
    let refused = world.fill(&wrong).await;
    assert_eq!(refused.status, 422);
    assert!(text(&refused).contains("Popraw: Telefon") && text(&refused).contains("Ewa &lt;b&gt;"), "{}", text(&refused));
    for _ in 0..2 {
        let sent = world.fill(&fields).await;
        assert_eq!(sent.status, 202, "{}", text(&sent));
        assert!(text(&sent).contains("Dziękujemy. Oddzwonimy"), "{}", text(&sent));
    }
    assert_eq!(world.requests(), "1");
    let missing = world.call(Method::GET, "/f/sudur/inquiry_form", None, None).await;
    assert_eq!(missing.status, 404);
    assert!(text(&missing).contains("SH6304"));
}
