//! Many at once: one verb on one record, a credit limit, a hall that fills while it closes, a bulk that loses its race.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use statehouse_testkit::orders::{Kind, Wanted, persona};
use statehouse_testkit::people::{NORDUR, Persona};
use statehouse_testkit::{Cluster, TestDatabase, app, orders};
use tokio::task::JoinHandle;
use tokio_postgres::Client;

use crate::attacks::ask;
use crate::{ledger, world};

const CALLERS: usize = 64;
const CASCADE_TIME: Duration = Duration::from_secs(10);
const HALL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/apps/hall");
const LEVELS: [&str; 2] = ["read committed", "repeatable read"];

/// Answers and how often each was given.
type Tally = BTreeMap<String, usize>;

async fn many(db: &TestDatabase, persona: &Persona, level: &str, n: usize) -> Vec<Client> {
    let mut clients = Vec::new();
    for _ in 0..n {
        let client = db.as_persona(persona).await;
        client.batch_execute(&format!("set default_transaction_isolation = '{level}'")).await.unwrap();
        clients.push(client);
    }
    clients
}

/// All of them at once; every answer counted.
async fn fire(clients: Vec<Client>, statement: &str) -> Tally {
    let calls: Vec<JoinHandle<String>> = clients
        .into_iter()
        .map(|client| {
            let statement = statement.to_owned();
            tokio::spawn(async move { ask(&client, &statement).await })
        })
        .collect();
    let mut tally = Tally::new();
    for call in calls {
        *tally.entry(call.await.unwrap()).or_default() += 1;
    }
    tally
}

async fn one_moves(level: &str) {
    let db = world::fresh("callers");
    let clients = many(&db, &persona(NORDUR, "ops"), level, CALLERS).await;
    let tally = fire(clients, "update orders_ops.\"order\" set fire = 'deliver' where title = 'mixed/out_for_delivery'").await;
    let conflicts: usize = ["40001", "S4002"].iter().filter_map(|code| tally.get(*code)).sum();
    assert_eq!((tally.get("1 rows"), conflicts), (Some(&1), CALLERS - 1), "{tally:?}");
    let of = |table: &str| {
        db.value_as_superuser(&format!("select count(*) from statehouse.{table} e join orders.\"order\" o on o.id = e.record where o.title = 'mixed/out_for_delivery' and e.verb = 'deliver'"))
    };
    assert_eq!((of("event").as_str(), of("effect").as_str()), ("1", "1"));
    assert_eq!(ledger::contradictions(&db, "orders.order"), "");
}

#[tokio::test]
async fn of_64_callers_one_moves_it() {
    one_moves(LEVELS[0]).await;
}

#[tokio::test]
async fn of_64_callers_one_moves_it_under_repeatable_read() {
    one_moves(LEVELS[1]).await;
}

/// The same key from 64 callers is one move, and every other caller is told the same version or to try again.
#[tokio::test]
async fn of_64_callers_with_one_key_one_moves_it() {
    let db = world::fresh("keyed");
    let clients = many(&db, &persona(NORDUR, "ops"), LEVELS[0], CALLERS).await;
    let tally = fire(
        clients,
        "update orders_ops.\"order\" set fire = 'deliver', key = 'once' where title = 'mixed/out_for_delivery' returning version",
    )
    .await;
    let version = db.value_as_superuser("select version from orders.\"order\" where title = 'mixed/out_for_delivery' and tenant = 1");
    assert!(tally.keys().all(|answer| *answer == version || answer == "40001"), "{tally:?}, at version {version}");
    let of = |table: &str| {
        db.value_as_superuser(&format!("select count(*) from statehouse.{table} e join orders.\"order\" o on o.id = e.record where o.title = 'mixed/out_for_delivery' and e.seq = o.version"))
    };
    assert_eq!((of("event").as_str(), of("effect").as_str(), of("key").as_str()), ("1", "1", "1"));
}

/// Twenty accepted orders of one client whose credit is enough for `enough` of them.
fn credit(enough: i64) -> TestDatabase {
    let cluster = Cluster::shared();
    let template = cluster.template("orders_credit", |db| {
        app::build(cluster, db, &app::folder(orders::APP));
        orders::client(db, NORDUR, "Klettur", 0);
        let wanted: Vec<Wanted> =
            (0..20).map(|n| Wanted { title: format!("{n}"), kind: Kind::PrintOnly, state: "accepted".into() }).collect();
        orders::make(db, NORDUR, &wanted);
    });
    let db = cluster.database_from(&template, "credit");
    let set = format!("update orders_admin.client set credit_limit = {enough} * (select min(net) from orders_admin.\"order\")");
    db.psql_as(&persona(NORDUR, "admin"), &set).ok();
    db
}

