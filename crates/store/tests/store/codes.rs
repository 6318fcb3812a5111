//! What real Postgres raises, and the code under which a person meets it.

use statehouse_store::{Db, Login, StoreFault};
use tokio_postgres::Client;

use crate::world::{ORDER, SHOP, World, app, code};

/// The code of what `sql` ends in.
async fn raised(client: &Client, sql: &str) -> &'static str {
    code(client.batch_execute(sql).await.map_err(StoreFault::from))
}

/// Statements of the superuser, who may do what nobody else can, and the code of each.
const RAISED: &[(&str, &str)] = &[
    ("create table pg_temp.t (a int unique); insert into pg_temp.t values (1), (1)", "SH5010"),
    (
        "create table pg_temp.c (a int primary key); create table pg_temp.d (a int references pg_temp.c); insert into pg_temp.d values (1)",
        "SH5012",
    ),
    ("create table pg_temp.x (r int4range, exclude using gist (r with &&)); insert into pg_temp.x values ('[1,3]'), ('[2,4]')", "SH5014"),
    ("set statement_timeout = 1; select pg_sleep(10)", "SH5003"),
    ("select jsonb_build_object('text', repeat('x', 65536))::statehouse.frozen_args", "SH4015"),
    ("select array_fill(0, array[2000000000])", "SH8001"),
    ("do $$ begin assert false, 'impossible'; end $$", "SH9001"),
    ("delete from shop.\"order\" where title = 'one'", "SH4014"),
    ("truncate shop.\"order\" cascade", "SH4014"),
    (
        "select statehouse.open_door(c) from admin_; insert into shop.\"order\" (rep, title, state) select actor, 'x', 'done' from admin_",
        "SH4010",
    ),
    (
        "select statehouse.open_door(c) from admin_; select set_config('statehouse.depth', '8', true); select statehouse.act_as_system('shop.order/1')",
        "SH4013",
    ),
];

/// A shop with one order, and the context of its administrator at hand for the superuser.
async fn shop(hint: &str) -> (World, Client) {
    let world = World::with(hint, &app(SHOP, ORDER)).await;
    let superuser = world.place.connect_admin().await.expect("connected");
    superuser
        .batch_execute(
            "insert into statehouse.tenant (slug, name) values ('one', 'One');
             insert into statehouse.member (name) values ('Ada');
             insert into statehouse.membership (tenant, member, app, role) select tenant, member, 'shop', 'admin' from statehouse.tenant, statehouse.member;
             create temporary view admin_ as
               select m.member as actor, jsonb_populate_record(null::statehouse.context, jsonb_build_object('session', 0, 'tenant', m.tenant,
                        'actor', m.member, 'role', 'admin', 'kind', 'member', 'app', 'shop', 'capabilities', array[]::text[])) as c
                 from statehouse.membership m;
             begin; select statehouse.open_door(c) from admin_; insert into shop.\"order\" (rep, title) select actor, 'one' from admin_; commit",
        )
        .await
        .expect("a scene");
    (world, superuser)
}

#[tokio::test]
async fn every_kind_of_refusal_has_its_code() {
    let (world, superuser) = shop("codes").await;
    let mut surprises = Vec::new();
    for (sql, expected) in RAISED {
        superuser.batch_execute("begin").await.expect("begun");
        let found = raised(&superuser, sql).await;
        superuser.batch_execute("rollback; reset all").await.expect("undone");
        if found != *expected {
            surprises.push(format!("expected {expected}, was {found}: {sql}"));
        }
    }
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
    let client = world.place.connect(Login::Api).await.expect("connected");
    assert_eq!(raised(&client, "select from statehouse.session").await, "SH2010");
}

#[tokio::test]
async fn a_lock_that_is_not_given_in_time() {
    let (world, superuser) = shop("locked").await;
    superuser.batch_execute("begin; lock table shop.\"order\"").await.expect("locked");
    let other = world.place.connect_admin().await.expect("connected");
    assert_eq!(raised(&other, "set lock_timeout = 1; select from shop.\"order\"").await, "SH5004");
}

#[tokio::test]
async fn a_connection_that_ends_or_is_not_given() {
    let (world, superuser) = shop("ended").await;
    let client = world.place.connect(Login::Api).await.expect("connected");
    let pid: i32 = client.query_one("select pg_backend_pid()", &[]).await.expect("an id").get(0);
    superuser.execute("select pg_terminate_backend($1, 5000)", &[&pid]).await.expect("ended");
    assert_eq!(raised(&client, "select 1").await, "SH5007");

    let name = world.database.name();
    superuser.batch_execute(&format!("alter database {name} connection limit 0")).await.expect("limited");
    assert_eq!(code(world.place.connect(Login::Api).await.map(drop)), "SH5005");
    let db = Db::open(&world.place, Login::Api, 1).expect("a pool");
    assert_eq!(code(db.get().await.map(drop)), "SH5005");
}
