//! Bodies and floods that are meant to hurt.

use std::time::{Duration, Instant};

use statehouse_http::Settings;
use statehouse_http::settings::{Inbound, Limits};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::scene::{Post, STANDARD_KEY, arrived, now};

async fn with(inbound: Inbound, limits: Limits) -> Post {
    Post::with(&format!("whsec_{STANDARD_KEY}"), Settings { inbound, limits, ..Settings::default() }).await
}

/// Sends raw bytes and reads until the server closes or answers whole; how long that took.
async fn raw(post: &Post, parts: &[&[u8]], within: Duration) -> (String, Duration) {
    let mut stream = TcpStream::connect(post.world.address).await.expect("connected");
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
        while !said.ends_with(b"}") {
            match stream.read(&mut piece).await {
                Ok(count) if count > 0 => said.extend_from_slice(&piece[..count]),
                _ => break,
            }
        }
    })
    .await;
    (String::from_utf8_lossy(&said).into_owned(), began.elapsed())
}

#[tokio::test]
async fn r22_a_body_beyond_the_bound_is_refused_before_it_is_held() {
    let post = Post::new().await;
    let path = post.own("hub").await;
    let most = 1 << 20;
    let declared = format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", most + 1);
    let (said, took) = raw(&post, &[declared.as_bytes()], Duration::from_secs(10)).await;
    assert!(said.starts_with("HTTP/1.1 413") && said.contains("SH6003"), "{said}");
    assert!(took < Duration::from_secs(5), "it waited for the body: {took:?}");
    // A thousand mebibytes that nobody has declared.
    let chunked = format!("POST {path} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n");
    let chunk = format!("10000\r\n{}\r\n", "a".repeat(0x10000));
    let parts: Vec<&[u8]> = std::iter::once(chunked.as_bytes()).chain(std::iter::repeat_n(chunk.as_bytes(), 16_000)).collect();
    let (said, took) = raw(&post, &parts, Duration::from_secs(10)).await;
    assert!(said.is_empty() || said.starts_with("HTTP/1.1 413"), "{said}");
    assert!(took < Duration::from_secs(10), "{took:?}");
    // What is compressed is judged as it came, and never made larger.
    let bomb = post.send(&path, &[("content-encoding", "gzip"), ("x-hub-signature-256", "sha256=00")], vec![0x1f, 0x8b, 8, 0]).await;
    assert_eq!(bomb.status, 401);
    assert_eq!(post.count(), 0);
    // One of exactly the bound is taken.
    let largest = vec![b' '; most];
    let signature = super::scene::hub(super::scene::HUB_SECRET, &largest);
    assert_eq!(post.send(&path, &[("x-hub-signature-256", &signature)], largest).await.status, 200);
    assert_eq!(post.rows("octet_length(body)"), most.to_string());
}

#[tokio::test]
async fn r23_a_body_that_dribbles_is_cut_off() {
    let post = with(Inbound::default(), Limits { body_read_s: 1, ..Limits::default() }).await;
    let path = post.own("hub").await;
    let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{{");
    let (said, took) = raw(&post, &[head.as_bytes()], Duration::from_secs(20)).await;
    assert!(said.starts_with("HTTP/1.1 408") && said.contains("SH6009"), "after {took:?}: {said}");
    assert!(took < Duration::from_secs(10), "{took:?}");
}

#[tokio::test]
async fn r24_a_flood_of_forgeries_is_stopped_before_a_body_is_read_and_asks_the_database_nothing() {
    let post = with(Inbound { refused_per_address: 6, ..Inbound::default() }, Limits::default()).await;
    let (path, other) = (post.own("hub").await, post.own("standard").await);
    let forged = || post.send(&path, &[("x-hub-signature-256", "sha256=00")], "{}");
    assert_eq!(forged().await.status, 401);
    assert_eq!(post.standard(&other, "msg_1", &arrived("P-0001")).await.status, 200);
    // From here on whoever asks the database is told that they may not.
    let shut = "revoke execute on function statehouse.endpoint_of(text) from statehouse_server";
    post.world.db.psql_as_superuser(shut).ok();
    let mut statuses = Vec::new();
    for _ in 0..20 {
        statuses.push(forged().await.status);
    }
    assert!(statuses.iter().filter(|status| **status == 401).count() <= 7, "{statuses:?}");
    assert_eq!(statuses.last(), Some(&429), "{statuses:?}");
    let told = forged().await;
    assert_eq!((told.status, told.code()), (429, "SH6007"));
    assert!(told.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds >= 1), "{:?}", told.headers);
    // It is told so without a byte of its body.
    let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n");
    let (said, took) = raw(&post, &[head.as_bytes()], Duration::from_secs(10)).await;
    assert!(said.starts_with("HTTP/1.1 429"), "{said}");
    assert!(took < Duration::from_secs(5), "it waited for the body: {took:?}");
    // What comes to another address from there is not held back.
    assert_eq!(post.standard(&other, "msg_2", &arrived("P-0001")).await.status, 200);
    assert_eq!(post.count(), 2);
}

#[tokio::test]
async fn r24_a_flood_at_addresses_of_nobody_is_stopped_and_takes_nothing_from_one_that_is_there() {
    let post = with(Inbound { refused_per_address: 6, ..Inbound::default() }, Limits::default()).await;
    let path = post.own("standard").await;
    assert_eq!(post.standard(&path, "msg_1", &arrived("P-0001")).await.status, 200);
    let nobodys = |n: usize| format!("/v1/in/in_{n:064x}");
    let mut statuses = Vec::new();
    for n in 0..20 {
        statuses.push(post.send(&nobodys(n), &[], "{}").await.status);
    }
    assert!(statuses.iter().filter(|status| **status == 404).count() <= 7, "{statuses:?}");
    assert_eq!(statuses.last(), Some(&429), "{statuses:?}");
    post.world.db.psql_as_superuser("revoke execute on function statehouse.endpoint_of(text) from statehouse_server").ok();
    assert_eq!(post.send(&nobodys(99), &[], "{}").await.status, 429, "the database is asked nothing");
    assert_eq!(post.standard(&path, "msg_2", &arrived("P-0001")).await.status, 200);
}

#[tokio::test]
async fn an_address_has_its_share_of_messages() {
    let post = with(Inbound { rate_per_endpoint: 3, ..Inbound::default() }, Limits::default()).await;
    let path = post.own("standard").await;
    let mut last = 200;
    for n in 0..50 {
        last = post.standard_at(&path, &format!("msg_{n}"), &arrived("P-0001"), now()).await.status;
        if last != 200 {
            break;
        }
    }
    assert_eq!(last, 429);
    let other = post.own("standard").await;
    assert_eq!(post.standard(&other, "msg_other", &arrived("P-0001")).await.status, 200);
}
