//! What is stored of a genuine message, and what comes of its coming again.

use serde_json::json;
use statehouse_testkit::app::set_clock;

use super::scene::{HUB_SECRET, Post, STANDARD_KEY, arrived, base64, hub, now, sha1, sha256, standard};

#[tokio::test]
async fn r01_to_r03_a_message_sent_again_after_a_lost_answer_is_one_row() {
    let post = Post::new().await;
    let path = post.own("standard").await;
    for turn in 0..3 {
        // Whoever resends signs again, with a new time.
        let answer = post.standard_at(&path, "msg_1", &arrived("P-0001"), now() - turn).await;
        assert_eq!((answer.status, answer.bytes.as_slice()), (200, &b""[..]), "{answer:?}");
    }
    let stored = post.rows("app, source, key, n, type, state, coverage, secret, convert_from(body, 'UTF8')");
    assert_eq!(stored, format!("post|standard|msg_1|0|parcel.arrived|due|whole|standard_hook|{}", arrived("P-0001")));
    assert_eq!(post.doublets(), "2");
    assert_eq!((post.became("standard", "new").await, post.became("standard", "again").await), ("1".into(), "2".into()));
}

#[tokio::test]
async fn r01_nobody_is_thanked_while_the_database_stores_nothing() {
    let post = Post::new().await;
    let path = post.own("standard").await;
    assert_eq!(post.standard(&path, "msg_1", &arrived("P-0001")).await.status, 200);
    // The door is shut, as by a database that takes no writes.
    let signature = "text, text, text, bytea, jsonb, text, text, text, text, int, bytea";
    let shut = format!("revoke execute on function statehouse.receive_message({signature}) from statehouse_server");
    post.world.db.psql_as_superuser(&shut).ok();
    let refused = post.standard(&path, "msg_2", &arrived("P-0001")).await;
    assert_eq!((refused.status, refused.code()), (500, "SH5001"), "what is ours to put right is nothing the sender did: {refused:?}");
    // A table that cannot be written in time: 503, and come again.
    post.world.db.psql_as_superuser(&shut.replace("revoke", "grant").replace(" from ", " to ")).ok();
    let other = post.world.db.connect_as_superuser().await;
    other.batch_execute("begin; lock table statehouse.message in access exclusive mode").await.expect("locked");
    let late = post.standard(&path, "msg_2", &arrived("P-0001")).await;
    assert_eq!(late.status, 503, "{late:?}");
    assert!(!late.header("retry-after").is_empty(), "{:?}", late.headers);
    other.batch_execute("rollback").await.expect("unlocked");
    assert_eq!(post.count(), 1, "nothing was left behind by what was refused");
    assert_eq!(post.standard(&path, "msg_2", &arrived("P-0001")).await.status, 200);
    assert_eq!(post.count(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r05_the_same_message_a_hundred_times_at_once_is_one_row_and_a_hundred_thanks() {
    let post = std::sync::Arc::new(Post::new().await);
    let path = post.own("standard").await;
    let all = std::sync::Arc::new(tokio::sync::Barrier::new(100));
    let senders: Vec<_> = (0..100)
        .map(|_| {
            let (post, path, all) = (post.clone(), path.clone(), all.clone());
            tokio::spawn(async move {
                all.wait().await;
                post.standard(&path, "msg_1", &arrived("P-0001")).await
            })
        })
        .collect();
    for sender in senders {
        let answer = sender.await.expect("it ends");
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    assert_eq!((post.count(), post.doublets()), (1, "99".into()));
}

#[tokio::test]
async fn r06_another_body_under_the_same_key_is_kept_and_not_acted_upon() {
    let post = Post::new().await;
    let path = post.own("standard").await;
    for parcel in ["P-0001", "P-0002", "P-0002", "P-0001"] {
        assert_eq!(post.standard(&path, "msg_1", &arrived(parcel)).await.status, 200, "{parcel}");
    }
    assert_eq!(post.rows("n, state, code"), "0|due|\n1|conflict|SH7104");
    assert_eq!(post.became("standard", "conflict").await, "2");
}

#[tokio::test]
async fn r07_two_messages_about_one_change_are_two_rows() {
    let post = Post::new().await;
    let path = post.own("standard").await;
    for id in ["msg_1", "msg_2"] {
        assert_eq!(post.standard(&path, id, &arrived("P-0001")).await.status, 200);
    }
    assert_eq!(post.rows("key, state"), "msg_1|due\nmsg_2|due");
}

#[tokio::test]
async fn r08_a_message_days_late_and_signed_anew_is_taken() {
    let post = Post::new().await;
    let path = post.own("standard").await;
    assert_eq!(post.standard(&path, "msg_1", &arrived("P-0001")).await.status, 200);
    set_clock(&post.world.db, "2026-11-23 12:00:00+00");
    assert_eq!(post.standard(&path, "msg_1", &arrived("P-0001")).await.status, 200);
    assert_eq!((post.count(), post.doublets()), (1, "1".into()));
}

#[tokio::test]
async fn r10_a_replay_of_what_carries_no_time_is_known_after_forty_days() {
    let post = Post::new().await;
    let path = post.own("hub").await;
    let signature = hub(HUB_SECRET, b"{\"parcel\":\"P-0001\"}");
    let headers = [("x-hub-signature-256", signature.as_str()), ("x-github-delivery", "d-1"), ("x-github-event", "arrived")];
    assert_eq!(post.send(&path, &headers, "{\"parcel\":\"P-0001\"}").await.status, 200);
    set_clock(&post.world.db, "2026-12-30 12:00:00+00");
    assert_eq!(post.send(&path, &headers, "{\"parcel\":\"P-0001\"}").await.status, 200);
    assert_eq!((post.count(), post.doublets()), (1, "1".into()));
}

#[tokio::test]
async fn r14_a_message_about_nothing_we_know_is_stored() {
    let post = Post::new().await;
    let path = post.own("standard").await;
    assert_eq!(post.standard(&path, "msg_1", &arrived("P-9999")).await.status, 200);
    assert_eq!(post.rows("key, state"), "msg_1|due");
}

/// Nothing but the id in the address and the request's own is signed.
#[tokio::test]
async fn r18_what_a_signature_does_not_cover_is_stored_as_a_hint() {
    let post = Post::new().await;
    let path = post.own("pago").await;
    // The example of the provider's own documentation, as research has worked it out.
    let signed = "ts=1742505638683,v1=633f91233312dd391ec75fa0bea539cfc2d6c4918873305b84a96cc1c58db71c";
    let headers = [("x-signature", signed), ("x-request-id", "2066ca19-c6f1-498a-be75-1923005edd06")];
    let body = r#"{"type":"payment","data":{"id":"of-somebody-else"}}"#;
    let answer = post.send(&format!("{path}?data.id=ord01jq4s4ky8hwq6na5pxb65b3d3&type=payment"), &headers, body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(
        post.rows("coverage, type, key, query"),
        "partly|payment|2066ca19-c6f1-498a-be75-1923005edd06|data.id=ord01jq4s4ky8hwq6na5pxb65b3d3&type=payment"
    );
    let other = post.send(&format!("{path}?data.id=another&type=payment"), &headers, body).await;
    assert_eq!((other.status, post.count()), (401, 1), "the id in the address is signed");
}

#[tokio::test]
async fn r20_what_is_genuine_and_cannot_be_read_is_stored_without_a_type() {
    let post = Post::new().await;
    let path = post.own("hub").await;
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let cases = [
        // The one vector that GitHub publishes: genuine, and no JSON.
        ("Hello, World!", Some("sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17")),
        (r#"{"amount":1,"amount":100}"#, None),
        (deep.as_str(), None),
        ("", None),
    ];
    for (nth, (body, published)) in cases.iter().enumerate() {
        let signature = published.map_or_else(|| hub(HUB_SECRET, body.as_bytes()), str::to_owned);
        let delivery = format!("d-{nth}");
        let headers = [("x-hub-signature-256", signature.as_str()), ("x-github-delivery", &delivery), ("x-github-event", "arrived")];
        let answer = post.send(&path, &headers, *body).await;
        assert_eq!(answer.status, 200, "{body:.40}: {answer:?}");
    }
    let unreadable =
        post.world.db.value_as_superuser("select count(*) from statehouse.message where type is null and key ~ '^sha256:[0-9a-f]{64}$'");
    assert_eq!(unreadable, "4");
    // The hash of the body is its key: SHA-256 of `Hello, World!`.
    let key = post.world.db.value_as_superuser("select key from statehouse.message where body = 'Hello, World!'");
    assert_eq!(key, "sha256:dffd6021bb2bd5b0af676290809ec3a53191dd81c7f70a4b28688a362182986f");
    // A type nobody maps, extra fields, nulls and amounts with a fraction can be read.
    let body = r#"{"parcel":null,"amount":0.1,"more":{"x":[1]}}"#;
    let signature = hub(HUB_SECRET, body.as_bytes());
    let headers = [("x-hub-signature-256", signature.as_str()), ("x-github-delivery", "d-9"), ("x-github-event", "unheard_of")];
    assert_eq!(post.send(&path, &headers, body).await.status, 200);
    assert_eq!(
        post.world.db.value_as_superuser("select type || ' ' || key from statehouse.message where type is not null"),
        "unheard_of d-9"
    );
    // Without the id by which it would be known again it has none but its hash.
    let headers = [("x-hub-signature-256", signature.as_str()), ("x-github-event", "arrived")];
    assert_eq!(post.send(&path, &headers, body).await.status, 200);
    assert_eq!(post.world.db.value_as_superuser("select count(*) from statehouse.message where type is null"), "5");
}

/// Whoever caught a message can send it first, with whatever its sender has not signed.
#[tokio::test]
async fn what_nobody_signed_takes_no_key_from_the_real_one() {
    let post = Post::new().await;
    let path = post.own("standard").await;
    let (at, body) = (now(), arrived("P-0001"));
    let signature = standard(STANDARD_KEY, "m5", at, &body);
    let form = "application/x-www-form-urlencoded";
    let headers = [("content-type", form), ("webhook-id", "m5"), ("webhook-timestamp", &at.to_string()), ("webhook-signature", &signature)];
    assert_eq!(post.send(&path, &headers, body.clone()).await.status, 200);
    assert_eq!(post.rows("key = 'm5', type"), "f|");
    assert_eq!(post.standard_at(&path, "m5", &body, at).await.status, 200);
    assert_eq!(post.world.db.value_as_superuser("select n, type, state from statehouse.message where key = 'm5'"), "0|parcel.arrived|due");
    assert_eq!((post.became("standard", "new").await, post.became("standard", "again").await), ("2".into(), String::new()));
    // Another query makes no other message of it, in whichever order they come.
    assert_eq!(post.standard_at(&format!("{path}?x=1"), "m6", &body, at).await.status, 200);
    assert_eq!(post.standard_at(&path, "m6", &body, at).await.status, 200);
    assert_eq!(post.standard_at(&format!("{path}?y=2"), "m6", &body, at).await.status, 200);
    assert_eq!(
        post.world.db.value_as_superuser("select n, type, state, query from statehouse.message where key = 'm6'"),
        "0|parcel.arrived|due|"
    );
    assert_eq!(post.doublets(), "2");
}

#[tokio::test]
async fn each_item_of_a_list_is_a_message() {
    let post = Post::new().await;
    let path = post.own("notes").await;
    let key: Vec<u8> = (0..32)
        .map(|at| {
            u8::from_str_radix(&"44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056"[at * 2..at * 2 + 2], 16).expect("hex")
        })
        .collect();
    let item = |reference: &str| {
        let signed = format!("{reference}::TestMerchant:P-0001:1130:EUR:AUTHORISATION:true");
        json!({ "NotificationRequestItem": {
            "pspReference": reference, "merchantAccountCode": "TestMerchant", "merchantReference": "P-0001", "eventCode": "AUTHORISATION", "success": "true",
            "amount": { "value": 1130, "currency": "EUR" }, "additionalData": { "hmacSignature": base64(&sha256(&key, signed.as_bytes())) },
        } })
    };
    let both = json!({ "live": "false", "notificationItems": [item("psp-1"), item("psp-2")] }).to_string();
    let answer = post.send(&path, &[("content-type", "application/json")], both).await;
    assert_eq!((answer.status, answer.bytes.as_slice()), (200, &b"[accepted]"[..]), "{answer:?}");
    assert_eq!(post.rows("key, type, item"), "psp-1:AUTHORISATION|AUTHORISATION|0\npsp-2:AUTHORISATION|AUTHORISATION|0");
    let alone = json!({ "live": "false", "notificationItems": [item("psp-2")] }).to_string();
    assert_eq!(
        post.world.db.value_as_superuser("select convert_from(body, 'UTF8') from statehouse.message where key like 'psp-2%'"),
        alone
    );
    // One of them in other company is known.
    let other = json!({ "live": "false", "notificationItems": [item("psp-3"), item("psp-1")] }).to_string();
    assert_eq!(post.send(&path, &[("content-type", "application/json")], other).await.status, 200);
    assert_eq!((post.count(), post.doublets()), (3, "1".into()));
    assert_eq!(post.world.db.value_as_superuser("select count(*) from statehouse.message where state = 'conflict'"), "0");
}

#[tokio::test]
async fn a_form_is_read_and_the_address_we_tell_is_what_is_signed() {
    let post = Post::new().await;
    let path = post.own("sms").await;
    let fields = [("MessageSid", "SM1"), ("MessageStatus", "delivered"), ("Parcel", "P-0001")];
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    // As the provider documents it: the address, then each field and its value in order.
    let signed = format!("{}{path}MessageSidSM1MessageStatusdeliveredParcelP-0001", super::scene::OUTSIDE);
    let signature = base64(&sha1(b"12345", signed.as_bytes()));
    let kind = ("content-type", "application/x-www-form-urlencoded");
    let answer = post.send(&path, &[kind, ("x-twilio-signature", &signature), ("host", "elsewhere.example")], body.clone()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(post.rows("key, type, headers"), "SM1:delivered|delivered|{\"content-type\": \"application/x-www-form-urlencoded\"}");
    // What the `Host` header says is not what was signed.
    let theirs = format!("https://elsewhere.example{path}MessageSidSM1MessageStatusdeliveredParcelP-0001");
    let theirs = base64(&sha1(b"12345", theirs.as_bytes()));
    assert_eq!(post.send(&path, &[kind, ("x-twilio-signature", &theirs), ("host", "elsewhere.example")], body).await.status, 401);
}

#[tokio::test]
async fn headers_that_patterns_name_are_kept_and_secrets_are_not() {
    let post = Post::new().await;
    let path = post.own("bill").await;
    let headers =
        [("asaas-access-token", "a-token-of-ours"), ("authorization", "Bearer x"), ("cookie", "a=b"), ("content-type", "application/json")];
    let answer = post.send(&path, &headers, r#"{"id":"evt_1","parcel":"P-0001"}"#).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    // Its type is asked of the header in which the secret stands: it is not there, so it has none.
    assert_eq!(post.rows("left(key, 7), type, headers, coverage"), "sha256:||{\"content-type\": \"application/json\"}|sender");
    let everything = post.world.db.value_as_superuser("select string_agg(m::text, ' ') from statehouse.message m");
    assert!(!everything.contains("a-token-of-ours"), "{everything}");
    let path = post.own("standard").await;
    assert_eq!(post.standard(&path, "msg_1", &arrived("P-0001")).await.status, 200);
    let kept = post.world.db.value_as_superuser("select headers from statehouse.message where source = 'standard'");
    assert_eq!(kept, "{\"webhook-id\": \"msg_1\", \"content-type\": \"application/json\"}");
}
