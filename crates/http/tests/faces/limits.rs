//! What is refused before any work is done for it, over real connections.

use std::time::{Duration, Instant};

use axum::http::Method;
use statehouse_http::Settings;
use statehouse_http::settings::{Limits, Pools};
use statehouse_testkit::people::{BALTYK, NORDUR, Persona};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::world::World;

fn limited(limits: Limits) -> Settings {
    Settings { limits, ..Settings::default() }
}

/// Sends raw bytes and reads until the server closes or `within` is over.
async fn raw(world: &World, parts: &[&[u8]], within: Duration) -> (String, Duration) {
    let mut stream = TcpStream::connect(world.address).await.expect("connected");
    let began = Instant::now();
    for part in parts {
        // The server may have answered and closed before everything is sent.
        if stream.write_all(part).await.is_err() {
            break;
        }
    }
    let mut said = Vec::new();
    let _ = tokio::time::timeout(within, async {
        let mut piece = [0; 4096];
        while let Ok(count) = stream.read(&mut piece).await {
            said.extend_from_slice(&piece[..count]);
            if count == 0 {
                break;
            }
        }
    })
    .await;
    (String::from_utf8_lossy(&said).into_owned(), began.elapsed())
}

fn key(who: &Persona) -> String {
    format!("authorization: Bearer {}\r\n", who.key.as_deref().unwrap_or_default())
}

fn rep() -> Persona {
    Persona::member("orders", NORDUR, "rep")
}

#[tokio::test]
async fn a_body_that_says_it_is_too_large_is_refused_before_a_byte_of_it() {
    let world = World::with(limited(Limits { body_max_bytes: 1000, ..Limits::default() })).await;
    let head =
        format!("POST /v1/client HTTP/1.1\r\nhost: x\r\n{}content-type: application/json\r\ncontent-length: 1001\r\n\r\n", key(&rep()));
    let (said, took) = raw(&world, &[head.as_bytes()], Duration::from_secs(10)).await;
    assert!(said.starts_with("HTTP/1.1 413") && said.contains("SH6003"), "{said}");
    assert!(took < Duration::from_secs(5), "it waited for the body: {took:?}");
    // One that does not say so is counted.
    let head = format!(
        "POST /v1/client HTTP/1.1\r\nhost: x\r\n{}content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n",
        key(&rep())
    );
    let chunk = format!("258\r\n{}\r\n", " ".repeat(0x258));
    let (said, _) = raw(&world, &[head.as_bytes(), chunk.as_bytes(), chunk.as_bytes()], Duration::from_secs(10)).await;
    assert!(said.starts_with("HTTP/1.1 413") && said.contains("SH6003"), "{said}");
}

#[tokio::test]
async fn who_asks_is_asked_before_the_body_is_read() {
    let world = World::orders().await;
    let head = "POST /v1/client HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n";
    let (said, took) = raw(&world, &[head.as_bytes()], Duration::from_secs(10)).await;
    assert!(said.starts_with("HTTP/1.1 401"), "{said}");
    assert!(took < Duration::from_secs(5), "it waited for the body: {took:?}");
}

#[tokio::test]
async fn headers_and_bodies_that_dribble_are_cut_off() {
    let world = World::with(limited(Limits { header_read_s: 1, body_read_s: 1, ..Limits::default() })).await;
    let (said, took) = raw(&world, &[b"GET /health/live HTTP/1.1\r\nhost:"], Duration::from_secs(20)).await;
    assert!(took < Duration::from_secs(10) && !said.contains(" 200 "), "after {took:?}: {said}");
    let head =
        format!("POST /v1/client HTTP/1.1\r\nhost: x\r\n{}content-type: application/json\r\ncontent-length: 100\r\n\r\n{{", key(&rep()));
    let (said, took) = raw(&world, &[head.as_bytes()], Duration::from_secs(20)).await;
    assert!(said.starts_with("HTTP/1.1 408") && said.contains("SH6009"), "after {took:?}: {said}");
    assert!(took < Duration::from_secs(10), "{took:?}");
}

