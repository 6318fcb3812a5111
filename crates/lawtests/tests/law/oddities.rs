//! Statements that reach a table by an unusual way: whatever they do, every record has exactly its events and none is left over.

use statehouse_testkit::TestDatabase;
use statehouse_testkit::orders::persona;
use statehouse_testkit::people::{NORDUR, Persona};

use crate::{ledger, world};

/// What a door writes; the superuser says it himself.
const AS_ADMIN: &str = "set statehouse.tenant = '1'; set statehouse.actor = '{admin}'; set statehouse.role = 'admin'; set statehouse.kind = 'member'; set statehouse.capabilities = '{order.reassign}'; set statehouse.cause = '';\n";

fn whole(db: &TestDatabase) {
    for entity in ["orders.order", "orders.client", "orders.settlement"] {
        assert_eq!(ledger::contradictions(db, entity), "", "{entity}");
    }
    assert_eq!(ledger::stray_effects(db), "0");
    let apart = db.value_as_superuser("select count(*) from orders.\"order\" o where o.subtotal is distinct from (select coalesce(sum(l.gross), 0) from orders.order_lines l where l.\"order\" = o.id)");
    assert_eq!(apart, "0", "totals differ from their lines");
}

fn events(db: &TestDatabase) -> i64 {
    db.value_as_superuser("select count(*) from statehouse.event").parse().unwrap()
}

/// Runs a script of the superuser in an administrator's name; its output, errors and all.
fn superuser(db: &TestDatabase, script: &str) -> String {
    let admin = Persona::member("orders", NORDUR, "admin").id();
    let run = db.psql_as_superuser(&format!("{}{script}", AS_ADMIN.replace("{admin}", &admin)));
    format!("{}{}", run.stdout, run.stderr)
}

/// Runs a script of the salesperson; its output, errors and all.
fn rep(db: &TestDatabase, script: &str) -> String {
    let run = db.psql_as(&persona(NORDUR, "rep"), script);
    format!("{}{}", run.stdout, run.stderr)
}

#[test]
fn on_conflict_do_nothing() {
    let db = world::fresh("conflict");
    let before = events(&db);
    let through_view =
        rep(&db, "insert into orders_rep.\"order\" (client, title) select id, 'twice' from orders_rep.client on conflict do nothing;");
    assert!(through_view.contains("INSERT 0 1"), "{through_view}");
    assert_eq!(events(&db), before + 1);
    let existing = superuser(
        &db,
        "insert into orders.\"order\" (id, client, rep, title) select id, client, rep, title from orders.\"order\" where title = 'mixed/quoted' on conflict do nothing;",
    );
    assert!(existing.contains("INSERT 0 0"), "{existing}");
    let update = superuser(
        &db,
        "insert into orders.\"order\" (id, client, rep, title) select id, client, rep, title from orders.\"order\" where title = 'mixed/quoted' on conflict (tenant, id) do update set note = 'met';",
    );
    assert!(update.contains("INSERT 0 1"), "{update}");
    assert_eq!(events(&db), before + 2);
    whole(&db);
}

#[test]
fn copy() {
    let db = world::fresh("copied");
    let client = db.value_as_superuser("select id from orders.client where name = 'Klettur'");
    let order = db.value_as_superuser("select id from orders.\"order\" where title = 'mixed/quoting' and tenant = 1");
    let before = events(&db);
    let view = rep(&db, &format!("copy orders_rep.\"order\" (client, title) from stdin;\n{client}\tone\n{client}\ttwo\n\\.\n"));
    assert!(view.contains("COPY 2"), "{view}");
    assert_eq!(events(&db), before + 2);
    let lines = rep(
        &db,
        &format!(
            "copy orders_rep.order_lines (\"order\", vertical, description) from stdin;\n{order}\tprint\tone\n{order}\tprint\ttwo\n\\.\n"
        ),
    );
    assert!(lines.contains("COPY 2"), "{lines}");
    let base = superuser(
        &db,
        &format!(
            "copy orders.\"order\" (client, rep, title) from stdin;\n{client}\t{}\tthree\n\\.\n",
            Persona::member("orders", NORDUR, "rep").id()
        ),
    );
    assert!(base.contains("COPY 1"), "{base}");
    let child = superuser(
        &db,
        &format!(
            "copy orders.order_lines (\"order\", vertical, description) from stdin;\n{order}\tprint\tthree\n{order}\tprint\tfour\n\\.\n"
        ),
    );
    assert!(child.contains("COPY 2"), "{child}");
    let import = Persona::engine("orders", NORDUR, "import");
    let imported = db.psql_as(
        &import,
        &format!(
            "copy orders_system.\"order\" (client, rep, title, state, tracking) from stdin;\n{client}\t{}\tfour\tshipped\tTRACK-9\n\\.\n",
            Persona::member("orders", NORDUR, "rep").id()
        ),
    );
    assert!(imported.stdout.contains("COPY 1"), "{}", imported.stderr);
    let half = rep(
        &db,
        &format!("copy orders_rep.\"order\" (client, title, discount_pct) from stdin;\n{client}\tfine\t0\n{client}\tnot\t900\n\\.\n"),
    );
    assert!(half.contains("ERROR"), "{half}");
    assert_eq!(db.value_as_superuser("select count(*) from orders.\"order\" where title = 'fine'"), "0");
    whole(&db);
}

