//! What is not its sender's own leaves nothing behind but a count.

use axum::http::Request;

use super::scene::{HUB_SECRET, Post, STANDARD_KEY, arrived, base64, hex, hub, now, standard};

/// Another key than ours.
const THEIR_KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

#[tokio::test]
async fn r09_and_r21_a_capture_is_refused_once_its_time_is_over_and_before_it_has_come() {
    let post = Post::new().await;
    let path = post.own("standard").await;
    let body = arrived("P-0001");
    for away in [301, 600, 86_400, -310, -600] {
        let refused = post.standard_at(&path, "msg_1", &body, now() - away).await;
        assert_eq!((refused.status, refused.code()), (401, "SH7101"), "{away} s ago: {refused:?}");
        assert_eq!(refused.body["detail"], "the message is not taken for its sender's own");
    }
    assert_eq!(post.count(), 0);
    for away in [290, -290] {
        assert_eq!(post.standard_at(&path, "msg_1", &body, now() - away).await.status, 200, "{away} s ago");
    }
    assert_eq!(post.became("standard", "forged").await, "5");
}

#[tokio::test]
async fn r15_every_kind_of_forgery_is_answered_alike_and_leaves_no_row() {
    let post = Post::new().await;
    let path = post.own("standard").await;
    let (at, body) = (now(), arrived("P-0001"));
    let time = at.to_string();
    let good = standard(STANDARD_KEY, "msg_1", at, &body);
    let theirs = standard(THEIR_KEY, "msg_1", at, &body);
    let hash = good.trim_start_matches("v1,").to_owned();
    let cases: Vec<(&str, Vec<(&str, String)>)> = vec![
        ("nothing", vec![]),
        ("no signature", vec![("webhook-id", "msg_1".into()), ("webhook-timestamp", time.clone())]),
        ("no id", vec![("webhook-timestamp", time.clone()), ("webhook-signature", good.clone())]),
        ("no time", vec![("webhook-id", "msg_1".into()), ("webhook-signature", good.clone())]),
        ("another's", signed("msg_1", &time, &theirs)),
        ("empty", signed("msg_1", &time, "")),
        ("truncated", signed("msg_1", &time, &good[..good.len() - 4])),
        ("one letter in another case", signed("msg_1", &time, &format!("v1,{}", swapped(&hash)))),
        ("another version", signed("msg_1", &time, &format!("v0,{hash}"))),
        ("no version", signed("msg_1", &time, &hash)),
        ("another algorithm", signed("msg_1", &time, &format!("v1a,{hash}"))),
        ("hexadecimal", signed("msg_1", &time, &format!("v1,{}", hex(hash.as_bytes())))),
        ("another id", signed("msg_2", &time, &good)),
        ("another time", signed("msg_1", &(at - 1).to_string(), &good)),
        ("a time with a fraction", signed("msg_1", &format!("{time}.0"), &good)),
        ("the other headers", vec![("svix-id", "msg_1".into()), ("svix-timestamp", time.clone()), ("svix-signature", good.clone())]),
    ];
    let mut answers = std::collections::BTreeSet::new();
    let many = cases.len();
    for (what, headers) in cases {
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let refused = post.send(&path, &headers, body.clone()).await;
        assert_eq!((refused.status, refused.code()), (401, "SH7101"), "{what}: {refused:?}");
        let request = refused.header("x-request-id").to_owned();
        answers.insert(String::from_utf8_lossy(&refused.bytes).replace(&request, "REQUEST"));
    }
    assert_eq!(answers.len(), 1, "none tells how near it came: {answers:#?}");
    assert_eq!(post.count(), 0);
    assert_eq!(post.became("standard", "forged").await, many.to_string());
    // And one that is whole is taken: it was not the address that refused.
    assert_eq!(post.standard_at(&path, "msg_1", &body, at).await.status, 200);
}

fn signed(id: &str, at: &str, signature: &str) -> Vec<(&'static str, String)> {
    vec![("webhook-id", id.to_owned()), ("webhook-timestamp", at.to_owned()), ("webhook-signature", signature.to_owned())]
}

/// The first letter in its other case.
fn swapped(text: &str) -> String {
    let at = text.find(|letter: char| letter.is_ascii_alphabetic()).expect("a letter");
    let (before, rest) = text.split_at(at);
    let (letter, after) = rest.split_at(1);
    let other = if letter.chars().all(char::is_uppercase) { letter.to_lowercase() } else { letter.to_uppercase() };
    format!("{before}{other}{after}")
}

#[tokio::test]
async fn r15_headers_that_stand_twice_or_are_no_text_are_refused() {
    let post = Post::new().await;
    let path = post.own("hub").await;
    let good = hub(HUB_SECRET, b"{}");
    let twice = post.send(&path, &[("x-hub-signature-256", &good), ("x-hub-signature-256", &good), ("x-github-delivery", "d")], "{}").await;
    assert_eq!((twice.status, twice.code()), (401, "SH7101"));
    let no_text = Request::post(post.world.url(&path)).header("x-hub-signature-256", &b"sha256=\xff"[..]);
    let no_text = post.world.send(no_text.body("{}".into()).expect("a request")).await;
    assert_eq!((no_text.status, no_text.code()), (401, "SH7101"));
    // A list of hashes too long to be meant: the right one stands behind the hundredth.
    let path = post.own("standard").await;
    let (at, body) = (now(), arrived("P-0001"));
    let long = format!("{}{}", "v1,AAAA ".repeat(150), standard(STANDARD_KEY, "msg_1", at, &body));
    let long = post
        .send(&path, &[("webhook-id", "msg_1"), ("webhook-timestamp", &at.to_string()), ("webhook-signature", &long)], body.clone())
        .await;
    assert_eq!((long.status, long.code()), (401, "SH7101"));
    let huge = "v1,AAAA ".repeat(1 << 17);
    let huge =
        post.send(&path, &[("webhook-id", "msg_1"), ("webhook-timestamp", &at.to_string()), ("webhook-signature", &huge)], body).await;
    assert!(matches!(huge.status, 431 | 400), "{huge:?}");
    assert_eq!(post.count(), 0);
}

