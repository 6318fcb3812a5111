//! What is owed to the outside and what has come from there, as those see it who look after it.

use std::collections::BTreeSet;

use axum::http::Method;
use serde_json::{Value, json};
use statehouse_http::Settings;
use statehouse_testkit::people::{BALTYK, NORDUR, Persona, Tenant};
use statehouse_testkit::{Cluster, TestDatabase, orders};

use crate::world::{Answer, World};

const GET: Method = Method::GET;
const POST: Method = Method::POST;

/// Orders that have been through moves which owe text messages.
async fn world() -> World {
    let cluster = Cluster::shared();
    let db = cluster.database_from(&orders::in_every_state(cluster), "outside");
    World::over(db, Settings::default()).await
}

fn admin(tenant: Tenant) -> Persona {
    Persona::member("orders", tenant, "admin")
}

/// The effects of a tenant as they are called, the last due first.
fn effects(db: &TestDatabase, tenant: Tenant) -> Vec<String> {
    let all = format!(
        "select replace(record::text, '-', '') || '-' || seq || '-' || n from statehouse.effect where tenant = {} order by due_at desc, record desc, seq desc, n desc",
        tenant.number
    );
    db.value_as_superuser(&all).lines().map(str::to_owned).collect()
}

/// Puts effects into a state as only a superuser can, past the law.
fn put(db: &TestDatabase, effect: &str, state: &str) {
    let mut parts = effect.split('-');
    let (record, seq, n) = (parts.next().expect("a record"), parts.next().expect("a version"), parts.next().expect("a place"));
    let set = format!(
        "set session_replication_role = replica;\nupdate statehouse.effect set state = '{state}', worker = null, leased_until = null where record = '{record}'::uuid and seq = {seq} and n = {n}"
    );
    db.psql_as_superuser(&set).ok();
}

fn state(db: &TestDatabase, effect: &str) -> String {
    db.value_as_superuser(&format!(
        "select state from statehouse.effect where replace(record::text, '-', '') || '-' || seq || '-' || n = '{effect}'"
    ))
}

async fn get(world: &World, path: &str, who: &Persona) -> Answer {
    world.call(GET, path, Some(who), None).await
}

async fn post(world: &World, path: &str, who: &Persona, body: Option<&Value>) -> Answer {
    world.call(POST, path, Some(who), body).await
}

#[tokio::test]
async fn only_who_looks_after_the_outside_sees_it() {
    let world = world().await;
    let effect = &effects(&world.db, NORDUR)[0];
    let asked = [
        (GET, "/v1/effects".to_owned(), None),
        (GET, "/v1/gates".to_owned(), None),
        (GET, "/v1/messages".to_owned(), None),
        (GET, "/v1/endpoints".to_owned(), None),
        (POST, format!("/v1/effects/{effect}/replay"), None),
        (POST, "/v1/effects/replay".to_owned(), Some(json!({ "ids": [effect] }))),
        (POST, format!("/v1/effects/{effect}/resolve"), Some(json!({ "happened": true, "evidence": "seen" }))),
        (POST, "/v1/messages/replay".to_owned(), Some(json!({ "ids": [] }))),
        (POST, "/v1/endpoints".to_owned(), Some(json!({ "source": "customs" }))),
        (GET, "/v1/held".to_owned(), None),
        (POST, "/v1/held/release".to_owned(), Some(json!({ "ids": ["schedule:s"] }))),
        (POST, "/v1/held/release-all".to_owned(), Some(json!({}))),
        (POST, "/v1/held/discard".to_owned(), Some(json!({ "ids": ["schedule:s"], "evidence": "seen" }))),
        (POST, "/v1/messages/00000000-0000-7000-8000-000000000000/discard".to_owned(), Some(json!({ "evidence": "seen" }))),
    ];
    for (method, path, body) in asked {
        for role in ["rep", "ops", "client", "broker"] {
            let refused = world.call(method.clone(), &path, Some(&Persona::member("orders", NORDUR, role)), body.as_ref()).await;
            assert_eq!((refused.status, refused.code()), (403, "SH6505"), "{method} {path} as {role}: {refused:?}");
        }
        let nobody = world.call(method.clone(), &path, None, body.as_ref()).await;
        assert_eq!(nobody.status, 401, "{method} {path}");
    }
    // A capability that is revoked is gone at once.
    let revoked = format!("update statehouse.membership set revoked = '{{outside.manage}}' where member = '{}'", admin(NORDUR).id());
    assert_eq!(get(&world, "/v1/effects", &admin(NORDUR)).await.status, 200);
    world.db.psql_as_superuser(&revoked).ok();
    assert_eq!(get(&world, "/v1/effects", &admin(NORDUR)).await.code(), "SH6505");
}

