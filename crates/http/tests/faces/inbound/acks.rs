//! What each sender wants to hear, byte for byte, and the question some ask first.

use axum::body::Body;
use axum::http::Request;

use super::scene::{Post, hex, now, sha256};

#[tokio::test]
async fn r25_each_sender_hears_what_it_wants_to_hear() {
    let post = Post::new().await;
    // Dropbox Sign: the text of its documentation; of its own published vectors, one of those without a record.
    let path = post.own("signing").await;
    let event = r#"{"event":{"event_time":"1348177752","event_type":"signature_request_sent","event_hash":"08d45a6b7677492b78be030cef18cfeaece8fe67e163cc8e526ee638ad483756"},"signature_request":{"signature_request_id":"sr-1"}}"#;
    let form = format!("------x\r\nContent-Disposition: form-data; name=\"json\"\r\n\r\n{event}\r\n------x--\r\n");
    let answer = post.send(&path, &[("content-type", "multipart/form-data; boundary=----x")], form).await;
    assert_eq!((answer.status, String::from_utf8_lossy(&answer.bytes).as_ref()), (200, "Hello API Event Received"));
    assert!(answer.header("content-type").starts_with("text/plain"), "{:?}", answer.headers);
    assert_eq!(post.rows("key, type, coverage"), "signature_request_sent:sr-1|signature_request_sent|partly");

    // Asaas: exactly 200.
    let path = post.own("bill").await;
    let answer = post.send(&path, &[("asaas-access-token", "a-token-of-ours")], r#"{"id":"evt_1"}"#).await;
    assert_eq!((answer.status, answer.bytes.as_slice()), (200, &b""[..]));

    // Stripe: any 2xx.
    let path = post.own("card").await;
    let (at, body) = (now(), r#"{"id":"evt_1","type":"paid"}"#);
    let signature = format!("t={at},v1={}", hex(&sha256(b"whsec_test_secret", format!("{at}.{body}").as_bytes())));
    let answer = post.send(&path, &[("stripe-signature", &signature)], body).await;
    assert_eq!((answer.status, answer.bytes.as_slice()), (200, &b""[..]));
}

#[tokio::test]
async fn r25_the_question_of_meta_is_answered_with_its_own_word() {
    let post = Post::new().await;
    let path = post.own("chat").await;
    let ask = async |path: &str, query: &str| {
        post.world.send(Request::get(post.world.url(&format!("{path}?{query}"))).body(Body::empty()).expect("a request")).await
    };
    let asked = ask(&path, "hub.mode=subscribe&hub.verify_token=a-word-of-ours&hub.challenge=1158201444").await;
    assert_eq!((asked.status, asked.bytes.as_slice()), (200, &b"1158201444"[..]));
    for wrong in [
        "hub.mode=subscribe&hub.verify_token=another&hub.challenge=1158201444",
        "hub.mode=unsubscribe&hub.verify_token=a-word-of-ours&hub.challenge=1158201444",
        "hub.mode=subscribe&hub.verify_token=a-word-of-ours&hub.verify_token=x&hub.challenge=1158201444",
        // What signs messages answers no question.
        "hub.mode=subscribe&hub.verify_token=secret&hub.challenge=1158201444",
        "",
    ] {
        let refused = ask(&path, wrong).await;
        assert_eq!((refused.status, refused.code()), (404, "SH6006"), "{wrong}: {refused:?}");
    }
    // Who has no such question asks none.
    let other = post.own("hub").await;
    let query = "hub.mode=subscribe&hub.verify_token=a-word-of-ours&hub.challenge=1";
    assert_eq!(ask(&other, query).await.status, 404);
}

/// Whom a proxy knows by a certificate; a caller who says so himself is nobody.
#[tokio::test]
async fn a_certificate_counts_where_a_trusted_proxy_shows_it() {
    const PINNED: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let body = r#"{"pix":[{"endToEndId":"E1","txid":"P-0001"},{"endToEndId":"E2","txid":"P-0002"}]}"#;
    let key = |trusted: &[&str]| {
        let mut settings = statehouse_http::Settings::default();
        settings.inbound.certificate_header = "x-client-cert".into();
        settings.trusted_proxies = trusted.iter().map(ToString::to_string).collect();
        settings
    };
    let standard = format!("whsec_{}", super::scene::STANDARD_KEY);
    let behind = Post::with(&standard, key(&["127.0.0.0/8"])).await;
    let path = behind.own("pix").await;
    assert_eq!(behind.send(&path, &[("x-client-cert", PINNED)], body).await.status, 200);
    assert_eq!(behind.rows("key, coverage"), "E1|sender\nE2|sender");
    // A bank puts `/pix` behind the address it was told.
    let below = format!("{path}/pix");
    assert_eq!(behind.send(&below, &[("x-client-cert", PINNED)], body).await.status, 200);
    assert_eq!((behind.send(&below, &[], body).await.status, behind.count()), (401, 2));
    assert_eq!(behind.send(&path, &[("x-client-cert", &PINNED.replace("ba", "bb"))], body).await.status, 401);
    assert_eq!(behind.send(&path, &[], body).await.status, 401);
    let open = Post::with(&standard, key(&[])).await;
    let path = open.own("pix").await;
    assert_eq!(open.send(&path, &[("x-client-cert", PINNED)], body).await.status, 401, "nobody stands in front of this one");
}