#[tokio::test]
async fn r16_while_one_secret_takes_the_place_of_another_both_count_and_then_one() {
    let rfc = |at: i64| jiff::Timestamp::from_second(at).expect("a time").to_string();
    let next = base64(&[7; 24]);
    // The old one counts until an hour from now, or did until a minute ago.
    for (ends, old) in [(now() + 3600, 200), (now() - 60, 401)] {
        let secrets = format!(
            "\n  - {{ id: old, value: whsec_{STANDARD_KEY}, not_after: {} }}\n  - {{ id: next, value: whsec_{next}, not_before: {} }}\n  - {{ id: later, value: whsec_{THEIR_KEY}, not_before: {} }}",
            rfc(ends),
            rfc(now() - 60),
            rfc(now() + 3600)
        );
        let post = Post::with(&secrets, statehouse_http::Settings::default()).await;
        let path = post.own("standard").await;
        let send = async |key: &str, id: &str| {
            let (at, body) = (now(), arrived("P-0001"));
            let signature = standard(key, id, at, &body);
            let headers = [("webhook-id", id), ("webhook-timestamp", &at.to_string()), ("webhook-signature", &signature)];
            post.send(&path, &headers, body).await.status
        };
        assert_eq!((send(STANDARD_KEY, "msg_1").await, send(&next, "msg_2").await, send(THEIR_KEY, "msg_3").await), (old, 200, 401));
        let stored = if old == 200 { "msg_1|old\nmsg_2|next" } else { "msg_2|next" };
        assert_eq!(post.rows("key, secret"), stored);
    }
}

/// Where no secret counts nothing can be judged: that is ours to put right, and no message is called forged for it.
#[tokio::test]
async fn r16_where_none_counts_senders_are_told_to_come_again() {
    let over = format!("\n  - {{ id: old, value: whsec_{STANDARD_KEY}, not_after: 2020-01-01T00:00:00Z }}");
    for secrets in [over.as_str(), "not-of-this-form"] {
        let post = Post::with(secrets, statehouse_http::Settings::default()).await;
        let path = post.own("standard").await;
        let told = post.standard(&path, "msg_1", &arrived("P-0001")).await;
        assert_eq!((told.status, told.code()), (503, "SH7110"), "{told:?}");
        assert!(!told.header("retry-after").is_empty(), "{:?}", told.headers);
        assert_eq!((post.count(), post.became("standard", "not_taken").await.as_str()), (0, "1"));
    }
}

/// A new one that was mistyped takes the old one not down; what is signed with neither is forged.
#[tokio::test]
async fn r16_a_malformed_secret_takes_no_other_down() {
    let secrets = format!("\n  - {{ id: new, value: \"whsec_not base64!\" }}\n  - {{ id: old, value: whsec_{STANDARD_KEY} }}");
    let post = Post::with(&secrets, statehouse_http::Settings::default()).await;
    let path = post.own("standard").await;
    assert_eq!(post.standard(&path, "msg_1", &arrived("P-0001")).await.status, 200);
    assert_eq!(post.rows("key, secret"), "msg_1|old");
    let (at, body) = (now(), arrived("P-0002"));
    let theirs = standard(THEIR_KEY, "msg_2", at, &body);
    let headers = [("webhook-id", "msg_2"), ("webhook-timestamp", &at.to_string()), ("webhook-signature", &theirs)];
    assert_eq!(post.send(&path, &headers, body).await.status, 401);
}

#[tokio::test]
async fn r17_a_forged_message_takes_no_key_from_the_real_one() {
    let post = Post::new().await;
    let path = post.own("standard").await;
    let (at, body) = (now(), arrived("P-0001"));
    let forged = standard(THEIR_KEY, "msg_1", at, &body);
    let headers = [("webhook-id", "msg_1"), ("webhook-timestamp", &at.to_string()), ("webhook-signature", &forged)];
    assert_eq!(post.send(&path, &headers, arrived("P-9999")).await.status, 401);
    assert_eq!(post.standard(&path, "msg_1", &body).await.status, 200);
    assert_eq!(post.rows("key, n, state, convert_from(body, 'UTF8')"), format!("msg_1|0|due|{body}"));
}

#[tokio::test]
async fn the_word_that_answers_a_question_signs_nothing() {
    let post = Post::new().await;
    let path = post.own("chat").await;
    let body = r#"{"id":"wamid.1","object":"whatsapp"}"#;
    let with = async |secret: &str| {
        let signature = hub(secret, body.as_bytes());
        post.send(&path, &[("x-hub-signature-256", &signature)], body).await.status
    };
    assert_eq!((with("a-word-of-ours").await, with("secret").await), (401, 200));
}