#[tokio::test]
async fn headers_are_bounded_in_size_and_number() {
    let world = World::with(limited(Limits { header_max_bytes: 1000, header_max_count: 10, ..Limits::default() })).await;
    let large = format!("GET /v1/order HTTP/1.1\r\nhost: x\r\nx-large: {}\r\n\r\n", "a".repeat(1000));
    let many = format!("GET /v1/order HTTP/1.1\r\nhost: x\r\n{}\r\n", "x-a: b\r\n".repeat(11));
    for head in [large, many] {
        let (said, _) = raw(&world, &[head.as_bytes()], Duration::from_secs(2)).await;
        assert!(said.starts_with("HTTP/1.1 431") && said.contains("SH6012"), "{said}");
    }
    let endless = format!("GET /v1/order HTTP/1.1\r\nx-large: {}", "a".repeat(1 << 20));
    let (said, _) = raw(&world, &[endless.as_bytes()], Duration::from_secs(5)).await;
    assert!(said.is_empty() || said.starts_with("HTTP/1.1 431"), "{said}");
}

#[tokio::test]
async fn a_key_has_a_rate_and_other_tenants_keep_theirs() {
    let world = World::with(limited(Limits { rate_per_key: 5, ..Limits::default() })).await;
    let mut last = world.call(Method::GET, "/v1/order", Some(&rep()), None).await;
    assert!(last.header("ratelimit").contains("r=4"), "{:?}", last.headers);
    assert!(last.header("ratelimit-policy").contains("q=5"), "{:?}", last.headers);
    for _ in 0..200 {
        last = world.call(Method::GET, "/v1/order", Some(&rep()), None).await;
        if last.status != 200 {
            break;
        }
    }
    assert_eq!((last.status, last.code()), (429, "SH6007"));
    assert!(last.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds >= 1), "{:?}", last.headers);
    let other = Persona::member("orders", BALTYK, "rep");
    assert_eq!(world.call(Method::GET, "/v1/order", Some(&other), None).await.status, 200);
}

#[tokio::test]
async fn when_every_connection_is_in_use_a_request_is_answered_and_health_is_too() {
    let pools = Pools { api: 2, wait_ms: 300, ..Pools::default() };
    let world = World::with(Settings { pools, ..Settings::default() }).await;
    // Both connections are opened, then the table is held by somebody else.
    assert_eq!(world.call(Method::GET, "/v1/client", Some(&rep()), None).await.status, 200);
    let other = world.db.connect_as_superuser().await;
    other.batch_execute("begin; lock table orders.client in access exclusive mode").await.expect("locked");
    let rep = rep();
    let asked = || async {
        let began = Instant::now();
        let answer = world.call(Method::GET, "/v1/client", Some(&rep), None).await;
        (answer, began.elapsed())
    };
    let held = async { tokio::join!(asked(), asked()) };
    let third = async {
        // The first two hold the pool once its load says so; the third finds nothing.
        let until = Instant::now() + Duration::from_secs(10);
        while !String::from_utf8_lossy(&world.call(Method::GET, "/metrics", None, None).await.bytes)
            .contains("statehouse_pool_used{pool=\"api\"} 2")
        {
            assert!(Instant::now() < until, "the pool was never in use");
        }
        let (refused, took) = asked().await;
        let ready = world.call(Method::GET, "/health/ready", None, None).await;
        other.batch_execute("rollback").await.expect("unlocked");
        (refused, took, ready)
    };
    let (answered, (refused, took, ready)) = tokio::join!(held, third);
    assert_eq!(refused.status, 503, "{refused:?}");
    assert!(!refused.header("retry-after").is_empty(), "{:?}", refused.headers);
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert_eq!(ready.status, 200, "health has connections of its own");
    assert_eq!((answered.0.0.status, answered.1.0.status), (200, 200), "who had a connection was served");
}

