//! Limits on requests, on a clock held by hand.

use std::time::Duration;

use statehouse_sandbox::Limit;

use crate::client::{at_noon, bare};

#[tokio::test]
async fn so_many_a_second_and_no_more() {
    let sandbox = at_noon().await;
    sandbox.limit("n", Some(Limit { per_second: 2.0, burst: 2.0, penalty_s: None })).unwrap();
    let mut taken = Vec::new();
    for step in 0..8 {
        let answer = bare(&sandbox, "n", "a").await.unwrap();
        taken.push(answer.status == 200);
        if answer.status == 429 {
            assert_eq!(answer.header("retry-after"), "1");
        }
        if step >= 3 {
            sandbox.clock().advance(Duration::from_millis(500));
        }
    }
    assert_eq!(taken, [true, true, false, false, true, true, true, true]);
    let refused: Vec<_> = sandbox.log("n").into_iter().filter(|line| line.fault.as_deref() == Some("limit")).collect();
    assert_eq!((refused.len(), refused[0].wait_ms, refused[0].effect), (2, Some(1_000), false));
    // The others are not limited by it.
    for _ in 0..5 {
        assert_eq!(bare(&sandbox, "q", "a").await.unwrap().status, 200);
    }
}

#[tokio::test]
async fn whoever_asks_too_much_waits_the_whole_penalty() {
    let sandbox = at_noon().await;
    sandbox.limit("k", Some(Limit { per_second: 10.0, burst: 1.0, penalty_s: Some(30) })).unwrap();
    let mut statuses = Vec::new();
    for wait_s in [0, 0, 29, 1, 1] {
        sandbox.clock().advance(Duration::from_secs(wait_s));
        let answer = bare(&sandbox, "k", "a").await.unwrap();
        statuses.push((answer.status, answer.header("retry-after").to_owned()));
    }
    let expected = [(200, ""), (429, "30"), (429, "1"), (200, ""), (200, "")];
    assert_eq!(statuses, expected.map(|(status, header)| (status, header.to_owned())));
    sandbox.limit("k", None).unwrap();
    assert_eq!(bare(&sandbox, "k", "a").await.unwrap().status, 200);
}