#[tokio::test]
async fn what_a_restore_holds_is_let_go_or_put_away() {
    let world = world().await;
    let keeper = &admin(NORDUR);
    world.db.psql_as_superuser("update statehouse.setting set value = '2' where name = 'epoch'").ok();
    let all = effects(&world.db, NORDUR);
    put(&world.db, &all[0], "held");
    put(&world.db, &all[1], "held");
    let timers = world.db.value_as_superuser("select count(*) from statehouse.timer where tenant = 1");
    assert_ne!(timers, "0");
    let (mut found, mut after) = (Vec::new(), String::new());
    loop {
        let page = get(&world, &format!("/v1/held?limit=2{after}"), keeper).await;
        assert_eq!(page.status, 200, "{:?}", page.body);
        found.extend(page.body["data"].as_array().expect("a list").clone());
        let Some(next) = page.body["next"].as_str() else { break };
        after = format!("&after={next}");
        assert!(found.len() < 1000, "a list without end");
    }
    let of = |kind: &str| found.iter().filter(|one| one["kind"] == kind).count().to_string();
    assert_eq!((of("effect"), of("timer")), ("2".to_owned(), timers.clone()), "{found:#?}");

    let ids = json!({ "ids": [format!("effect:{}", all[0]), "nothing"] });
    let released = post(&world, "/v1/held/release", keeper, Some(&ids)).await;
    assert_eq!(released.body["data"], json!([{ "id": ids["ids"][0], "released": true }, { "id": "nothing", "released": false }]));
    let again = post(&world, "/v1/held/release", keeper, Some(&ids)).await;
    assert_eq!(again.body["data"][0]["released"], json!(false), "to ask twice does it once");
    let short = post(&world, "/v1/held/discard", keeper, Some(&json!({ "ids": [format!("effect:{}", all[1])], "evidence": "x" }))).await;
    assert_eq!((short.status, short.code()), (422, "SH7022"));
    let discarded =
        post(&world, "/v1/held/discard", keeper, Some(&json!({ "ids": [format!("effect:{}", all[1])], "evidence": "done by hand" }))).await;
    assert_eq!(discarded.body["data"][0]["discarded"], json!(true), "{:?}", discarded.body);
    assert_eq!((state(&world.db, &all[0]).as_str(), state(&world.db, &all[1]).as_str()), ("due", "failed"));

    let of_kind = Some(&json!({ "kind": "timer" })).cloned();
    let some = post(&world, "/v1/held/release-all", keeper, of_kind.as_ref()).await;
    assert_eq!(some.body, json!({ "released": timers.parse::<u32>().expect("a number") }));
    assert_eq!(post(&world, "/v1/held/release-all", keeper, of_kind.as_ref()).await.body, json!({ "released": 0 }));
    for wrong in ["kind=x", "state=held", "after=x", "source=sms"] {
        assert_eq!(get(&world, &format!("/v1/held?{wrong}"), keeper).await.code(), "SH6010", "{wrong}");
    }
    assert_eq!(post(&world, "/v1/held/release-all", keeper, Some(&json!({ "kind": "x" }))).await.code(), "SH6010");
    let none =
        post(&world, "/v1/messages/00000000-0000-7000-8000-000000000000/discard", keeper, Some(&json!({ "evidence": "seen" }))).await;
    assert_eq!(none.code(), "SH1002");
}

