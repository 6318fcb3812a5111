//! Messages and addresses, as those see them who look after them.

use axum::http::Method;
use serde_json::json;
use statehouse_testkit::people::{BALTYK, NORDUR, Persona, Tenant};

use super::scene::{APP, HUB_SECRET, Post, arrived, hub};

const GET: Method = Method::GET;
const POST: Method = Method::POST;

fn admin(tenant: Tenant) -> Persona {
    Persona::member(APP, tenant, "admin")
}

#[tokio::test]
async fn messages_are_listed_page_by_page_and_read_one_by_one() {
    let post = Post::new().await;
    let (path, theirs) = (post.own("standard").await, post.address(BALTYK, "standard", None).await);
    for nth in 0..5 {
        assert_eq!(post.standard(&path, &format!("msg_{nth}"), &arrived("P-0001")).await.status, 200);
    }
    assert_eq!(post.standard(&path, "msg_0", &arrived("P-0001")).await.status, 200);
    assert_eq!(post.standard(&theirs, "msg_theirs", &arrived("P-0001")).await.status, 200);
    let (mut found, mut after) = (Vec::new(), String::new());
    loop {
        let page = post.world.call(GET, &format!("/v1/messages?limit=2{after}"), Some(&admin(NORDUR)), None).await;
        assert_eq!(page.status, 200, "{:?}", page.body);
        found.extend(page.body["data"].as_array().expect("a list").clone());
        let Some(next) = page.body["next"].as_str() else { break };
        after = format!("&after={next}");
        assert!(found.len() <= 5, "a list without end");
    }
    let keys: Vec<&str> = found.iter().filter_map(|one| one["key"].as_str()).collect();
    assert_eq!(keys, ["msg_4", "msg_3", "msg_2", "msg_1", "msg_0"]);
    assert_eq!((&found[4]["again"], &found[4]["state"], found[4].get("body")), (&json!(1), &json!("due"), None));
    for (query, many) in [("state=due", 5), ("state=dead,late", 0), ("source=hub", 0), ("source=standard", 5)] {
        let page = post.world.call(GET, &format!("/v1/messages?{query}"), Some(&admin(NORDUR)), None).await;
        assert_eq!(page.body["data"].as_array().map(Vec::len), Some(many), "{query}");
    }
    for wrong in ["state=new", "after=x", "limit=201", "key=msg_1"] {
        assert_eq!(post.world.call(GET, &format!("/v1/messages?{wrong}"), Some(&admin(NORDUR)), None).await.code(), "SH6010", "{wrong}");
    }
    let id = found[0]["id"].as_str().expect("an id");
    let one = post.world.call(GET, &format!("/v1/messages/{id}"), Some(&admin(NORDUR)), None).await;
    assert_eq!((one.status, &one.body["body"], &one.body["headers"]["webhook-id"]), (200, &json!(arrived("P-0001")), &json!("msg_4")));
    for unknown in [id, "0199a000-0000-7000-8000-0000000d1ce5", "x"] {
        let refused = post.world.call(GET, &format!("/v1/messages/{unknown}"), Some(&admin(BALTYK)), None).await;
        assert_eq!((refused.status, refused.code()), (404, "SH1002"), "{unknown}");
    }
    let clerk = Persona::member(APP, NORDUR, "clerk");
    assert_eq!(post.world.call(GET, &format!("/v1/messages/{id}"), Some(&clerk), None).await.code(), "SH6505");
}

#[tokio::test]
async fn a_body_that_is_no_text_is_told_in_base64() {
    let post = Post::new().await;
    let path = post.own("hub").await;
    let body = [0xff, 0xfe, 0x00];
    let answer = post.send(&path, &[("x-hub-signature-256", &hub(HUB_SECRET, &body))], body.to_vec()).await;
    assert_eq!(answer.status, 200);
    let id = post.rows("id");
    let one = post.world.call(GET, &format!("/v1/messages/{id}"), Some(&admin(NORDUR)), None).await;
    assert_eq!((&one.body["body_base64"], one.body.get("body")), (&json!("//4A"), None), "{:?}", one.body);
}

