//! R4: whoever goes away at any moment leaves no transaction open, and takes no row with them that somebody else was
//! thanked for.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use serde_json::json;
use statehouse_store::inbox::{Received, receive};
use statehouse_store::{Db, Login, Place};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::scene::{Post, STANDARD_KEY, arrived, now, standard};

const OPEN: &str = "select count(*) from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'";

/// Polls at most `most` times, letting the connection's own task run in between.
async fn polled<F: Future>(future: F, most: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..most {
        if let Poll::Ready(done) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return Some(done);
        }
        tokio::task::yield_now().await;
    }
    None
}

#[tokio::test]
async fn r04_dropped_at_every_poll() {
    let post = Post::new().await;
    let token = post.own("standard").await.rsplit('/').next().expect("a token").to_owned();
    let place = Place::parse(&post.world.db.url("postgres")).expect("a place");
    // One connection: whatever a dropped caller leaves behind, the next one meets.
    let db = Db::open_with(&place, Login::Server, 1, Duration::from_secs(10), Duration::from_secs(10)).expect("a pool");
    let headers = json!({});
    let message = |key: &'static str, token: &str, nth: usize| (format!("{key}_{nth}"), token.to_owned());
    let mut thanked = 0;
    for nth in 0..300 {
        let (key, token) = message("dropped", &token, nth);
        let mut received = Received {
            token: &token,
            key: &key,
            kind: Some("x"),
            body: b"{}",
            headers: &headers,
            query: "",
            secret: None,
            coverage: "whole",
            account: None,
            item: None,
        };
        if polled(receive(&db, &received), nth % 15).await.is_some() {
            thanked += 1;
        }
        let (key, token) = message("thanked", &token, nth);
        received.key = &key;
        received.token = &token;
        let receipt = receive(&db, &received).await.expect("stored").expect("an address");
        let there = post.world.db.value_as_superuser(&format!("select count(*) from statehouse.message where id = '{}'", receipt.id));
        assert_eq!(there, "1", "the {nth}th was thanked for and is not there");
        thanked += 1;
    }
    assert_eq!(post.world.db.value_as_superuser(OPEN), "0");
    let stored: usize = post.count();
    assert!((thanked..=600).contains(&stored), "{stored} of {thanked}");
}

#[tokio::test]
async fn r04_callers_who_hang_up() {
    let post = Post::new().await;
    let path = post.own("standard").await;
    for nth in 0..100_usize {
        let (id, at, body) = (format!("msg_{nth}"), now(), arrived("P-0001"));
        let signature = standard(STANDARD_KEY, &id, at, &body);
        let whole = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\nwebhook-id: {id}\r\nwebhook-timestamp: {at}\r\nwebhook-signature: {signature}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut stream = TcpStream::connect(post.world.address).await.expect("connected");
        // Some go in the middle of the request, the others right after it.
        let sent = if nth % 4 == 0 { whole.len() * nth / 100 } else { whole.len() };
        let _ = stream.write_all(&whole.as_bytes()[..sent]).await;
        drop(stream);
    }
    let until = Instant::now() + Duration::from_secs(20);
    while post.world.db.value_as_superuser(OPEN) != "0" {
        assert!(Instant::now() < until, "a transaction stays open");
    }
    assert_eq!(post.standard(&path, "msg_after", &arrived("P-0001")).await.status, 200);
    // Sent again, each is there once.
    for nth in 0..100 {
        assert_eq!(post.standard(&path, &format!("msg_{nth}"), &arrived("P-0001")).await.status, 200);
    }
    assert_eq!(post.count(), 101);
}
