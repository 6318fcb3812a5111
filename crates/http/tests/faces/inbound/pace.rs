//! How soon a sender is thanked while nothing works the messages off: an open loop, so that a slow answer delays no other
//! message and is counted from when it was due.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::scene::{Post, arrived};

const PER_SECOND: u32 = 100;
const SECONDS: u32 = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn senders_are_thanked_soon_while_nothing_is_worked_off() {
    let post = Arc::new(Post::new().await);
    let path = post.own("standard").await;
    assert_eq!(post.standard(&path, "msg_first", &arrived("P-0001")).await.status, 200);
    let (began, apart) = (tokio::time::Instant::now(), Duration::from_secs(1) / PER_SECOND);
    let mut sent = Vec::new();
    for nth in 0..PER_SECOND * SECONDS {
        let due = began + apart * nth;
        tokio::time::sleep_until(due).await;
        let (post, path) = (post.clone(), path.clone());
        sent.push(tokio::spawn(async move {
            let answer = post.standard(&path, &format!("msg_{nth}"), &arrived("P-0001")).await;
            (answer.status, Instant::now().duration_since(due.into_std()))
        }));
    }
    let mut took = Vec::new();
    for one in sent {
        let (status, after) = one.await.expect("it ends");
        assert_eq!(status, 200);
        took.push(after);
    }
    took.sort();
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize];
    println!("{} messages at {PER_SECOND}/s: p50 {:?}, p99 {:?}", took.len(), at(0.5), at(0.99));
    assert_eq!(post.count(), took.len() + 1);
    // A build that is not optimised on a machine that others use; `statehouse bench messages` measures.
    assert!(at(0.5) < Duration::from_millis(50), "half of them waited {:?}", at(0.5));
}
