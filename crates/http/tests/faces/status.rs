//! The page, the health checks, and what is said to those who are nowhere.

use std::time::{Duration, Instant};

use axum::http::Method;
use serde_json::json;
use statehouse_http::Settings;
use statehouse_testkit::people::{NORDUR, Persona};

use crate::world::World;

#[tokio::test]
async fn the_page_says_what_runs_here_without_a_script() {
    let world = World::orders().await;
    let page = world.call(Method::GET, "/", None, None).await;
    let text = String::from_utf8(page.bytes.clone()).expect("text");
    assert_eq!(page.status, 200);
    for word in ["orders", "<code>order</code>", "<code>client</code>", "the database answers", "curl"] {
        assert!(text.contains(word), "{word} is not on the page");
    }
    assert!(!text.contains("<script") && !text.contains('{') || text.contains("color-scheme"));
    assert!(page.header("content-security-policy").starts_with("default-src 'none'"));
}

#[tokio::test]
async fn it_lives_and_is_ready() {
    let world = World::orders().await;
    assert_eq!(world.call(Method::GET, "/health/live", None, None).await.body, json!({ "live": true }));
    let ready = world.call(Method::GET, "/health/ready", None, None).await;
    assert_eq!((ready.status, &ready.body["app"], &ready.body["version"]), (200, &json!("orders"), &json!(1)));
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_with_a_request_id() {
    let world = World::orders().await;
    let nowhere = world.call(Method::GET, "/v2/order", None, None).await;
    assert_eq!((nowhere.status, nowhere.code()), (404, "SH6006"));
    assert_eq!(nowhere.header("content-type"), "application/problem+json");
    assert_eq!((nowhere.header("cache-control"), nowhere.header("x-content-type-options")), ("no-store", "nosniff"));
    assert_eq!(nowhere.body["request_id"], nowhere.header("x-request-id"));
    assert_eq!(nowhere.body["instance"], "/v2/order");
    let wrong = world.call(Method::DELETE, "/health/live", None, None).await;
    assert_eq!((wrong.status, wrong.code()), (405, "SH6005"));
}

#[tokio::test]
async fn another_version_is_taken_over_within_a_second_or_so() {
    let world = World::orders().await;
    world
        .db
        .psql_as_superuser(
            "insert into statehouse.definition (app, version, sha256, body) select app, 2, sha256('2'), body from statehouse.definition;",
        )
        .ok();
    let until = tokio::time::Instant::now() + std::time::Duration::from_secs(10);
    loop {
        let ready = world.call(Method::GET, "/health/ready", None, None).await;
        if ready.body["version"] == 2 {
            return;
        }
        assert!(tokio::time::Instant::now() < until, "still {}", ready.body);
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_is_long_comes_packed_to_those_who_can_unpack() {
    let world = World::orders().await;
    let asked = |accepts: &str| {
        let request = axum::http::Request::get(world.url("/")).header("accept-encoding", accepts.to_owned());
        world.send(request.body(axum::body::Body::empty()).expect("a request"))
    };
    let (packed, plain) = (asked("gzip").await, asked("identity").await);
    assert_eq!((packed.header("content-encoding"), plain.header("content-encoding")), ("gzip", ""));
    assert!(packed.bytes.len() * 2 < plain.bytes.len(), "{} of {}", packed.bytes.len(), plain.bytes.len());
    assert!(packed.header("vary").contains("accept-encoding"));
}

#[tokio::test]
async fn the_counts_name_routes_and_nobody() {
    let world = World::orders().await;
    let rep = Persona::member("orders", NORDUR, "rep");
    assert_eq!(world.call(Method::GET, "/v1/order", Some(&rep), None).await.status, 200);
    world.call(Method::GET, "/nowhere/at/all", None, None).await;
    let text = String::from_utf8(world.call(Method::GET, "/metrics", None, None).await.bytes).expect("text");
    for line in [
        "statehouse_http_request_seconds_count{method=\"GET\",route=\"/v1/{entity}\",status=\"200\"} 1",
        "statehouse_http_request_seconds_count{method=\"GET\",route=\"none\",status=\"404\"} 1",
        "statehouse_sessions_held 1",
        "statehouse_pool_waiting{pool=\"api\"} 0",
        "statehouse_definition_version 1",
    ] {
        assert!(text.lines().any(|there| there == line), "{line} is not in\n{text}");
    }
    assert!(!text.contains("nordur") && !text.contains("nowhere"), "{text}");
}

#[tokio::test]
async fn told_to_stop_it_says_so_and_finishes_what_it_has_begun() {
    let mut world = World::with(Settings { retire_s: 1, ..Settings::default() }).await;
    let rep = Persona::member("orders", NORDUR, "rep");
    assert_eq!(world.call(Method::GET, "/v1/client", Some(&rep), None).await.status, 200);
    let other = world.db.connect_as_superuser().await;
    other.batch_execute("begin; lock table orders.client in access exclusive mode").await.expect("locked");
    world.stop();
    let until = Instant::now() + Duration::from_secs(10);
    let begun = world.call(Method::GET, "/v1/client", Some(&rep), None);
    let told = async {
        loop {
            let ready = world.call(Method::GET, "/health/ready", None, None).await;
            if ready.status == 503 {
                assert_eq!(ready.code(), "SH6013");
                break;
            }
            assert!(Instant::now() < until, "it was never said");
        }
        // The request is in flight; the server takes nobody new once it has retired.
        while tokio::net::TcpStream::connect(world.address).await.is_ok() {
            assert!(Instant::now() < until, "it goes on listening");
            tokio::task::yield_now().await;
        }
        other.batch_execute("rollback").await.expect("unlocked");
    };
    let (finished, ()) = tokio::join!(begun, told);
    assert_eq!(finished.status, 200, "{finished:?}");
}