#[tokio::test]
async fn effects_are_listed_page_by_page_without_what_they_are_sent_with() {
    let world = world().await;
    let all = effects(&world.db, NORDUR);
    assert!(all.len() > 5, "there is something to list: {all:?}");
    let (mut found, mut after) = (Vec::new(), String::new());
    loop {
        let page = get(&world, &format!("/v1/effects?limit=2{after}"), &admin(NORDUR)).await;
        assert_eq!(page.status, 200, "{:?}", page.body);
        found.extend(page.body["data"].as_array().expect("a list").iter().map(|one| one["id"].as_str().expect("an id").to_owned()));
        let Some(next) = page.body["next"].as_str() else { break };
        after = format!("&after={next}");
        assert!(found.len() <= all.len(), "a list without end");
    }
    assert_eq!(found, all);
    let first = get(&world, "/v1/effects?limit=200", &admin(NORDUR)).await;
    let phones = world.db.value_as_superuser("select string_agg(distinct args ->> 'to', ' ') from statehouse.effect where tenant = 1");
    assert!(phones.contains('+'), "they are sent to somebody: {phones}");
    let told = String::from_utf8_lossy(&first.bytes).into_owned();
    assert!(phones.split(' ').all(|phone| !told.contains(phone)) && !told.contains("args"), "{told}");
    let one = &first.body["data"][0];
    assert_eq!((&one["state"], &one["attempt"], &one["doubt"]), (&json!("due"), &json!(0), &json!(false)));

    put(&world.db, &all[1], "dead");
    put(&world.db, &all[3], "unknown");
    let stuck = get(&world, "/v1/effects?state=dead,unknown", &admin(NORDUR)).await;
    let stuck: Vec<&str> = stuck.body["data"].as_array().expect("a list").iter().filter_map(|one| one["id"].as_str()).collect();
    assert_eq!(stuck, [all[1].as_str(), all[3].as_str()]);
    for wrong in ["state=broken", "limit=0", "limit=201", "after=x", "after=1.x", "source=sms", "limit=1&limit=2"] {
        assert_eq!(get(&world, &format!("/v1/effects?{wrong}"), &admin(NORDUR)).await.code(), "SH6010", "{wrong}");
    }
    let theirs = get(&world, "/v1/effects?limit=200", &admin(BALTYK)).await;
    let theirs: BTreeSet<String> =
        theirs.body["data"].as_array().expect("a list").iter().map(|one| one["id"].as_str().expect("an id").to_owned()).collect();
    assert!(theirs.is_disjoint(&found.into_iter().collect()), "of another tenant");
}

#[tokio::test]
async fn an_effect_is_tried_again_once_however_often_that_is_asked() {
    let world = world().await;
    let (all, theirs) = (effects(&world.db, NORDUR), effects(&world.db, BALTYK));
    put(&world.db, &all[0], "dead");
    put(&world.db, &all[1], "held");
    put(&world.db, &theirs[0], "dead");
    let path = format!("/v1/effects/{}/replay", all[0]);
    for due in [true, false] {
        let again = post(&world, &path, &admin(NORDUR), None).await;
        assert_eq!((again.status, &again.body), (200, &json!({ "due": due })));
    }
    assert_eq!(state(&world.db, &all[0]), "due");
    let nothing = "0199a0000000700080000000000d1ce5-1-1";
    let ids = json!({ "ids": [all[1], all[1], all[2], theirs[0], nothing, "no id"] });
    let many = post(&world, "/v1/effects/replay", &admin(NORDUR), Some(&ids)).await;
    let due: Vec<&Value> = many.body["data"].as_array().expect("a list").iter().map(|one| &one["due"]).collect();
    assert_eq!(due, [&json!(true), &json!(true), &json!(false), &json!(false), &json!(false), &json!(false)], "{:?}", many.body);
    assert_eq!((state(&world.db, &all[1]).as_str(), state(&world.db, &theirs[0]).as_str()), ("due", "dead"));
    let twice = post(&world, "/v1/effects/replay", &admin(NORDUR), Some(&ids)).await;
    assert!(twice.body["data"].as_array().expect("a list").iter().all(|one| one["due"] == false), "{:?}", twice.body);
    for unknown in [nothing, theirs[0].as_str(), "no-id"] {
        let refused = post(&world, &format!("/v1/effects/{unknown}/replay"), &admin(NORDUR), None).await;
        assert_eq!((refused.status, refused.code()), (404, "SH1002"), "{unknown}");
    }
    let too_many = json!({ "ids": vec![nothing; 201] });
    for wrong in [json!({ "ids": [] }), too_many] {
        assert_eq!(post(&world, "/v1/effects/replay", &admin(NORDUR), Some(&wrong)).await.status, 422);
    }
}