async fn never_oversold(level: &'static str) {
    let db = credit(5);
    let clients = many(&db, &persona(NORDUR, "admin"), level, 20).await;
    let mut calls = Vec::new();
    for (n, client) in clients.into_iter().enumerate() {
        calls.push(tokio::spawn(async move {
            loop {
                let answer = ask(&client, &format!("update orders_admin.\"order\" set fire = 'confirm' where title = '{n}'")).await;
                if answer != "40001" && answer != "40P01" {
                    return answer;
                }
            }
        }));
    }
    let mut tally = Tally::new();
    for call in calls {
        *tally.entry(call.await.unwrap()).or_default() += 1;
    }
    assert_eq!(tally, Tally::from([("1 rows".into(), 5), ("S4004".into(), 15)]), "{level}");
    let over = db.value_as_superuser("select sum(o.net) > max(c.credit_limit) from orders.\"order\" o join orders.client c on c.id = o.client where o.state = 'confirmed'");
    assert_eq!(over, "f");
    assert_eq!(ledger::contradictions(&db, "orders.order"), "");
}

#[tokio::test]
async fn credit_is_never_oversold() {
    never_oversold(LEVELS[0]).await;
}

#[tokio::test]
async fn credit_is_never_oversold_under_repeatable_read() {
    never_oversold(LEVELS[1]).await;
}

/// Without the lock, two that look at the same time both find room: what the lock is for.
#[tokio::test]
async fn without_the_lock_credit_is_oversold() {
    for level in LEVELS {
        let db = credit(1);
        db.psql_as_superuser("create or replace function statehouse.take_lock(wanted_tenant int, wanted_record uuid) returns void language sql volatile begin atomic select; end").ok();
        let clients = many(&db, &persona(NORDUR, "admin"), level, 2).await;
        for (n, client) in clients.iter().enumerate() {
            assert_eq!(
                ask(client, &format!("begin; update orders_admin.\"order\" set fire = 'confirm' where title = '{n}'")).await,
                "1 rows"
            );
        }
        for client in &clients {
            client.batch_execute("commit").await.unwrap();
        }
        assert_eq!(db.value_as_superuser("select sum(o.net) > max(c.credit_limit) from orders.\"order\" o join orders.client c on c.id = o.client where o.state = 'confirmed'"), "t");
    }
}

/// Returns once the server says that `pid` waits for a lock.
async fn waits(superuser: &Client, pid: i32) {
    let end = Instant::now() + Duration::from_secs(20);
    while Instant::now() < end {
        let row = superuser
            .query_one("select wait_event_type is not distinct from 'Lock' from pg_stat_activity where pid = $1", &[&pid])
            .await
            .unwrap();
        if row.get(0) {
            return;
        }
    }
    panic!("{pid} never waited");
}

/// A move that waited for another sees the record as it is then: moved on, or no longer one's own.
async fn second(first: &str, then: &str) -> String {
    let db = world::fresh("second");
    let one = db.as_persona(&persona(NORDUR, "admin")).await;
    let other = db.as_persona(&persona(NORDUR, "rep")).await;
    let superuser = db.connect_as_superuser().await;
    let pid: i32 = other.query_one("select pg_backend_pid()", &[]).await.unwrap().get(0);
    let colleague = Persona::second("orders", NORDUR, "rep").id();
    assert_eq!(ask(&one, &format!("begin; {}", first.replace("{colleague}", &colleague))).await, "1 rows");
    let then = then.to_owned();
    let waiting = tokio::spawn(async move { ask(&other, &then).await });
    waits(&superuser, pid).await;
    one.batch_execute("commit").await.unwrap();
    let answer = waiting.await.unwrap();
    assert_eq!(ledger::contradictions(&db, "orders.order"), "");
    answer
}

const HANDED_OVER: &str =
    "update orders_admin.\"order\" set fire = 'hand_over', input = '{\"rep\": \"{colleague}\"}' where title = 'mixed/quoted'";
const NOTED: &str = "update orders_admin.\"order\" set note = 'looked at' where title = 'mixed/quoted'";

#[tokio::test]
async fn a_move_that_waited_is_judged_again() {
    for first in [HANDED_OVER, NOTED] {
        assert_eq!(second(first, "update orders_rep.\"order\" set fire = 'accept' where title = 'mixed/quoted'").await, "40001");
    }
}

#[tokio::test]
async fn a_bulk_that_waited_is_judged_again() {
    for first in [HANDED_OVER, NOTED] {
        let bulk = "select outcome, errcode from orders_rep.order_bulk(array(select id from orders_rep.\"order\" where title = 'mixed/quoted'), 'accept', versions => array(select version from orders_rep.\"order\" where title = 'mixed/quoted'))";
        let answer = second(first, bulk).await;
        assert!(answer == "conflict|40001" || answer == "absent|null", "after `{first}` the bulk answered {answer}");
    }
}

