//! Messages that go out: when, where to, how often, and what the fault switches make of it.

use serde_json::{Value, json};
use statehouse_sandbox::{Handle, Mode, Sandbox, State, Switch, Target, Wish};

use crate::client::{ask, at_noon, send};
use crate::receiver::{Came, Receiver};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const TAKEN: &str = "Hello API Event Received";

async fn wired(provider: &str, target: impl FnOnce(Target) -> Target) -> (Sandbox, Receiver) {
    let (sandbox, receiver) = (at_noon().await, Receiver::start().await);
    sandbox.hook_to(provider, vec![target(Target::new(receiver.url(), SECRET).retrying_ms(&[20, 20, 20]))]).unwrap();
    (sandbox, receiver)
}

fn cleared(order: &str) -> Wish {
    Wish::new("customs", "declaration.cleared", json!({ "id": format!("dec_{order}"), "order": order, "mrn": "26IS0" }))
}

fn orders(came: &[Came]) -> Vec<String> {
    came.iter().map(|one| one.json()["data"]["order"].as_str().unwrap().to_owned()).collect()
}

fn settled(handle: &Handle, provider: &str) -> bool {
    handle.deliveries(Some(provider)).iter().all(|delivery| delivery.state != State::Pending)
}

#[tokio::test]
async fn a_wish_happens_and_is_told() {
    let (sandbox, receiver) = wired("customs", |target| target).await;
    let told = sandbox.hook(Wish { id: Some("msg_1".to_owned()), ..cleared("ORD-17") }).await.unwrap();
    assert_eq!((told.len(), told[0].id.as_str(), told[0].status), (1, "msg_1", Some(200)));
    let came = &receiver.came(1).await[0];
    let declaration = json!({
        "id": "dec_ORD-17", "order": "ORD-17", "account": "main", "status": "cleared", "mrn": "26IS0",
        "created_at": "2026-11-20T12:00:00.000Z", "updated_at": "2026-11-20T12:00:00.000Z",
    });
    let body = json!({ "type": "declaration.cleared", "timestamp": "2026-11-20T12:00:00.000Z", "account": "main", "data": declaration });
    assert_eq!((came.uri.as_str(), came.json()), ("/in/secret", body));
    // Whoever asks hears the same.
    let asked = ask("GET", &format!("{}/declarations/dec_ORD-17", sandbox.base("customs")), &[("authorization", "Bearer t")], "").await;
    assert_eq!(asked.unwrap().json(), declaration);
    // Nothing that was wished is an effect of the caller's.
    assert!(sandbox.lines(0).iter().all(|line| !line.effect));
}

#[tokio::test]
async fn sent_again_until_it_is_taken_or_given_up() {
    let (sandbox, receiver) = wired("customs", |target| target).await;
    receiver.answer(&[(500, ""), (302, "")]);
    sandbox.hook(cleared("A")).await.unwrap();
    assert!(sandbox.until(|sandbox| settled(sandbox, "customs")).await);
    let delivery = &sandbox.deliveries(Some("customs"))[0];
    assert_eq!((delivery.attempts, delivery.status, delivery.state), (3, Some(200), State::Delivered));
    let ids: Vec<Vec<u8>> = receiver.came(3).await.iter().map(|came| came.header("webhook-id").as_bytes().to_vec()).collect();
    assert!(ids.iter().all(|id| *id == ids[0]));
    receiver.answer(&[(500, ""); 4]);
    sandbox.hook(cleared("B")).await.unwrap();
    assert!(sandbox.until(|sandbox| settled(sandbox, "customs")).await);
    let delivery = &sandbox.deliveries(Some("customs"))[1];
    assert_eq!((delivery.attempts, delivery.status, delivery.state), (4, Some(500), State::GivenUp));
    let hooks = sandbox.log("customs").into_iter().filter(|line| line.op == "hook").count();
    assert_eq!(hooks, 7);
}

#[tokio::test]
async fn nobody_there_is_told_as_no_status() {
    let sandbox = at_noon().await;
    sandbox.hook_to("customs", vec![Target::new("http://127.0.0.1:9/in", SECRET).retrying_ms(&[])]).unwrap();
    let told = sandbox.hook(cleared("A")).await.unwrap();
    assert_eq!(told[0].status, None);
    assert_eq!(sandbox.deliveries(None)[0].state, State::GivenUp);
}

