//! Every fault switch, seen by somebody who has nothing but a connection.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use serde_json::json;
use statehouse_sandbox::{Line, Mode, RetryAfter, Sandbox, Switch};

use crate::client::{PATIENCE, at_noon, bare, get, raw, rest, send};

fn last(sandbox: &Sandbox, provider: &str) -> Line {
    sandbox.log(provider).pop().expect("a line")
}

/// Waits for something that no line tells of.
async fn eventually(what: &str, holds: impl Fn() -> bool) {
    let looking = async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, looking).await.is_ok(), "{what}");
}

#[tokio::test]
async fn done_and_never_answered_until_the_caller_goes() {
    let sandbox = at_noon().await;
    sandbox.fault(Switch::new("k", Mode::AcceptThenHang).times(1)).unwrap();
    let stream = raw(&sandbox, "k", "a").await;
    assert!(sandbox.until(|sandbox| sandbox.log("k").len() == 1).await);
    eventually("it hangs", || sandbox.hanging() == 1).await;
    let line = last(&sandbox, "k");
    assert_eq!((line.effect, line.status, line.fault.as_deref()), (true, None, Some("accept_then_hang")));
    let mut byte = [0];
    assert_eq!(stream.try_read(&mut byte).unwrap_err().kind(), ErrorKind::WouldBlock);
    drop(stream);
    eventually("the caller has gone", || sandbox.hanging() == 0).await;
    // Asked again with the same key, it is found done.
    let again = bare(&sandbox, "k", "a").await.unwrap();
    assert_eq!((again.json(), again.header("idempotent-replayed")), (json!({"id": "k_1"}), "true"));
    assert_eq!(sandbox.effects("k")["a"], 1);
}

#[tokio::test]
async fn what_hangs_ends_with_the_sandbox() {
    let sandbox = at_noon().await;
    sandbox.fault(Switch::new("*", Mode::AcceptThenHang)).unwrap();
    let mut stream = raw(&sandbox, "n", "a").await;
    eventually("it hangs", || sandbox.hanging() == 1).await;
    sandbox.stop().await;
    assert_eq!(rest(&mut stream).await.unwrap_or_default(), "");
}

