//! Subscriptions: made and managed by their makers, and each event taken up once, as the maker sees it.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};
use statehouse_http::Settings;
use statehouse_store::subscription::{Master, Secret, active, fan_out};
use statehouse_store::{Db, Login, Place};
use statehouse_testkit::orders;
use statehouse_testkit::people::{BALTYK, NORDUR, Persona, Tenant};

use crate::world::World;

const MASTER: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

async fn world() -> World {
    let mut settings = Settings::default();
    settings.webhooks.master_secret = MASTER.into();
    let world = World::with(settings).await;
    for tenant in [NORDUR, BALTYK] {
        orders::client(&world.db, tenant, "Klettur", 1_000_000);
    }
    world
}

fn who(tenant: Tenant, role: &str) -> Persona {
    Persona::member("orders", tenant, role)
}

fn wanted(events: &[&str]) -> Value {
    json!({ "label": "ours", "url": "https://hooks.example.org/in", "events": events })
}

async fn subscribe(world: &World, persona: &Persona, events: &[&str]) -> Value {
    let made = world.call(Method::POST, "/v1/subscriptions", Some(persona), Some(&wanted(events))).await;
    assert_eq!(made.status, 201, "{}", made.body);
    made.body
}

fn order(world: &World, persona: &Persona, title: &str) {
    let script = format!(
        "insert into {}.\"order\" (client, title, note) select id, '{title}', 'secret note' from {0}.client limit 1",
        persona.schema
    );
    world.db.psql_as(persona, &script).ok();
}

fn worker(world: &World) -> Db {
    Db::open(&Place::parse(&world.db.url("postgres")).unwrap(), Login::Worker, 4).unwrap()
}

/// Until everything that was committed is below the horizon, which another test on the same server may hold.
async fn settled(world: &World) {
    let past = "select pg_snapshot_xmin(pg_current_snapshot()) > max(xid) from statehouse.event";
    let bound = tokio::time::timeout(Duration::from_secs(60), async {
        while world.db.value_as_superuser(past) != "t" {
            tokio::task::yield_now().await;
        }
    });
    bound.await.expect("the horizon passes within 60 s");
}

