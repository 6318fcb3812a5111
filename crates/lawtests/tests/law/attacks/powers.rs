//! What a login role might do besides: roles, settings, files, objects of one's own.

use super::{Attack, Opened, Who, attack, hold, never};

const SERVER: &str = "roles and parameters belong to the whole server, where other tests run";

fn by(login: &'static str) -> Vec<Attack> {
    let who = || Who::Login(login);
    let grant = |what: &str| format!("grant {what} to {login}");
    vec![
        never("the owner", who(), "set role statehouse_owner", "42501", SERVER),
        never("an eye", who(), "set role orders_admin_eye", "42501", SERVER),
        never("the superuser", who(), "set session authorization postgres", "42501", SERVER),
        never("no triggers", who(), "set session_replication_role = replica", "42501", SERVER),
        never("a role of one's own", who(), "create role mine login", "42501", SERVER),
        never("a program", who(), "copy (select 1) to program 'true'", "42501", SERVER),
        never("a file", who(), "copy (select 1) to '/tmp/x'", "42501", SERVER),
        never("a file read", who(), "copy pg_catalog.pg_class from '/etc/passwd'", "42501", SERVER),
        never("an extension", who(), "create extension dblink", "!0 rows", SERVER),
        attack(
            "a file of the server",
            who(),
            "select length(pg_read_file('PG_VERSION')) > 0",
            "42501",
            &grant("execute on function pg_read_file(text)"),
            "t",
        ),
        attack(
            "a directory of the server",
            who(),
            "select count(*) > 0 from pg_ls_dir('.')",
            "42501",
            &grant("execute on function pg_ls_dir(text)"),
            "t",
        ),
        attack(
            "a large object from a file",
            who(),
            "select lo_import('/etc/passwd') > 0",
            "42501",
            &grant("execute on function lo_import(text)"),
            "t",
        ),
        attack("a large object", who(), "select lo_create(0) > 0", "42501", "grant execute on function lo_create(oid) to public", "t"),
        attack(
            "a large object of bytes",
            who(),
            "select lo_from_bytea(0, 'x') > 0",
            "42501",
            "grant execute on function lo_from_bytea(oid, bytea) to public",
            "t",
        ),
        attack("a temporary table", who(), "create temp table t (n int)", "42501", &grant("temporary on database {db}"), "0 rows"),
        attack(
            "a temporary function",
            who(),
            "create function pg_temp.f() returns int language sql return 1",
            "42501",
            &grant("temporary on database {db}"),
            "0 rows",
        ),
        attack("a schema", who(), "create schema mine", "42501", &grant("create on database {db}"), "0 rows"),
        attack("a table in public", who(), "create table public.t (n int)", "42501", &grant("all on schema public"), "0 rows"),
        attack(
            "a function in the engine",
            who(),
            "create function statehouse.f() returns int language sql return 1",
            "42501",
            &grant("create on schema statehouse"),
            "0 rows",
        ),
        attack(
            "a trigger on the records",
            who(),
            "create trigger a before update on orders.\"order\" for each row execute function suppress_redundant_updates_trigger()",
            "42501",
            &format!("{}; {}", grant("usage on schema orders"), grant("trigger on orders.\"order\"")),
            "0 rows",
        ),
        attack(
            "a law disabled",
            who(),
            "alter table orders.\"order\" disable trigger law_4_verdict",
            "42501",
            &format!("{}; alter table orders.\"order\" owner to {login}", grant("usage on schema orders")),
            "0 rows",
        ),
        attack(
            "a policy dropped",
            who(),
            "drop policy rep_sees on orders.\"order\"",
            "42501",
            &format!("{}; alter table orders.\"order\" owner to {login}", grant("usage on schema orders")),
            "0 rows",
        ),
        attack(
            "a law rewritten",
            who(),
            "create or replace function orders.order_verdict() returns trigger language plpgsql as $$ begin return new; end $$",
            "42501",
            &format!("{}; alter function orders.order_verdict() owner to {login}", grant("all on schema orders")),
            "0 rows",
        ),
        attack(
            "a door's trigger dropped",
            who(),
            "drop trigger door_update on orders_rep.\"order\"",
            "42501",
            &format!("{}; alter view orders_rep.\"order\" owner to {login}", grant("usage on schema orders_rep")),
            "0 rows",
        ),
        attack(
            "the clock",
            who(),
            "update statehouse.clock set now = now() + interval '1 year'",
            "42501",
            &format!("{}; create policy open_ on statehouse.clock to {login} using (true)", grant("all on statehouse.clock")),
            "1 rows",
        ),
        attack(
            "the definition",
            who(),
            "select count(*) from statehouse.definition",
            "42501",
            &grant("select on statehouse.definition"),
            "0",
        ),
    ]
}

/// As `hold`, all protections of a login taken away at once: each is a privilege of its own.
async fn hold_together(mut attacks: Vec<Attack>) {
    let mut all: Vec<String> = attacks
        .iter()
        .filter_map(|attack| match &attack.opened {
            Opened::By(sql, _) => Some(sql.clone()),
            Opened::Never(_) => None,
        })
        .collect();
    // What changes an owner comes last, after what is granted in his name.
    all.sort_by_key(|sql| sql.contains(" owner to "));
    for attack in &mut attacks {
        if let Opened::By(sql, _) = &mut attack.opened {
            *sql = all.join(";\n");
        }
    }
    hold(attacks).await;
}

#[tokio::test]
async fn a_client_has_no_powers() {
    hold_together(by("statehouse_api")).await;
}

#[tokio::test]
async fn a_model_has_no_powers() {
    hold_together(by("statehouse_agent")).await;
}

#[tokio::test]
async fn the_worker_has_no_powers() {
    hold_together(by("statehouse_worker")).await;
}

#[tokio::test]
async fn a_report_has_no_powers() {
    hold_together(by("statehouse_read")).await;
}
