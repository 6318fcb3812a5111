//! What a request may count on: how long its transaction may be, what its key means, what an empty state means.

use statehouse_testkit::TestDatabase;
use statehouse_testkit::people::{NORDUR, Persona};
use tokio_postgres::Client;

use crate::attacks::{ask, patched};
use crate::{ledger, world};

async fn rep(db: &TestDatabase) -> Client {
    db.as_persona(&Persona::member("orders", NORDUR, "rep")).await
}

/// The code in DETAIL of the refusal of `script`.
async fn code(client: &Client, script: &str) -> String {
    let fault = client.simple_query(script).await.expect_err("a refusal");
    let detail = fault.as_db_error().and_then(|error| error.detail()).unwrap_or_default().to_owned();
    detail.split('"').find(|word| word.starts_with("SH")).unwrap_or_default().to_owned()
}

const NOTE: &str = "update orders_rep.\"order\" set note = coalesce(note, '') || 'x' where title = 'mixed/quoting'";

/// The law's time is the transaction's, so a transaction kept open would be a clock held back.
#[tokio::test]
async fn a_door_is_closed_to_an_old_transaction() {
    let db = world::fresh("old");
    let bound = |to: &str| patched("statehouse.open_door(statehouse.context)", "interval '1 minute'", to);
    db.psql_as_superuser(&bound("interval '300 milliseconds'")).ok();
    let client = rep(&db).await;
    client.batch_execute("begin").await.unwrap();
    assert_eq!(ask(&client, NOTE).await, "1 rows");
    // No pause: only until the clock has gone past the bound.
    client.batch_execute("do $$ begin while clock_timestamp() <= now() + interval '300 milliseconds' loop end loop; end $$").await.unwrap();
    assert_eq!(code(&client, NOTE).await, "SH5002");
    client.batch_execute("rollback; begin").await.unwrap();
    assert_eq!(ask(&client, NOTE).await, "1 rows");
    client.batch_execute("commit").await.unwrap();

    // The engine works through its batches in its own time.
    let import = db.as_persona(&Persona::engine("orders", NORDUR, "import")).await;
    import
        .batch_execute("begin; do $$ begin while clock_timestamp() <= now() + interval '300 milliseconds' loop end loop; end $$")
        .await
        .unwrap();
    let imported = "update orders_system.client set email = 'a@b.example' where name = 'Klettur'";
    assert_ne!(ask(&import, imported).await, "40001");
    import.batch_execute("rollback").await.unwrap();
    assert_eq!(ledger::contradictions(&db, "orders.order"), "");
}

/// What is acknowledged is there after a crash, whatever a login's settings ask for.
#[tokio::test]
async fn a_move_is_never_acknowledged_early() {
    let db = world::fresh("durable");
    let client = rep(&db).await;
    client.batch_execute("set synchronous_commit = off; begin").await.unwrap();
    assert_eq!(ask(&client, "show synchronous_commit").await, "off");
    assert_eq!(ask(&client, NOTE).await, "1 rows");
    assert_eq!(ask(&client, "show synchronous_commit").await, "on");
    client.batch_execute("commit").await.unwrap();
}

#[tokio::test]
async fn no_record_is_in_no_state() {
    let db = world::fresh("stateless");
    let client = rep(&db).await;
    let nowhere = "update orders_rep.\"order\" set state = null where title = 'mixed/quoting'";
    assert_eq!(ask(&client, nowhere).await, "S4007");
    assert_eq!(ask(&client, &nowhere.replace("state = null", "state = null, note = 'x'")).await, "S4007");
    assert_eq!(ask(&client, &nowhere.replace("state = null", "state = null, fire = 'quote'")).await, "S4007");
    assert_eq!(ask(&client, "select state from orders_rep.\"order\" where title = 'mixed/quoting'").await, "quoting");
    // The column itself is the second wall.
    db.psql_as_superuser("drop trigger law_2_named on orders.\"order\"; drop trigger law_4_verdict on orders.\"order\"").ok();
    assert_eq!(ask(&rep(&db).await, nowhere).await.get(..5), Some("23502"));
}

/// The key comes first: a request sent again is answered as it was, though its version is long past.
#[tokio::test]
async fn a_key_is_asked_before_the_version() {
    let db = world::fresh("replayed");
    let client = rep(&db).await;
    let version: i32 = ask(&client, "select version from orders_rep.\"order\" where title = 'mixed/inquiry'").await.parse().unwrap();
    let start = |key: &str| {
        format!("update orders_rep.\"order\" set fire = 'start', version = {version}{key} where title = 'mixed/inquiry' returning version")
    };
    let keyed = start(", key = 'once'");
    let first = ask(&client, &keyed).await;
    assert_eq!(first, (version + 1).to_string());
    assert_eq!(ask(&client, &NOTE.replace("mixed/quoting", "mixed/inquiry")).await, "1 rows");

    assert_eq!(ask(&client, &keyed).await, first, "the replay");
    assert_eq!(ask(&client, &start("")).await, "40001", "without the key");
    assert_eq!(ask(&client, &start(", key = 'twice'")).await, "40001", "under a key of its own");
    assert_eq!(ask(&client, &keyed.replace("'start'", "'quote'")).await, "S4018", "another request under the key");
    let events = "select count(*) from statehouse.event e join orders.\"order\" o on o.id = e.record where o.title = 'mixed/inquiry' and o.tenant = 1 and e.verb = 'start'";
    assert_eq!(db.value_as_superuser(events), "1");
    assert_eq!(ledger::contradictions(&db, "orders.order"), "");
}

/// The verb decides the state; who names another one means something else.
#[tokio::test]
async fn a_state_beside_a_verb_must_be_its_own() {
    let db = world::fresh("beside");
    let client = rep(&db).await;
    let start = |state: &str| format!("update orders_rep.\"order\" set fire = 'start', state = '{state}' where title = 'mixed/inquiry'");
    assert_eq!(ask(&client, &start("quoted")).await, "S4008");
    assert_eq!(ask(&client, &start("quoting")).await, "1 rows");
}

/// Who comes after the timer is told what decided.
#[tokio::test]
async fn who_comes_after_a_deadline_is_told_so() {
    let db = world::fresh("deadline");
    statehouse_testkit::app::set_clock(&db, "2027-01-10 12:00:00+00");
    db.psql_as_superuser("select statehouse.ensure_event_partition('2027-01-01')").ok();
    let timer = db.as_persona(&Persona::engine("orders", NORDUR, "timer")).await;
    assert_eq!(ask(&timer, "update orders_system.\"order\" set fire = 'lapse' where title = 'mixed/quoted'").await, "1 rows");
    let client = rep(&db).await;
    let late = "update orders_rep.\"order\" set fire = 'accept' where title = 'mixed/quoted'";
    assert_eq!(code(&client, late).await, "SH4016");
    assert_eq!(ask(&client, &late.replace("accept", "quote")).await, "S4002", "the deadline took nothing from this one");
    assert_eq!(ask(&client, &late.replace("mixed/quoted", "mixed/cancelled")).await, "S4002", "a person cancelled this one");
}
