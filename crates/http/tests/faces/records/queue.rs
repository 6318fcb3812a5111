//! Moves made while offline.

use axum::http::Method;
use serde_json::{Value, json};

use super::scene::{ask, count, fire, member, order, world};

fn moved(card: &Value) -> Vec<bool> {
    card["items"].as_array().expect("items").iter().map(|item| item["moved"] == true).collect()
}

fn codes(card: &Value) -> Vec<&str> {
    card["items"].as_array().expect("items").iter().map(|item| item["problem"]["code"].as_str().unwrap_or_default()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_refused_takes_its_followers_along() {
    let world = world("queue").await;
    let rep = member("rep");
    let id = order(&world, "mixed/quoting");
    // The office changed the order while the salesperson was away.
    let version: i32 =
        world.db.value_as_superuser(&format!("select version from orders.\"order\" where id = '{id}'")).parse().expect("a number");
    let items = json!({ "items": [
        { "entity": "order", "id": id, "verb": "quote", "key": "k1", "after": version - 1 },
        { "entity": "order", "id": id, "verb": "accept", "key": "k2", "after": "k1" },
        { "entity": "order", "id": id, "verb": "cancel", "input": { "cancel_reason": "no" }, "key": "k3", "after": "k2" },
    ] })
    .to_string();
    let before = (count(&world, "statehouse.event"), count(&world, "statehouse.effect"), count(&world, "statehouse.key"));
    let answer = ask(&world, &rep, Method::POST, "/v1/queue", &[], Some(&items)).await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    let cards = answer.body["cards"].as_array().expect("cards");
    assert_eq!((cards.len(), &cards[0]["refused"]), (1, &true.into()), "{cards:?}");
    assert_eq!((moved(&cards[0]), codes(&cards[0])), (vec![false; 3], vec!["SH4012", "SH6401", "SH6401"]));
    assert_eq!(before, (count(&world, "statehouse.event"), count(&world, "statehouse.effect"), count(&world, "statehouse.key")));
    // Without the protection: the same three moves, each by itself, do move.
    for (verb, body) in [("quote", None), ("accept", None), ("cancel", Some("{\"cancel_reason\":\"no\"}"))] {
        assert_eq!(fire(&world, &rep, &id, verb, &[], body).await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_may_be_sent_again_whole() {
    let world = world("queue_again").await;
    let rep = member("rep");
    let (one, two) = (order(&world, "mixed/quoting"), order(&world, "print_only/quoting"));
    let queue = |items: Value| json!({ "items": items }).to_string();
    let version: i32 =
        world.db.value_as_superuser(&format!("select version from orders.\"order\" where id = '{one}'")).parse().expect("a number");
    let first = queue(json!([
        { "entity": "order", "id": one, "verb": "quote", "key": "a1", "after": version },
        { "entity": "order", "id": two, "verb": "quote", "key": "b1" },
        { "entity": "order", "id": one, "verb": "accept", "key": "a2", "after": "a1" },
        { "entity": "order", "id": two, "verb": "start", "key": "b2", "after": "b1" },
        { "entity": "order", "id": two, "verb": "accept", "key": "b3", "after": "b2" },
    ]));
    let answer = ask(&world, &rep, Method::POST, "/v1/queue", &[], Some(&first)).await;
    let cards = answer.body["cards"].as_array().expect("cards").clone();
    assert_eq!(cards.iter().map(moved).collect::<Vec<_>>(), [vec![true, true], vec![true, false, false]], "{cards:?}");
    assert_eq!(codes(&cards[1]), ["", "SH4002", "SH6401"]);
    let events = count(&world, "statehouse.event");
    let again = ask(&world, &rep, Method::POST, "/v1/queue", &[], Some(&first)).await;
    let replayed = &again.body["cards"][0]["items"];
    assert_eq!(
        (&replayed[0]["replayed"], &replayed[0]["state"], &replayed[1]["state"]),
        (&true.into(), &"quoted".into(), &"accepted".into()),
        "{:?}",
        again.body
    );
    assert_eq!(replayed[0]["version"], cards[0]["items"][0]["version"]);
    assert_eq!(count(&world, "statehouse.event"), events);
    // A later queue may follow a move of an earlier one; nothing may have come between.
    let later =
        queue(json!([{ "entity": "order", "id": one, "verb": "cancel", "input": { "cancel_reason": "x" }, "key": "a3", "after": "a2" }]));
    let done = ask(&world, &rep, Method::POST, "/v1/queue", &[], Some(&later)).await;
    assert_eq!(moved(&done.body["cards"][0]), [true], "{:?}", done.body);
    let orphan = queue(json!([{ "entity": "order", "id": two, "verb": "accept", "key": "c1", "after": "never-sent" }]));
    let refused = ask(&world, &rep, Method::POST, "/v1/queue", &[], Some(&orphan)).await;
    assert_eq!(codes(&refused.body["cards"][0]), ["SH6401"]);
    for (body, code) in [
        ("{\"items\":[{}]}", "SH6001"),
        ("{\"items\":[],\"tenant\":1}", "SH6002"),
        ("{\"items\":[{\"entity\":\"order\",\"id\":\"x\",\"verb\":\"y\",\"key\":\"a b\"}]}", "SH6020"),
    ] {
        assert_eq!(ask(&world, &rep, Method::POST, "/v1/queue", &[], Some(body)).await.code(), code, "{body}");
    }
}