/// One stretch for each subscription; how much was written.
async fn take_up(db: &Db) -> i32 {
    let mut written = 0;
    for (tenant, id) in active(db, None, 100).await.unwrap() {
        written += fan_out(db, tenant, id, 100).await.unwrap();
    }
    written
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_manages_their_own() {
    let world = world().await;
    let (admin, rep) = (who(NORDUR, "admin"), who(NORDUR, "rep"));
    let made = subscribe(&world, &admin, &["order.*"]).await;
    let id = made["id"].as_str().unwrap();
    let first = Master::read(MASTER).unwrap().secret(1, id.parse().unwrap(), 1);
    assert_eq!(made["secret"], first.reveal(), "the secret is told once");
    let path = format!("/v1/subscriptions/{id}");
    let got = world.call(Method::GET, &path, Some(&admin), None).await;
    assert_eq!((got.status, got.body.get("secret"), &got.body["events"]), (200, None, &json!(["order.*"])));
    // Nobody else's: not a colleague's, not another tenant's.
    for other in [&rep, &who(BALTYK, "admin"), &Persona::second("orders", NORDUR, "admin")] {
        let missing = world.call(Method::GET, "/v1/subscriptions/00000000-0000-0000-0000-000000000000", Some(other), None).await;
        for (method, path, body) in [
            (Method::GET, path.clone(), None),
            (Method::DELETE, path.clone(), None),
            (Method::POST, format!("{path}/rotate"), Some(json!({}))),
            (Method::POST, format!("{path}/test"), None),
        ] {
            let answer = world.call(method, &path, Some(other), body.as_ref()).await;
            assert_eq!((answer.status, answer.code(), &answer.body["detail"]), (404, "SH1002", &missing.body["detail"]), "{path}");
        }
        assert_eq!(world.call(Method::GET, "/v1/subscriptions", Some(other), None).await.body["data"], json!([]));
    }
    // Two secrets for a while.
    let rotated = world.call(Method::POST, &format!("{path}/rotate"), Some(&admin), Some(&json!({ "keep_s": 3600 }))).await;
    let second = rotated.body["secret"].as_str().and_then(Secret::parse).unwrap();
    assert_ne!(second, first);
    assert!(rotated.body["previous_secret_until"].is_string());
    assert!(
        !world.db.value_as_superuser("select s::text from statehouse.subscription s").contains("whsec"),
        "no secret lies in the database"
    );
    let tested = world.call(Method::POST, &format!("{path}/test"), Some(&admin), None).await;
    assert_eq!(tested.status, 202);
    let owed = world.db.value_as_superuser("select type, statehouse.webhook_id(subscription, xid, n), state from statehouse.delivery");
    assert_eq!(owed, format!("test|{}|due", tested.body["message"].as_str().unwrap()));
    assert_eq!(world.call(Method::DELETE, &path, Some(&admin), None).await.status, 204);
    assert_eq!(world.call(Method::GET, &path, Some(&admin), None).await.status, 404);
    assert_eq!(world.db.value_as_superuser("select state from statehouse.delivery"), "dead");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_subscribed_is_refused() {
    let world = world().await;
    let rep = who(NORDUR, "rep");
    for (part, value, pointer) in [
        ("url", json!("http://hooks.example.org"), "/url"),
        ("url", json!("https://127.0.0.1/"), "/url"),
        ("events", json!([]), "/events"),
        ("events", json!(["order.*", "ordr.*"]), "/events/1"),
        ("events", json!(["order.explode"]), "/events/0"),
        ("label", json!(" "), "/label"),
    ] {
        let mut body = wanted(&["*"]);
        body[part] = value;
        let answer = world.call(Method::POST, "/v1/subscriptions", Some(&rep), Some(&body)).await;
        assert_eq!(
            (answer.status, answer.code(), &answer.body["errors"][0]["pointer"]),
            (422, "SH6210", &json!(pointer)),
            "{}",
            answer.body
        );
    }
    for _ in 0..20 {
        subscribe(&world, &rep, &["*"]).await;
    }
    let answer = world.call(Method::POST, "/v1/subscriptions", Some(&rep), Some(&wanted(&["*"]))).await;
    assert_eq!((answer.status, answer.code()), (409, "SH6212"));
    let world = World::orders().await;
    let answer = world.call(Method::POST, "/v1/subscriptions", Some(&rep), Some(&wanted(&["*"]))).await;
    assert_eq!((answer.status, answer.code()), (409, "SH6211"));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_event_is_taken_up_once_as_its_maker_sees_it() {
    let world = world().await;
    let (admin, rep, other) = (who(NORDUR, "admin"), who(NORDUR, "rep"), Persona::second("orders", NORDUR, "rep"));
    order(&world, &rep, "before");
    settled(&world).await;
    for (persona, events) in
        [(&admin, "*"), (&rep, "order.*"), (&other, "*"), (&who(NORDUR, "client"), "order.edited"), (&who(BALTYK, "admin"), "*")]
    {
        subscribe(&world, persona, &[events]).await;
    }
    order(&world, &rep, "after");
    world.db.psql_as(&admin, "update orders_admin.\"order\" set title = 'edited', note = 'x' where title = 'after'").ok();
    settled(&world).await;
    let db = worker(&world);
    // Many workers at the same subscriptions at once.
    let all: Vec<_> = (0..8)
        .map(|_| {
            tokio::spawn({
                let db = db.clone();
                async move { take_up(&db).await }
            })
        })
        .collect();
    let mut written = 0;
    for one in all {
        written += one.await.unwrap();
    }
    written += take_up(&db).await;
    let owed = world.db.value_as_superuser(
        "select m.name, string_agg(d.type, ' ' order by d.xid, d.n) from statehouse.delivery d join statehouse.subscription s on s.id = d.subscription join statehouse.member m on m.member = s.actor group by 1 order by 1",
    );
    assert_eq!(
        owed,
        "admin 1 of nordur|order.created order.edited\nclient 1 of nordur|order.edited\nrep 1 of nordur|order.created order.edited"
    );
    assert_eq!(written, 5);
    assert_eq!(take_up(&db).await, 0, "nothing is taken up twice");
    // The body is what the maker may know.
    let body = |member: &str| -> Value {
        let text = format!(
            "select d.body from statehouse.delivery d join statehouse.subscription s on s.id = d.subscription join statehouse.member m on m.member = s.actor where m.name = '{member}' and d.type = 'order.edited'"
        );
        serde_json::from_str(&world.db.value_as_superuser(&text)).unwrap()
    };
    let (all, shy) = (body("admin 1 of nordur"), body("client 1 of nordur"));
    assert_eq!(
        (&all["type"], &all["timestamp"], &all["data"]["payload"]),
        (&json!("order.edited"), &json!("2026-11-20T12:00:00.000000Z"), &json!({ "title": "edited", "note": "x" }))
    );
    assert_eq!((&shy["data"]["payload"], &shy["data"]["actor"]), (&json!({ "title": "edited" }), &json!(null)));
    assert_eq!(world.db.value_as_superuser("select count(*) from statehouse.session where kind = 'worker'"), "0", "no session is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_between_writing_and_moving_on_does_neither() {
    let world = world().await;
    let admin = who(NORDUR, "admin");
    settled(&world).await;
    subscribe(&world, &admin, &["*"]).await;
    order(&world, &who(NORDUR, "rep"), "a");
    settled(&world).await;
    let worker_connection = world.db.connect("statehouse_worker").await;
    let take = "select statehouse.fan_out(tenant, id, 100) from statehouse.subscription";
    worker_connection.batch_execute("begin").await.unwrap();
    assert_eq!(worker_connection.query_one(take, &[]).await.unwrap().get::<_, i32>(0), 1);
    // Another one finds it taken, and leaves it.
    assert_eq!(take_up(&worker(&world)).await, 0);
    worker_connection.batch_execute("rollback").await.unwrap();
    assert_eq!(world.db.value_as_superuser("select count(*) from statehouse.delivery"), "0");
    settled(&world).await;
    assert_eq!(take_up(&worker(&world)).await, 1);
    // A place that moves without its deliveries, or deliveries without the place, would show here.
    let seen: BTreeSet<String> =
        world.db.value_as(&admin, "select xid || '.' || n from orders_admin.order_history").lines().map(str::to_owned).collect();
    let owed: BTreeSet<String> =
        world.db.value_as_superuser("select xid || '.' || n from statehouse.delivery").lines().map(str::to_owned).collect();
    assert_eq!(seen, owed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_ends_with_its_makers_membership() {
    let world = world().await;
    let (rep, admin) = (who(NORDUR, "rep"), who(NORDUR, "admin"));
    order(&world, &rep, "theirs");
    settled(&world).await;
    subscribe(&world, &rep, &["*"]).await;
    subscribe(&world, &admin, &["*"]).await;
    world
        .db
        .psql_as_superuser(&format!(
            "delete from statehouse.api_key where member = '{0}'; delete from statehouse.membership where member = '{0}'",
            rep.id()
        ))
        .ok();
    world.db.psql_as(&admin, "update orders_admin.\"order\" set note = 'after they left'").ok();
    settled(&world).await;
    assert_eq!(take_up(&worker(&world)).await, 1, "the administrator's");
    let ended = world.db.value_as_superuser("select s.state, s.ended_why, count(d.n) from statehouse.subscription s left join statehouse.delivery d on d.subscription = s.id group by 1, 2 order by 1 desc");
    assert_eq!(ended, "ended|its maker is no member any more|0\nactive||1");
}
