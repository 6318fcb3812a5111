//! Moves that meet go out together, and each hears what it would have heard alone.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use statehouse_store::record::{Lanes, Move, Target};
use statehouse_store::{Db, Login};
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::world;

const INQUIRIES: &str =
    "select array_agg(id order by id) from orders.\"order\" where state = 'inquiry' and id in (select \"order\" from orders.order_lines)";

#[tokio::test]
async fn a_crowd_shares_transactions() {
    let world = world::full("together").await;
    let admin = world.enter("sigridur").await;
    let ids: Vec<Uuid> = world.admin_value(INQUIRIES).await;
    let (mut wanted, moving) = (ids[..101].to_vec(), 100);
    let started = wanted.pop().unwrap();
    let lanes = Lanes::new(world.api.clone());
    lanes.fire(&admin, &Move::new("order", Target::Id(started), "start")).await.unwrap();
    // One that is no longer open, one that is not there, one wanted twice under its key and one wanted twice without.
    let (absent, twice) = (Uuid::from_u128(7), wanted[60]);
    wanted.extend([started, absent, wanted[50], twice]);
    let keys: Vec<String> = wanted.iter().map(|id| format!("key {id}")).collect();
    let calls = wanted.iter().zip(&keys).map(|(id, key)| {
        let key = Some(key.as_str()).filter(|_| *id != twice);
        let wanted = Move { key, ..Move::new("order", Target::Id(*id), "start") };
        let lanes = &lanes;
        let admin = &admin;
        async move { lanes.fire(admin, &wanted).await }
    });
    let answers = join_all(calls).await;
    let codes: Vec<&str> = answers.iter().filter_map(|answer| answer.as_ref().err()).map(|fault| fault.fault().code.code).collect();
    let mut sorted = codes.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, ["SH1002", "SH4002", "SH4002"], "one absent, one started before, one wanted twice without a key");
    let moved = answers.iter().filter_map(|answer| answer.as_ref().ok()).filter(|moved| moved.state == "quoting").count();
    assert_eq!(moved, moving + 1, "one of them twice, under one key");
    let counted = |text: &str| format!("select count({text}) from statehouse.event where verb = 'start'");
    assert_eq!(world.admin_value::<i64>(&counted("*")).await, moving as i64 + 1);
    let transactions = world.admin_value::<i64>(&counted("distinct xid")).await;
    assert!(transactions < 20, "{transactions} transactions for {moving} moves");
    assert_eq!(world.admin_value::<i64>("select count(*) from statehouse.key").await, moving as i64 - 1);
}

#[tokio::test]
async fn whoever_goes_away_takes_nobody_along() {
    let world = world::full("gone").await;
    let admin = Arc::new(world.enter("sigridur").await);
    let ids: Vec<Uuid> = world.admin_value(INQUIRIES).await;
    let lanes = Lanes::new(world.api.clone());
    let mut calls = Vec::new();
    for id in &ids[..40] {
        let (lanes, admin, id) = (lanes.clone(), Arc::clone(&admin), *id);
        let (say, heard) = oneshot::channel();
        let call = tokio::spawn(async move { say.send(lanes.fire(&admin, &Move::new("order", Target::Id(id), "start")).await.is_ok()) });
        calls.push((call, heard));
    }
    tokio::task::yield_now().await;
    // Every other caller goes away, among them one of the two whose calls are under way.
    for (call, _) in calls.iter().step_by(2) {
        call.abort();
    }
    let stayed: Vec<_> = calls.into_iter().skip(1).step_by(2).map(|(_, heard)| heard).collect();
    let heard = join_all(stayed).await;
    assert_eq!(heard.iter().filter(|heard| matches!(heard, Ok(true))).count(), 20, "each who stayed has moved");
    let events: i64 = world.admin_value("select count(*) from statehouse.event where verb = 'start'").await;
    assert!((20..=21).contains(&events), "{events} moves: of those who left, only one that was already sent");
}

/// Where the one in front finds no connection, those behind it do not wait for one in turn.
#[tokio::test]
async fn without_a_connection_all_are_told_so_at_once() {
    let world = world::full("none").await;
    let admin = world.enter("sigridur").await;
    let ids: Vec<Uuid> = world.admin_value(INQUIRIES).await;
    let wait = Duration::from_millis(500);
    let one = Db::open_with(&world.place, Login::Api, 1, wait, Duration::ZERO).unwrap();
    let held = one.get().await.unwrap();
    let lanes = Lanes::new(one);
    let (began, lanes, admin) = (Instant::now(), &lanes, &admin);
    let calls = ids[..40].iter().map(|id| async move { lanes.fire(admin, &Move::new("order", Target::Id(*id), "start")).await });
    for answer in join_all(calls).await {
        assert_eq!(answer.unwrap_err().fault().code.code, "SH5005");
    }
    // One after the other would be three waits: in front, together, alone.
    assert!(began.elapsed() < wait * 5 / 2, "they waited one after the other: {:?}", began.elapsed());
    drop(held);
    lanes.fire(admin, &Move::new("order", Target::Id(ids[0]), "start")).await.unwrap();
}
