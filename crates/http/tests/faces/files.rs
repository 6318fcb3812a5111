//! Files: announced, sent over connections that break, attached, fetched by who sees them, and gone when nothing holds them.

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use statehouse_http::Settings;
use statehouse_store::files::sweep;
use statehouse_store::{Db, Login, Place};
use statehouse_testkit::people::{BALTYK, NORDUR, Persona};
use statehouse_testkit::{Cluster, app, orders};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::world::{Answer, World};

const CHUNK: u64 = 256 << 10;

fn member(role: &str) -> Persona {
    Persona::member("orders", NORDUR, role)
}

/// Bytes that no compression makes smaller, the same for the same place in the same file.
fn noise(file: u64, from: u64, length: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length + 16);
    let mut word = from / 8;
    while bytes.len() < length + (from % 8) as usize {
        let mut z = (word ^ file.rotate_left(40)).wrapping_add(0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bytes.extend_from_slice(&(z ^ (z >> 31)).to_le_bytes());
        word += 1;
    }
    bytes.drain(..(from % 8) as usize);
    bytes.truncate(length);
    bytes
}

impl World {
    async fn send_as(&self, who: &Persona, method: Method, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
        let key = who.key.as_deref().expect("a member");
        let mut request = Request::builder().method(method).uri(self.url(path)).header("authorization", format!("Bearer {key}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::from(body)).expect("a request")).await
    }

    async fn announce(&self, who: &Persona, name: &str, media_type: &str, size: u64) -> Answer {
        self.call(Method::POST, "/v1/uploads", Some(who), Some(&json!({ "name": name, "media_type": media_type, "size": size }))).await
    }

    async fn append(&self, who: &Persona, upload: &str, at: u64, bytes: &[u8]) -> Answer {
        let kind = ("content-type", "application/offset+octet-stream");
        self.send_as(who, Method::PATCH, upload, &[kind, ("upload-offset", &at.to_string())], bytes.to_vec()).await
    }

    async fn stands(&self, who: &Persona, upload: &str) -> u64 {
        let answer = self.send_as(who, Method::HEAD, upload, &[], Vec::new()).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.header("upload-offset").parse().expect("an offset")
    }

    /// Uploads in one request and returns the hash.
    async fn upload(&self, who: &Persona, name: &str, media_type: &str, bytes: &[u8]) -> String {
        let begun = self.announce(who, name, media_type, bytes.len() as u64).await;
        assert_eq!(begun.status, 201, "{begun:?}");
        let place = begun.header("location").to_owned();
        let sent = self.append(who, &place, 0, bytes).await;
        assert_eq!((sent.status, sent.header("upload-offset")), (204, bytes.len().to_string().as_str()), "{sent:?}");
        let done = self.call(Method::POST, &format!("{place}/finish"), Some(who), Some(&json!({}))).await;
        assert_eq!(done.status, 200, "{done:?}");
        done.body["hash"].as_str().expect("a hash").to_owned()
    }

    /// Attaches as the artwork of the order called `title`, and returns the order's id.
    fn attach(&self, who: &Persona, title: &str, hash: &str) -> String {
        let script = format!("update {}.\"order\" set artwork = decode('{hash}', 'hex') where title = '{title}'", who.schema);
        self.db.psql_as(who, &script).ok();
        self.db
            .value_as_superuser(&format!("select id from orders.\"order\" where title = '{title}' and artwork = decode('{hash}', 'hex')"))
    }

    async fn files() -> World {
        let cluster = Cluster::shared();
        let db = cluster.database_from(&orders::in_every_state(cluster), "files");
        db.psql_as_superuser(&format!(
            "grant connect on database {} to statehouse_api, statehouse_agent, statehouse_worker, statehouse_read, statehouse_server",
            db.name()
        ))
        .ok();
        World::over(db, Settings::default()).await
    }
}

#[tokio::test]
async fn a_file_goes_up_and_comes_down() {
    let world = World::files().await;
    let client = member("client");
    let bytes = noise(1, 0, 700_001);
    let hash = world.upload(&client, "żółw.png", "image/png", &bytes).await;
    let order = world.attach(&client, "mixed/quoting", &hash);
    let path = format!("/v1/order/{order}/files/artwork");
    let whole = world.send_as(&client, Method::GET, &path, &[], Vec::new()).await;
    assert_eq!((whole.status, whole.bytes == bytes), (200, true));
    let tag = format!("\"{hash}\"");
    for (header, value) in [
        ("content-length", "700001"),
        ("content-type", "image/png"),
        ("etag", tag.as_str()),
        ("x-content-type-options", "nosniff"),
        ("accept-ranges", "bytes"),
        ("cache-control", "private, no-cache"),
        ("content-disposition", "inline; filename=\"___w.png\"; filename*=UTF-8''%C5%BC%C3%B3%C5%82w.png"),
    ] {
        assert_eq!(whole.header(header), value, "{header}");
    }
    let head = world.send_as(&client, Method::HEAD, &path, &[], Vec::new()).await;
    assert_eq!((head.status, head.header("content-length"), head.bytes.len()), (200, "700001", 0));
    let reference = world.db.value_as_superuser(&format!("select reference from orders.\"order\" where id = '{order}'"));
    let named = world.send_as(&client, Method::GET, &format!("/v1/order/{reference}/files/artwork"), &[], Vec::new()).await;
    assert_eq!((named.status, named.bytes.len()), (200, 700_001));

    for (header, value, status, from, to) in [
        ("range", "bytes=0-0", 206, 0, 1),
        ("range", "bytes=262143-262144", 206, 262_143, 262_145),
        ("range", "bytes=700000-", 206, 700_000, 700_001),
        ("range", "bytes=-10", 206, 699_991, 700_001),
        ("range", "bytes=100-600000", 206, 100, 600_001),
        ("range", "bytes=0-1,5-6", 200, 0, 700_001),
        ("if-none-match", tag.as_str(), 304, 0, 0),
        ("if-none-match", "\"other\"", 200, 0, 700_001),
    ] {
        let answer = world.send_as(&client, Method::GET, &path, &[(header, value)], Vec::new()).await;
        assert_eq!((answer.status, answer.bytes == bytes[from..to]), (status, true), "{header}: {value}");
        if status == 206 {
            assert_eq!(answer.header("content-range"), format!("bytes {from}-{}/700001", to - 1));
        }
    }
    let beyond = world.send_as(&client, Method::GET, &path, &[("range", "bytes=700001-")], Vec::new()).await;
    assert_eq!((beyond.status, beyond.code(), beyond.header("content-range")), (416, "SH6109", "bytes */700001"));
    let changed = world.send_as(&client, Method::GET, &path, &[("range", "bytes=0-0"), ("if-range", "\"other\"")], Vec::new()).await;
    assert_eq!((changed.status, changed.bytes.len()), (200, 700_001));
}

#[tokio::test]
async fn a_record_tells_its_files_and_takes_them() {
    let world = World::files().await;
    let client = member("client");
    let order = world.db.value_as_superuser("select id from orders.\"order\" where title = 'mixed/quoting'");
    let path = format!("/v1/order/{order}");
    let hash = world.upload(&client, "poster.png", "image/png", b"picture").await;
    let edit = |who: Persona, body: Value| {
        let (world, path) = (&world, &path);
        async move {
            let tag = world.call(Method::GET, path, Some(&who), None).await.header("etag").to_owned();
            let headers = [("content-type", "application/json"), ("if-match", tag.as_str())];
            world.send_as(&who, Method::PATCH, path, &headers, body.to_string().into_bytes()).await
        }
    };
    let told = json!({ "hash": hash, "size": 7, "media_type": "image/png", "name": "poster.png", "url": format!("/v1/order/{order}/files/artwork") });
    let edited = edit(client.clone(), json!({ "artwork": hash })).await;
    assert_eq!((edited.status, &edited.body["artwork"]), (200, &told), "{edited:?}");
    assert_eq!(world.call(Method::GET, told["url"].as_str().expect("a url"), Some(&client), None).await.bytes, b"picture");
    let listed = world.call(Method::GET, "/v1/order?filter[title]=mixed/quoting", Some(&client), None).await;
    assert_eq!(listed.body["data"][0]["artwork"], told);
    // As it came, and by somebody who did not upload it: nothing changes, so nothing is asked.
    let again = edit(member("rep"), json!({ "artwork": told, "note": "as it was" })).await;
    assert_eq!((again.status, &again.body["artwork"]), (200, &told), "{again:?}");
    let others = edit(member("rep"), json!({ "artwork": "ab".repeat(32) })).await;
    assert_eq!((others.status, others.code()), (422, "SH6108"));
    assert_eq!(edit(client.clone(), json!({ "artwork": null })).await.body["artwork"], Value::Null);

    // Of a row the record owns, and as the input of a verb.
    let rep = member("rep");
    let drawing = world.upload(&rep, "plan.pdf", "application/pdf", b"a plan").await;
    let line = json!({ "vertical": "print", "description": "Posters", "drawing": drawing });
    let added = world.call(Method::POST, &format!("{path}/lines"), Some(&rep), Some(&line)).await;
    assert_eq!(added.status, 201, "{added:?}");
    let url = added.body["drawing"]["url"].as_str().expect("a url").to_owned();
    assert_eq!(url, format!("{path}/lines/{}/files/drawing", added.body["id"].as_str().expect("an id")));
    assert_eq!(world.call(Method::GET, &url, Some(&client), None).await.bytes, b"a plan");
    for stranger in [Persona::second("orders", NORDUR, "client"), Persona::member("orders", BALTYK, "admin"), member("broker")] {
        let answer = world.call(Method::GET, &url, Some(&stranger), None).await;
        assert_eq!((answer.status, answer.code()), (404, "SH1002"), "{stranger:?}");
    }
    let other = world.db.value_as_superuser("select id from orders.\"order\" where title = 'mixed/quoted'");
    let elsewhere = url.replace(&order, &other);
    assert_eq!(world.call(Method::GET, &elsewhere, Some(&client), None).await.status, 404, "the line of another order");
    let out = world.db.value_as_superuser("select id from orders.\"order\" where title = 'mixed/out_for_delivery'");
    let ops = member("ops");
    let deliver = format!("/v1/order/{out}/transitions/deliver");
    let theirs = world.call(Method::POST, &deliver, Some(&ops), Some(&json!({ "proof": drawing }))).await;
    assert_eq!((theirs.status, theirs.code()), (422, "SH6108"));
    let proof = world.upload(&ops, "door.jpg", "image/jpeg", b"at the door").await;
    let delivered = world.call(Method::POST, &deliver, Some(&ops), Some(&json!({ "proof": proof }))).await;
    assert_eq!((delivered.status, &delivered.body["proof"]["name"]), (200, &json!("door.jpg")), "{delivered:?}");
}

#[tokio::test]
async fn what_a_browser_would_run_is_saved_as_bytes() {
    let world = World::files().await;
    let client = member("client");
    let hash = world.upload(&client, "x.html", "text/html", b"<script>alert(1)</script>").await;
    let order = world.attach(&client, "mixed/quoting", &hash);
    let answer = world.send_as(&client, Method::GET, &format!("/v1/order/{order}/files/artwork"), &[], Vec::new()).await;
    assert_eq!(answer.header("content-type"), "application/octet-stream");
    assert_eq!(answer.header("content-disposition"), "attachment; filename=\"x.html\"");
    assert_eq!(answer.header("content-security-policy"), "default-src 'none'; sandbox");
}

/// A problem without what differs from request to request.
fn bare(answer: &Answer) -> (u16, Value) {
    let mut body = answer.body.clone();
    for key in ["request_id", "instance"] {
        body.as_object_mut().expect("a problem").remove(key);
    }
    (answer.status, body)
}

#[tokio::test]
async fn anothers_file_is_as_one_that_never_was() {
    let world = World::files().await;
    let client = member("client");
    let hash = world.upload(&client, "a.txt", "text/plain", b"the artwork").await;
    let order = world.attach(&client, "mixed/quoting", &hash);
    let fetch = |who: Persona, path: String| {
        let world = &world;
        async move { world.send_as(&who, Method::GET, &path, &[], Vec::new()).await }
    };
    let there = format!("/v1/order/{order}/files/artwork");
    assert_eq!(fetch(member("rep"), there.clone()).await.bytes, b"the artwork");
    let missing = bare(&fetch(client.clone(), "/v1/order/00000000-0000-7000-8000-000000000000/files/artwork".into()).await);
    assert_eq!((missing.0, &missing.1["code"]), (404, &json!("SH1002")));
    for (who, path) in [
        (Persona::second("orders", NORDUR, "client"), there.clone()),
        (Persona::second("orders", NORDUR, "rep"), there.clone()),
        (member("ops"), there.clone()),
        (member("broker"), there.clone()),
        (Persona::member("orders", BALTYK, "client"), there.clone()),
        (Persona::member("orders", BALTYK, "admin"), there.clone()),
        (client.clone(), format!("/v1/order/{order}/files/proof")),
        (client.clone(), format!("/v1/order/{order}/files/commission")),
        (client.clone(), format!("/v1/order/{order}/files/nothing")),
        (client.clone(), format!("/v1/nothing/{order}/files/artwork")),
        (client.clone(), format!("/v1/order/{hash}/files/artwork")),
        (client.clone(), format!("/v1/order/{order}/lines/{order}/files/artwork")),
        (client.clone(), "/v1/order/ORD-999999/files/artwork".into()),
    ] {
        assert_eq!(bare(&fetch(who.clone(), path.clone()).await), missing, "{who:?} {path}");
    }
    assert_eq!(world.call(Method::GET, &there, None, None).await.status, 401);

    // An upload is its owner's alone, in every word there is for it.
    let begun = world.announce(&client, "b.txt", "text/plain", 3).await;
    let place = begun.header("location").to_owned();
    let nowhere = "/v1/uploads/00000000-0000-4000-8000-000000000000";
    let other = Persona::second("orders", NORDUR, "client");
    let expected = bare(&world.append(&other, nowhere, 0, b"abc").await);
    assert_eq!((expected.0, &expected.1["code"]), (404, &json!("SH6101")));
    for place in [place.as_str(), "/v1/uploads/none"] {
        assert_eq!(bare(&world.append(&other, place, 0, b"abc").await), expected, "{place}");
        assert_eq!(bare(&world.call(Method::POST, &format!("{place}/finish"), Some(&other), Some(&json!({}))).await), expected);
        assert_eq!(bare(&world.call(Method::DELETE, place, Some(&other), None).await), expected);
        assert_eq!(world.send_as(&other, Method::HEAD, place, &[], Vec::new()).await.status, 404);
    }
    assert_eq!(world.append(&client, &place, 0, b"abc").await.status, 204);
}

#[tokio::test]
async fn a_part_that_does_not_fit_says_where_to_go_on() {
    let world = World::files().await;
    let client = member("client");
    let place = world.announce(&client, "a.bin", "application/octet-stream", 600_000).await.header("location").to_owned();
    let bytes = noise(7, 0, 600_000);
    let ahead = world.append(&client, &place, 100, &bytes[100..]).await;
    assert_eq!((ahead.status, ahead.code(), ahead.header("upload-offset")), (409, "SH6102", "0"));
    assert_eq!(world.append(&client, &place, 0, &bytes[..100]).await.code(), "SH6104");
    let sent = world.append(&client, &place, 0, &bytes[..300_000]).await;
    assert_eq!((sent.status, sent.header("upload-offset")), (204, "300000"));
    let early = world.call(Method::POST, &format!("{place}/finish"), Some(&client), None).await;
    assert_eq!((early.status, early.code(), early.header("upload-offset")), (409, "SH6103", "300000"));
    for (headers, status, code) in [
        (vec![("content-type", "application/json"), ("upload-offset", "300000")], 415, "SH6004"),
        (vec![("content-type", "application/octet-stream")], 400, "SH6104"),
        (vec![("content-type", "application/octet-stream"), ("upload-offset", "-1")], 400, "SH6104"),
        (vec![("content-type", "application/octet-stream"), ("upload-offset", "99999999999999999999")], 400, "SH6104"),
    ] {
        let answer = world.send_as(&client, Method::PATCH, &place, &headers, b"abc".to_vec()).await;
        assert_eq!((answer.status, answer.code()), (status, code), "{headers:?}");
    }
    assert_eq!(world.append(&client, &place, 300_000, &bytes[300_000..]).await.status, 204);
    assert_eq!(world.append(&client, &place, 600_000, b"more").await.code(), "SH6104");
    let wrong = json!({ "sha256": "00".repeat(32) });
    let refused = world.call(Method::POST, &format!("{place}/finish"), Some(&client), Some(&wrong)).await;
    assert_eq!((refused.status, refused.code()), (422, "SH6110"));
    let right = json!({ "sha256": hex(&Sha256::digest(&bytes)) });
    let done = world.call(Method::POST, &format!("{place}/finish"), Some(&client), Some(&right)).await;
    assert_eq!((done.status, &done.body["size"]), (200, &json!(600_000)));
    let again = world.call(Method::POST, &format!("{place}/finish"), Some(&client), Some(&right)).await;
    assert_eq!(again.body, done.body);
    for (body, status, code) in [
        (json!({ "name": "a/b", "media_type": "text/plain", "size": 1 }), 422, "SH6105"),
        (json!({ "name": "a", "media_type": "text", "size": 1 }), 422, "SH6105"),
        (json!({ "name": "a", "media_type": "text/plain", "size": 0 }), 422, "SH6105"),
        (json!({ "name": "a", "media_type": "text/plain", "size": u64::MAX }), 413, "SH6106"),
        (json!({ "name": "a", "media_type": "text/plain", "size": 1, "tenant": 2 }), 400, "SH6002"),
        (json!({ "name": "a", "media_type": "text/plain" }), 400, "SH6001"),
    ] {
        let answer = world.call(Method::POST, "/v1/uploads", Some(&client), Some(&body)).await;
        assert_eq!((answer.status, answer.code()), (status, code), "{body}");
    }
    let given_up = world.announce(&client, "a.bin", "application/octet-stream", 10).await.header("location").to_owned();
    assert_eq!(world.call(Method::DELETE, &given_up, Some(&client), None).await.status, 204);
    assert_eq!(world.send_as(&client, Method::HEAD, &given_up, &[], Vec::new()).await.status, 404);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Resident memory of this process, which is server and client in one, in KiB.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("VmRSS");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number")
}

/// Sends from `at` over a connection of its own, and breaks it off at `cut`; then whether an answer came.
async fn send_until(world: &World, who: &Persona, upload: &str, (at, cut, size): (u64, u64, u64), most_kib: &mut u64) -> Option<String> {
    let mut socket = TcpStream::connect(world.address).await.expect("the server listens");
    let head = format!(
        "PATCH {upload} HTTP/1.1\r\nhost: test\r\nauthorization: Bearer {}\r\ncontent-type: application/offset+octet-stream\r\nupload-offset: {at}\r\ncontent-length: {}\r\n\r\n",
        who.key.as_deref().expect("a member"),
        size - at
    );
    socket.write_all(head.as_bytes()).await.expect("sent");
    let mut here = at;
    while here < cut {
        let bytes = noise(200, here, (cut - here).min(64 << 10) as usize);
        if socket.write_all(&bytes).await.is_err() {
            break; // the server has answered and closed
        }
        here += bytes.len() as u64;
        if here % (1 << 20) < 64 << 10 {
            *most_kib = (*most_kib).max(resident_kib());
        }
    }
    if here < size {
        if cut % 2 == 1 {
            socket.set_zero_linger().expect("an open socket"); // torn, not closed: what is on its way is lost
        }
        return None;
    }
    let mut answer = vec![0; 4096];
    let length = socket.read(&mut answer).await.expect("an answer");
    Some(String::from_utf8_lossy(&answer[..length]).into_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_megabytes_arrive_over_a_connection_cut_five_times() {
    const SIZE: u64 = 200_000_000;
    let world = World::files().await;
    let client = member("client");
    let began = Instant::now();
    let place = world.announce(&client, "long.mp4", "video/mp4", SIZE).await.header("location").to_owned();
    let before = resident_kib();
    let mut most = before;
    // Anywhere: the seed is printed, so that a failure can be made again.
    let seed = u64::from(std::process::id());
    println!("seed {seed}");
    let mut cuts: Vec<u64> = (0..5).map(|n| u64::from_le_bytes(noise(seed, n * 8, 8).try_into().expect("eight")) % SIZE).collect();
    cuts.sort_unstable();
    cuts.push(SIZE);
    let mut last = String::new();
    for cut in cuts {
        let mut tries = 0;
        loop {
            let at = world.stands(&client, &place).await;
            assert!(at <= cut.max(CHUNK) && (at % CHUNK == 0 || at == SIZE), "stands at {at}");
            if cut < SIZE && (at >= cut / CHUNK * CHUNK || cut % 2 == 1 && tries > 10) {
                break; // every whole chunk that was sent is here
            }
            if at == SIZE {
                break;
            }
            if tries == 0 || cut == SIZE {
                last = send_until(&world, &client, &place, (at, cut, SIZE), &mut most).await.unwrap_or_default();
            }
            tries += 1;
            assert!(tries < 200, "stands at {at}, cut at {cut}: {last}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    assert!(last.starts_with("HTTP/1.1 204"), "{last}");
    let sent = began.elapsed();
    let mut hasher = Sha256::new();
    (0..SIZE.div_ceil(1 << 20)).for_each(|n| hasher.update(noise(200, n << 20, (SIZE - (n << 20)).min(1 << 20) as usize)));
    let sha256 = hex(&hasher.finalize());
    let done = world.call(Method::POST, &format!("{place}/finish"), Some(&client), Some(&json!({ "sha256": sha256 }))).await;
    assert_eq!(done.status, 200, "{done:?}");
    most = most.max(resident_kib());
    let finished = began.elapsed();
    let hash = done.body["hash"].as_str().expect("a hash");
    let order = world.attach(&client, "mixed/quoting", hash);
    let mut socket = TcpStream::connect(world.address).await.expect("the server listens");
    let key = client.key.as_deref().expect("a member");
    let ask =
        format!("GET /v1/order/{order}/files/artwork HTTP/1.1\r\nhost: test\r\nauthorization: Bearer {key}\r\nconnection: close\r\n\r\n");
    socket.write_all(ask.as_bytes()).await.expect("sent");
    let (mut hasher, mut buffer, mut body, mut head) = (Sha256::new(), vec![0; 256 << 10], 0_u64, Vec::new());
    loop {
        let length = socket.read(&mut buffer).await.expect("bytes");
        if length == 0 {
            break;
        }
        let mut bytes = &buffer[..length];
        if body == 0 {
            head.extend_from_slice(bytes);
            let Some(end) = head.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
            bytes = &bytes[length - (head.len() - end - 4)..];
        }
        hasher.update(bytes);
        body += bytes.len() as u64;
        most = most.max(resident_kib());
    }
    assert_eq!((body, hex(&hasher.finalize())), (SIZE, sha256));
    println!(
        "200 MB: sent in {:.1} s over 6 connections, finished at {:.1} s, fetched at {:.1} s; memory {} MiB before, {} MiB at most",
        sent.as_secs_f64(),
        finished.as_secs_f64(),
        began.elapsed().as_secs_f64(),
        before >> 10,
        most >> 10
    );
    assert!(most - before < 48 << 10, "memory grew by {} KiB", most - before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_photos_leave_no_bloat() {
    let world = World::files().await;
    let client = member("client");
    let size = || {
        world.db.psql_as_superuser("vacuum").ok();
        world.db.value_as_superuser("select pg_database_size(current_database())").parse::<i64>().expect("a size")
    };
    // Everything that grows once has grown: a photo that stays.
    let kept = world.upload(&client, "kept.jpg", "image/jpeg", &noise(0, 0, 200_000)).await;
    world.attach(&client, "mixed/quoted", &kept);
    let before = size();
    let began = Instant::now();
    let lanes = (0..4_u64).map(|lane| {
        let (world, client) = (&world, &client);
        async move {
            for n in 0..250 {
                let photo = 1 + lane * 250 + n;
                let bytes = noise(photo, 0, 100_000 + (photo * 7919 % 200_000) as usize);
                let hash = world.upload(client, &format!("{photo}.jpg"), "image/jpeg", &bytes).await;
                if photo % 10 == 0 {
                    world.attach(client, "mixed/quoting", &hash); // each lets go of the one before
                }
            }
        }
    });
    futures_util::future::join_all(lanes).await;
    let uploaded = began.elapsed();
    let full = size();
    world.db.psql_as(&client, "update orders_client.\"order\" set artwork = null where title = 'mixed/quoting'").ok();
    app::set_clock(&world.db, "2026-11-22 12:00:00+00");
    let worker = Db::open(&Place::parse(&world.db.url("postgres")).expect("a place"), Login::Worker, 1).expect("a pool");
    let (mut files, mut batches) = (0, 0);
    let sweeping = Instant::now();
    loop {
        let swept = sweep(&worker, 64 << 20).await.expect("swept");
        if swept == Default::default() {
            break;
        }
        files += swept.files;
        batches += 1;
        assert!(batches < 100 && swept.bytes < 65 << 20, "{swept:?}");
    }
    let swept_in = sweeping.elapsed();
    let after = size();
    let left = (after - before) as f64 / (full - before) as f64 * 100.0;
    println!(
        "1,000 photos in {:.1} s: {} MiB before, {} MiB with them, {} MiB after {files} were swept in {batches} batches ({:.1} s) and vacuum; {left:.1} % of the growth is left",
        uploaded.as_secs_f64(),
        before >> 20,
        full >> 20,
        after >> 20,
        swept_in.as_secs_f64()
    );
    assert_eq!(files, 1000);
    assert_eq!(world.db.value_as_superuser("select count(*) from statehouse.file"), "1", "the one that is held stays");
    assert!(full - before > 190 << 20, "the photos took {} bytes", full - before);
    assert!(left < 3.0, "{left} % of the growth is left");
}