#[tokio::test]
async fn a_message_is_looked_at_again_once_however_often_that_is_asked() {
    let post = Post::new().await;
    let (path, theirs) = (post.own("standard").await, post.address(BALTYK, "standard", None).await);
    for nth in 0..3 {
        assert_eq!(post.standard(&path, &format!("msg_{nth}"), &arrived("P-0001")).await.status, 200);
    }
    assert_eq!(post.standard(&theirs, "msg_theirs", &arrived("P-0001")).await.status, 200);
    let id = |key: &str| post.world.db.value_as_superuser(&format!("select id from statehouse.message where key = '{key}'"));
    let state = |key: &str| post.world.db.value_as_superuser(&format!("select state from statehouse.message where key = '{key}'"));
    // As nobody but a superuser can, past the law.
    let dead = "set session_replication_role = replica;\nupdate statehouse.message set state = 'dead', due_at = null, code = 'SH7108' where key in ('msg_0', 'msg_1', 'msg_theirs')";
    post.world.db.psql_as_superuser(dead).ok();
    let replay = format!("/v1/messages/{}/replay", id("msg_0"));
    for due in [true, false] {
        let again = post.world.call(POST, &replay, Some(&admin(NORDUR)), None).await;
        assert_eq!((again.status, &again.body), (200, &json!({ "due": due })));
    }
    assert_eq!(state("msg_0"), "due");
    let ids = json!({ "ids": [id("msg_1"), id("msg_2"), id("msg_theirs"), "x"] });
    let many = post.world.call(POST, "/v1/messages/replay", Some(&admin(NORDUR)), Some(&ids)).await;
    let due: Vec<bool> = many.body["data"].as_array().expect("a list").iter().filter_map(|one| one["due"].as_bool()).collect();
    assert_eq!(due, [true, false, false, false], "{:?}", many.body);
    assert_eq!((state("msg_1").as_str(), state("msg_theirs").as_str()), ("due", "dead"));
    for unknown in [id("msg_theirs").as_str(), "0199a000-0000-7000-8000-0000000d1ce5", "x"] {
        let refused = post.world.call(POST, &format!("/v1/messages/{unknown}/replay"), Some(&admin(NORDUR)), None).await;
        assert_eq!((refused.status, refused.code()), (404, "SH1002"), "{unknown}");
    }
}

#[tokio::test]
async fn an_address_is_told_once_and_kept_nowhere() {
    let post = Post::new().await;
    let path = post.address(NORDUR, "standard", Some("acct_nordur")).await;
    let token = path.rsplit('/').next().expect("a token");
    let listed = post.world.call(GET, "/v1/endpoints", Some(&admin(NORDUR)), None).await;
    let one = &listed.body["data"][0];
    assert_eq!((&one["source"], &one["account"], &one["made_by"]), (&json!("standard"), &json!("acct_nordur"), &json!(admin(NORDUR).id())));
    assert!(!String::from_utf8_lossy(&listed.bytes).contains(token));
    let kept = post.world.db.value_as_superuser("select string_agg(e::text, ' ') from statehouse.endpoint e");
    assert!(!kept.contains(token), "{kept}");
    let noted = post.world.db.value_as_superuser("select string_agg(what, ' ' order by n) from statehouse.admin_event where tenant = 1");
    assert_eq!(noted, "endpoint_made");
    for (wrong, pointer) in [
        (json!({ "source": "unheard_of" }), "/source"),
        (json!({ "source": "standard", "account": "" }), "/account"),
        (json!({ "source": "standard", "label": "x".repeat(101) }), "/label"),
    ] {
        let refused = post.world.call(POST, "/v1/endpoints", Some(&admin(NORDUR)), Some(&wrong)).await;
        assert_eq!((refused.status, &refused.body["errors"][0]["pointer"]), (422, &json!(pointer)), "{:?}", refused.body);
    }
    let id = one["id"].as_str().expect("an id");
    let theirs = post.world.call(Method::DELETE, &format!("/v1/endpoints/{id}"), Some(&admin(BALTYK)), None).await;
    assert_eq!((theirs.status, theirs.code()), (404, "SH1002"));
    assert_eq!(post.world.call(Method::DELETE, &format!("/v1/endpoints/{id}"), Some(&admin(NORDUR)), None).await.status, 204);
    let twice = post.world.call(Method::DELETE, &format!("/v1/endpoints/{id}"), Some(&admin(NORDUR)), None).await;
    assert_eq!((twice.status, twice.code()), (404, "SH1002"));
}
