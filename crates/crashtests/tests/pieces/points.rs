//! The outer end of the points, against clients that speak as the macro does.

use std::path::PathBuf;
use std::time::Duration;

use statehouse_crashtests::points::Points;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::task::JoinHandle;

const BOUND: Duration = Duration::from_secs(10);

/// A task that passes `names` one after the other and returns how many it passed.
fn walks(socket: PathBuf, task: &'static str, names: &'static [&'static str]) -> JoinHandle<usize> {
    tokio::spawn(async move {
        for (passed, name) in names.iter().enumerate() {
            let mut stream = UnixStream::connect(&socket).await.expect("somebody listens");
            stream.write_all(format!("{name} {task}\n").as_bytes()).await.expect("it is read");
            if stream.read_u8().await.is_err() {
                return passed;
            }
        }
        names.len()
    })
}

fn points() -> (tempfile::TempDir, Points) {
    let dir = tempfile::tempdir().expect("a directory");
    let points = Points::listen(&dir.path().join("points")).expect("a socket");
    (dir, points)
}

#[tokio::test]
async fn everybody_passes_and_is_counted() {
    let (_dir, points) = points();
    assert_eq!(walks(points.socket().into(), "7", &["a", "b", "a"]).await.expect("it walks"), 3);
    assert_eq!(points.seen().into_iter().collect::<Vec<_>>(), [("a".to_owned(), 2), ("b".to_owned(), 1)]);
}

#[tokio::test]
async fn the_nth_is_held_and_everybody_after_it_until_one_is_let_go() {
    let (_dir, points) = points();
    points.hold_from("a", 2);
    let first = walks(points.socket().into(), "7", &["a", "b", "a", "c"]);
    assert!(points.stands_at("a", BOUND).await);
    assert_eq!((points.seen()["a"], points.seen()["b"]), (2, 1));
    let second = walks(points.socket().into(), "7", &["b"]);
    assert!(points.stands_at("b", BOUND).await);
    assert_eq!(points.held(), ["a", "b"]);
    assert_eq!(points.release("a").await.as_deref(), Some("7"));
    assert!(points.stands_at("c", BOUND).await);
    assert!(!second.is_finished());
    points.open().await;
    assert_eq!((first.await.expect("it walks"), second.await.expect("it walks")), (4, 1));
}

/// Somebody else who stands behind it is not the one who was let go.
#[tokio::test]
async fn who_passes_is_who_was_let_go() {
    let (_dir, points) = points();
    points.hold_only("b");
    let other = walks(points.socket().into(), "8", &["b"]);
    assert!(points.stands_at("b", BOUND).await);
    points.hold_only("a");
    let first = walks(points.socket().into(), "7", &["a", "c", "b"]);
    assert!(points.stands_at("a", BOUND).await);
    points.hold_only("c");
    assert!(!points.passes("a", "b", Duration::from_millis(50)).await, "it stands at c");
    points.hold_only("b");
    assert!(points.passes("c", "b", BOUND).await);
    assert_eq!(points.held(), ["b", "b"]);
    points.open().await;
    assert_eq!((first.await.expect("it walks"), other.await.expect("it walks")), (3, 1));
}

#[tokio::test]
async fn one_place_is_held_and_the_others_are_not() {
    let (_dir, points) = points();
    points.hold_only("b");
    assert_eq!(walks(points.socket().into(), "7", &["a", "c"]).await.expect("it walks"), 2);
    let held = walks(points.socket().into(), "7", &["a", "b", "c"]);
    assert!(points.stands_at("b", BOUND).await && !points.stands_at("c", Duration::from_millis(1)).await);
    points.forget();
    assert_eq!(held.await.expect("it walks"), 1, "who is forgotten is not let go");
}
