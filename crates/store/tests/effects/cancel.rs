//! A caller who goes away in the middle of settling a call.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use serde_json::json;
use statehouse_store::effects::{self, Called, End, Move, Outcome};
use statehouse_store::{Db, Login};

use crate::world::{APP, world};

const ROUNDS: usize = 300;

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

/// Every round drops it at the next poll, over one connection; whoever has that connection next finds no transaction, and
/// the effect and its record say the same.
#[tokio::test]
async fn leaves_both_or_neither() {
    let world = world("cancel_call").await;
    let db = Db::open(&world.place, Login::Worker, 1).unwrap();
    let done = Move { app: APP, entity: "sale", verb: "charge.done", input: None };
    let (mut polls, mut finished, mut dropped, mut behind) = (1, 0, 0, 0);
    let sales = world.sales("charge", ROUNDS as i32).await;
    let claimed = world.claim("w1", &["bank"], ROUNDS as i32).await;
    assert_eq!(claimed.len(), sales.len());
    for (round, one) in claimed.iter().enumerate() {
        let outcome = Outcome::new(one.held, End::Done { result: json!({}) });
        let answer = polled(effects::settle_call(&db, "w1", &outcome, &done), polls).await;
        match &answer {
            Some(called) => {
                assert!(matches!(called, Ok(Called::Moved(_))), "round {round}: {called:?}");
                (finished, polls) = (finished + 1, 1);
            }
            None => (dropped, polls) = (dropped + 1, polls + 1),
        }
        let client = db.get().await.unwrap();
        let pid: i32 = client.query_one("select pg_backend_pid()", &[]).await.unwrap().get(0);
        assert_eq!(world.text(&format!("select state from pg_stat_activity where pid = {pid}")).await, "idle", "round {round}");
        let session: Option<String> = client.query_one("select current_setting('statehouse.session', true)", &[]).await.unwrap().get(0);
        assert!(session.is_none_or(|token| token.is_empty()), "round {round}: a session stayed on the connection");
        drop(client);
        let stands = format!("{} {}", world.state(one.held.record).await, world.stands(one.held.record).await);
        match stands.as_str() {
            "paid done 1" => behind += usize::from(answer.is_none()),
            "charging leased 1" => assert!(answer.is_none(), "round {round}: acknowledged and lost"),
            other => panic!("round {round}: {other}"),
        }
    }
    assert!(finished > 10 && dropped > 50 && behind > 10, "{finished} finished, {dropped} dropped, {behind} of them through");
    assert_eq!(world.text("select count(*) from statehouse.session where kind = 'connector'").await, "0");
}
