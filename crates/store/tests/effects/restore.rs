//! A restored database sends nothing by itself.

use statehouse_store::effects::{self, End, Greeting};
use statehouse_testkit::people::{NORDUR, Persona};

use crate::world::{APP, LEASE, World, known, world};

async fn greeted(world: &World, witness: Option<&str>) -> Greeting {
    effects::greet(&world.worker, witness).await.unwrap()
}

/// Another server, another timeline, another database: what the row of settings remembers is not where it is.
async fn moved(world: &World) {
    world.admin.batch_execute("update statehouse.setting set value = 'elsewhere' where name = 'home'").await.unwrap();
}

#[tokio::test]
async fn what_was_owed_is_held() {
    let world = world("restore_held").await;
    let keeper = world.enter(NORDUR, "keeper").await;
    let owed: Vec<_> = [world.sales("post", 1).await, world.sales("text", 1).await, world.sales("ring", 1).await].concat();
    let trusted = world.sales("trust", 1).await[0];
    let sent = world.sales("ring", 1).await[0];
    let done = world.sales("post", 1).await[0];
    let claimed = world.claim("w1", &["bell", "post"], 10).await;
    let held = |record| claimed.iter().find(|one| one.held.record == record).unwrap().held;
    assert!(world.settle("w1", held(done), End::Done { result: serde_json::json!({}) }).await);
    assert_eq!(effects::mark_sending(&world.worker, "w1", &[held(sent)]).await.unwrap().len(), 1);

    moved(&world).await;
    let refused = effects::claim(&world.worker, "w1", &known(&["text"]), 10, LEASE).await.unwrap_err();
    assert_eq!(refused.fault().code.code, "SH7025", "before anybody has greeted it");
    let greeting = greeted(&world, None).await;
    assert_eq!((greeting.restored, greeting.held, greeting.epoch), (true, 5, 2));
    let again = greeted(&world, None).await;
    assert_eq!((again.restored, again.held, again.epoch), (false, 0, 2), "the second worker finds it at home");

    assert!(world.claim("w1", &crate::world::CONNECTORS, 100).await.is_empty());
    world.later(3600).await;
    assert!(effects::recover(&world.worker, None, 10, &effects::Rests::new()).await.unwrap().is_empty(), "no lease outlives it");
    assert!(world.claim("w1", &crate::world::CONNECTORS, 100).await.is_empty(), "nothing goes out by itself, ever");
    assert_eq!(world.stands(owed[0]).await, "held 1 doubt");
    assert_eq!(world.stands(owed[1]).await, "held 0 doubt");
    assert_eq!(world.stands(owed[2]).await, "held 1");
    assert_eq!(world.stands(sent).await, "unknown 1 doubt", "it was about to be sent: nobody can tell");
    assert_eq!((world.stands(trusted).await.as_str(), world.stands(done).await.as_str()), ("held 0", "done 1"));
    assert!(!world.settle("w1", held(owed[0]), End::Dead).await, "whoever held it before has lost it");

    // What is owed from now on goes out; what is held does when somebody says so, with the age its key has.
    world.sales("post", 1).await;
    assert_eq!(world.claim("w1", &["post"], 10).await.len(), 1);
    let page = effects::outbox(&world.api, &keeper, &["held"], None, 10).await.unwrap();
    assert_eq!(page.len(), 4);
    let ids: Vec<_> = page.iter().map(|one| one.id).collect();
    assert!(effects::replay(&world.api, &keeper, &ids).await.unwrap().iter().all(|one| one.due));
    let out = world.claim("w1", &crate::world::CONNECTORS, 100).await;
    assert_eq!(out.len(), 4);
    for one in &out {
        let asks = matches!(one.connector.as_str(), "post" | "text");
        assert_eq!((one.doubt, one.tries, one.key_age().as_secs()), (asks, 1, 3600), "{}", one.connector);
    }
}

/// A person who knows that a held call was done says so by its verb.
#[tokio::test]
async fn a_held_call_is_resolved() {
    let world = world("restore_call").await;
    let keeper = world.enter(NORDUR, "keeper").await;
    let sale = world.sales("trust", 1).await[0];
    moved(&world).await;
    greeted(&world, None).await;
    let evidence = serde_json::json!({"trust_evidence": "the teller's book"});
    assert_eq!(world.fire(&keeper, sale, "trust.resolve_done", Some(&evidence)).await, Ok("paid".into()));
    assert_eq!(world.stands(sale).await, "done 0");
}