#[tokio::test]
async fn twice_and_never() {
    let (sandbox, receiver) = wired("customs", |target| target).await;
    sandbox.fault(Switch::new("customs", Mode::DuplicateHook).times(1)).unwrap();
    sandbox.hook(cleared("A")).await.unwrap();
    let came = receiver.came(2).await;
    assert_eq!((came[0].header("webhook-id"), &came[0].body), (came[1].header("webhook-id"), &came[1].body));
    sandbox.fault(Switch::new("customs", Mode::DropHook).on("declaration.cleared").times(1)).unwrap();
    sandbox.hook(cleared("B")).await.unwrap();
    sandbox.hook(cleared("C")).await.unwrap();
    assert_eq!(orders(&receiver.came(3).await), ["A", "A", "C"]);
    let states: Vec<State> = sandbox.deliveries(None).iter().map(|delivery| delivery.state).collect();
    assert_eq!(states, [State::Delivered, State::Dropped, State::Delivered]);
}

#[tokio::test]
async fn later_and_in_another_order() {
    let (sandbox, receiver) = wired("customs", |target| target).await;
    sandbox.fault(Switch::new("customs", Mode::DelayHook).ms(150).times(1)).unwrap();
    let late = sandbox.hook(cleared("late"));
    let soon = async {
        assert!(sandbox.until(|sandbox| sandbox.faults()[0].fired == 1 || !sandbox.deliveries(None).is_empty()).await);
        sandbox.hook(cleared("soon")).await
    };
    let (late, soon) = tokio::join!(late, soon);
    assert_eq!((late.unwrap()[0].status, soon.unwrap()[0].status), (Some(200), Some(200)));
    assert_eq!(orders(&receiver.came(2).await), ["soon", "late"]);
    sandbox.fault(Switch::new("customs", Mode::ReorderHooks).hold(3).ms(60_000)).unwrap();
    for order in ["A", "B"] {
        sandbox.hook(Wish { later: true, ..cleared(order) }).await.unwrap();
    }
    sandbox.hook(cleared("C")).await.unwrap();
    let came = orders(&receiver.came(5).await);
    assert_eq!(came.last().unwrap(), "A", "{came:?}");
    assert_ne!(came[2], "A");
    // One that stays alone goes when the time is over.
    sandbox.set_faults(vec![Switch::new("customs", Mode::ReorderHooks).hold(3).ms(50)]).unwrap();
    sandbox.hook(cleared("alone")).await.unwrap();
    assert_eq!(orders(&receiver.came(6).await)[5], "alone");
}

#[tokio::test]
async fn a_forged_one_before_the_real_one() {
    let (sandbox, receiver) = wired("customs", |target| target).await;
    receiver.answer(&[(401, ""), (200, "")]);
    sandbox.fault(Switch::new("customs", Mode::ForgeHook).times(1)).unwrap();
    sandbox.hook(cleared("A")).await.unwrap();
    let came = receiver.came(2).await;
    assert_eq!(came[0].header("webhook-id"), came[1].header("webhook-id"));
    assert_ne!(came[0].header("webhook-signature"), came[1].header("webhook-signature"));
    assert_eq!((came[0].json()["forged"].clone(), came[1].json()["forged"].clone()), (json!(true), Value::Null));
    assert_eq!(sandbox.deliveries(None)[0].attempts, 1);
    // Wished by hand, nothing happens at the provider.
    sandbox.hook(Wish { forge: true, ..cleared("B") }).await.unwrap();
    let asked = ask("GET", &format!("{}/declarations/dec_B", sandbox.base("customs")), &[("authorization", "Bearer t")], "").await;
    assert_eq!(asked.unwrap().status, 404);
}

#[tokio::test]
async fn said_otherwise_than_it_is() {
    let (sandbox, receiver) = wired("customs", |target| target).await;
    let wish = Wish { overlay: json!({"data": {"status": "held"}}), times: 3, id: Some("m".to_owned()), ..cleared("A") };
    assert_eq!(sandbox.hook(wish).await.unwrap().len(), 3);
    let came = receiver.came(3).await;
    assert!(came.iter().all(|came| came.json()["data"]["status"] == "held" && came.header("webhook-id") == "m"));
    sandbox.hook(Wish { drop: true, ..cleared("B") }).await.unwrap();
    let asked = ask("GET", &format!("{}/declarations?order=B", sandbox.base("customs")), &[("authorization", "Bearer t")], "").await;
    assert_eq!(asked.unwrap().json()["data"][0]["status"], "cleared");
    assert_eq!(receiver.so_far(), 3);
}

