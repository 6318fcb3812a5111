//! The controls over HTTP.

use serde_json::{Value, json};

use crate::client::{ask, at_noon, bare, get, send};
use crate::receiver::Receiver;

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn the_log_can_be_read_while_it_is_written() {
    let sandbox = at_noon().await;
    for key in ["a", "b", "a"] {
        bare(&sandbox, "k", key).await.unwrap();
    }
    bare(&sandbox, "n", "c").await.unwrap();
    let log = |query: &str| {
        let url = format!("http://{}/_/log{query}", sandbox.address);
        async move { lines(&get(&url).await.text).iter().map(|line| line["n"].as_u64().unwrap()).collect::<Vec<_>>() }
    };
    assert_eq!(log("").await, [1, 2, 3, 4]);
    assert_eq!(log("?provider=k").await, [1, 2, 3]);
    assert_eq!(log("?provider=k&effect=true").await, [1, 2]);
    assert_eq!(log("?after=2").await, [3, 4]);
    assert_eq!(log("?after=1&limit=1").await, [2]);
    let text = get(&format!("http://{}/_/log?limit=1", sandbox.address)).await.text;
    let expected = json!({
        "n": 1, "at": "2026-11-20T12:00:00.000000Z", "provider": "k", "op": "send", "key": "a", "ref": "a", "effect": true, "status": 200,
        "body": { "ref": "a" },
    });
    assert_eq!(lines(&text), [expected]);
}

#[tokio::test]
async fn what_was_sent_is_shown_to_people_and_programs() {
    let sandbox = at_noon().await;
    let form = "To=%2B3545551234&From=%2B15005550006&Body=%3Cb%3EHello%3C%2Fb%3E";
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("authorization", "Basic QUMxOnQ=")];
    ask("POST", &format!("{}/2010-04-01/Accounts/AC1/Messages.json", sandbox.base("twilio")), &headers, form).await.unwrap();
    send(
        "POST",
        &format!("{}/invoices", sandbox.base("billing")),
        json!({"reference": "R", "amount": 1250, "currency": "EUR", "customer": "C"}),
    )
    .await;
    let url = format!("http://{}/_/sent", sandbox.address);
    let found = get(&url).await.json();
    let row = |n: usize, name: &str| found["sent"][n][name].clone();
    assert_eq!(
        (row(0, "what"), row(0, "amount"), row(0, "currency"), row(0, "ref")),
        (json!("invoice"), json!(1250), json!("EUR"), json!("R"))
    );
    assert_eq!((row(1, "what"), row(1, "to"), row(1, "text")), (json!("text message"), json!("+3545551234"), json!("<b>Hello</b>")));
    assert_eq!(get(&format!("{url}?provider=twilio")).await.json()["sent"].as_array().map(Vec::len), Some(1));
    assert_eq!(get(&format!("{url}?after=1")).await.json()["sent"].as_array().map(Vec::len), Some(1));
    let page = ask("GET", &url, &[("accept", "text/html,application/xhtml+xml")], "").await.unwrap();
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(page.text.contains("12.50 EUR") && page.text.contains("&lt;b&gt;Hello") && !page.text.contains("<b>Hello"), "{}", page.text);
    let index = get(&format!("http://{}/", sandbox.address)).await.json();
    assert_eq!(index["providers"].as_array().map(Vec::len), Some(14));
    assert_eq!(index["providers"][0]["base"], sandbox.base("twilio"));
}