#[tokio::test]
async fn too_many_connections_of_one_address_are_turned_away() {
    let world = World::with(limited(Limits { connections_per_address: 3, ..Limits::default() })).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(TcpStream::connect(world.address).await.expect("connected"));
    }
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        let (said, _) = raw(&world, &[b"GET /health/live HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"], Duration::from_secs(5)).await;
        if said.is_empty() {
            break;
        }
        assert!(Instant::now() < until, "a fourth was always answered");
    }
    drop(held);
    loop {
        let (said, _) = raw(&world, &[b"GET /health/live HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"], Duration::from_secs(5)).await;
        if said.starts_with("HTTP/1.1 200") {
            break;
        }
        assert!(Instant::now() < until, "the places were never free again");
    }
}

#[tokio::test]
async fn beyond_what_it_can_carry_it_says_so_at_once() {
    let world = World::with(limited(Limits { requests_max: 1, ..Limits::default() })).await;
    assert_eq!(world.call(Method::GET, "/v1/client", Some(&rep()), None).await.status, 200);
    let other = world.db.connect_as_superuser().await;
    other.batch_execute("begin; lock table orders.client in access exclusive mode").await.expect("locked");
    let rep = rep();
    let first = world.call(Method::GET, "/v1/client", Some(&rep), None);
    let second = async {
        let until = Instant::now() + Duration::from_secs(10);
        let refused = loop {
            let answer = world.call(Method::GET, "/nowhere", None, None).await;
            if answer.status == 503 {
                break answer;
            }
            assert!(Instant::now() < until, "there was always room");
        };
        other.batch_execute("rollback").await.expect("unlocked");
        refused
    };
    let (served, refused) = tokio::join!(first, second);
    assert_eq!((refused.code(), refused.header("retry-after")), ("SH6008", "1"));
    assert_eq!(served.status, 200);
}

#[tokio::test]
async fn a_body_that_is_no_json_is_refused_by_its_type() {
    let world = World::orders().await;
    let key = rep().key.unwrap_or_default();
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx"] {
        let request = axum::http::Request::post(world.url("/v1/client"))
            .header("authorization", format!("Bearer {key}"))
            .header("content-type", kind);
        let refused = world.send(request.body(axum::body::Body::from("{}")).expect("a request")).await;
        assert_eq!((refused.status, refused.code()), (415, "SH6004"), "{kind}");
    }
}

/// Two callers behind one proxy are one to whoever does not believe it.
#[tokio::test]
async fn callers_behind_a_trusted_proxy_are_told_apart_and_nobody_makes_himself_another() {
    for (trusted, each_has_a_share) in [("127.0.0.0/8", true), ("192.0.2.1", false)] {
        let settings =
            Settings { trusted_proxies: vec![trusted.into()], ..limited(Limits { new_keys_per_address: 1, ..Limits::default() }) };
        let world = World::with(settings).await;
        let from = |address: &'static str, nth: usize| {
            let key = format!("sk_nordur_{nth:043}");
            let request = axum::http::Request::get(world.url("/v1/order"))
                .header("authorization", format!("Bearer {key}"))
                .header("x-forwarded-for", address);
            world.send(request.body(axum::body::Body::empty()).expect("a request"))
        };
        // One address tries as many keys as it may.
        let mut last = 401;
        for nth in 0..40 {
            last = from("198.51.100.7", nth).await.status;
            if last == 429 {
                break;
            }
        }
        assert_eq!(last, 429, "{trusted}");
        let other = from("198.51.100.8", 100).await.status;
        assert_eq!(other == 401, each_has_a_share, "{trusted}: {other}");
        // What a caller writes before the proxy's own word is no address of his.
        assert_eq!(from("203.0.113.9, 198.51.100.7", 200).await.status, 429, "{trusted}");
    }
}
