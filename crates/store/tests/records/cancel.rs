//! A caller who goes away in the middle.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use statehouse_store::import::record_id;
use statehouse_store::record::{Move, Target, fire};
use statehouse_store::{Db, Login};

use crate::world;

const ROUNDS: usize = 1_000;

/// Polls a future at most `polls` times, waking as it wishes, then drops it.
async fn polled<T>(future: impl Future<Output = T>, polls: usize) -> Option<T> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        future.as_mut().poll(cx).map(Some)
    })
    .await
}

/// Every round drops a move at the next poll, begins again at the first once it got through, and then makes a whole
/// move over the same single connection: were it left in a transaction, that move would be acknowledged and lost.
#[tokio::test]
async fn loses_nothing_and_leaves_no_transaction_open() {
    let world = world::full("cancel").await;
    let db = Db::open(&world.place, Login::Api, 1).unwrap();
    let rep = world.enter("birkir").await;
    let watch = world.admin().await;
    let id = record_id("nordur", "orders", "order", "golden-q2o-1");
    let version = async || -> i32 { watch.query_one("select version from orders.\"order\" where id = $1", &[&id]).await.unwrap().get(0) };
    let target = Target::Id(id);
    fire(&db, &rep, &Move::new("order", target, "start")).await.unwrap();
    let (mut polls, mut finished, mut dropped) = (1, 0, 0);
    let mut verbs = ["quote", "requote"].into_iter().cycle();
    let mut next = verbs.next().unwrap();
    for round in 0..ROUNDS {
        let before = version().await;
        match polled(fire(&db, &rep, &Move::new("order", target, next)), polls).await {
            Some(moved) => {
                assert_eq!(moved.unwrap().version, before + 1, "round {round}");
                (finished, polls) = (finished + 1, 1);
            }
            None => (dropped, polls) = (dropped + 1, polls + 1),
        }
        // The next borrower: its move is acknowledged, so somebody else must see it.
        let state: String = {
            let client = db.get().await.unwrap();
            let pid: i32 = client.query_one("select pg_backend_pid()", &[]).await.unwrap().get(0);
            let doing = watch.query_one("select state from pg_stat_activity where pid = $1", &[&pid]).await.unwrap();
            assert_eq!(doing.get::<_, String>(0), "idle", "round {round}: the connection came back inside a transaction");
            watch.query_one("select state from orders.\"order\" where id = $1", &[&id]).await.unwrap().get(0)
        };
        next = if state == "quoting" { "quote" } else { "requote" };
        let acknowledged = fire(&db, &rep, &Move::new("order", target, next)).await.unwrap();
        assert_eq!(version().await, acknowledged.version, "round {round}: an acknowledged move was lost");
        next = if next == "quote" { "requote" } else { "quote" };
    }
    assert!(finished > 50 && dropped > 500, "{finished} finished, {dropped} dropped: the rounds did not reach both ends");
    let idle = "select count(*) from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'";
    assert_eq!(world.admin_value::<i64>(idle).await, 0);
}