#[tokio::test]
async fn switches_limits_addresses_and_wishes_over_the_wire() {
    let (sandbox, receiver) = (at_noon().await, Receiver::start().await);
    let at = |path: &str| format!("http://{}/_/{path}", sandbox.address);
    let set = send("PUT", &at("faults"), json!({"provider": "k", "mode": "status", "status": 429, "retry_after": 30, "times": 1})).await;
    assert_eq!((set.status, set.json()[0]["fired"].clone()), (200, json!(0)));
    assert_eq!(bare(&sandbox, "k", "a").await.unwrap().status, 429);
    assert_eq!(get(&at("faults")).await.json()[0]["fired"], 1);
    send("PUT", &at("faults"), json!({"provider": "q", "mode": "reset_before"})).await;
    assert_eq!(
        send("PUT", &at("faults"), json!([{"provider": "n", "mode": "slow", "ms": 1}])).await.json().as_array().map(Vec::len),
        Some(1)
    );
    assert_eq!(ask("DELETE", &at("faults"), &[], "").await.unwrap().json(), json!([]));

    send("PUT", &at("limits"), json!({"n": {"per_second": 0.5}})).await;
    bare(&sandbox, "n", "a").await.unwrap();
    assert_eq!(bare(&sandbox, "n", "a").await.unwrap().header("retry-after"), "2");
    assert_eq!(send("PUT", &at("limits"), json!({"n": null})).await.json(), json!({}));

    let hooks = send("PUT", &at("hooks"), json!({"customs": {"url": receiver.url(), "secret": "whsec_c2VjcmV0"}})).await;
    assert_eq!(
        (hooks.json()["customs"][0]["url"].clone(), hooks.json()["customs"][0]["secret"].clone()),
        (receiver.url().into(), json!("…"))
    );
    let told = send("POST", &at("hook"), json!({"provider": "customs", "type": "declaration.cleared", "with": {"order": "ORD-17"}})).await;
    assert_eq!(told.json()["messages"][0]["status"], 200);
    assert_eq!(receiver.came(1).await[0].json()["data"]["order"], "ORD-17");
    assert_eq!(get(&at("deliveries?provider=customs")).await.json()["deliveries"][0]["state"], "delivered");

    assert_eq!(get(&at("clock")).await.json(), json!({"at": "2026-11-20T12:00:00.000000Z"}));
    assert_eq!(send("PUT", &at("clock"), json!({"advance_ms": 1500})).await.json(), json!({"at": "2026-11-20T12:00:01.500000Z"}));
    assert_eq!(send("PUT", &at("clock"), json!({"at": "2027-01-01T00:00:00Z"})).await.json(), json!({"at": "2027-01-01T00:00:00.000000Z"}));

    bare(&sandbox, "k", "a").await.unwrap();
    send("POST", &at("forget"), json!({"provider": "k"})).await;
    bare(&sandbox, "k", "a").await.unwrap();
    assert_eq!(sandbox.effects("k")["a"], 2);
    assert_eq!(send("POST", &at("resume"), json!({"provider": "asaas"})).await.json(), json!({"paused": false}));
    assert_eq!(send("POST", &at("reset"), json!({})).await.status, 200);
    assert!(sandbox.lines(0).is_empty());
    assert_eq!(bare(&sandbox, "k", "a").await.unwrap().json(), json!({"id": "k_1"}));
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_whole() {
    let sandbox = at_noon().await;
    for (method, path, body) in [
        ("PUT", "faults", json!({"provider": "twillio", "mode": "slow", "ms": 1})),
        ("PUT", "faults", json!({"provider": "k", "mode": "slow"})),
        ("PUT", "faults", json!([{"provider": "k", "mode": "reset_before"}, {"provider": "k", "mode": "nonsense"}])),
        ("PUT", "faults", json!({"provider": "k", "mode": "reset_before", "time": 1})),
        ("PUT", "hooks", json!({"k": {"url": "https://elsewhere.example/"}})),
        ("PUT", "hooks", json!({"customs": {"url": "http://127.0.0.1/", "secret": "whsec_%"}})),
        ("PUT", "limits", json!({"k": {"per_second": 0}})),
        ("PUT", "clock", json!({"at": "noon"})),
        ("POST", "hook", json!({"provider": "customs", "type": "declaration.cleared"})),
        ("POST", "forget", json!({"provider": "nobody"})),
        ("POST", "resume", json!({})),
    ] {
        let answer = send(method, &format!("http://{}/_/{path}", sandbox.address), body.clone()).await;
        assert_eq!((answer.status, answer.json()["code"].clone()), (400, json!("SH7302")), "{path} {body}: {}", answer.text);
    }
    assert!(sandbox.faults().is_empty() && sandbox.lines(0).is_empty());
    let nowhere = send("POST", &format!("http://{}/twillio/x", sandbox.address), json!({})).await;
    assert_eq!((nowhere.status, nowhere.json()["code"].clone()), (404, json!("SH6006")));
    assert_eq!(get(&format!("http://{}/_/nothing", sandbox.address)).await.status, 404);
}

#[tokio::test]
async fn a_page_of_somebody_elses_is_not_its_master() {
    let sandbox = at_noon().await;
    let url = format!("http://{}/_/reset", sandbox.address);
    // What a form of a page can send.
    for kind in ["text/plain", "application/x-www-form-urlencoded", ""] {
        let answer = ask("POST", &url, &[("content-type", kind)], "{}").await.unwrap();
        assert_eq!(answer.status, 400, "{kind}");
    }
    let json = ("content-type", "application/json");
    for (host, status) in [("sandbox.evil.example", 400), ("localhost:4010", 200), ("127.0.0.1:4010", 200), ("[::1]:4010", 200)] {
        let answer = ask("POST", &url, &[json, ("host", host)], "{}").await.unwrap();
        assert_eq!(answer.status, status, "{host}");
    }
}
