//! One verb, one record, one event.

use futures_util::future::join_all;
use serde_json::json;
use statehouse_fault::Code;
use statehouse_store::import::record_id;
use statehouse_store::record::{Move, Target, fire};

use crate::world;

fn golden() -> uuid::Uuid {
    record_id("nordur", "orders", "order", "golden-q2o-1")
}

#[tokio::test]
async fn a_move_and_what_refuses_it() {
    let world = world::full("fire").await;
    let (rep, other) = (world.enter("birkir").await, world.enter("michael").await);
    let (admin, client) = (world.enter("sigridur").await, world.enter("steinunn").await);
    let target = Target::Id(golden());
    let mut codes = Vec::new();
    let mut refused = async |session, wanted: Move<'_>| {
        let fault = fire(&world.api, session, &wanted).await.unwrap_err().fault();
        codes.push(format!("{} {}", fault.code, fault.detail));
        fault
    };
    refused(&rep, Move::new("order", target, "quote")).await;
    refused(&rep, Move::new("order", target, "vanish")).await;
    refused(&client, Move::new("order", target, "start")).await;
    refused(&other, Move::new("order", target, "start")).await;
    let moved = fire(&world.api, &rep, &Move { key: Some("k1"), ..Move::new("order", target, "start") }).await.unwrap();
    assert_eq!((moved.id, moved.state.as_str()), (golden(), "quoting"));
    let again = fire(&world.api, &rep, &Move { key: Some("k1"), ..Move::new("order", target, "start") }).await.unwrap();
    assert_eq!(again.version, moved.version, "the same key fires once");
    refused(&rep, Move { version: Some(1), ..Move::new("order", target, "quote") }).await;
    refused(&rep, Move { key: Some("k1"), ..Move::new("order", target, "quote") }).await;
    fire(&world.api, &rep, &Move::new("order", target, "quote")).await.unwrap();
    fire(&world.api, &client, &Move::new("order", target, "accept")).await.unwrap();
    refused(&admin, Move::new("order", target, "cancel")).await;
    let done = fire(&world.api, &admin, &Move::new("order", target, "confirm").with(&json!({"deposit": 50_000}))).await.unwrap();
    assert_eq!(done.state, "confirmed");
    let id = golden();
    let stale = format!("SH4012 `orders.order` {id} is at version {}, you saw 1", moved.version);
    assert_eq!(
        codes,
        [
            "SH4002 `quote` is not open from `inquiry`".to_owned(),
            "SH4001 `orders.order` has no verb `vanish`".into(),
            "SH4003 `start` is not for `client`".into(),
            format!("SH1002 there is no `order` `{id}` that you can see"),
            stale,
            "SH4018 the key `k1` was used for another request".into(),
            "SH4009 `cancel` must be handed `cancel_reason`".into(),
        ]
    );
    // Each refusal left its row, in a transaction of its own.
    assert_eq!(world.admin_value::<i64>("select count(*) from statehouse.refusal").await, 7);
}

#[tokio::test]
async fn the_golden_order_by_hand() {
    let world = world::full("golden").await;
    let row = world.admin().await;
    let row =
        row.query_one("select subtotal, discount, net, vat, gross, commission from orders.\"order\" where id = $1", &[&golden()]).await;
    let row = row.unwrap();
    let found: Vec<i64> = (0..6).map(|at| row.get(at)).collect();
    assert_eq!(found, [168_804, 5_064, 163_740, 39_298, 203_038, 4_488]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_sixty_four_callers_one_moves() {
    let world = world::full("race").await;
    let rep = world.enter("birkir").await;
    let before: i64 = world.admin_value("select count(*) from statehouse.event").await;
    let calls = (0..64).map(|_| async { fire(&world.api, &rep, &Move::new("order", Target::Id(golden()), "start")).await });
    let answers = join_all(calls).await;
    let moved = answers.iter().filter(|answer| answer.is_ok()).count();
    let codes: Vec<&Code> = answers.into_iter().filter_map(Result::err).map(|fault| fault.fault().code).collect();
    assert_eq!((moved, codes.len()), (1, 63));
    // Whoever looked before the move is stale, whoever looked after finds the verb closed.
    assert!(codes.iter().all(|code| ["SH4012", "SH4002"].contains(&code.code)), "{codes:?}");
    assert_eq!(world.admin_value::<i64>("select count(*) from statehouse.event").await, before + 1);
}
