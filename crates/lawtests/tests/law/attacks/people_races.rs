//! Two at once: who dismisses the other, and who enters while the door is being closed.

use std::time::{Duration, Instant};

use statehouse_testkit::TestDatabase;
use statehouse_testkit::people::{NORDUR, Persona};

use super::{ask, patched};
use crate::world;

const PATIENCE: Duration = Duration::from_secs(20);
const MANAGERS: &str =
    "select count(*) from statehouse.membership m where m.tenant = 1 and 'members.manage' = any (statehouse.effective_capabilities(m))";

/// Waits until somebody waits for a lock.
async fn somebody_waits(db: &TestDatabase) {
    let waiting = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    let since = Instant::now();
    while db.value_as_superuser(waiting) == "0" {
        assert!(since.elapsed() < PATIENCE, "nobody waits");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Both administrators dismiss each other, the second before the first has committed. Answers of the second.
async fn dismiss_each_other(db: &TestDatabase, level: &str, waits: bool) -> String {
    let (one, other) = (Persona::member("orders", NORDUR, "admin"), Persona::second("orders", NORDUR, "admin"));
    let (first, second) = (db.as_persona(&one).await, db.as_persona(&other).await);
    for client in [&first, &second] {
        client.batch_execute(&format!("set default_transaction_isolation = '{level}'")).await.unwrap();
    }
    first.batch_execute("begin").await.unwrap();
    assert_eq!(ask(&first, &format!("select statehouse.dismiss('{}')", other.id())).await, "");
    let late = tokio::spawn(async move { ask(&second, &format!("select statehouse.dismiss('{}')", one.id())).await });
    if waits {
        somebody_waits(db).await;
        first.batch_execute("commit").await.unwrap();
        return late.await.unwrap();
    }
    let answer = late.await.unwrap();
    first.batch_execute("commit").await.unwrap();
    answer
}

#[tokio::test]
async fn two_who_dismiss_each_other_leave_one() {
    for (level, answer) in [("read committed", "S2002"), ("repeatable read", "40001")] {
        let db = world::fresh("each_other");
        assert_eq!(dismiss_each_other(&db, level, true).await, answer, "{level}");
        assert_eq!(db.value_as_superuser(MANAGERS), "1", "{level}");
    }
    let db = world::fresh("each_other");
    db.psql_as_superuser("create or replace function statehouse.one_change_at_a_time(tenant int) returns void language sql as ''").ok();
    assert_eq!(dismiss_each_other(&db, "read committed", false).await, "");
    assert_eq!(db.value_as_superuser(MANAGERS), "0", "without its protection");
}

/// A session that is being opened while its tenant is suspended.
async fn enter_while_suspended(db: &TestDatabase, waits: bool) -> String {
    let client = db.connect("statehouse_api").await;
    client.batch_execute("begin").await.unwrap();
    let token = ask(&client, &Persona::member("orders", NORDUR, "rep").enter()).await;
    let admin = db.config("postgres").connect(tokio_postgres::NoTls).await.unwrap();
    let (admin, connection) = admin;
    tokio::spawn(connection);
    let suspended =
        tokio::spawn(async move { ask(&admin, "update statehouse.tenant set suspended_at = now() where slug = 'nordur'").await });
    if waits {
        somebody_waits(db).await;
        client.batch_execute("commit").await.unwrap();
        assert_eq!(suspended.await.unwrap(), "1 rows");
    } else {
        assert_eq!(suspended.await.unwrap(), "1 rows");
        client.batch_execute("commit").await.unwrap();
    }
    ask(&client, &format!("set statehouse.session = '{token}'; select (statehouse.ctx()).role")).await
}

#[tokio::test]
async fn nobody_slips_in_while_a_tenant_is_suspended() {
    let db = world::fresh("slips");
    assert_eq!(enter_while_suspended(&db, true).await, "S2002");
    let client = db.connect("statehouse_api").await;
    assert_eq!(ask(&client, &Persona::member("orders", NORDUR, "admin").enter()).await, "S2003");
    let db = world::fresh("slips");
    db.psql_as_superuser(&patched("statehouse.enter(text)", "     for share;   -- who", "     ;   -- who")).ok();
    assert_eq!(enter_while_suspended(&db, false).await, "rep", "without its protection");
}

/// Within one statement of the operator everybody is out, and what is owed stays.
#[tokio::test]
async fn a_suspended_tenant_is_out_at_once_and_owes_what_it_owed() {
    let db = world::fresh("suspended");
    let rep = Persona::member("orders", NORDUR, "rep");
    let client = db.as_persona(&rep).await;
    let count = "select count(*) > 0 from orders_rep.\"order\"";
    assert_eq!(ask(&client, count).await, "t");
    let owed = "select (select count(*) from statehouse.effect where tenant = 1) || ' ' || (select count(*) from statehouse.timer where tenant = 1)";
    let before = db.value_as_superuser(owed);
    db.psql_as_superuser("update statehouse.tenant set suspended_at = now() where slug = 'nordur'").ok();
    assert_eq!(ask(&client, count).await, "S2002");
    assert_eq!(ask(&client, &rep.enter()).await, "S2003");
    let worker = db.connect("statehouse_worker").await;
    assert_eq!(ask(&worker, "select statehouse.enter_as('timer', 1, 'orders')").await, "S2011");
    assert_eq!(ask(&worker, "select length(statehouse.enter_as('timer', 2, 'orders'))").await, "64");
    assert_eq!(db.value_as_superuser(owed), before);
    assert_ne!(before, "0 0");
    db.psql_as_superuser("update statehouse.tenant set suspended_at = null").ok();
    assert_eq!(ask(&client, &format!("{}; {count}", rep.enter())).await, "t");
}
