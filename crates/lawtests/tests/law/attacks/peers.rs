//! What one session may learn of, or do to, another of the same login role: every tenant's people come through one login.

use statehouse_testkit::TestDatabase;
use statehouse_testkit::people::{BALTYK, NORDUR, Persona};
use tokio_postgres::Client;

use super::ask;
use crate::{ledger, world};

/// A salesperson of `nordur` who has just entered, and somebody from `baltyk`.
async fn two(db: &TestDatabase) -> (Client, Client) {
    let one = db.as_persona(&Persona::member("orders", NORDUR, "rep")).await;
    let other = db.as_persona(&Persona::member("orders", BALTYK, "rep")).await;
    one.batch_execute("select 'the secret of nordur'").await.unwrap();
    (one, other)
}

/// Statements carry keys and tokens: `select statehouse.enter('…')`.
#[tokio::test]
async fn nobody_reads_the_statements_of_others() {
    let db = world::fresh("peers");
    let (_one, other) = two(&db).await;
    for read in ["pg_stat_activity", "pg_stat_get_activity(null)"] {
        let answer =
            ask(&other, &format!("select count(*) from {read} a where a.pid <> pg_backend_pid() and a.query like '%the secret%'")).await;
        assert!(answer == "42501" || answer == "0", "{read} shows {answer} statements of others");
    }
    db.psql_as_superuser("grant execute on function pg_stat_get_activity(int) to public; grant select on pg_stat_activity to public").ok();
    let open = ask(&other, "select count(*) from pg_stat_activity a where a.pid <> pg_backend_pid() and a.query like '%the secret%'").await;
    assert_eq!(open, "1", "this test looks in the wrong place");
}

#[tokio::test]
async fn nobody_ends_the_session_of_another() {
    let db = world::fresh("peers");
    let (one, other) = two(&db).await;
    let pid: i32 = one.query_one("select pg_backend_pid()", &[]).await.unwrap().get(0);
    assert_eq!(ask(&other, &format!("select pg_cancel_backend({pid})")).await, "42501");
    assert_eq!(ask(&other, &format!("select pg_terminate_backend({pid})")).await, "42501");
    assert_eq!(ask(&one, "select 1").await, "1");
    db.psql_as_superuser("grant execute on function pg_terminate_backend(int, bigint) to public").ok();
    assert_eq!(ask(&other, &format!("select pg_terminate_backend({pid})")).await, "t");
}

/// Two tokens held at once, changed in the middle of a statement: what is done is done by one of the two, in that one's tenant.
#[tokio::test]
async fn two_tokens_make_no_third_person() {
    let db = world::fresh("mixed");
    let client = db.connect("statehouse_api").await;
    let mut tokens = Vec::new();
    for persona in [
        Persona::member("orders", NORDUR, "rep"),
        Persona::member("orders", BALTYK, "rep"),
        Persona::member("orders", NORDUR, "client"),
        Persona::member("orders", BALTYK, "admin"),
    ] {
        tokens.push(ask(&client, &persona.enter()).await);
    }
    for one in &tokens {
        for other in &tokens {
            let turn = format!("set_config('statehouse.session', '{other}', false)");
            for statement in [
                format!("select count(*) from orders_rep.\"order\" where title = 'theirs' and {turn} <> ''"),
                format!("select count(*) from (select {turn} offset 0) x, orders_rep.\"order\" where title = 'theirs'"),
                format!("with x as materialized (select {turn}) select count(*) from orders_rep.\"order\", x where title = 'theirs'"),
                format!("select count(*) from orders_rep.\"order\" o, lateral (select {turn}, o.id offset 0) x where o.title = 'theirs'"),
            ] {
                client.batch_execute(&format!("select set_config('statehouse.session', '{one}', false)")).await.unwrap();
                assert_eq!(ask(&client, &statement).await, "0", "{statement}");
            }
            for statement in [
                format!("update orders_rep.\"order\" set note = {turn} where title like '%/quoting'"),
                format!("update orders_rep.\"order\" set note = 'x' from (select {turn} offset 0) x where title like '%/quoting'"),
                format!(
                    "insert into orders_rep.order_lines (\"order\", vertical, description) select id, 'print', {turn} from orders_rep.\"order\" where title like '%/quoting'"
                ),
                format!("update orders_rep.order_lines set description = {turn} where description = 'Pallet'"),
                format!(
                    "update orders_client.\"order\" set fire = case {turn} when '' then '' else 'accept' end where title = 'mixed/quoted'"
                ),
            ] {
                client.batch_execute(&format!("select set_config('statehouse.session', '{one}', false)")).await.unwrap();
                let _ = ask(&client, &statement).await;
            }
        }
    }
    let strangers = db.value_as_superuser("select count(*) from statehouse.event e where e.kind = 'member' and not exists (select from statehouse.membership m where m.tenant = e.tenant and m.member = e.actor)");
    assert_eq!(strangers, "0", "somebody acted in a tenant they do not belong to");
    assert_eq!(ledger::contradictions(&db, "orders.order"), "");
}

