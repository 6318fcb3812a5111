//! What a superuser can do by hand, and what becomes of it: put back exactly, or said and left alone.

use statehouse_compile::plan::{Plan, diff, render};

use crate::world::{Place, World, apply, no_text};

enum Fate {
    /// Found as drift on an object whose line contains this, and put back.
    Repaired(&'static str),
    /// Named among what is not ours; undone by hand afterwards.
    Reported(&'static str, &'static str),
    /// Stops `apply` with this code; undone by hand afterwards.
    Refused(&'static str, &'static str),
}
use Fate::{Refused, Repaired, Reported};

const TABLE: &[(&str, &str, Fate)] = &[
    ("alter policy", r#"alter policy order_see_rep on app."order" using (true)"#, Repaired("policy app.order.order_see_rep")),
    ("policy for everyone", r#"alter policy order_owner on app."order" to public"#, Repaired("policy app.order.order_owner")),
    ("drop policy", r#"drop policy line_see_rep on app.line"#, Repaired("policy app.line.line_see_rep")),
    (
        "policy made permissive again",
        r#"drop policy order_see_rep on app."order"; create policy order_see_rep on app."order" as restrictive for select to ROLE_eye using (tenant = (select engine.tenant_as('rep')) and client = (select engine.actor()))"#,
        Repaired("policy app.order.order_see_rep"),
    ),
    ("rename policy", r#"alter policy order_owner on app."order" rename to x"#, Repaired("rename policy app.order.order_owner")),
    ("disable trigger", r#"alter table app."order" disable trigger order_verdict"#, Repaired("trigger app.order.order_verdict")),
    (
        "trigger only for replicas",
        r#"alter table app."order" enable replica trigger order_consequences"#,
        Repaired("trigger app.order.order_consequences"),
    ),
    ("disable all triggers", r#"alter table app."order" disable trigger all"#, Repaired("table app.order")),
    ("drop trigger", r#"drop trigger order_verdict on app."order""#, Repaired("trigger app.order.order_verdict")),
    ("drop constraint trigger", "drop trigger line_whole on app.line", Repaired("trigger app.line.line_whole")),
    (
        "trigger on less",
        r#"create or replace trigger order_verdict before insert on app."order" for each row execute function app.order_verdict()"#,
        Repaired("trigger app.order.order_verdict"),
    ),
    (
        "rename trigger",
        r#"alter trigger order_verdict on app."order" rename to a_verdict"#,
        Repaired("rename trigger app.order.order_verdict"),
    ),
    (
        "trigger of a partition disabled",
        "alter table engine.event_202601 disable trigger event_no_delete",
        Repaired("partition engine.event_202601"),
    ),
    ("drop instead-of trigger", r#"drop trigger through on app_rep."order""#, Repaired("trigger app_rep.order.through")),
    ("grant select to public", r#"grant select on app."order" to public"#, Repaired("table app.order")),
    ("grant with option", r#"grant select on app."order" to ROLE_eye with grant option"#, Repaired("table app.order")),
    (
        "grant handed on",
        "grant select on app_rep.line to ROLE_api with grant option; set role ROLE_api; grant select on app_rep.line to ROLE_worker; reset role",
        Repaired("view app_rep.line"),
    ),
    ("grant one column", r#"grant update (version) on app."order" to ROLE_eye"#, Repaired("column app.order.version")),
    ("revoke column grant", r#"revoke update (net) on app."order" from ROLE_eye"#, Repaired("column app.order.net")),
    ("grant on a view's column", r#"grant update (state) on app_rep."order" to ROLE_api"#, Repaired("view app_rep.order")),
    ("grant on a partition", "grant select on engine.event_202601 to public", Repaired("partition engine.event_202601")),
    ("revoke usage of schema", "revoke usage on schema app_rep from ROLE_api", Repaired("schema app_rep")),
    (
        "create in the database",
        "do $$ begin execute format('grant create on database %I to public, ROLE_api', current_database()); end $$",
        Repaired("the database"),
    ),
    ("create in schema", "grant create on schema app to public", Repaired("schema app")),
    ("execute for public", "grant execute on function app.order_through_view() to public", Repaired("function app.order_through_view()")),
    ("grant on sequence", "grant update on sequence engine.feed to public", Repaired("sequence engine.feed")),
    ("owner loses a right", r#"revoke delete on app.line from ROLE_owner"#, Repaired("table app.line")),
    ("drop check", r#"alter table app."order" drop constraint order_net_positive"#, Repaired("constraint app.order.order_net_positive")),
    (
        "weaken check",
        r#"alter table app."order" drop constraint order_state_known, add constraint order_state_known check (state <> '')"#,
        Repaired("constraint app.order.order_state_known"),
    ),
    (
        "check not valid",
        r#"alter table app."order" drop constraint order_net_positive, add constraint order_net_positive check (net >= 0) not valid"#,
        Repaired("constraint app.order.order_net_positive"),
    ),
    ("drop foreign key", "alter table app.line drop constraint line_order_fkey", Repaired("constraint app.line.line_order_fkey")),
    (
        "cascading foreign key",
        r#"alter table app.line drop constraint line_order_fkey, add constraint line_order_fkey foreign key (tenant, "order") references app."order" on delete cascade"#,
        Repaired("constraint app.line.line_order_fkey"),
    ),
    ("drop unique", r#"alter table app."order" drop constraint order_number_key"#, Repaired("constraint app.order.order_number_key")),
    ("drop primary key", r#"alter table app."order" drop constraint order_pkey cascade"#, Repaired("constraint app.order.order_pkey")),
    (
        "rename constraint",
        r#"alter table app."order" rename constraint order_net_positive to positive"#,
        Repaired("rename constraint app.order.order_net_positive"),
    ),
    (
        "rename primary key",
        r#"alter table app."order" rename constraint order_pkey to pk"#,
        Repaired("rename constraint app.order.order_pkey"),
    ),
    ("drop index", "drop index app.order_due_idx", Repaired("index app.order.order_due_idx")),
    (
        "other index",
        r#"drop index app.order_due_idx; create index order_due_idx on app."order" (tenant)"#,
        Repaired("index app.order.order_due_idx"),
    ),
    ("rename index", "alter index app.order_client_idx rename to x", Repaired("rename index app.order.order_client_idx")),
    ("drop partitioned index", "drop index engine.event_verb_idx", Repaired("index engine.event.event_verb_idx")),
    (
        "function body",
        "create or replace function engine.actor() returns uuid language sql stable as 'select gen_random_uuid()'",
        Repaired("function engine.actor()"),
    ),
    ("function invoker", "alter function engine.tenant_as(text) security invoker", Repaired("function engine.tenant_as(text)")),
    ("function search path", "alter function engine.tenant_as(text) reset search_path", Repaired("function engine.tenant_as(text)")),
    ("function leakproof", "alter function engine.actor() leakproof", Repaired("function engine.actor()")),
    ("function volatility", "alter function engine.actor() volatile", Repaired("function engine.actor()")),
    ("function owner", "alter function engine.tenant_as(text) owner to ROLE_api", Repaired("function engine.tenant_as(text)")),
    ("drop function", "drop function app.order_fresh(app.\"order\")", Repaired("function app.order_fresh(app.\"order\")")),
    (
        "function's argument renamed",
        "drop function engine.today(text); create function engine.today(z text) returns date language sql stable as 'select current_date'",
        Repaired("function engine.today(text)"),
    ),
    ("view options", r#"alter view app_rep."order" reset (security_barrier)"#, Repaired("view app_rep.order")),
    ("view without check option", r#"alter view app_rep."order" reset (check_option)"#, Repaired("view app_rep.order")),
    (
        "view shows all",
        r#"create or replace view app_rep."order" with (security_barrier = true) as select id, client, net, state, version, null::text as fire from app."order""#,
        Repaired("view app_rep.order"),
    ),
    (
        "view with more columns",
        r#"create or replace view app_rep.line as select l.id, l."order", l.position, o.state, l.tenant from app.line l join app_rep."order" o on o.id = l."order""#,
        Repaired("view app_rep.line"),
    ),
    ("view column renamed", r#"alter view app_rep."order" rename column net to gross"#, Repaired("view app_rep.order")),
    ("view owner", r#"alter view app_rep."order" owner to postgres"#, Repaired("view app_rep.order")),
    ("drop view", "drop view app_rep.line", Repaired("view app_rep.line")),
    ("rename view", "alter view app_rep.line rename to lines", Repaired("rename view app_rep.line")),
    ("view default", r#"alter view app_rep."order" alter column fire set default 'cancel'"#, Repaired("view app_rep.order")),
    ("table owner", r#"alter table app."order" owner to ROLE_api"#, Repaired("table app.order")),
    ("schema owner", "alter schema app owner to ROLE_api", Repaired("schema app")),
    ("no row security", r#"alter table app."order" disable row level security"#, Repaired("table app.order")),
    ("no force", r#"alter table app."order" no force row level security"#, Repaired("table app.order")),
    (
        "partition without row security",
        "alter table engine.event_202601 disable row level security",
        Repaired("partition engine.event_202601"),
    ),
    ("partition's policy", "create policy open on engine.event_202601 using (true)", Repaired("partition engine.event_202601")),
    ("unlogged", "alter table app.line set unlogged", Repaired("table app.line")),
    ("storage option", r#"alter table app."order" set (autovacuum_enabled = false)"#, Repaired("table app.order")),
    ("set default", r#"alter table app."order" alter priority set default 'high'"#, Repaired("column app.order.priority")),
    ("drop default", r#"alter table app."order" alter id drop default"#, Repaired("column app.order.id")),
    ("accept null", r#"alter table app."order" alter state drop not null"#, Repaired("column app.order.state")),
    ("refuse null", r#"alter table app."order" alter priority set not null"#, Repaired("column app.order.priority")),
    ("wider type", r#"alter table app."order" alter weight type numeric(10,2)"#, Repaired("column app.order.weight")),
    (
        "other type under a view",
        "drop view app_rep.line, app_rep.\"order\"; alter table app.\"order\" alter net type numeric",
        Repaired("column app.order.net"),
    ),
    ("identity by default", r#"alter table app."order" alter number set generated by default"#, Repaired("column app.order.number")),
    ("drop column", r#"alter table app."order" drop column weight"#, Repaired("column app.order.weight")),
    ("rename column", r#"alter table app."order" rename column net to gross"#, Repaired("rename column app.order.net")),
    ("rename table", r#"alter table app."order" rename to orders"#, Repaired("rename table app.order")),
    ("change comment", r#"comment on table app."order" is 'mine'"#, Repaired("table app.order")),
    (
        "drop comments",
        r#"comment on trigger order_verdict on app."order" is null; comment on column app_rep."order".net is null"#,
        Repaired("trigger app.order.order_verdict"),
    ),
    ("sequence", "alter sequence engine.feed increment 7 cycle", Repaired("sequence engine.feed")),
    ("domain", "alter domain app.percent drop constraint percent_known", Repaired("type app.percent")),
    ("heir", r#"create table public.heir () inherits (app.client)"#, Repaired("table app.client")),
    ("role past row security", "alter role ROLE_eye bypassrls", Repaired("role ROLE_eye")),
    ("role superuser", "alter role ROLE_api superuser createrole", Repaired("role ROLE_api")),
    ("role may log in", "alter role ROLE_owner login", Repaired("role ROLE_owner")),
    ("role setting", "alter role ROLE_api set row_security = off", Repaired("role ROLE_api")),
    ("role membership", "grant ROLE_owner to ROLE_api", Repaired("membership ROLE_owner of ROLE_api")),
    ("role reads everything", "grant pg_read_all_data to ROLE_api", Repaired("membership pg_read_all_data of ROLE_api")),
    ("membership taken", "revoke ROLE_eye from ROLE_worker", Repaired("membership ROLE_eye of ROLE_worker")),
    ("membership with admin", "grant ROLE_eye to ROLE_worker with admin option", Repaired("membership ROLE_eye of ROLE_worker")),
    (
        "default grants",
        "alter default privileges for role ROLE_owner grant execute on functions to public",
        Repaired("default grants of ROLE_owner"),
    ),
    (
        "more default grants",
        "alter default privileges for role ROLE_owner in schema app grant select on tables to public",
        Reported(
            "default grants of ROLE_owner",
            "alter default privileges for role ROLE_owner in schema app revoke select on tables from public",
        ),
    ),
    (
        "foreign after trigger",
        r#"create trigger spy after update on app."order" for each row execute function app.order_consequences()"#,
        Reported("trigger app.order.spy", r#"drop trigger spy on app."order""#),
    ),
    (
        "foreign before trigger",
        r#"create trigger aaa before update on app."order" for each row execute function app.order_verdict()"#,
        Refused("SH3054", r#"drop trigger aaa on app."order""#),
    ),
    (
        "foreign before trigger on a partition",
        "create trigger aaa before insert on engine.event_202601 for each row execute function app.order_verdict()",
        Refused("SH3054", "drop trigger aaa on engine.event_202601"),
    ),
    (
        "foreign policy",
        r#"create policy hole on app."order" using (true)"#,
        Reported("policy app.order.hole", r#"drop policy hole on app."order""#),
    ),
    (
        "foreign rule",
        "create rule quiet as on delete to app.line do instead nothing",
        Reported("rule app.line.quiet", "drop rule quiet on app.line"),
    ),
    (
        "extra view",
        r#"create view app_rep.everything as select * from app."order""#,
        Reported("view app_rep.everything", "drop view app_rep.everything"),
    ),
    ("extra table", "create table app.scratch (x int)", Reported("table app.scratch", "drop table app.scratch")),
    (
        "extra column",
        r#"alter table app.line add column note text"#,
        Reported("column app.line.note", "alter table app.line drop column note"),
    ),
    (
        "extra function",
        "create function app.peek() returns int language sql as 'select 1'",
        Reported("function app.peek()", "drop function app.peek()"),
    ),
    ("extra index", r#"create index extra on app."order" (net)"#, Reported("index app.order.extra", "drop index app.extra")),
    (
        "stranger holds our role",
        "create role ROLE_stranger; grant ROLE_owner to ROLE_stranger",
        Reported("membership ROLE_owner of ROLE_stranger", "drop role ROLE_stranger"),
    ),
    (
        "publication",
        r#"create publication ROLE_leak for table app."order""#,
        Reported("publication ROLE_leak", "drop publication ROLE_leak"),
    ),
    (
        "event trigger",
        "create function public.ev() returns event_trigger language plpgsql as 'begin end'; create event trigger ROLE_ev on ddl_command_end execute function public.ev()",
        Reported("event trigger ROLE_ev", "drop event trigger ROLE_ev; drop function public.ev()"),
    ),
];

const ROWS: &str = r#"
    insert into app.client values (1, '00000000-0000-0000-0000-000000000001', 'Anna', '+3545551234');
    insert into app."order" (tenant, id, client, code, net, weight) select 1, ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid, '00000000-0000-0000-0000-000000000001', 'c' || n, n, 1 from generate_series(1, 50) n;
    insert into app.line (tenant, "order", position) select tenant, id, 1 from app."order";
    insert into engine.event select 1, id, 1, '2026-01-15', 'created' from app."order";
"#;

#[tokio::test]
async fn every_alteration_is_found_and_put_back_or_reported() {
    let world = World::new().await;
    let mut live = world.place("live", &[1, 2, 3], ROWS).await;
    let scratch = world.place("scratch", &[5], "").await;
    let first = world.snapshot(&live).await;
    let plan = plan(&world, &live, &scratch, &first).await;
    assert!(plan.is_empty() && plan.unmanaged.is_empty() && plan.findings.is_empty(), "before anything:\n{}", render(&plan));
    let mut wrong = Vec::new();
    for (name, sql, fate) in TABLE {
        let stored = world.snapshot(&live).await;
        if let Err(why) = one(&world, &live, &scratch, (sql, fate), &stored).await {
            wrong.push(format!("=== {name}\n{why}"));
            live = world.place(&format!("live{}", wrong.len()), &[1, 2, 3], ROWS).await;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let sum: i64 = live.client.query_one(r#"select sum(net)::bigint from app."order""#, &[]).await.expect("rows").get(0);
    assert_eq!(sum, 1275, "the rows are as they were");
}

async fn one(
    world: &World,
    live: &Place,
    scratch: &Place,
    (sql, fate): (&str, &Fate),
    stored: &statehouse_compile::plan::Snapshot,
) -> Result<(), String> {
    live.client.batch_execute(&world.names(sql)).await.map_err(|cause| format!("could not alter: {cause:?}"))?;
    let found = plan(world, live, scratch, stored).await;
    match fate {
        Repaired(what) => {
            let what = world.names(what);
            let drifted = found.steps.iter().any(|step| step.drift && step.id.contains(&what));
            if !drifted || !found.refusals(&[]).is_empty() {
                return Err(format!("not found as drift: {what}\n{}", render(&found)));
            }
            apply(&found, live).await.map_err(|why| format!("{why}\n{}", render(&found)))?;
        }
        Reported(what, undo) => {
            let named = found.unmanaged.iter().any(|item| item.object.to_string() == world.names(what));
            if !named || !found.is_empty() || !found.refusals(&[]).is_empty() {
                return Err(format!("not only reported: {what}\n{}", render(&found)));
            }
            live.client.batch_execute(&world.names(undo)).await.map_err(|cause| format!("could not undo: {cause:?}"))?;
        }
        Refused(code, undo) => {
            if !found.refusals(&[]).iter().any(|finding| finding.code == *code) {
                return Err(format!("not refused with {code}\n{}", render(&found)));
            }
            live.client.batch_execute(&world.names(undo)).await.map_err(|cause| format!("could not undo: {cause:?}"))?;
        }
    }
    let again = plan(world, live, scratch, stored).await;
    let clean = again.is_empty() && again.unmanaged.is_empty() && again.findings.is_empty();
    let same = again.fingerprint == stored.fingerprint();
    if clean && same {
        Ok(())
    } else {
        Err(format!("first\n{}\nsecond (same fingerprint: {same})\n{}\n{:#?}", render(&found), render(&again), again.steps))
    }
}

async fn plan(world: &World, live: &Place, scratch: &Place, stored: &statehouse_compile::plan::Snapshot) -> Plan {
    diff(&world.snapshot(live).await, &world.desired(scratch).await, &no_text, Some(stored))
}
