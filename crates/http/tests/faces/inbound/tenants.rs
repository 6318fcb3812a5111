//! Whose a message is: the address says so, and nothing in the message does.

use axum::http::Method;
use statehouse_testkit::people::{BALTYK, NORDUR, Persona};

use super::scene::{APP, HUB_SECRET, Post, arrived, hub};

#[tokio::test]
async fn r19_an_address_takes_no_message_of_another_tenant() {
    let post = Post::new().await;
    let (ours, theirs) = (post.own("hub").await, post.address(BALTYK, "hub", None).await);
    let body = r#"{"parcel":"P-0001"}"#;
    let with = async |path: &str, secret: &str| {
        let signature = hub(secret, body.as_bytes());
        let headers = [("x-hub-signature-256", signature.as_str()), ("x-github-delivery", "d-1"), ("x-github-event", "arrived")];
        post.send(path, &headers, body).await.status
    };
    // Each tenant has a secret of its own; a message signed for one is forged at the other's address.
    assert_eq!((with(&ours, "another secret").await, with(&theirs, HUB_SECRET).await), (401, 401));
    assert_eq!(post.count(), 0);
    assert_eq!((with(&ours, HUB_SECRET).await, with(&theirs, "another secret").await), (200, 200));
    assert_eq!(post.rows("tenant"), "1\n2");
}

#[tokio::test]
async fn r19_where_tenants_share_a_secret_the_account_tells_them_apart() {
    let post = Post::new().await;
    let (ours, theirs) =
        (post.address(NORDUR, "standard", Some("acct_nordur")).await, post.address(BALTYK, "standard", Some("acct_baltyk")).await);
    let body = arrived("P-0001");
    let astray = post.standard(&theirs, "msg_1", &body).await;
    assert_eq!((astray.status, astray.code()), (403, "SH7102"), "{astray:?}");
    let nobodys = post.standard(&ours, "msg_1", r#"{"type":"parcel.arrived"}"#).await;
    assert_eq!((nobodys.status, nobodys.code()), (403, "SH7102"), "it does not say whose it is: {nobodys:?}");
    let unreadable = post.standard(&ours, "msg_1", "no json").await;
    assert_eq!((unreadable.status, unreadable.code()), (403, "SH7102"), "nor does this: {unreadable:?}");
    assert_eq!(post.count(), 0);
    assert_eq!(post.became("standard", "astray").await, "3");
    assert_eq!(post.standard(&ours, "msg_1", &body).await.status, 200);
    assert_eq!(post.rows("tenant, key"), "1|msg_1");
}

/// The same where nobody compares: the account is what refused it.
#[tokio::test]
async fn r19_without_the_comparison_it_would_be_taken() {
    let post = Post::new().await;
    let theirs = post.address(BALTYK, "standard", Some("acct_baltyk")).await;
    post.world.db.psql_as_superuser("update statehouse.endpoint set account = null").ok();
    assert_eq!(post.standard(&theirs, "msg_1", &arrived("P-0001")).await.status, 200);
    assert_eq!(post.rows("tenant"), "2");
}

#[tokio::test]
async fn messages_of_a_suspended_tenant_are_stored() {
    let post = Post::new().await;
    let path = post.own("standard").await;
    post.world.db.psql_as_superuser("update statehouse.tenant set suspended_at = now() where slug = 'nordur'").ok();
    assert_eq!(post.standard(&path, "msg_1", &arrived("P-0001")).await.status, 200);
    assert_eq!(post.count(), 1);
}

#[tokio::test]
async fn an_address_of_nobody_is_a_path_where_there_is_nothing() {
    let post = Post::new().await;
    let path = post.own("standard").await;
    let of_the_form = format!("{}{}", &path[..path.len() - 4], if path.ends_with("0000") { "1111" } else { "0000" });
    for other in [of_the_form.as_str(), "/v1/in/x", "/v1/in/in_", "/v1/in/%00", &format!("/v1/in/{}", "a".repeat(5000))] {
        let answer = post.standard(other, "msg_1", &arrived("P-0001")).await;
        assert_eq!((answer.status, answer.code()), (404, "SH6006"), "{other:.60}: {answer:?}");
        let told = |answer: &crate::world::Answer, path: &str| {
            let said = String::from_utf8_lossy(&answer.bytes).replace(answer.header("x-request-id"), "REQUEST");
            let names: Vec<String> = answer.headers.keys().map(ToString::to_string).collect();
            (said.replace(path, "PATH"), names)
        };
        if !other.contains('%') {
            let nowhere = format!("/x{}", "y".repeat(other.len() - 2));
            let nothing = post.send(&nowhere, &[], "{}").await;
            assert_eq!(told(&answer, other), told(&nothing, &nowhere), "{other:.60}");
        }
    }
    assert_eq!(post.count(), 0);
}

#[tokio::test]
async fn an_address_that_is_revoked_takes_nothing_more() {
    let post = Post::new().await;
    let path = post.own("standard").await;
    assert_eq!(post.standard(&path, "msg_1", &arrived("P-0001")).await.status, 200);
    let admin = Persona::member(APP, NORDUR, "admin");
    let listed = post.world.call(Method::GET, "/v1/endpoints", Some(&admin), None).await;
    let id = listed.body["data"][0]["id"].as_str().expect("an id").to_owned();
    assert_eq!(post.world.call(Method::DELETE, &format!("/v1/endpoints/{id}"), Some(&admin), None).await.status, 204);
    // Whatever is still remembered of it: the row is not stored, and nobody is thanked.
    for _ in 0..2 {
        let refused = post.standard(&path, "msg_2", &arrived("P-0001")).await;
        assert_eq!((refused.status, refused.code()), (404, "SH6006"), "{refused:?}");
    }
    assert_eq!(post.count(), 1);
}