/// A statement that switches sessions between two look-ups of one row rule would see as a third person: the tenant of the
/// one token with the actor of the other. The rule looks once; with two look-ups, as it once had, the row shows.
#[tokio::test]
async fn a_row_rule_looks_once() {
    let db = world::fresh("onelook");
    let (rep, colleague) = (Persona::member("orders", NORDUR, "rep").id(), Persona::second("orders", NORDUR, "rep").id());
    let tenant = |slug: &str| db.value_as_superuser(&format!("select tenant from statehouse.tenant where slug = '{slug}'"));
    for (token, tenant, actor, role) in [("one", tenant("nordur"), &rep, "rep"), ("two", tenant("baltyk"), &colleague, "ops")] {
        db.psql_as_superuser(&format!(
            "insert into statehouse.session (token_hash, tenant, actor, role, kind, app, expires) values (sha256('{token}'), {tenant}, '{actor}', '{role}', 'member', 'orders', now() + interval '1 day')"
        ))
        .ok();
    }
    // In a table of some size the key is the cheaper way to one record.
    db.psql_as_superuser(&format!(
        "begin;
         select statehouse.open_door(row(0, {}, '00000000-0000-0000-0000-000000000000', 'system', 'import', 'orders', '{{}}', null)::statehouse.context);
         insert into orders.\"order\" (client, rep, title, state) select c.id, '{rep}', 'one of many', 'inquiry' from (select id from orders.client limit 1) c, generate_series(1, 3000);
         commit;
         drop index orders.order_rep;
         analyze orders.\"order\"",
        tenant("nordur")
    ))
    .ok();
    let theirs = db.value_as_superuser("select id from orders.\"order\" where title = 'theirs'");
    let look = format!(
        "select count(*) from (values ('00000000-0000-0000-0000-000000000000'::uuid, 'one'), ('{theirs}', 'two')) v (id, token)
          cross join lateral (select set_config('statehouse.session', v.token, false), v.id offset 0) s (said, id)
          cross join lateral (select * from orders_rep.\"order\" o where o.id = s.id and s.said is not null offset 0) o"
    );
    let begin = "set statehouse.session = 'one'; set join_collapse_limit = 1; set enable_seqscan = off; set enable_bitmapscan = off";
    let client = db.connect("statehouse_api").await;
    client.batch_execute(begin).await.unwrap();
    assert_eq!(ask(&client, &look).await, "0");
    db.psql_as_superuser(
        "alter policy rep_sees on orders.\"order\" using (tenant = (select statehouse.tenant_as('orders', 'rep')) and rep = (select statehouse.actor()))",
    )
    .ok();
    client.batch_execute("set statehouse.session = 'one'").await.unwrap();
    assert_eq!(ask(&client, &look).await, "1", "without its protection");
}

/// From the maintenance databases a login could watch and end the connections of others.
#[tokio::test]
async fn a_login_reaches_no_database_but_its_app() {
    let db = world::fresh("maintenance");
    for database in ["postgres", "template1"] {
        let mut config = db.config("statehouse_api");
        let refused = config.dbname(database).connect(tokio_postgres::NoTls).await.err().expect("a refusal");
        assert_eq!(refused.code().map(|code| code.code().to_owned()), Some("42501".to_owned()), "{database}");
    }
}