#[tokio::test]
async fn a_line_that_waited_is_judged_again() {
    let handed_over = HANDED_OVER.replace("mixed/quoted", "mixed/quoting");
    let line = "update orders_rep.order_lines set quantity = 77 where \"order\" = (select id from orders_rep.\"order\" where title = 'mixed/quoting') and position = 1";
    assert_ne!(second(&handed_over, line).await, "1 rows", "a line of an order that is a colleague's by now");
    let insert = "insert into orders_rep.order_lines (\"order\", vertical, description) select id, 'print', 'late' from orders_rep.\"order\" where title = 'mixed/quoting'";
    assert_ne!(second(&handed_over, insert).await, "1 rows", "a line for an order that is a colleague's by now");
}

fn hall_persona(role: &str) -> Persona {
    Persona::named("hall", NORDUR, role)
}

/// A new hall of ten seats with twelve requests for two each.
async fn open_hall(admin: &Client, name: &str) -> String {
    let booking = format!(
        "insert into hall_admin.booking (hall, guest, clerk, phone, seats) select h.id, '{}', '{}', '+3545550100', 2 from hall_admin.hall h, generate_series(1, 12) where h.name = '{name}'",
        hall_persona("guest").id(),
        hall_persona("clerk").id()
    );
    ask(admin, &format!("insert into hall_admin.hall (name, capacity) values ('{name}', 10); {booking}")).await
}

/// Clerks hold, confirm and cancel while administrators open halls and close them over their heads.
async fn cascade(level: &'static str) {
    let cluster = Cluster::shared();
    let db = cluster.database_from(&app::template(cluster, std::path::Path::new(HALL)), "cascade");
    let end = Instant::now() + CASCADE_TIME;
    let mut loops: Vec<JoinHandle<Tally>> = Vec::new();
    let admins = many(&db, &hall_persona("admin"), level, 2).await;
    for (n, admin) in admins.iter().enumerate() {
        assert_eq!(open_hall(admin, &format!("{n} first")).await, "12 rows");
    }
    for (n, admin) in admins.into_iter().enumerate() {
        loops.push(tokio::spawn(async move {
            let mut tally = Tally::new();
            let mut round = 0;
            while Instant::now() < end {
                round += 1;
                let opened = open_hall(&admin, &format!("{n} {round}")).await;
                *tally.entry(format!("open {opened}")).or_default() += 1;
                let closed = ask(&admin, &format!("update hall_admin.hall set fire = 'close' where name = (select name from hall_admin.hall where state = 'open' and name like '{n} %' order by random() limit 1)")).await;
                *tally.entry(format!("close {closed}")).or_default() += 1;
            }
            tally
        }));
    }
    for (n, clerk) in many(&db, &hall_persona("clerk"), level, 8).await.into_iter().enumerate() {
        loops.push(tokio::spawn(async move {
            let mut tally = Tally::new();
            let mut round = n;
            while Instant::now() < end {
                round += 1;
                let (verb, from) = [("hold", "asked"), ("hold", "asked"), ("confirm", "held"), ("cancel", "held"), ("cancel", "confirmed")][round % 5];
                let answer = ask(&clerk, &format!("update hall_clerk.booking set fire = '{verb}' where id = (select id from hall_clerk.booking where state = '{from}' order by random() limit 1)")).await;
                *tally.entry(format!("{verb} {answer}")).or_default() += 1;
            }
            tally
        }));
    }
    let mut tally = Tally::new();
    for each in loops {
        for (answer, times) in each.await.unwrap() {
            *tally.entry(answer).or_default() += times;
        }
    }
    assert!(tally.keys().all(|answer| !answer.contains("40P01")), "{level}: a deadlock surfaced: {tally:?}");
    for expected in ["open 12 rows", "close 1 rows", "hold 1 rows", "confirm 1 rows", "cancel 1 rows"] {
        assert!(tally.get(expected).is_some_and(|times| *times > 3), "{level}: hardly any `{expected}`: {tally:?}");
    }
    let known = ["rows", "40001", "S4002", "S4004"];
    assert!(tally.keys().all(|answer| known.iter().any(|end| answer.ends_with(end))), "{level}: {tally:?}");
    let oversold = "select count(*) from (select h.id from hall.hall h join hall.booking b on b.hall = h.id and b.state in ('held', 'confirmed') group by h.id, h.capacity having sum(b.seats) > h.capacity) x";
    assert_eq!(db.value_as_superuser(oversold), "0", "{level}: {tally:?}");
    let left = "select count(*) from hall.booking b join hall.hall h on h.id = b.hall where h.state = 'closed' and b.state <> 'cancelled'";
    assert_eq!(db.value_as_superuser(left), "0", "{level}: bookings outlived their hall: {tally:?}");
    assert_eq!(ledger::contradictions(&db, "hall.booking"), "");
    assert_eq!(ledger::contradictions(&db, "hall.hall"), "");
    assert_eq!(ledger::stray_effects(&db), "0");
}

#[tokio::test]
async fn a_hall_closes_over_its_bookings() {
    cascade(LEVELS[0]).await;
}

#[tokio::test]
async fn a_hall_closes_over_its_bookings_under_repeatable_read() {
    cascade(LEVELS[1]).await;
}