#[test]
fn merge() {
    let db = world::fresh("merged");
    let before = events(&db);
    let said = superuser(
        &db,
        "merge into orders.\"order\" o using (values ('mixed/inquiry', 'start', null), ('mixed/accepted', null, 'merged'), ('mixed/new', null, null)) v (title, verb, note) on o.title = v.title and o.tenant = 1
         when matched and v.verb is not null then update set fire = v.verb
         when matched then update set note = v.note
         when not matched then insert (client, rep, title) values ((select id from orders.client where name = 'Klettur'), (select rep from orders.client where name = 'Klettur'), v.title);",
    );
    assert!(said.contains("MERGE 3"), "{said}");
    assert_eq!(events(&db), before + 3);
    assert_eq!(db.value_as_superuser("select state from orders.\"order\" where title = 'mixed/inquiry' and tenant = 1"), "quoting");
    let deleted = superuser(&db, "merge into orders.\"order\" o using (select 1) v on o.title = 'mixed/quoted' when matched then delete;");
    assert!(deleted.contains("never deleted"), "{deleted}");
    let refused = superuser(
        &db,
        "merge into orders.\"order\" o using (select 1) v on o.title like 'mixed/%' when matched then update set fire = 'confirm';",
    );
    assert!(refused.contains("ERROR"), "{refused}");
    assert_eq!(events(&db), before + 3);
    whole(&db);
}

#[test]
fn data_modifying_ctes() {
    let db = world::fresh("ctes");
    let before = events(&db);
    let two = rep(
        &db,
        "with a as (update orders_rep.\"order\" set fire = 'start' where title = 'mixed/inquiry' returning id), b as (update orders_rep.\"order\" set note = 'cte' where title = 'mixed/quoting' returning id) select count(*) from a, b;",
    );
    assert!(two.contains('1') && !two.contains("ERROR"), "{two}");
    assert_eq!(events(&db), before + 2);
    let same = rep(
        &db,
        "with a as (update orders_rep.\"order\" set note = 'one' where title = 'mixed/quoting' returning id) update orders_rep.\"order\" set note = 'two' where title = 'mixed/quoting';",
    );
    assert!(same.contains("40001"), "{same}");
    let joined =
        rep(&db, "update orders_rep.\"order\" set note = v.note from (values ('a'), ('b')) v (note) where title = 'mixed/quoting';");
    assert!(joined.contains("40001"), "{joined}");
    assert_eq!(events(&db), before + 2);
    let nested = rep(
        &db,
        "with o as (insert into orders_rep.\"order\" (client, title) select id, 'nested' from orders_rep.client returning id) insert into orders_rep.order_lines (\"order\", vertical, description) select id, 'print', 'x' from o;",
    );
    let found = db.value_as_superuser("select count(*) || ' ' || (select count(*) from orders.order_lines where description = 'x') from orders.\"order\" where title = 'nested'");
    assert!(found == "1 1" || found == "0 0", "{found}: {nested}");
    let base = superuser(
        &db,
        "with a as (update orders.\"order\" set note = 'one' where title = 'mixed/quoted' and tenant = 1 returning id), b as (delete from orders.order_lines where \"order\" in (select id from a)) update orders.order_lines set quantity = 3 where \"order\" in (select id from a);",
    );
    drop(base);
    whole(&db);
}