#[tokio::test]
async fn after_a_request_before_its_answer_and_by_hand() {
    let invoice = json!({ "reference": "R", "amount": 1, "currency": "ISK" });
    let (sandbox, receiver) = wired("billing", Target::before_reply).await;
    assert_eq!(send("POST", &format!("{}/invoices", sandbox.base("billing")), invoice.clone()).await.status, 201);
    assert_eq!(receiver.so_far(), 1);
    let (sandbox, receiver) = wired("billing", |target| target).await;
    send("POST", &format!("{}/invoices", sandbox.base("billing")), invoice.clone()).await;
    assert_eq!(receiver.came(1).await[0].json()["type"], "invoice.created");
    let (sandbox, receiver) = wired("billing", Target::by_hand).await;
    send("POST", &format!("{}/invoices", sandbox.base("billing")), invoice).await;
    sandbox.hook(Wish::new("billing", "invoice.paid", json!({"reference": "R"}))).await.unwrap();
    let came = receiver.came(1).await;
    assert_eq!((came.len(), came[0].json()["data"]["status"].clone()), (1, json!("paid")));
}

#[tokio::test]
async fn each_account_has_its_own_address() {
    let (sandbox, one, other) = (at_noon().await, Receiver::start().await, Receiver::start().await);
    let target = |receiver: &Receiver| Target::new(receiver.url(), SECRET);
    sandbox.hook_to("customs", vec![target(&one).of("nordur"), target(&other)]).unwrap();
    for account in ["nordur", "vestur"] {
        let with = json!({ "order": account, "account": account });
        sandbox.hook(Wish::new("customs", "declaration.cleared", with)).await.unwrap();
    }
    assert_eq!((orders(&one.came(1).await), orders(&other.came(1).await)), (vec!["nordur".to_owned()], vec!["vestur".to_owned()]));
}

#[tokio::test]
async fn asaas_takes_200_alone_and_pauses_after_fifteen_failures() {
    let (sandbox, receiver) = (at_noon().await, Receiver::start().await);
    sandbox.hook_to("asaas", vec![Target::new(receiver.url(), "token").retrying_ms(&[1; 30])]).unwrap();
    receiver.answer(&[(204, ""); 15]);
    let pay = json!({ "customer": "c", "billingType": "PIX", "value": 1, "dueDate": "2026-12-01" });
    let headers = [("content-type", "application/json"), ("access_token", "t")];
    for _ in 0..2 {
        ask("POST", &format!("{}/v3/payments", sandbox.base("asaas")), &headers, pay.to_string()).await.unwrap();
    }
    assert!(sandbox.until(|sandbox| sandbox.paused("asaas")).await);
    // Everything waits behind the one that fails.
    let came = receiver.came(15).await;
    assert!(came.iter().all(|one| one.json()["id"] == came[0].json()["id"] && one.header("asaas-access-token") == "token"));
    assert_eq!(receiver.so_far(), 15);
    sandbox.resume("asaas").unwrap();
    let came = receiver.came(17).await;
    assert_eq!(came[15].json()["id"], came[0].json()["id"]);
    assert_ne!(came[16].json()["id"], came[0].json()["id"]);
    assert!(!sandbox.paused("asaas"));
}

#[tokio::test]
async fn dropbox_sign_wants_its_literal_answer() {
    let (sandbox, receiver) = wired("dropboxsign", |target| target).await;
    receiver.answer(&[(200, "ok"), (200, TAKEN)]);
    let body = json!({ "title": "t", "file_urls": ["f"], "signers": [{"email_address": "a@b.example", "name": "A"}, {"email_address": "c@d.example", "name": "C"}] });
    let sent = send("POST", &format!("{}/v3/signature_request/send", sandbox.base("dropboxsign")), body).await;
    assert_eq!(sent.status, 200, "{}", sent.text);
    let id = sent.json()["signature_request"]["signature_request_id"].clone();
    assert_eq!(receiver.came(2).await.len(), 2);
    receiver.answer(&[(200, TAKEN); 3]);
    for signer in ["a@b.example", "c@d.example"] {
        sandbox.hook(Wish::new("dropboxsign", "signature_request_signed", json!({"id": id, "signer": signer}))).await.unwrap();
    }
    let kinds: Vec<String> = sandbox.deliveries(None).into_iter().map(|delivery| delivery.kind).collect();
    let expected = ["signature_request_sent", "signature_request_signed", "signature_request_signed", "signature_request_all_signed"];
    assert_eq!(kinds, expected);
    assert_eq!(receiver.came(5).await.len(), 5);
    let asked = ask(
        "GET",
        &format!("{}/v3/signature_request/{}", sandbox.base("dropboxsign"), id.as_str().unwrap()),
        &[("authorization", "Bearer t")],
        "",
    )
    .await;
    assert_eq!(asked.unwrap().json()["signature_request"]["is_complete"], true);
}

