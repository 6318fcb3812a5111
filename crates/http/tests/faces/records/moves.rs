//! What is open and why not, one move, many at once.

use axum::http::Method;
use serde_json::{Value, json};

use super::scene::{ask, count, fire, get, member, order, world};

fn open(answer: &crate::world::Answer) -> Vec<String> {
    let all = answer.body["data"].as_array().cloned().unwrap_or_default();
    all.iter().filter(|one| one["open"] == true).map(|one| one["verb"].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_verb_is_open_or_says_why_not() {
    let world = world("openings").await;
    let (rep, admin, client) = (member("rep"), member("admin"), member("client"));
    let (quoted, bare) = (order(&world, "mixed/quoted"), order(&world, "theirs"));
    let before = (count(&world, "statehouse.event"), count(&world, "statehouse.effect"), count(&world, "statehouse.lock"));
    let answer = get(&world, &rep, &format!("/v1/order/{quoted}/transitions")).await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    assert_eq!(open(&answer), ["requote", "accept", "cancel", "hand_over"]);
    let start = &answer.body["data"][0];
    assert_eq!((&start["verb"], &start["open"], &start["refused_by"][0]["code"]), (&"start".into(), &false.into(), &"SH4002".into()));
    let cancel = answer.body["data"].as_array().expect("verbs").iter().find(|one| one["verb"] == "cancel").expect("cancel");
    assert_eq!(cancel["input"]["required"], json!(["cancel_reason"]));
    assert_eq!(open(&get(&world, &client, &format!("/v1/order/{quoted}/transitions")).await), ["accept", "decline"]);
    // Every guard that refuses is told, in the caller's language.
    let shipped = order(&world, "mixed/shipped");
    let answer =
        ask(&world, &member("ops"), Method::GET, &format!("/v1/order/{shipped}/transitions"), &[("accept-language", "pl")], None).await;
    let dispatch = answer.body["data"].as_array().expect("verbs").iter().find(|one| one["verb"] == "dispatch").expect("dispatch").clone();
    assert_eq!((&dispatch["open"], &dispatch["label"]), (&false.into(), &"Do doręczenia".into()));
    assert_eq!(dispatch["refused_by"][0]["guard"], "nothing_imported");
    assert_eq!(dispatch["refused_by"][0]["message"], "Towary importowane muszą przejść odprawę");
    // A verb by capability is listed for who holds it.
    let held = get(&world, &admin, &format!("/v1/order/{bare}/transitions")).await;
    assert!(held.body["data"].as_array().expect("verbs").iter().any(|one| one["verb"] == "hand_over"), "{:?}", held.body);
    // Nothing was done by asking.
    assert_eq!(before, (count(&world, "statehouse.event"), count(&world, "statehouse.effect"), count(&world, "statehouse.lock")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_and_its_refusals() {
    let world = world("moves").await;
    let (rep, admin) = (member("rep"), member("admin"));
    let id = order(&world, "mixed/quoted");
    let version: i32 =
        world.db.value_as_superuser(&format!("select version from orders.\"order\" where id = '{id}'")).parse().expect("a number");
    let tag = |version: i32| format!("\"v{version}\"");
    let events = count(&world, "statehouse.event");
    for (who, verb, headers, body, expected) in [
        (&rep, "vanish", vec![], None, (404, "SH4001")),
        (&rep, "start", vec![], None, (409, "SH4002")),
        (&admin, "accept", vec![], None, (403, "SH4003")),
        (&rep, "accept", vec![("if-match", tag(version - 1))], None, (412, "SH6014")),
        (&rep, "accept", vec![("if-match", "\"seven\"".to_owned())], None, (400, "SH6010")),
        (&rep, "accept", vec![], Some("{\"tenant\":2}"), (400, "SH6002")),
        (&rep, "accept", vec![], Some("[]"), (400, "SH6001")),
        (&rep, "cancel", vec![], None, (422, "SH4009")),
        (&rep, "cancel", vec![], Some("{\"cancel_reason\":1,\"cancel_reason\":2}"), (400, "SH6001")),
        (&rep, "hand_over", vec![], Some("{\"rep\":\"me\"}"), (422, "SH5015")),
        (&rep, "~erase", vec![], None, (404, "SH4001")),
        (&rep, "accept", vec![("idempotency-key", "a b".to_owned())], None, (400, "SH6020")),
    ] {
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = fire(&world, who, &id, verb, &headers, body).await;
        assert_eq!((answer.status, answer.code()), expected, "{verb}: {:?}", answer.body);
    }
    assert_eq!(count(&world, "statehouse.event"), events);
    let moved = fire(&world, &rep, &id, "accept", &[("if-match", &tag(version))], None).await;
    assert_eq!((moved.status, &moved.body["state"]), (200, &"accepted".into()), "{:?}", moved.body);
    assert_eq!((moved.header("etag"), moved.header("move-version")), (tag(version + 1).as_str(), (version + 1).to_string().as_str()));
    assert_eq!(moved.bytes, get(&world, &rep, &format!("/v1/order/{id}")).await.bytes);
    // A record handed on is out of sight, and that is said.
    let other = statehouse_testkit::people::Persona::second("orders", statehouse_testkit::people::NORDUR, "rep");
    let body = json!({ "rep": other.id() }).to_string();
    let gone = fire(&world, &rep, &id, "hand_over", &[("idempotency-key", "h1")], Some(&body)).await;
    assert_eq!((gone.status, gone.bytes.len()), (204, 0), "{:?}", gone.body);
    assert_eq!(get(&world, &rep, &format!("/v1/order/{id}")).await.status, 404);
    // The same request is answered as it was, though the record is out of sight; another body is not.
    let again = fire(&world, &rep, &id, "hand_over", &[("idempotency-key", "h1")], Some(&body)).await;
    assert_eq!(
        (again.status, again.header("idempotency-replayed"), again.header("move-version")),
        (204, "true", gone.header("move-version"))
    );
    let another = json!({ "rep": rep.id() }).to_string();
    assert_eq!(fire(&world, &rep, &id, "hand_over", &[("idempotency-key", "h1")], Some(&another)).await.code(), "SH4018");
    let minimal = fire(&world, &other, &id, "cancel", &[("prefer", "return=minimal")], Some("{\"cancel_reason\":\"no\"}")).await;
    assert_eq!((minimal.status, minimal.header("move-version").is_empty()), (204, false), "{:?}", minimal.body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_moves_each_with_its_verdict() {
    let world = world("bulk").await;
    let rep = member("rep");
    let (one, two, closed) = (order(&world, "mixed/quoted"), order(&world, "print_only/quoted"), order(&world, "mixed/closed"));
    let theirs = order(&world, "theirs");
    let reference = world.db.value_as_superuser(&format!("select reference from orders.\"order\" where id = '{two}'"));
    let body = json!({ "verb": "cancel", "items": [
        { "id": one, "input": { "cancel_reason": "first" }, "key": "b1" },
        { "id": closed, "input": { "cancel_reason": "second" } },
        { "id": theirs, "input": { "cancel_reason": "third" } },
        { "id": reference, "input": { "cancel_reason": "fourth" }, "version": 1 },
        { "id": "ORD-nowhere" },
    ] })
    .to_string();
    let answer = ask(&world, &rep, Method::POST, "/v1/order/bulk", &[], Some(&body)).await;
    assert_eq!(answer.status, 207, "{:?}", answer.body);
    let verdicts: Vec<Value> =
        answer.body["data"].as_array().expect("verdicts").iter().map(|one| json!([one["moved"], one["problem"]["code"]])).collect();
    assert_eq!(
        verdicts,
        [json!([true, null]), json!([false, "SH4002"]), json!([false, "SH1002"]), json!([false, "SH4012"]), json!([false, "SH1002"])]
    );
    let reason = |id: &str| world.db.value_as_superuser(&format!("select cancel_reason from orders.\"order\" where id = '{id}'"));
    assert_eq!((reason(&one).as_str(), reason(&two).as_str()), ("first", ""));
    // Again, with the same key: the answer it had. And twice in one call: once.
    let body = json!({ "verb": "cancel", "items": [
        { "id": one, "input": { "cancel_reason": "first" }, "key": "b1" },
        { "id": two, "input": { "cancel_reason": "fourth" }, "key": "b2" },
        { "id": two, "input": { "cancel_reason": "fourth" }, "key": "b2" },
    ] })
    .to_string();
    let events = count(&world, "statehouse.event");
    let answer = ask(&world, &rep, Method::POST, "/v1/order/bulk", &[], Some(&body)).await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    let replayed: Vec<&Value> = answer.body["data"].as_array().expect("verdicts").iter().map(|one| &one["replayed"]).collect();
    assert_eq!(replayed, [true, false, true]);
    assert_eq!((&answer.body["data"][0]["state"], &answer.body["data"][2]["state"]), (&"cancelled".into(), &"cancelled".into()));
    assert_eq!(count(&world, "statehouse.event"), events + 1);
    let many: Vec<Value> = (0..1001).map(|_| json!({ "id": one })).collect();
    let answer =
        ask(&world, &rep, Method::POST, "/v1/order/bulk", &[], Some(&json!({ "verb": "cancel", "items": many }).to_string())).await;
    assert_eq!((answer.status, answer.code()), (429, "SH8002"));
    for (body, code) in [
        ("{}", "SH6001"),
        ("{\"verb\":\"cancel\",\"items\":[],\"tenant\":2}", "SH6002"),
        ("{\"verb\":\"cancel\",\"items\":[{\"id\":\"x\",\"state\":\"closed\"}]}", "SH6002"),
    ] {
        assert_eq!(ask(&world, &rep, Method::POST, "/v1/order/bulk", &[], Some(body)).await.code(), code, "{body}");
    }
}