#[test]
fn foreign_before_triggers_that_say_no() {
    for name in ["aaa", "law_4_between", "zzz"] {
        let db = world::fresh("foreign");
        db.psql_as_superuser(&format!(
            "create function public.no() returns trigger language plpgsql as $$ begin return null; end $$;
             create trigger {name} before insert or update on orders.\"order\" for each row execute function public.no();
             create trigger {name} before insert or update or delete on orders.order_lines for each row execute function public.no();"
        ))
        .ok();
        let before = events(&db);
        for script in [
            "update orders_rep.\"order\" set fire = 'start' where title = 'mixed/inquiry';",
            "update orders_rep.\"order\" set note = 'x' where title = 'mixed/quoting';",
            "insert into orders_rep.\"order\" (client, title) select id, 'x' from orders_rep.client;",
            "update orders_rep.order_lines set quantity = 7 where \"order\" = (select id from orders_rep.\"order\" where title = 'mixed/quoting');",
            "delete from orders_rep.order_lines where \"order\" = (select id from orders_rep.\"order\" where title = 'mixed/quoting');",
            "insert into orders_rep.order_lines (\"order\", vertical, description) select id, 'print', 'x' from orders_rep.\"order\" where title = 'mixed/quoting';",
            "select * from orders_rep.order_bulk(array(select id from orders_rep.\"order\" where state = 'quoted'), 'accept');",
        ] {
            let _ = rep(&db, script);
        }
        assert_eq!(events(&db), before, "{name}");
        whole(&db);
    }
}

#[test]
fn savepoints() {
    let db = world::fresh("savepoints");
    let before = events(&db);
    let said = rep(
        &db,
        "begin;
         savepoint a;
         update orders_rep.\"order\" set fire = 'start' where title = 'mixed/inquiry';
         rollback to a;
         update orders_rep.\"order\" set note = 'kept' where title = 'mixed/inquiry';
         savepoint b;
         update orders_rep.\"order\" set fire = 'accept' where title = 'mixed/inquiry';
         rollback to b;
         update orders_rep.order_lines set quantity = 2 where \"order\" = (select id from orders_rep.\"order\" where title = 'mixed/inquiry') and position = 1;
         do $$ begin
           update orders_rep.\"order\" set fire = 'quote' where title = 'mixed/inquiry';
         exception when others then null; end $$;
         commit;",
    );
    assert!(said.contains("COMMIT"), "{said}");
    assert_eq!(events(&db), before + 2);
    rep(
        &db,
        "begin; update orders_rep.\"order\" set fire = 'start' where title = 'mixed/inquiry'; update orders_rep.\"order\" set fire = 'quote' where title = 'mixed/inquiry'; rollback;",
    );
    assert_eq!(events(&db), before + 2);
    whole(&db);
}

/// A generated column is unknown before the row and known after it: a law that hashes the row must not be confused.
#[test]
fn generated_columns() {
    let db = world::fresh("generated");
    db.psql_as_superuser("alter table orders.\"order\" add column big boolean generated always as (net > 100) stored; alter table orders.order_lines add column double_ numeric generated always as (quantity * 2) stored; alter table orders.client add column trusted boolean generated always as (credit_limit > 100) stored").ok();
    let before = events(&db);
    for script in [
        "insert into orders_rep.\"order\" (client, title) select id, 'generated' from orders_rep.client;",
        "insert into orders_rep.order_lines (\"order\", vertical, description) select id, 'print', 'x' from orders_rep.\"order\" where title = 'generated';",
        "update orders_rep.\"order\" set note = 'x' where title = 'generated';",
        "update orders_rep.\"order\" set fire = 'start' where title = 'generated';",
        "update orders_rep.\"order\" set fire = 'quote' where title = 'generated';",
        "update orders_rep.client set email = 'a@b.example';",
    ] {
        let said = rep(&db, script);
        assert!(!said.contains("ERROR"), "{script}: {said}");
    }
    assert_eq!(events(&db), before + 6);
    whole(&db);
}

/// The count notices what is missing and what is too much.
#[test]
fn the_count_notices() {
    let db = world::fresh("noticing");
    db.psql_as_superuser("alter table orders.\"order\" disable trigger owed_2_moved").ok();
    rep(&db, "update orders_rep.\"order\" set fire = 'start' where title = 'mixed/inquiry';");
    let said = ledger::contradictions(&db, "orders.order");
    assert!(said.contains("version") && said.contains("another head") && said.contains("another state"), "{said}");
    let other = world::fresh("noticing");
    other.psql_as_superuser("alter table orders.client disable trigger all; delete from orders.client where name = 'Stapi' and false; alter table statehouse.event disable trigger all; delete from statehouse.event where seq = 2 and entity = 'orders.order' and record = (select min(id::text)::uuid from orders.\"order\" where version > 3)").ok();
    assert!(ledger::contradictions(&other, "orders.order").contains("gap"));
}
