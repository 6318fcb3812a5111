//! Whoever is no worker, killed at the points of its doors: the server at a member's request, the command line.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use statehouse_crashtests::scene::{APP, BOUND, Scene};
use statehouse_crashtests::{plan, program};
use statehouse_testkit::people::{NORDUR, Persona};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An address with a port that the system chooses.
pub(crate) const ANYWHERE: &str = "127.0.0.1:0";

/// What a member asks for.
struct Request {
    method: &'static str,
    path: String,
    body: Value,
}

/// A door: what is asked for, and what counts how often it was done.
struct Door {
    point: &'static str,
    request: Request,
    /// A statement that tells it.
    fact: String,
    /// What it tells where nothing was done, where it was done, and where it was done and asked for again.
    told: [&'static str; 3],
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_member_asks_of_a_server_that_dies_is_done_whole_or_not_at_all() {
    let mut scene = Scene::new(&program::under_test(false), "doors").await;
    scene.owe(8, 0).await;
    let keys = effects(&scene).await;
    let mut keys = keys.iter().map(String::as_str);
    let mut exercised = BTreeSet::new();
    for nth in 0..7 {
        for after in [false, true] {
            let door = door(&scene, nth, keys.next().expect("an effect for each")).await;
            let (before, behind) = (format!("{}:before", door.point), format!("{}:after", door.point));
            let (server, address) = scene.serve(ANYWHERE).await;
            assert_eq!(scene.rows.value(&door.fact).await, door.told[0], "{before}: what is to be done is done already");
            scene.points.hold_from(&before, 1);
            let asked = tokio::spawn(ask(address.clone(), door.request.method, door.request.path.clone(), door.request.body.clone()));
            assert!(scene.points.stands_at(&before, BOUND).await, "{before} is not reached:\n{}", server.said());
            if after {
                scene.points.release(&before).await;
                assert!(scene.points.stands_at(&behind, BOUND).await, "{behind} is not reached:\n{}", server.said());
            }
            server.kill().await;
            scene.points.forget();
            assert_eq!(asked.await.expect("it is asked"), None, "{before}: a dead server answers");
            let stands = scene.rows.value(&door.fact).await;
            assert_eq!(stands, door.told[usize::from(after)], "after a kill {} {}", if after { "behind" } else { "before" }, door.point);
            if after && door.told[0] != door.told[1] {
                exercised.insert(door.point);
            }
            // Who got no answer asks again.
            let (server, address) = scene.serve(ANYWHERE).await;
            let answer = ask(address, door.request.method, door.request.path.clone(), door.request.body.clone()).await;
            let status = answer.unwrap_or_else(|| panic!("{}: no answer\n{}", door.point, server.said()));
            assert!(status < 500, "{}: {status}", door.point);
            assert_eq!(scene.rows.value(&door.fact).await, door.told[1 + usize::from(after)], "{} asked for again, {status}", door.point);
            server.kill().await;
        }
    }
    let members = plan::elsewhere().into_iter().filter(|(point, by)| by == "a member" && point != "store.replay_messages");
    let members: BTreeSet<String> = members.map(|(point, _)| point).collect();
    assert_eq!(exercised.into_iter().map(str::to_owned).collect::<BTreeSet<_>>(), members);
}

/// Prepares what the door is about, and says what is asked of it.
async fn door(scene: &Scene, nth: usize, key: &str) -> Door {
    let of = |column: &str| {
        format!("select {column} from statehouse.effect where replace(record::text, '-', '') || '-' || seq || '-' || n = '{key}'")
    };
    let effect = format!("effect:{key}");
    let post = |path: String, body: Value| Request { method: "POST", path, body };
    match nth {
        0 => {
            put(scene, key, "state = 'dead'").await;
            let request = post("/v1/effects/replay".into(), json!({ "ids": [key] }));
            Door { point: "store.replay_effects", request, fact: of("state"), told: ["dead", "due", "due"] }
        }
        1 => {
            put(scene, key, "state = 'unknown', doubt = true, attempt = 1").await;
            let request = post(format!("/v1/effects/{key}/resolve"), json!({ "happened": true, "evidence": "seen at theirs" }));
            Door { point: "store.resolve_effect", request, fact: of("state"), told: ["unknown", "done", "done"] }
        }
        2 => {
            put(scene, key, "state = 'held'").await;
            let request = post("/v1/held/release".into(), json!({ "ids": [effect] }));
            Door { point: "store.release_held", request, fact: of("state"), told: ["held", "due", "due"] }
        }
        3 => {
            put(scene, key, "state = 'held'").await;
            let request = post("/v1/held/release-all".into(), json!({ "kind": "effect" }));
            Door { point: "store.release_all_held", request, fact: of("state"), told: ["held", "due", "due"] }
        }
        4 => {
            put(scene, key, "state = 'held'").await;
            let request = post("/v1/held/discard".into(), json!({ "ids": [effect], "evidence": "made by telephone" }));
            Door { point: "store.discard_held", request, fact: of("state = 'held'"), told: ["t", "f", "f"] }
        }
        5 => {
            let label = format!("made for {key}");
            let fact = format!("select count(*) from statehouse.endpoint where label = '{label}'");
            let request = post("/v1/endpoints".into(), json!({ "source": "carrier", "label": label }));
            // Its address is told once: who did not hear it makes another and ends the first.
            Door { point: "store.make_endpoint", request, fact, told: ["0", "1", "2"] }
        }
        _ => {
            let made = "insert into statehouse.endpoint (tenant, token_hash, app, source, label)";
            let id = scene.rows.value(&format!("{made} values (1, sha256('{key}'), '{APP}', 'carrier', 'to end') returning id")).await;
            let fact = format!("select revoked_at is not null from statehouse.endpoint where id = '{id}'");
            let request = Request { method: "DELETE", path: format!("/v1/endpoints/{id}"), body: Value::Null };
            Door { point: "store.revoke_endpoint", request, fact, told: ["f", "t", "t"] }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_looked_at_again_once_however_often_it_is_asked_for() {
    let mut scene = Scene::new(&program::under_test(false), "replay").await;
    scene.owe(1, 0).await;
    let worker = scene.worker(&statehouse_crashtests::scene::Run { points: false, ..Default::default() });
    assert!(scene.rests(&worker).await, "it does not come to rest");
    scene.kill(worker).await;
    let id = scene.rows.value("select id from statehouse.message where state = 'ignored'").await;
    let fact = format!("select state from statehouse.message where id = '{id}'");
    for after in [false, true] {
        let (server, address) = scene.serve(ANYWHERE).await;
        scene.points.hold_from("store.replay_messages:before", 1);
        let asked = tokio::spawn(ask(address.clone(), "POST", format!("/v1/messages/{id}/replay"), json!({})));
        assert!(scene.points.stands_at("store.replay_messages:before", BOUND).await, "not reached:\n{}", server.said());
        assert_eq!(scene.rows.value(&fact).await, "ignored");
        if after {
            scene.points.release("store.replay_messages:before").await;
            assert!(scene.points.stands_at("store.replay_messages:after", BOUND).await);
        }
        server.kill().await;
        scene.points.forget();
        assert_eq!(asked.await.expect("it is asked"), None);
        assert_eq!(scene.rows.value(&fact).await, if after { "due" } else { "ignored" });
    }
    let (_server, address) = scene.serve(ANYWHERE).await;
    let status = ask(address, "POST", format!("/v1/messages/{id}/replay"), json!({})).await;
    assert_eq!((status, scene.rows.value(&fact).await.as_str()), (Some(200), "due"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_administrator_does_is_done_whole_or_not_at_all() {
    let mut scene = Scene::new(&program::under_test(false), "administrator").await;
    let living = "select count(*) from statehouse.endpoint where source = 'carrier' and revoked_at is null";
    let mut count = scene.count(living).await;
    for (point, change) in [("store.issue_endpoint", 1_isize), ("store.withdraw_endpoint", -1)] {
        for after in [false, true] {
            let id = scene
                .rows
                .value(
                    "select id from statehouse.endpoint where source = 'carrier' and revoked_at is null order by created_at desc limit 1",
                )
                .await;
            let arguments: Vec<&str> =
                if change > 0 { vec!["endpoint", "add", NORDUR.slug, "carrier"] } else { vec!["endpoint", "revoke", &id] };
            let (before, behind) = (format!("{point}:before"), format!("{point}:after"));
            scene.points.hold_from(&before, 1);
            let process = scene.administer(&arguments);
            assert!(scene.points.stands_at(&before, BOUND).await, "{before} is not reached:\n{}", process.said());
            assert_eq!(scene.count(living).await, count, "{before}");
            if after {
                scene.points.release(&before).await;
                assert!(scene.points.stands_at(&behind, BOUND).await, "{behind} is not reached:\n{}", process.said());
                count = count.checked_add_signed(change).expect("a number");
            }
            process.kill().await;
            scene.points.forget();
            assert_eq!(scene.count(living).await, count, "after a kill at {point}, after: {after}");
        }
    }
}

/// Puts an effect where only a superuser can, past the law.
async fn put(scene: &Scene, key: &str, columns: &str) {
    scene
        .rows
        .run(&format!(
            "set session_replication_role = replica;
             update statehouse.effect set {columns} where replace(record::text, '-', '') || '-' || seq || '-' || n = '{key}';
             reset session_replication_role"
        ))
        .await;
}

/// Keys of plain effects of class N: those may be unknown.
async fn effects(scene: &Scene) -> Vec<String> {
    let all = "select string_agg(replace(record::text, '-', '') || '-' || seq || '-' || n, ' ') from statehouse.effect where class = 'N' and not call";
    scene.rows.value(all).await.split(' ').map(str::to_owned).collect()
}

/// What a member is answered; nothing where the server is gone, or gives no answer.
async fn ask(address: String, method: &'static str, path: String, body: Value) -> Option<u16> {
    tokio::time::timeout(BOUND, answered(address, method, path, body)).await.ok()?
}

async fn answered(address: String, method: &'static str, path: String, body: Value) -> Option<u16> {
    let key = Persona::member(APP, NORDUR, "admin").key.unwrap_or_default();
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(&address).await.ok()?;
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    answer.split(' ').nth(1)?.parse().ok()
}
