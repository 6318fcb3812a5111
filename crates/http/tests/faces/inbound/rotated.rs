//! A secret changes while the server runs.

use std::time::{Duration, Instant};

use super::scene::{Post, STANDARD_KEY, arrived, now, standard};

#[tokio::test]
async fn a_new_secret_needs_no_restart() {
    // "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" backwards, which is base64 as well.
    const NEXT: &str = "wSaLaL2oIZPLI8DPUjwTrqYKG8r9QKfM";
    let post = Post::new().await;
    let path = post.own("standard").await;
    let send = async |key: &str, id: &str| {
        let (at, body) = (now(), arrived("P-0001"));
        let (stamp, signature) = (at.to_string(), standard(key, id, at, &body));
        let headers =
            [("content-type", "application/json"), ("webhook-id", id), ("webhook-timestamp", &stamp), ("webhook-signature", &signature)];
        post.send(&path, &headers, body).await.status
    };
    assert_eq!((send(STANDARD_KEY, "msg_1").await, send(NEXT, "msg_2").await), (200, 401));
    post.rotate(&format!("whsec_{NEXT}"));
    let until = Instant::now() + Duration::from_secs(20);
    // It is looked at every two seconds, so the sender is not asked to wait long.
    while send(STANDARD_KEY, "msg_3").await == 200 {
        assert!(Instant::now() < until, "the old secret still counts");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!((send(NEXT, "msg_2").await, send(STANDARD_KEY, "msg_4").await), (200, 401));
    // Both, for as long as the sender needs: the form that a rotation without a gap has.
    post.rotate(&format!("\n  - {{ id: old, value: whsec_{STANDARD_KEY} }}\n  - {{ id: new, value: whsec_{NEXT} }}"));
    while send(STANDARD_KEY, "msg_5").await == 401 {
        assert!(Instant::now() < until, "the two are not followed");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert_eq!((send(NEXT, "msg_6").await, post.rows("secret").lines().last().map(str::to_owned)), (200, Some("new".into())));
}