#[tokio::test]
async fn what_became_of_an_effect_is_said_with_what_one_goes_by() {
    let world = world().await;
    let (all, theirs) = (effects(&world.db, NORDUR), effects(&world.db, BALTYK));
    put(&world.db, &all[0], "unknown");
    put(&world.db, &theirs[0], "unknown");
    let path = format!("/v1/effects/{}/resolve", all[0]);
    let said = json!({ "happened": true, "evidence": "it stands in the provider's log" });
    let without = post(&world, &path, &admin(NORDUR), Some(&json!({ "happened": true, "evidence": " x " }))).await;
    assert_eq!((without.status, without.code()), (422, "SH7022"));
    for unknown in [theirs[0].as_str(), "0199a0000000700080000000000d1ce5-1-1", "x"] {
        let refused = post(&world, &format!("/v1/effects/{unknown}/resolve"), &admin(NORDUR), Some(&said)).await;
        assert_eq!((refused.status, refused.code()), (404, "SH1002"), "{unknown}: {refused:?}");
    }
    assert_eq!(post(&world, &path, &admin(NORDUR), Some(&said)).await.status, 204);
    assert_eq!(state(&world.db, &all[0]), "done");
    let twice = post(&world, &path, &admin(NORDUR), Some(&json!({ "happened": false, "evidence": "on second thought" }))).await;
    assert_eq!((twice.status, twice.code()), (409, "SH7021"));
    assert_eq!((state(&world.db, &all[0]).as_str(), state(&world.db, &theirs[0]).as_str()), ("done", "unknown"));
    let shown = get(&world, "/v1/effects?state=done", &admin(NORDUR)).await;
    assert!(shown.body["data"][0]["tried"].to_string().contains("it stands in the provider's log"), "{:?}", shown.body);
}

#[tokio::test]
async fn what_waits_is_counted_on_the_page_and_for_prometheus() {
    let world = world().await;
    let all = effects(&world.db, NORDUR);
    put(&world.db, &all[0], "unknown");
    let connector = world.db.value_as_superuser("select distinct connector from statehouse.effect limit 1");
    let metrics = world.call(GET, "/metrics", None, None).await;
    let text = String::from_utf8(metrics.bytes).expect("text");
    assert!(text.contains("statehouse_queues_counted 1\n"), "{text}");
    let line = format!("statehouse_waiting{{kind=\"effect\",app=\"orders\",name=\"{connector}\",state=\"unknown\"}} 1\n");
    assert!(text.contains(&line), "{line} is not in\n{text}");
    assert!(["nordur", "baltyk"].iter().all(|slug| !text.contains(slug)), "no label names a tenant");
    let page = world.call(GET, "/", None, None).await;
    let page = String::from_utf8(page.bytes).expect("text");
    assert!(page.contains(&format!("to {connector}")) && page.contains("1 of which nobody knows whether they arrived"), "{page}");
}