/// Whoever says what became of a held call while somebody else lets it go out comes second, and is told so.
#[tokio::test]
async fn a_call_is_not_let_go_and_resolved_at_once() {
    let world = std::sync::Arc::new(world("restore_race").await);
    let keeper = world.enter(NORDUR, "keeper").await;
    let sale = world.sales("trust", 1).await[0];
    moved(&world).await;
    greeted(&world, None).await;
    let letting = world.db.as_persona(&Persona::member(APP, NORDUR, "keeper")).await;
    letting.batch_execute("begin").await.unwrap();
    let released: i64 = letting
        .query_one("select count(*) from statehouse.held_back('effect') h, statehouse.release_held(array[h.id]) r where r.released", &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(released, 1);
    let resolving = {
        let world = std::sync::Arc::clone(&world);
        tokio::spawn(async move {
            world.fire(&keeper, sale, "trust.resolve_done", Some(&serde_json::json!({"trust_evidence": "the book"}))).await
        })
    };
    let waits = "select (count(*) > 0)::text from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    world.until(waits, "true").await;
    letting.batch_execute("commit").await.unwrap();
    assert_eq!(resolving.await.unwrap(), Err("SH4021".into()));
    assert_eq!((world.state(sale).await.as_str(), world.stands(sale).await.as_str()), ("trusting", "due 0"));
}

/// What a restore changes is rows alone, which no `apply` puts back: what is owed from then on goes out.
#[tokio::test]
async fn a_restore_is_no_drift() {
    let world = world("restore_drift").await;
    moved(&world).await;
    assert!(greeted(&world, None).await.restored);
    let defaults = "select string_agg(distinct pg_get_expr(d.adbin, d.adrelid), ' ') || ' of ' || count(*)
                      from pg_attrdef d join pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum where a.attname = 'epoch'";
    assert_eq!(
        world.text(defaults).await,
        "statehouse.epoch() of 6",
        "effects, timers, messages, times of schedules, polls, calls to subscribers"
    );
    world.sales("post", 1).await;
    assert_eq!(world.claim("w1", &["post"], 10).await.len(), 1);
}

/// It may have been tried again, and sent, in the days that are lost: its key is as old as it was, and it is in doubt.
#[tokio::test]
async fn what_was_given_up_before_is_in_doubt() {
    let world = world("restore_dead").await;
    let keeper = world.enter(NORDUR, "keeper").await;
    world.sales("post", 1).await;
    let given_up = world.claim("w1", &["post"], 1).await.remove(0).held;
    assert!(world.settle("w1", given_up, End::Dead).await);
    moved(&world).await;
    greeted(&world, None).await;
    world.later(3600).await;
    let id = effects::Id { record: given_up.record, seq: given_up.seq, n: given_up.n };
    assert!(effects::replay(&world.api, &keeper, &[id]).await.unwrap()[0].due);
    let again = world.claim("w1", &["post"], 1).await.remove(0);
    assert_eq!((again.doubt, again.key_age().as_secs()), (true, 3600));
}

/// Written while the epoch rose, with a look at it from before: the next who greets holds it.
#[tokio::test]
async fn a_straggler_is_held() {
    let world = world("restore_late").await;
    let sale = world.sales("post", 1).await[0];
    moved(&world).await;
    let late = format!(
        "set session_replication_role = replica; update statehouse.effect set state = 'due', code = null where record = '{sale}'; reset session_replication_role"
    );
    assert_eq!(greeted(&world, None).await.held, 1);
    world.admin.batch_execute(&late).await.unwrap();
    assert!(world.claim("w1", &["post"], 10).await.is_empty());
    let greeting = greeted(&world, None).await;
    assert_eq!((greeting.restored, greeting.held), (false, 1));
    assert_eq!(world.stands(sale).await, "held 0 doubt");
}

/// A copy of the files that is older than what the worker remembers is at home and yet restored.
#[tokio::test]
async fn the_witness_remembers() {
    let world = world("restore_witness").await;
    let sale = world.sales("post", 1).await[0];
    let first = greeted(&world, None).await;
    world.sales("post", 1).await;
    let later = greeted(&world, Some(&first.lsn)).await;
    assert!(!later.restored);
    let behind = greeted(&world, Some("FFFFFF/0")).await;
    assert_eq!((behind.restored, behind.held, behind.epoch), (true, 2, 2));
    assert_eq!(world.stands(sale).await, "held 0 doubt");
}

/// A copy of the database is another database.
#[tokio::test]
async fn a_copy_is_not_the_original() {
    let world = world("restore_copy").await;
    world.sales("post", 1).await;
    let copy = format!("{}_copy", world.db.name());
    let name = world.db.name().to_owned();
    let World { db, place, admin, worker, api } = world;
    drop((worker, api));
    admin.batch_execute("update pg_database set datallowconn = datallowconn").await.unwrap();
    drop(admin);
    let server = place.database("postgres").connect_admin().await.unwrap();
    for _ in 0..500 {
        let others: i64 = server.query_one("select count(*) from pg_stat_activity where datname = $1", &[&name]).await.unwrap().get(0);
        if others == 0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    server.batch_execute(&format!("create database {copy} template {name}")).await.unwrap();
    let worker = statehouse_store::Db::open(&place.database(&copy), statehouse_store::Login::Worker, 1).unwrap();
    let greeting = effects::greet(&worker, None).await;
    drop(worker);
    server.batch_execute(&format!("drop database {copy} with (force)")).await.unwrap();
    drop(db);
    assert_eq!(greeting.map(|greeting| (greeting.restored, greeting.held)).unwrap(), (true, 1));
}