#[tokio::test]
async fn twilio_does_not_ask_a_second_time_for_a_better_answer() {
    let (sandbox, receiver) = (at_noon().await, Receiver::start().await);
    sandbox.hook_to("twilio", vec![Target::new("http://127.0.0.1:9/", "12345")]).unwrap();
    receiver.answer(&[(500, ""), (500, "")]);
    let form = format!("To=%2B3545551234&From=%2B15005550006&Body=x&StatusCallback={}", receiver.url());
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("authorization", "Basic QUMxOnQ=")];
    let url = format!("{}/2010-04-01/Accounts/AC1/Messages.json", sandbox.base("twilio"));
    assert_eq!(ask("POST", &url, &headers, form).await.unwrap().status, 201);
    assert!(sandbox.until(|sandbox| sandbox.deliveries(None).len() == 2 && settled(sandbox, "twilio")).await);
    let deliveries = sandbox.deliveries(None);
    assert!(deliveries.iter().all(|one| (one.attempts, one.status, one.state) == (1, Some(500), State::GivenUp)), "{deliveries:?}");
    assert_eq!(receiver.came(2).await.len(), 2);
}

#[tokio::test]
async fn pix_is_paid_late_twice_and_several_at_once() {
    let (sandbox, receiver) = wired("pix", |target| target).await;
    let charge = |txid: &str| {
        let url = format!("{}/v2/cob/{txid}", sandbox.base("pix"));
        async move { send("PUT", &url, json!({"calendario": {"expiracao": 60}, "valor": {"original": "37.00"}, "chave": "key"})).await }
    };
    let (one, two) = ("a".repeat(26), "b".repeat(26));
    assert_eq!((charge(&one).await.status, charge(&two).await.status), (201, 201));
    sandbox.clock().advance(std::time::Duration::from_secs(3_600));
    sandbox.hook(Wish::new("pix", "paid", json!({"txids": [one, two]}))).await.unwrap();
    sandbox.hook(Wish::new("pix", "paid", json!({"txid": one, "valor": "10.00"}))).await.unwrap();
    let came = receiver.came(2).await;
    assert_eq!(came[0].uri, "/in/secret/pix");
    let paid = came[0].json()["pix"].clone();
    assert_eq!((paid[0]["txid"].as_str(), paid[1]["txid"].as_str(), paid[1]["valor"].as_str()), (Some(&*one), Some(&*two), Some("37.00")));
    let e2eid = paid[0]["endToEndId"].as_str().unwrap().to_owned();
    assert_eq!((e2eid.len(), &e2eid[..21]), (32, "E12345678202611201300"));
    let asked = crate::client::get(&format!("{}/v2/cob/{one}", sandbox.base("pix"))).await.json();
    assert_eq!((asked["status"].as_str(), asked["pix"].as_array().map(Vec::len)), (Some("CONCLUIDA"), Some(2)));
    // A return, which is told when it is final; and once more with its id.
    let back = format!("{}/v2/pix/{e2eid}/devolucao/R1", sandbox.base("pix"));
    let given = send("PUT", &back, json!({"valor": "7.89"})).await;
    assert_eq!((given.status, given.json()["status"].as_str()), (201, Some("EM_PROCESSAMENTO")));
    assert_eq!(given.json()["rtrId"].as_str().map(str::len), Some(32));
    assert_eq!(receiver.came(3).await[2].json()["pix"][0]["devolucoes"][0]["status"], "DEVOLVIDO");
    assert_eq!(send("PUT", &back, json!({"valor": "7.89"})).await.status, 400);
    assert_eq!(crate::client::get(&back).await.json()["status"], "DEVOLVIDO");
    let too_much = format!("{}/v2/pix/{e2eid}/devolucao/R2", sandbox.base("pix"));
    assert_eq!(send("PUT", &too_much, json!({"valor": "29.12"})).await.status, 400);
    sandbox.hook(Wish::new("pix", "returned", json!({"e2eid": e2eid, "id": "R1", "status": "NAO_REALIZADO"}))).await.unwrap();
    assert_eq!(send("PUT", &too_much, json!({"valor": "29.12"})).await.status, 201);
}

#[tokio::test]
async fn what_a_provider_does_not_know_is_said() {
    let sandbox = at_noon().await;
    for (provider, kind, with) in [
        ("twillio", "message.sent", json!({})),
        ("k", "anything", json!({})),
        ("stripe", "payment_intent.succeeded", json!({"id": "pi_0"})),
        ("pix", "paid", json!({})),
        ("customs", "cleared", json!({"order": "A"})),
        ("billing", "invoice.paid", json!({"reference": "none"})),
    ] {
        let fault = sandbox.hook(Wish::new(provider, kind, with)).await.unwrap_err();
        assert_eq!(fault.code.code, "SH7302", "{provider}");
    }
    assert!(sandbox.lines(0).is_empty());
}
