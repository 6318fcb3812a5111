//! What was answered is known again after a restart.

use std::path::Path;

use serde_json::json;
use statehouse_sandbox::{Sandbox, Settings, State, Target, Wish};

use crate::client::{ask, bare, get, send};
use crate::receiver::Receiver;

async fn opened(log: &Path) -> Sandbox {
    Sandbox::start(Settings { log: Some(log.to_owned()), ..Settings::default() }).await.unwrap()
}

async fn pay(sandbox: &Sandbox) -> crate::client::Answer {
    let headers = [("content-type", "application/json"), ("authorization", "Bearer t"), ("idempotency-key", "key")];
    let body = json!({"amount": 2000, "currency": "eur", "confirm": true, "payment_method": "pm_card_visa", "metadata[reference]": "R"});
    ask("POST", &format!("{}/v1/payment_intents", sandbox.base("stripe")), &headers, body.to_string()).await.unwrap()
}

#[tokio::test]
async fn keys_and_objects_are_there_again() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let sandbox = opened(&log).await;
    for (provider, key) in [("k", "a"), ("q", "b"), ("n", "c")] {
        bare(&sandbox, provider, key).await.unwrap();
    }
    let paid = pay(&sandbox).await.json();
    send("POST", &format!("{}/invoices", sandbox.base("billing")), json!({"reference": "I", "amount": 5, "currency": "ISK"})).await;
    let before = sandbox.lines(0).len();
    sandbox.stop().await;

    let sandbox = opened(&log).await;
    assert_eq!(sandbox.lines(0).len(), before);
    let again = bare(&sandbox, "k", "a").await.unwrap();
    assert_eq!((again.json(), again.header("idempotent-replayed")), (json!({"id": "k_1"}), "true"));
    assert_eq!(get(&format!("{}/find?ref=b", sandbox.base("q"))).await.json(), json!({"found": [{"id": "q_2", "ref": "b"}]}));
    let again = pay(&sandbox).await;
    assert_eq!((again.json(), again.header("idempotent-replayed")), (paid.clone(), "true"));
    let search = format!("{}/v1/payment_intents/search?query=metadata%5B%27reference%27%5D%3A%27R%27", sandbox.base("stripe"));
    assert_eq!(get(&search).await.json()["data"][0], paid);
    assert_eq!(get(&format!("{}/invoices?reference=I", sandbox.base("billing"))).await.json()["data"][0]["amount"], 5);
    assert_eq!(sandbox.sent(None, 0, 9).unwrap().len(), 2);
    assert_eq!(sandbox.effects("k")["a"], 1);
}

#[tokio::test]
async fn what_was_forgotten_stays_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let sandbox = opened(&log).await;
    let first = pay(&sandbox).await.json();
    bare(&sandbox, "k", "a").await.unwrap();
    sandbox.forget_keys("stripe").unwrap();
    sandbox.forget_keys("k").unwrap();
    sandbox.stop().await;
    let sandbox = opened(&log).await;
    let second = pay(&sandbox).await.json();
    assert_ne!(first["id"], second["id"]);
    bare(&sandbox, "k", "a").await.unwrap();
    assert_eq!((sandbox.effects("k")["a"], sandbox.effects("stripe")["key"]), (2, 2));
}

#[tokio::test]
async fn a_message_that_was_owed_goes_out_later() {
    let folder = tempfile::tempdir().unwrap();
    let (log, receiver) = (folder.path().join("log"), Receiver::start().await);
    let sandbox = opened(&log).await;
    sandbox.hook_to("customs", vec![Target::new("http://127.0.0.1:9/", "").retrying_ms(&[60_000])]).unwrap();
    sandbox.hook(Wish::new("customs", "declaration.cleared", json!({"order": "A"}))).await.unwrap();
    let id = sandbox.deliveries(None)[0].id.clone();
    sandbox.stop().await;
    let hooks = [("customs".to_owned(), vec![Target::new(receiver.url(), "")])].into();
    let sandbox = Sandbox::start(Settings { log: Some(log), hooks, ..Settings::default() }).await.unwrap();
    assert_eq!(receiver.came(1).await[0].header("webhook-id"), id);
    assert!(sandbox.until(|sandbox| sandbox.deliveries(None)[0].state == State::Delivered).await);
    assert_eq!(sandbox.deliveries(None)[0].attempts, 2);
}

#[tokio::test]
async fn a_log_that_cannot_be_used_stops_it() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let _sandbox = opened(&log).await;
    let start = |path: &Path| Sandbox::start(Settings { log: Some(path.to_owned()), ..Settings::default() });
    assert_eq!(start(&log).await.unwrap_err().code.code, "SH7301");
    assert_eq!(start(folder.path()).await.unwrap_err().code.code, "SH7301");
    let beyond = Settings { listen: "0.0.0.0:0".parse().unwrap(), ..Settings::default() };
    assert_eq!(Sandbox::start(beyond).await.unwrap_err().code.code, "SH0009");
}

#[tokio::test]
async fn many_at_once_are_each_done_once() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = opened(&folder.path().join("log")).await;
    let mut all = tokio::task::JoinSet::new();
    for n in 0..200 {
        let (base, key) = (sandbox.base("k"), format!("key {}", n % 40));
        all.spawn(
            async move { ask("POST", &format!("{base}/send"), &[("idempotency-key", &key)], format!("{{\"ref\":\"{key}\"}}")).await },
        );
    }
    let answers = all.join_all().await;
    assert!(answers.iter().all(|answer| answer.as_ref().unwrap().status == 200));
    let effects = sandbox.effects("k");
    assert!(effects.len() == 40 && effects.values().all(|count| *count == 1), "{effects:?}");
    let numbers: Vec<u64> = sandbox.lines(0).iter().map(|line| line.n).collect();
    assert_eq!(numbers, (1..=200).collect::<Vec<_>>());
}