#[tokio::test]
async fn done_and_reset() {
    let sandbox = at_noon().await;
    sandbox.fault(Switch::new("q", Mode::AcceptThenReset).times(1)).unwrap();
    let mut stream = raw(&sandbox, "q", "a").await;
    assert_eq!(rest(&mut stream).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert!(last(&sandbox, "q").effect);
    let found = get(&format!("{}/find?ref=a", sandbox.base("q"))).await;
    assert_eq!(found.json(), json!({"found": [{"id": "q_1", "ref": "a"}]}));
}

#[tokio::test]
async fn reset_and_not_done() {
    let sandbox = at_noon().await;
    sandbox.fault(Switch::new("q", Mode::ResetBefore).times(1)).unwrap();
    let mut stream = raw(&sandbox, "q", "a").await;
    assert_eq!(rest(&mut stream).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    let line = last(&sandbox, "q");
    assert_eq!((line.effect, line.fault.as_deref()), (false, Some("reset_before")));
    assert_eq!(get(&format!("{}/find?ref=a", sandbox.base("q"))).await.json(), json!({"found": []}));
    assert_eq!(bare(&sandbox, "q", "a").await.unwrap().status, 200);
}

#[tokio::test]
async fn too_many_requests_with_every_kind_of_time_to_wait() {
    let sandbox = at_noon().await;
    let cases = [
        (Some(RetryAfter::Seconds(30)), "30", Some(30_000)),
        (Some(RetryAfter::Seconds(-5)), "-5", Some(0)),
        (Some(RetryAfter::Text("date:30".to_owned())), "Fri, 20 Nov 2026 12:00:30 GMT", Some(30_000)),
        (Some(RetryAfter::Text("soon".to_owned())), "soon", None),
        (None, "", None),
    ];
    for (retry_after, header, wait_ms) in cases {
        sandbox.fault(Switch { retry_after, ..Switch::status("n", 429).times(1) }).unwrap();
        let answer = bare(&sandbox, "n", "a").await.unwrap();
        assert_eq!((answer.status, answer.header("retry-after")), (429, header));
        let line = last(&sandbox, "n");
        assert_eq!((line.effect, line.status, line.wait_ms), (false, Some(429), wait_ms));
    }
    assert_eq!(bare(&sandbox, "n", "a").await.unwrap().status, 200);
}

#[tokio::test]
async fn five_hundred_is_after_it_was_done_and_503_before() {
    let sandbox = at_noon().await;
    for (status, done) in [(500, true), (502, true), (503, false), (504, false), (401, false)] {
        sandbox.fault(Switch::status("n", status).times(1)).unwrap();
        assert_eq!(bare(&sandbox, "n", "a").await.unwrap().status, status);
        assert_eq!(last(&sandbox, "n").effect, done, "{status}");
    }
    sandbox.fault(Switch { done: Some(true), ..Switch::status("n", 503).times(1) }).unwrap();
    assert_eq!(bare(&sandbox, "n", "a").await.unwrap().status, 503);
    assert!(last(&sandbox, "n").effect);
}

#[tokio::test]
async fn a_stored_failure_is_given_again_by_stripe_and_by_no_other() {
    let sandbox = at_noon().await;
    let pay = |provider: &'static str, path: &'static str| {
        let url = format!("{}{path}", sandbox.base(provider));
        async move {
            let body = json!({"amount": 100, "currency": "EUR", "reference": "r", "payment_method": "pm_card_visa", "confirm": true});
            let headers =
                [("content-type", "application/json"), ("authorization", "Bearer t"), ("idempotency-key", "a"), ("x-idempotency-key", "a")];
            crate::client::ask("POST", &url, &headers, body.to_string()).await.unwrap()
        }
    };
    for (provider, path, again) in [("stripe", "/v1/payment_intents", 500), ("billing", "/invoices", 201)] {
        sandbox.fault(Switch::status(provider, 500).times(1)).unwrap();
        assert_eq!(pay(provider, path).await.status, 500);
        let second = pay(provider, path).await;
        assert_eq!((second.status, second.header("idempotent-replayed")), (again, "true"), "{provider}");
        assert_eq!(sandbox.effects(provider)["a"], 1, "{provider}");
    }
    // The way to learn of it is to look.
    let found = get(&format!("{}/v1/payment_intents?limit=1", sandbox.base("stripe"))).await.json();
    assert_eq!(found["data"][0]["status"], "succeeded");
}

#[tokio::test]
async fn an_answer_in_drops() {
    let sandbox = at_noon().await;
    sandbox.fault(Switch::new("k", Mode::Slow).ms(300).times(1)).unwrap();
    let begun = Instant::now();
    let answer = bare(&sandbox, "k", "a").await.unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(250), "{:?}", begun.elapsed());
    assert_eq!((answer.status, answer.json()), (200, json!({"id": "k_1"})));
}

#[tokio::test]
async fn a_share_of_requests_and_only_those_meant() {
    let sandbox = at_noon().await;
    sandbox.fault(Switch::status("k", 503).share(0.5, 11)).unwrap();
    let mut failed = 0;
    for n in 0..200 {
        failed += u32::from(bare(&sandbox, "k", &format!("key {n}")).await.unwrap().status == 503);
    }
    assert!((70..130).contains(&failed), "{failed}");
    let standing = sandbox.faults();
    assert_eq!((standing[0].asked, standing[0].fired), (200, u64::from(failed)));
    assert_eq!(bare(&sandbox, "n", "a").await.unwrap().status, 200);
    sandbox.clear_faults();
    sandbox.fault(Switch::status("q", 503).on("*")).unwrap();
    assert_eq!(get(&format!("{}/find?ref=a", sandbox.base("q"))).await.status, 503);
}

#[tokio::test]
async fn a_refusal_is_in_the_providers_own_form() {
    let sandbox = at_noon().await;
    sandbox.fault(Switch::status("*", 429).on("*").retry_after_s(7)).unwrap();
    let cases = [
        ("twilio", "/2010-04-01/Accounts/AC1/Messages.json", "/code", json!(20429)),
        ("meta", "/v21.0/1/messages", "/error/code", json!(80007)),
        ("telegram", "/bot1:a/sendMessage", "/parameters/retry_after", json!(7)),
        ("mail", "/email", "/ErrorCode", json!(429)),
        ("stripe", "/v1/payment_intents", "/error/code", json!("rate_limit")),
        ("mercadopago", "/v1/payments", "/status", json!(429)),
        ("asaas", "/v3/payments", "/errors/0/code", json!("too_many_requests")),
        ("pix", "/v2/cob", "/status", json!(429)),
        ("dropboxsign", "/v3/signature_request/send", "/error/error_name", json!("exceeded_rate")),
        ("billing", "/invoices", "/error/code", json!("too_many_requests")),
        ("customs", "/declarations", "/error/code", json!("too_many_requests")),
    ];
    for (provider, path, pointer, expected) in cases {
        let answer = send("POST", &format!("{}{path}", sandbox.base(provider)), json!({})).await;
        assert_eq!((answer.status, answer.header("retry-after")), (429, "7"), "{provider}");
        assert_eq!(answer.json().pointer(pointer), Some(&expected), "{provider}: {}", answer.text);
    }
}
