//! New records, edits, rows, and what no body may name.

use axum::http::Method;
use serde_json::{Value, json};

use super::scene::{ask, count, get, member, order, world};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_is_made_with_its_rows() {
    let world = world("create").await;
    let rep = member("rep");
    let client = world.db.value_as_superuser("select id from orders.client where name = 'Klettur' and tenant = 1");
    let body = json!({ "client": client, "title": "New", "lines": [
        { "vertical": "print", "description": "Posters", "quantity": "12.500" },
        { "vertical": "print", "description": "Cards", "quantity": 7 },
    ] })
    .to_string();
    let made = ask(&world, &rep, Method::POST, "/v1/order", &[("idempotency-key", "n1")], Some(&body)).await;
    assert_eq!(made.status, 201, "{:?}", made.body);
    let id = made.body["id"].as_str().expect("an id").to_owned();
    assert_eq!(made.header("location"), format!("/v1/order/{id}"));
    assert_eq!(made.header("etag"), format!("\"v{}\"", made.body["version"]));
    let quantities: Vec<&Value> = made.body["lines"].as_array().expect("lines").iter().map(|line| &line["quantity"]).collect();
    assert_eq!(quantities, ["12.500", "7"]);
    // The same key makes nothing more, rows included; another body under it is refused.
    let events = count(&world, "statehouse.event");
    let again = ask(&world, &rep, Method::POST, "/v1/order", &[("idempotency-key", "n1")], Some(&body)).await;
    assert_eq!((again.status, again.header("idempotency-replayed"), again.header("move-version")), (201, "true", "1"));
    assert_eq!(again.bytes, made.bytes);
    for other in [body.replace("New", "Newer"), body.replace("Cards", "Letters"), json!({ "client": client, "title": "New" }).to_string()] {
        let refused = ask(&world, &rep, Method::POST, "/v1/order", &[("idempotency-key", "n1")], Some(&other)).await;
        assert_eq!((refused.status, refused.code()), (422, "SH4018"), "{:?}", refused.body);
    }
    assert_eq!(count(&world, "statehouse.event"), events);
    // A bad row undoes the record.
    let orders = count(&world, "orders.\"order\"");
    let bad =
        json!({ "client": client, "title": "Bad", "lines": [{ "vertical": "print", "description": "x", "quantity": -1 }] }).to_string();
    let refused = ask(&world, &rep, Method::POST, "/v1/order", &[("idempotency-key", "n2")], Some(&bad)).await;
    assert_eq!((refused.status, refused.code()), (422, "SH5011"), "{:?}", refused.body);
    assert_eq!(count(&world, "orders.\"order\""), orders);
    // A refusal is not kept: the key is still good.
    let good = ask(&world, &rep, Method::POST, "/v1/order", &[("idempotency-key", "n2")], Some(&bad.replace(":-1}", ":1}"))).await;
    assert_eq!(good.status, 201, "{:?}", good.body);
    assert_eq!(ask(&world, &member("ops"), Method::POST, "/v1/order", &[], Some(&body)).await.code(), "SH4003");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_body_names_what_is_not_its_own() {
    let world = world("mass").await;
    let (rep, client) = (member("rep"), member("client"));
    let client_id = world.db.value_as_superuser("select id from orders.client where name = 'Klettur' and tenant = 1");
    let id = order(&world, "mixed/quoting");
    let line =
        world.db.value_as_superuser(&format!("select id from orders.order_lines where \"order\" = '{id}' order by position limit 1"));
    let before = world.db.value_as_superuser("select md5(string_agg(o::text, '' order by o.id)) || count(*) from orders.\"order\" o");
    let engine = [
        "tenant",
        "id",
        "state",
        "version",
        "number",
        "reference",
        "entered_at",
        "changed_at",
        "verb",
        "head",
        "fire",
        "input",
        "key",
        "seen_by",
        "role",
        "nothing",
        "a\"b",
    ];
    for name in engine.iter().chain(&["net", "gross", "commission", "deposit", "paid"]) {
        let create = json!({ "client": client_id, "title": "T", *name: 1 }).to_string();
        let answer = ask(&world, &rep, Method::POST, "/v1/order", &[], Some(&create)).await;
        assert_eq!((answer.status, answer.code()), (400, "SH6002"), "create {name}: {:?}", answer.body);
        assert_eq!(answer.body["errors"][0]["pointer"], format!("/{name}"));
        let edit = json!({ *name: 1 }).to_string();
        let answer = ask(&world, &rep, Method::PATCH, &format!("/v1/order/{id}"), &[("if-match", "\"v4\"")], Some(&edit)).await;
        assert_eq!((answer.status, answer.code()), (400, "SH6002"), "edit {name}: {:?}", answer.body);
    }
    for name in ["tenant", "id", "order", "cost", "net", "trace", "seen_by"] {
        let row = json!({ "vertical": "print", "description": "x", *name: 1 }).to_string();
        for (method, path) in [(Method::POST, format!("/v1/order/{id}/lines")), (Method::PATCH, format!("/v1/order/{id}/lines/{line}"))] {
            let answer = ask(&world, &rep, method, &path, &[], Some(&row)).await;
            assert_eq!((answer.status, answer.code()), (400, "SH6002"), "{path} {name}: {:?}", answer.body);
        }
        let nested =
            json!({ "client": client_id, "title": "T", "lines": [{ "vertical": "print", "description": "x", *name: 1 }] }).to_string();
        let answer = ask(&world, &rep, Method::POST, "/v1/order", &[], Some(&nested)).await;
        assert_eq!(
            (answer.code(), &answer.body["errors"][0]["pointer"]),
            ("SH6002", &format!("/lines/0/{name}").into()),
            "{:?}",
            answer.body
        );
    }
    // A hidden field is told of no more than an unknown one.
    let hidden =
        ask(&world, &client, Method::PATCH, &format!("/v1/order/{id}"), &[("if-match", "\"v1\"")], Some("{\"commission\":1}")).await;
    let unknown =
        ask(&world, &client, Method::PATCH, &format!("/v1/order/{id}"), &[("if-match", "\"v1\"")], Some("{\"nonsense\":1}")).await;
    assert_eq!(
        hidden.body["detail"].as_str().map(|text| text.replace("commission", "X")),
        unknown.body["detail"].as_str().map(|text| text.replace("nonsense", "X"))
    );
    let after = world.db.value_as_superuser("select md5(string_agg(o::text, '' order by o.id)) || count(*) from orders.\"order\" o");
    assert_eq!(before, after);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_is_of_the_version_that_was_seen() {
    let world = world("edit").await;
    let rep = member("rep");
    let id = order(&world, "mixed/inquiry");
    let path = format!("/v1/order/{id}");
    let seen = get(&world, &rep, &path).await;
    let tag = seen.header("etag").to_owned();
    let edit = async |headers: &[(&str, &str)], body: &str| ask(&world, &rep, Method::PATCH, &path, headers, Some(body)).await;
    assert_eq!(edit(&[], "{\"note\":\"x\"}").await.code(), "SH6011");
    assert_eq!(edit(&[("if-match", "\"v1000\"")], "{\"note\":\"x\"}").await.code(), "SH6014");
    assert_eq!(edit(&[("if-match", "\"v1000\"")], "{}").await.code(), "SH6014");
    let edited = edit(&[("if-match", &tag), ("idempotency-key", "e1")], "{\"note\":\"x\",\"discount_pct\":2.50}").await;
    assert_eq!(
        (edited.status, &edited.body["note"], &edited.body["discount_pct"]),
        (200, &"x".into(), &"2.50".into()),
        "{:?}",
        edited.body
    );
    assert_eq!(edit(&[("if-match", &tag)], "{\"note\":\"y\"}").await.status, 412);
    // Sent again with its key it answers as it did, stale or not; a change that changes nothing is no event.
    let again = edit(&[("if-match", &tag), ("idempotency-key", "e1")], "{\"note\":\"x\",\"discount_pct\":2.50}").await;
    assert_eq!((again.status, again.header("idempotency-replayed")), (200, "true"), "{:?}", again.body);
    let events = count(&world, "statehouse.event");
    let same = edit(&[("if-match", edited.header("etag"))], "{\"note\":\"x\"}").await;
    assert_eq!((same.status, same.header("etag")), (200, edited.header("etag")), "{:?}", same.body);
    assert_eq!(count(&world, "statehouse.event"), events);
    for (body, code) in [
        ("{\"discount_pct\":\"1,5\"}", "SH5015"),
        ("{\"discount_pct\":1e400}", "SH5015"),
        ("{\"requested_on\":\"2026-02-30\"}", "SH5015"),
        ("{\"requested_on\":\"tomorrow\"}", "SH5015"),
        ("{\"priority\":\"later\"}", "SH5015"),
        ("{\"title\":\"a\\u0000b\"}", "SH5015"),
        ("{\"title\":null}", "SH5013"),
        ("{\"discount_pct\":101}", "SH5011"),
        ("not json", "SH6001"),
        ("", "SH6001"),
        ("[]", "SH6001"),
    ] {
        let answer = edit(&[("if-match", same.header("etag"))], body).await;
        assert_eq!(answer.code(), code, "{body}: {:?}", answer.body);
        assert!((400..500).contains(&answer.status));
    }
    // Each refusal of the law left its row.
    assert!(count(&world, "statehouse.refusal where verb = 'edited'") >= 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_move_the_version_of_their_record() {
    let world = world("rows").await;
    let rep = member("rep");
    let id = order(&world, "mixed/quoting");
    let path = format!("/v1/order/{id}/lines");
    let list = get(&world, &rep, &path).await;
    assert_eq!(list.body["data"].as_array().map(Vec::len), Some(3), "{:?}", list.body);
    let tag = list.header("etag").to_owned();
    let row = "{\"vertical\":\"print\",\"description\":\"Flyers\",\"quantity\":\"3\"}";
    let added = ask(&world, &rep, Method::POST, &path, &[("if-match", &tag)], Some(row)).await;
    assert_eq!((added.status, &added.body["position"], &added.body["quantity"]), (201, &4.into(), &"3".into()), "{:?}", added.body);
    assert!(added.body["net"].is_i64(), "priced by its record: {:?}", added.body);
    let line = added.header("location").to_owned();
    let stale = ask(&world, &rep, Method::POST, &path, &[("if-match", &tag)], Some(row)).await;
    assert_eq!((stale.status, stale.code()), (412, "SH6014"), "{:?}", stale.body);
    let changed = ask(&world, &rep, Method::PATCH, &line, &[("if-match", added.header("etag"))], Some("{\"quantity\":4.5}")).await;
    assert_eq!((changed.status, &changed.body["quantity"]), (200, &"4.5".into()), "{:?}", changed.body);
    let stale = ask(&world, &rep, Method::DELETE, &line, &[("if-match", added.header("etag"))], None).await;
    assert_eq!(stale.code(), "SH6014", "{:?}", stale.body);
    let removed = ask(&world, &rep, Method::DELETE, &line, &[], None).await;
    assert_eq!((removed.status, removed.bytes.len()), (204, 0), "{:?}", removed.body);
    assert_eq!(ask(&world, &rep, Method::DELETE, &line, &[], None).await.code(), "SH1002");
    assert_eq!(get(&world, &rep, &path).await.body["data"].as_array().map(Vec::len), Some(3));
    // A row of another record is not reached through this one.
    let other = order(&world, "mixed/inquiry");
    let foreign = world.db.value_as_superuser(&format!("select id from orders.order_lines where \"order\" = '{other}' limit 1"));
    let answer = ask(&world, &rep, Method::PATCH, &format!("{path}/{foreign}"), &[], Some("{\"quantity\":9}")).await;
    assert_eq!(answer.code(), "SH1002", "{:?}", answer.body);
    let theirs = order(&world, "theirs");
    assert_eq!(ask(&world, &rep, Method::POST, &format!("/v1/order/{theirs}/lines"), &[], Some(row)).await.code(), "SH1002");
    assert_eq!(ask(&world, &rep, Method::POST, &path, &[("idempotency-key", "x")], Some(row)).await.code(), "SH6020");
    assert_eq!(ask(&world, &member("client"), Method::POST, &path, &[], Some(row)).await.code(), "SH4003");
    let shipped = order(&world, "mixed/shipped");
    let closed = ask(&world, &rep, Method::POST, &format!("/v1/order/{shipped}/lines"), &[], Some(row)).await;
    assert_eq!(closed.code(), "SH4005", "{:?}", closed.body);
    // Two who saw the same version: one of them is stale.
    let tag = get(&world, &rep, &path).await.header("etag").to_owned();
    let calls = (0..8).map(|_| ask(&world, &rep, Method::POST, &path, &[], Some(row)));
    let unconditional = futures_util::future::join_all(calls).await;
    assert!(unconditional.iter().all(|answer| answer.status == 201), "{unconditional:?}");
    let tag_now = get(&world, &rep, &path).await.header("etag").to_owned();
    assert_ne!(tag, tag_now);
    let headers = [("if-match", tag_now.as_str())];
    let calls = (0..8).map(|_| ask(&world, &rep, Method::POST, &path, &headers, Some(row)));
    let raced = futures_util::future::join_all(calls).await;
    assert_eq!(raced.iter().filter(|answer| answer.status == 201).count(), 1, "{raced:?}");
    assert!(raced.iter().all(|answer| [201, 412].contains(&answer.status)), "{raced:?}");
}
