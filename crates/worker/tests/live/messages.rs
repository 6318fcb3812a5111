//! What comes in is applied, asked about, found when it was lost, and never in the way of others.

use std::time::Duration;

use serde_json::json;
use statehouse_sandbox::{Mode, Switch, Wish};
use statehouse_store::inbox::{self, Received};
use statehouse_store::{Db, Login, Place};
use statehouse_testkit::people::NORDUR;

use crate::world::{World, admin};

/// An address of a source of the first tenant.
pub async fn address(world: &World, source: &str) -> String {
    let app = statehouse_definition::load(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/apps/outward").as_path())
        .app
        .expect("an app");
    let mut scene = world.db.connect_as_superuser().await;
    inbox::issue(&mut scene, &app, "nordur", source, None).await.expect("an address").token
}

/// A message as the server stores it when its signature was good.
pub async fn comes(world: &World, token: &str, key: &str, kind: &str, data: serde_json::Value) {
    let server = Db::open(&Place::parse(&world.db.url("postgres")).expect("a place"), Login::Server, 2).expect("a pool");
    let body = json!({ "type": kind, "data": data }).to_string();
    let headers = json!({ "content-type": "application/json", "webhook-id": key });
    let received = Received {
        token,
        key,
        kind: Some(kind),
        body: body.as_bytes(),
        headers: &headers,
        query: "",
        secret: None,
        coverage: "whole",
        account: None,
        item: None,
    };
    inbox::receive(&server, &received).await.expect("stored").expect("an address");
}

fn parcels(world: &World) -> String {
    world.db.value_as(
        &admin(NORDUR),
        "select string_agg(code || ' ' || state || coalesce(' ' || mrn, ''), ', ' order by code) from outward_admin.parcel",
    )
}

async fn messages(world: &World) -> String {
    world.ask("select coalesce(string_agg(s, ', ' order by s), '') from (select state || coalesce(' ' || code, '') || ' ' || count(*) s from statehouse.message group by state, code) g").await
}

/// What became of each, for whoever reads why a test failed.
async fn told(world: &World) -> String {
    world.ask("select string_agg(concat_ws(' ', key, state, code, why, input, fetched), E'\n' order by id) from statehouse.message").await
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_in_any_order_end_alike() {
    for order in [["lodged", "cleared"], ["cleared", "lodged"]] {
        let world = World::new().await;
        let worker = world.worker("one").await;
        let token = address(&world, "customs").await;
        world.parcels(&["a"]);
        for kind in order {
            comes(&world, &token, &format!("m-{kind}"), &format!("declaration.{kind}"), json!({ "order": "a", "mrn": "MRN1" })).await;
            worker.turn().await.expect("a turn");
        }
        assert_eq!(parcels(&world), "a cleared MRN1", "{order:?}");
        assert!(worker.turn().await.expect("a turn").is_idle());
        let open = "select count(*) from statehouse.message where state in ('due', 'leased', 'waiting')";
        assert_eq!(world.ask(open).await, "0", "{order:?}: {}", messages(&world).await);
    }
}

/// R13, R14, R20: what comes before its record, about nothing, or says nothing that is known.
#[tokio::test(flavor = "multi_thread")]
async fn messages_that_cannot_move_yet_or_ever() {
    let world = World::new().await;
    let worker = world.worker("one").await;
    let token = address(&world, "customs").await;
    comes(&world, &token, "m1", "declaration.cleared", json!({ "order": "later", "mrn": "MRN1" })).await;
    comes(&world, &token, "m2", "declaration.cleared", json!({ "order": "never", "mrn": "MRN2" })).await;
    comes(&world, &token, "m3", "declaration.lost", json!({ "order": "later" })).await;
    comes(&world, &token, "m4", "declaration.held", json!({ "order": "later" })).await;
    comes(&world, &token, "m5", "declaration.cleared", json!({ "mrn": "MRN5" })).await;
    worker.turn().await.expect("a turn");
    assert_eq!(messages(&world).await, "dead SH7121 2, ignored 1, waiting SH7107 2");
    world.parcels(&["later"]);
    for _ in 0..20 {
        world.wait(Duration::from_secs(12 * 3600)).await;
        worker.turn().await.expect("a turn");
    }
    assert_eq!(parcels(&world), "later cleared MRN1", "{}", told(&world).await);
    assert_eq!(messages(&world).await, "dead SH7121 2, done 1, ignored 1, quarantined SH7107 1");
}

/// R18: a message that proves nothing is a hint; what its sender says when asked is what counts.
#[tokio::test(flavor = "multi_thread")]
async fn a_hint_is_asked_about() {
    let world = World::new().await;
    let worker = world.worker("one").await;
    let token = address(&world, "slow").await;
    world.parcels(&["a", "b"]);
    let with = json!({ "order": "a", "account": "nordur", "id": "dec_a" });
    world.sandbox.hook(Wish { drop: true, ..Wish::new("customs", "declaration.cleared", with) }).await.expect("it happens");
    let id = declared(&world, "a").await;
    // It says that it is about `b`, and its sender that it is about `a`.
    comes(&world, &token, "m1", "declaration.cleared", json!({ "id": id, "order": "b", "mrn": "FORGED" })).await;
    comes(&world, &token, "m2", "declaration.cleared", json!({ "id": "no_such", "order": "b", "mrn": "FORGED" })).await;
    worker.turn().await.expect("a turn");
    let stand = parcels(&world);
    assert!(stand.starts_with("a cleared ") && stand.ends_with("b sent") && !stand.contains("FORGED"), "{stand}: {}", told(&world).await);
    assert_eq!(messages(&world).await, "done 1, quarantined SH7122 1");
}

/// The id under which customs know the declaration of an order.
async fn declared(world: &World, order: &str) -> String {
    let app = statehouse_definition::load(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/apps/outward").as_path())
        .app
        .expect("an app");
    let connector = &app.connectors["customs"];
    let client = statehouse_connect::egress::Client::system(None).expect("a client");
    let secrets = statehouse_connect::secrets::Secrets::read(
        None,
        [("STATEHOUSE_SECRET_CUSTOMS_KEY".to_owned(), "account_nordur".to_owned())].into_iter(),
    );
    let secrets = secrets.expect("secrets");
    let args = json!({ "since": "2000-01-01T00:00:00Z" });
    let given = statehouse_connect::call::Given {
        tenant: "nordur",
        args: args.as_object().expect("an object"),
        key: "",
        callback: None,
        now: 0,
        base: Some(&world.settings.connectors["customs"].base),
        settings: &Default::default(),
        secrets: &secrets,
    };
    let prepared = statehouse_connect::call::prepare(connector, &connector.actions["declarations"], &given).expect("a request");
    let fence = statehouse_connect::egress::Fence::at(std::time::Instant::now() + Duration::from_secs(20));
    let answer = prepared.send(&client, fence).await.expect("an answer");
    let list: serde_json::Value = serde_json::from_slice(&answer.body).expect("JSON");
    let found = list["data"].as_array().expect("a list").iter().find(|one| one["order"] == order).cloned();
    found.expect("it is declared")["id"].as_str().expect("an id").to_owned()
}

/// R12: every message is lost, and the same ends come within the time the inbox says.
#[tokio::test(flavor = "multi_thread")]
async fn everything_is_lost_and_found() {
    let world = World::new().await;
    let worker = world.worker("one").await;
    address(&world, "customs").await;
    let codes: Vec<String> = (0..20).map(|nth| format!("p{nth:02}")).collect();
    world.parcels(&codes.iter().map(String::as_str).collect::<Vec<_>>());
    worker.turn().await.expect("a turn");
    for code in &codes {
        let with = json!({ "order": code, "account": "nordur" });
        world.sandbox.hook(Wish { drop: true, ..Wish::new("customs", "declaration.cleared", with) }).await.expect("it happens");
    }
    assert!(worker.turn().await.expect("a turn").is_idle(), "nobody has told, and it is not time to ask");
    world.wait(Duration::from_secs(5 * 60)).await;
    let turned = worker.turn().await.expect("a turn");
    assert_eq!((turned.polls, turned.messages), (1, 20), "{turned:?}");
    assert_eq!(world.ask("select count(*) from outward.parcel where state = 'cleared'").await, "20", "{}", told(&world).await);
    // The same list again is the same messages.
    world.wait(Duration::from_secs(5 * 60)).await;
    let turned = worker.turn().await.expect("a turn");
    assert_eq!((turned.polls, turned.messages), (1, 0), "{turned:?}");
    assert_eq!(world.ask("select count(*) from statehouse.event where verb = 'clear'").await, "20");
}

/// A list of 40 changes, three at a time, is more than one turn may read. A worker dies in the middle of it, and the next goes
/// on with the same list from the page where it stopped.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_list_is_gone_on_with_where_it_was_left() {
    let world = World::new().await;
    let worker = world.worker("one").await;
    address(&world, "customs").await;
    let codes: Vec<String> = (0..40).map(|nth| format!("p{nth:02}")).collect();
    world.parcels(&codes.iter().map(String::as_str).collect::<Vec<_>>());
    for code in &codes {
        let with = json!({ "order": code, "account": "nordur" });
        world.sandbox.hook(Wish { drop: true, ..Wish::new("customs", "declaration.cleared", with) }).await.expect("it happens");
    }
    let lists = |handle: &statehouse_sandbox::Handle| handle.log("customs").iter().filter(|line| line.op == "declarations.list").count();
    // Each page takes its time, so that there is one in the middle of which nobody answers any more.
    world.sandbox.fault(Switch::new("customs", Mode::Slow).on("declarations.list").ms(100)).expect("a switch");
    let handle = world.sandbox.handle();
    let ends = async {
        assert!(handle.until(|handle| lists(handle) >= 12).await, "twelve pages");
        handle.clear_faults();
        handle.fault(Switch::status("customs", 503).on("declarations.list")).expect("a switch");
    };
    let (turned, ()) = tokio::join!(worker.turn(), ends);
    turned.expect("a turn");
    let place = "select coalesce(place ->> 'read', '-') || ' ' || (since is null) || ' ' || code from statehouse.poll";
    let stopped = world.ask(place).await;
    let read: usize = stopped.split(' ').next().and_then(|read| read.parse().ok()).expect("in the middle");
    assert!((25..40).contains(&read) && stopped.ends_with(" true SH7007"), "{stopped}");
    drop(worker);
    world.sandbox.clear_faults();
    let before = lists(&handle);
    // Long after the window, as the first reading counts it.
    world.wait(Duration::from_secs(3 * 3600)).await;
    let next = world.worker("two").await;
    next.turn().await.expect("a turn");
    assert_eq!(world.ask("select count(*) from outward.parcel where state = 'cleared'").await, "40", "{}", told(&world).await);
    assert!(lists(&handle) - before <= 8, "it did not begin anew: {} more pages", lists(&handle) - before);
    assert_eq!(world.ask("select count(*) from statehouse.event where verb = 'clear'").await, "40");
    assert_eq!(
        world.ask("select (place is null) || ' ' || (started_at = since) from statehouse.poll").await,
        "true true",
        "it was read whole"
    );
}

/// Waits until so many requests get no answer.
async fn hanging(world: &World, many: usize) {
    let waiting = async {
        while world.sandbox.hanging() != many {
            tokio::task::yield_now().await;
        }
    };
    assert!(
        tokio::time::timeout(Duration::from_secs(15), waiting).await.is_ok(),
        "{} hang: {}",
        world.sandbox.hanging(),
        told(world).await
    );
}

/// E15: a message whose sender never answers holds nobody up.
#[tokio::test(flavor = "multi_thread")]
async fn poison_leaves_its_neighbours_alone() {
    let world = World::new().await;
    let worker = world.worker("one").await;
    let (slow, quick) = (address(&world, "slow").await, address(&world, "customs").await);
    world.sandbox.fault(Switch::new("customs", Mode::AcceptThenHang).on("declarations.fetch")).expect("a switch");
    let codes: Vec<String> = (0..40).map(|nth| format!("p{nth:02}")).collect();
    world.parcels(&codes.iter().map(String::as_str).collect::<Vec<_>>());
    comes(&world, &slow, "poison", "declaration.cleared", json!({ "id": "dec_1" })).await;
    let turning = tokio::spawn(async move { worker.turn().await });
    hanging(&world, 1).await;
    let neighbour = world.worker("two").await;
    for code in &codes {
        comes(&world, &quick, code, "declaration.cleared", json!({ "order": code, "mrn": "M" })).await;
    }
    // While one hangs, another worker and the same one's other places go on.
    neighbour.turn().await.expect("a turn");
    assert_eq!(world.ask("select count(*) from statehouse.message where state = 'done'").await, "40");
    assert_eq!((world.sandbox.hanging(), messages(&world).await.as_str()), (1, "done 40, leased 1"));
    turning.abort();
}

/// The same within one worker: the hanging one takes one place of many.
#[tokio::test(flavor = "multi_thread")]
async fn poison_takes_one_place_of_a_worker() {
    let world = World::new().await;
    let worker = world.worker("one").await;
    let (slow, quick) = (address(&world, "slow").await, address(&world, "customs").await);
    world.sandbox.fault(Switch::new("customs", Mode::AcceptThenHang).on("declarations.fetch")).expect("a switch");
    let codes: Vec<String> = (0..40).map(|nth| format!("p{nth:02}")).collect();
    world.parcels(&codes.iter().map(String::as_str).collect::<Vec<_>>());
    for nth in 0..8 {
        comes(&world, &slow, &format!("poison{nth}"), "declaration.cleared", json!({ "id": "dec_1" })).await;
    }
    for code in &codes {
        comes(&world, &quick, code, "declaration.cleared", json!({ "order": code, "mrn": "M" })).await;
    }
    let turning = tokio::spawn(async move { worker.turn().await });
    hanging(&world, 8).await;
    let done = async {
        while world.ask("select count(*) from statehouse.message where state = 'done'").await != "40" {
            tokio::task::yield_now().await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(15), done).await.is_ok(), "{}", messages(&world).await);
    assert_eq!(messages(&world).await, "done 40, leased 8");
    turning.abort();
}
