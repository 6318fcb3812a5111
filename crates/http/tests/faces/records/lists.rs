//! Pages of records: what they show, in which order, and what they refuse.

use std::collections::HashSet;

use super::scene::{get, member, order, titles, world};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_follows_the_page_before() {
    let world = world("lists").await;
    let admin = member("admin");
    for sort in [
        "id",
        "-id",
        "title",
        "-title",
        "requested_on",
        "-requested_on",
        "state,-title",
        "-valid_until,title",
        "net,id",
        "-entered_at",
        "discount_pct",
    ] {
        let whole = get(&world, &admin, &format!("/v1/order?limit=200&sort={sort}")).await;
        assert_eq!(whole.status, 200, "{sort}: {:?}", whole.body);
        let mut path = format!("/v1/order?limit=4&sort={sort}");
        let mut seen = Vec::new();
        for _ in 0..20 {
            let page = get(&world, &admin, &path).await;
            assert_eq!(page.status, 200, "{path}: {:?}", page.body);
            seen.extend(titles(&page));
            let Some(next) = page.body["next"].as_str() else { break };
            path = format!("/v1/order?limit=4&sort={sort}&after={next}");
            assert!(page.header("link").contains(&format!("after={next}")), "{}", page.header("link"));
        }
        assert_eq!(seen, titles(&whole), "{sort}");
        assert_eq!(seen.iter().collect::<HashSet<_>>().len(), seen.len(), "{sort}");
        assert_eq!(seen.len(), 25, "{sort}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn filters_are_over_what_the_role_sees() {
    let world = world("filters").await;
    let (admin, rep, broker) = (member("admin"), member("rep"), member("broker"));
    let mixed = order(&world, "mixed/quoted");
    for (query, expected) in [
        ("filter[state]=quoted", 2),
        ("filter[state][in]=quoted,closed", 4),
        ("filter[state][ne]=quoted", 23),
        ("filter[title][like]=mixed/%25", 13),
        ("filter[title]=theirs", 1),
        ("filter[tracking][null]=true&filter[state]=customs", 0),
        ("filter[net][gt]=0&filter[net][lte]=99999999999", 25),
        ("filter[entered_at][gte]=2026-01-01T00:00:00Z&filter[version][gte]=2", 25),
        ("filter[discount_pct]=0.00&filter[state]=quoted", 2),
    ] {
        let answer = get(&world, &admin, &format!("/v1/order?limit=200&count=exact&{query}")).await;
        assert_eq!(answer.status, 200, "{query}: {:?}", answer.body);
        assert_eq!((titles(&answer).len(), answer.body["count"].as_i64()), (expected, Some(expected as i64)), "{query}");
    }
    let one = get(&world, &admin, &format!("/v1/order?filter[id]={mixed}&fields=title")).await;
    assert_eq!(one.body["data"][0].as_object().expect("a record").keys().collect::<Vec<_>>(), ["id", "version", "title"]);
    // The first salesperson does not see the order of the second, under any question.
    let theirs = get(&world, &rep, "/v1/order?filter[title]=theirs&count=exact").await;
    assert_eq!((titles(&theirs).len(), theirs.body["count"].as_i64()), (0, Some(0)));
    // A hidden column is no column, in any place.
    assert!(world.db.value_as_superuser("select count(*) from orders.\"order\" where commission is not null") != "0");
    for query in [
        "filter[commission]=1",
        "sort=commission",
        "fields=commission",
        "filter[tenant]=1",
        "sort=head",
        "fields=seen_by",
        "filter[fire][null]=true",
    ] {
        let answer = get(&world, &broker, &format!("/v1/order?{query}")).await;
        assert_eq!((answer.status, answer.code()), (400, "SH6010"), "{query}: {:?}", answer.body);
    }
    assert_eq!(get(&world, &broker, "/v1/settlement").await.code(), "SH1003");
    assert_eq!(get(&world, &broker, "/v1/nothing").await.code(), "SH1003");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_meant_is_refused() {
    let world = world("unmeant").await;
    let admin = member("admin");
    let page = get(&world, &admin, "/v1/order?limit=2&sort=title").await;
    let cursor = page.body["next"].as_str().expect("a cursor").to_owned();
    let mut changed = cursor.clone().into_bytes();
    changed[20] = if changed[20] == b'A' { b'B' } else { b'A' };
    let changed = String::from_utf8(changed).expect("text");
    for query in [
        format!("limit=2&sort=title&after={changed}"),
        format!("limit=2&sort=-title&after={cursor}"),
        format!("sort=title&filter[state]=quoted&after={cursor}"),
        "after=".into(),
        "after=AAAA".into(),
        "limit=0".into(),
        "limit=201".into(),
        "limit=-1".into(),
        "limit=+5".into(),
        "limit=2&limit=3".into(),
        "offset=3".into(),
        "count=all".into(),
        "filter[net]=1.5".into(),
        "filter[net]=99999999999999999999".into(),
        "filter[version]=3000000000".into(),
        "filter[requested_on]=2026-02-30".into(),
        "filter[valid_until][lt]=now".into(),
        "filter[client]=x".into(),
        "filter[client][lt]=00000000-0000-0000-0000-000000000000".into(),
        "filter[state]=somewhere".into(),
        "filter[title][regex]=.*".into(),
        "filter[title]=%00".into(),
        "filter[artwork]=zz".into(),
        "sort=artwork".into(),
        "sort=id,nowhere".into(),
        format!("fields={}", vec!["title"; 201].join(",")),
        "sort=title;drop".into(),
        "filter[title%22]=1".into(),
        "%ff=1".into(),
    ] {
        let answer = get(&world, &admin, &format!("/v1/order?{query}")).await;
        assert_eq!((answer.status, answer.code()), (400, "SH6010"), "{query}: {:?}", answer.body);
    }
    // Another role's cursor of the same words is none of this role's.
    let other = get(&world, &member("rep"), &format!("/v1/order?limit=2&sort=title&after={cursor}")).await;
    assert_eq!(other.code(), "SH6010");
    // The same question with another limit is the same question.
    assert_eq!(get(&world, &admin, &format!("/v1/order?limit=5&sort=title&after={cursor}")).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_record_with_its_rows_and_its_history() {
    let world = world("one").await;
    let (admin, rep, client) = (member("admin"), member("rep"), member("client"));
    let id = order(&world, "mixed/quoted");
    let reference = world.db.value_as_superuser(&format!("select reference from orders.\"order\" where id = '{id}'"));
    let by_id = get(&world, &rep, &format!("/v1/order/{id}")).await;
    let by_reference = get(&world, &rep, &format!("/v1/order/{reference}")).await;
    assert_eq!(by_id.bytes, by_reference.bytes);
    let keys: Vec<&String> = by_id.body.as_object().expect("a record").keys().collect();
    assert_eq!(keys[..5], ["id", "reference", "state", "version", "entered_at"]);
    assert_eq!(by_id.body["lines"].as_array().map(Vec::len), Some(3));
    assert_eq!(by_id.body["discount_pct"], "0");
    assert_eq!(by_id.body["lines"][0]["quantity"], "4");
    assert!(by_id.body["net"].is_i64() && by_id.body["entered_at"] == "2026-11-20T12:00:00.000000Z", "{:?}", by_id.body);
    assert_eq!(by_id.header("etag"), format!("\"v{}\"", by_id.body["version"]));
    let unchanged = super::scene::ask(
        &world,
        &rep,
        axum::http::Method::GET,
        &format!("/v1/order/{id}"),
        &[("if-none-match", by_id.header("etag"))],
        None,
    )
    .await;
    assert_eq!((unchanged.status, unchanged.bytes.len()), (304, 0));
    // What a role may not know is not there.
    let seen = get(&world, &client, &format!("/v1/order/{id}")).await;
    assert!(seen.body.get("commission").is_none() && seen.body["lines"][0].get("cost").is_none(), "{:?}", seen.body);
    // Missing and unseen are the same answer.
    let theirs = order(&world, "theirs");
    let abroad = order(&world, "baltyk/quoted");
    let nowhere = "0192f0c1-0000-7000-8000-000000000000";
    for path in ["", "/lines", "/transitions", "/history"] {
        let missing = get(&world, &rep, &format!("/v1/order/{nowhere}{path}")).await;
        for unseen in [&theirs, &abroad] {
            let answer = get(&world, &rep, &format!("/v1/order/{unseen}{path}")).await;
            let plain = |answer: &crate::world::Answer, id: &str| {
                let text = String::from_utf8_lossy(&answer.bytes).replace(id, "ID");
                let request = answer.body["request_id"].as_str().unwrap_or_default().to_owned();
                text.replace(&request, "REQUEST")
            };
            assert_eq!((answer.status, answer.code()), (404, "SH1002"), "{path}");
            assert_eq!(plain(&answer, unseen), plain(&missing, nowhere), "{path}");
        }
    }
    let history = get(&world, &admin, &format!("/v1/order/{id}/history?limit=2")).await;
    assert_eq!(history.body["data"][0]["verb"], "created");
    let next = history.body["next"].as_str().expect("more");
    let rest = get(&world, &admin, &format!("/v1/order/{id}/history?after={next}")).await;
    let last = rest.body["data"].as_array().and_then(|all| all.last()).expect("an event").clone();
    assert_eq!((&last["verb"], &last["seq"], &rest.body["next"]), (&"quote".into(), &by_id.body["version"], &serde_json::Value::Null));
    assert_eq!(get(&world, &admin, &format!("/v1/order/{id}/history?after=x")).await.code(), "SH6010");
}
