//! One reader at a time: where it begins, what it is told, why it ends.

use std::time::Duration;

use serde_json::json;
use statehouse_http::Settings;
use statehouse_testkit::orders;
use statehouse_testkit::people::{BALTYK, NORDUR, Persona};

use super::reader::{Message, open, place};
use crate::world::World;

fn key(persona: &Persona) -> &str {
    persona.key.as_deref().unwrap()
}

fn quick() -> Settings {
    let mut settings = Settings::default();
    settings.feed.heartbeat_s = 1;
    settings
}

fn note(text: &str) -> String {
    format!("update orders_admin.\"order\" set note = '{text}' where title = 'a'")
}

async fn world() -> World {
    let world = World::with(quick()).await;
    orders::client(&world.db, NORDUR, "Klettur", 1_000_000);
    let rep = Persona::member("orders", NORDUR, "rep");
    world.db.psql_as(&rep, "insert into orders_rep.\"order\" (client, title) select id, 'a' from orders_rep.client").ok();
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_arrives_as_the_reader_may_know_it() {
    let world = world().await;
    let (admin, client) = (Persona::member("orders", NORDUR, "admin"), Persona::member("orders", NORDUR, "client"));
    let mut theirs = open(world.address, key(&admin), "?entity=order", None).await.ok().unwrap();
    let mut shy = open(world.address, key(&client), "?entity=order", None).await.ok().unwrap();
    let mut other = open(world.address, key(&Persona::member("orders", BALTYK, "admin")), "", None).await.ok().unwrap();
    world.db.psql_as(&admin, &note("careful")).ok();
    let edited = |message: &Message| message.event == "order.edited";
    let seen = theirs.until(edited).await.pop().unwrap();
    let row = world.db.value_as(&admin, "select xid || '.' || n, record, actor from orders_admin.order_history where verb = 'edited'");
    let row: Vec<&str> = row.split('|').collect();
    assert_eq!((seen.event.as_str(), seen.id.as_str()), ("order.edited", row[0]));
    let expected = json!({
        "cursor": row[0], "entity": "order", "record": row[1], "seq": 2, "verb": "edited", "from": "inquiry", "to": "inquiry",
        "at": "2026-11-20T12:00:00.000000Z", "actor": row[2], "kind": "member", "payload": { "note": "careful" }
    });
    assert_eq!(seen.data, expected);
    let seen = shy.until(edited).await.pop().unwrap();
    assert_eq!(
        (&seen.data["payload"], &seen.data["actor"]),
        (&json!({}), &json!(null)),
        "a client knows neither the note nor who wrote it"
    );
    other.reach(place(row[0]).0 + 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_comes_back_where_it_was() {
    let world = world().await;
    let admin = Persona::member("orders", NORDUR, "admin");
    let mut stream = open(world.address, key(&admin), "?entity=order&after=begin", None).await.ok().unwrap();
    assert_eq!(stream.soon().await.unwrap().event, "order.created");
    let (after_created, _) = (stream.id.clone(), drop(stream));
    world.db.psql_as(&admin, &note("while away")).ok();
    for (query, last) in [
        (String::new(), Some(after_created.as_str())),
        (format!("?after={after_created}"), None),
        ("?after=now".into(), Some(after_created.as_str())),
    ] {
        let mut stream = open(world.address, key(&admin), &query, last).await.ok().unwrap();
        let seen = stream.soon().await.unwrap();
        assert_eq!((seen.event.as_str(), &seen.data["payload"]["note"]), ("order.edited", &json!("while away")), "{query}");
    }
    // What is not seen is passed over: the id moves on without a message.
    let mut stream = open(world.address, key(&admin), "?entity=settlement&after=begin", None).await.ok().unwrap();
    let now = world.db.value_as_superuser("select pg_snapshot_xmin(pg_current_snapshot())");
    stream.reach(now.parse().unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_served_is_refused() {
    let world = world().await;
    let rep = Persona::member("orders", NORDUR, "rep");
    let refused = |query: &'static str, last: Option<&'static str>| {
        let (address, rep) = (world.address, rep.clone());
        async move {
            let (status, body) = open(address, key(&rep), query, last).await.err().expect(query);
            (status, body["code"].as_str().unwrap_or_default().to_owned())
        }
    };
    assert_eq!(refused("?entity=ordr", None).await, (422, "SH6205".into()));
    assert_eq!(refused("?after=yesterday", None).await, (400, "SH6202".into()));
    assert_eq!(refused("", Some("12")).await, (400, "SH6202".into()));
    assert_eq!(refused("?after=99999999999.1", None).await, (400, "SH6202".into()));
    assert_eq!(refused("?since=1", None).await, (400, "SH6010".into()));
    assert_eq!(open(world.address, "nobody", "", None).await.err().unwrap().0, 401);
    // Somebody took old partitions away.
    world.db.psql_as_superuser("update statehouse.setting set value = pg_current_xact_id()::text where name = 'feed_floor'").ok();
    assert_eq!(refused("?after=3.1", None).await, (410, "SH6201".into()));
    assert!(open(world.address, key(&rep), "?after=begin", None).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_its_session_though_nothing_happens() {
    let world = world().await;
    let rep = Persona::member("orders", NORDUR, "rep");
    let mut stream = open(world.address, key(&rep), "", None).await.ok().unwrap();
    world.db.psql_as_superuser(&format!("update statehouse.api_key set revoked_at = now() where key_hash = sha256('{}')", key(&rep))).ok();
    let last = stream.soon().await.unwrap();
    assert_eq!((last.event.as_str(), &last.data["reason"], &last.data["code"]), ("end", &json!("session_over"), &json!("SH2002")));
    assert_eq!(stream.soon().await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_says_so() {
    let mut world = world().await;
    let mut stream = open(world.address, key(&Persona::member("orders", NORDUR, "rep")), "", None).await.ok().unwrap();
    let before = stream.id.clone();
    world.stop();
    let last = stream.soon().await.unwrap();
    assert_eq!((last.event.as_str(), &last.data["reason"], stream.retry), ("end", &json!("stopping"), Some(1000)));
    assert!(place(&last.id) >= place(&before), "the last id is a place to come back to");
    assert_eq!(stream.soon().await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_member_has_so_many_streams() {
    let mut settings = quick();
    settings.feed.per_key = 2;
    let world = World::with(settings).await;
    let rep = Persona::member("orders", NORDUR, "rep");
    let first = open(world.address, key(&rep), "", None).await.ok().unwrap();
    let _second = open(world.address, key(&rep), "", None).await.ok().unwrap();
    let (status, body) = open(world.address, key(&rep), "", None).await.err().unwrap();
    assert_eq!((status, body["code"].as_str()), (429, Some("SH6204")));
    assert!(open(world.address, key(&Persona::second("orders", NORDUR, "rep")), "", None).await.is_ok());
    drop(first);
    let again = tokio::time::timeout(Duration::from_secs(10), async {
        while open(world.address, key(&rep), "", None).await.is_err() {
            tokio::task::yield_now().await;
        }
    });
    again.await.expect("a place comes free when a reader goes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_who_takes_nothing_is_ended() {
    let mut settings = quick();
    settings.feed.slow_s = 1;
    settings.feed.per_key = 1;
    let world = World::with(settings).await;
    orders::client(&world.db, NORDUR, "Klettur", 1_000_000);
    let admin = Persona::member("orders", NORDUR, "admin");
    let mut stream = open(world.address, key(&admin), "?entity=order", None).await.ok().unwrap();
    // More than the buffers of two sockets hold.
    world.db.psql_as(&Persona::member("orders", NORDUR, "rep"), "insert into orders_rep.\"order\" (client, title, note) select id, 't' || g, repeat('x', 20000) from orders_rep.client, generate_series(1, 1500) g").ok();
    // The member's only place comes free when the server gives up on the reader.
    let other = tokio::time::timeout(Duration::from_secs(60), async {
        while open(world.address, key(&admin), "?entity=order", None).await.is_err() {
            tokio::task::yield_now().await;
        }
    });
    other.await.expect("the server gives up on a reader who takes nothing");
    let came = stream.until(|_| false).await;
    let last = came.last().unwrap();
    assert_eq!((last.event.as_str(), &last.data["reason"], &last.data["code"]), ("end", &json!("too_slow"), &json!("SH6203")));
    assert!(came.len() < 1500, "{} events lay in buffers", came.len());
    let mut again = open(world.address, key(&admin), "?entity=order", Some(&last.id)).await.ok().unwrap();
    let rest = again.until({
        let mut n = came.len() - 1;
        move |_| {
            n += 1;
            n == 1500
        }
    });
    let mut places: Vec<_> = came[..came.len() - 1].iter().map(|m| place(&m.id)).collect();
    places.extend(rest.await.iter().map(|m| place(&m.id)));
    assert!(places.is_sorted_by(|a, b| a < b) && places.len() == 1500, "it comes back and misses nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_transaction_shows_as_lag_and_hides_nothing() {
    let world = world().await;
    let admin = Persona::member("orders", NORDUR, "admin");
    let mut stream = open(world.address, key(&admin), "?entity=order", None).await.ok().unwrap();
    let long = world.db.as_persona(&admin).await;
    long.batch_execute("begin; insert into orders_admin.client (name, lang, phone, credit_limit, rep) select 'Late', lang, phone, 1, rep from orders_admin.client limit 1").await.unwrap();
    world.db.psql_as(&admin, &note("meanwhile")).ok();
    let mut told = stream.told().await.unwrap();
    while told.event == "order.created" {
        told = stream.told().await.unwrap();
    }
    assert_eq!(told.event, "lag");
    assert!(told.data["seconds"].as_u64().unwrap() >= 2, "{told:?}");
    let metrics = world.call(axum::http::Method::GET, "/metrics", None, None).await;
    let metrics = String::from_utf8(metrics.bytes).unwrap();
    let held = metrics.lines().find_map(|line| line.strip_prefix("statehouse_feed_lag_seconds ")).unwrap();
    assert!(held.parse::<f64>().unwrap() >= 2.0 && metrics.contains("statehouse_feed_streams 1\n"), "{metrics}");
    long.batch_execute("commit").await.unwrap();
    let (mut seen, mut over) = (None, false);
    while seen.is_none() || !over {
        let message = stream.told().await.unwrap();
        over |= message.event == "lag" && message.data["seconds"] == 0;
        if message.event == "order.edited" {
            seen = Some(message);
        }
    }
    assert_eq!(seen.unwrap().data["payload"]["note"], "meanwhile");
}
