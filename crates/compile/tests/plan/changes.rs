//! A definition that changed: what each kind of change is classed as, and that carrying it out ends in the new one.

use statehouse_compile::plan::{Class, Mapping, Plan, Request, Snapshot, plan, render};

use crate::world::{Place, World, apply, counts, no_text};
use Class::{Destructive, Locks, Rewrites, Safe};

/// Name, what the old definition had beside the base, what the new one has beside it, class, names to allow, whether
/// a step runs outside a transaction.
type Row = (&'static str, &'static str, &'static str, Class, &'static [&'static str], bool);

const TABLE: &[Row] = &[
    ("optional column", "", "alter table app.line add note text", Safe, &[], false),
    ("column with a constant default", "", "alter table app.line add kind text not null default 'plain'", Safe, &[], false),
    ("column with a volatile default", "", "alter table app.line add token uuid not null default gen_random_uuid()", Rewrites, &[], false),
    ("column with a default of our own function", "", "alter table app.line add token uuid default engine.new_id()", Rewrites, &[], false),
    ("counter column", "", "alter table app.line add n bigint generated always as identity", Rewrites, &[], false),
    ("stored expression", "", "alter table app.line add twice int generated always as (position * 2) stored", Rewrites, &[], false),
    ("drop column", "alter table app.line add old_code text", "", Destructive, &["line.old_code"], false),
    (
        "drop column under a view",
        "alter table app.client add old_code text; create view app_rep.client as select id, old_code from app.client",
        "create view app_rep.client as select id from app.client",
        Destructive,
        &["client.old_code"],
        false,
    ),
    ("drop stored expression", "alter table app.line add twice int generated always as (position * 2) stored", "", Safe, &[], false),
    ("wider text", "", "alter table app.client alter name type varchar", Safe, &[], false),
    ("text without bound", "alter table app.client add x varchar(3)", "alter table app.client add x text", Safe, &[], false),
    ("wider number", "alter table app.client add x int", "alter table app.client add x bigint", Rewrites, &[], false),
    (
        "number under view and policy",
        "alter table app.client add x int; create view app_rep.c as select x from app.client; create policy p on app.client using (x > 0)",
        "alter table app.client add x bigint; create view app_rep.c as select x from app.client; create policy p on app.client using (x > 0)",
        Rewrites,
        &[],
        false,
    ),
    (
        "required",
        "",
        "alter table app.line alter position set default 1; alter table app.client alter name set default ''; alter table app.client alter phone set not null",
        Safe,
        &[],
        true,
    ),
    ("optional", "", "alter table app.line alter position drop not null", Safe, &[], false),
    ("default", "", "alter table app.line alter position set default 7", Safe, &[], false),
    ("new check", "", "alter table app.line add constraint line_position_low check (position < 1000)", Safe, &[], true),
    (
        "changed check",
        "alter table app.line add constraint line_position_low check (position < 1000)",
        "alter table app.line add constraint line_position_low check (position < 100)",
        Safe,
        &[],
        true,
    ),
    ("dropped check", "alter table app.line add constraint line_position_low check (position < 1000)", "", Safe, &[], false),
    (
        "new reference",
        "alter table app.line add c uuid",
        "alter table app.line add c uuid, add constraint line_c_fkey foreign key (tenant, c) references app.client",
        Safe,
        &[],
        true,
    ),
    ("new unique", "", "alter table app.client add constraint client_phone_key unique (tenant, phone)", Locks, &[], false),
    (
        "longer key",
        "create table app.a (x int, y int, constraint a_pkey unique (x)); create table app.b (x int, constraint b_fkey foreign key (x) references app.a (x))",
        "create table app.a (x int, y int, constraint a_pkey unique (x, y)); create table app.b (x int)",
        Locks,
        &[],
        false,
    ),
    ("new index", "", "create index line_position_idx on app.line (position)", Safe, &[], true),
    (
        "changed index",
        "create index line_position_idx on app.line (position)",
        "create unique index line_position_idx on app.line (tenant, id, position)",
        Safe,
        &[],
        true,
    ),
    ("dropped index", "create index line_position_idx on app.line (position)", "", Safe, &[], false),
    ("index over partitions", "", "create index event_at_idx on engine.event (at)", Locks, &[], false),
    (
        "new table",
        "",
        "create table app.note (tenant int not null, id uuid not null default engine.new_id(), body text, constraint note_pkey primary key (tenant, id)); alter table app.note owner to ROLE_owner; alter table app.note enable row level security; alter table app.note force row level security; grant select on app.note to ROLE_eye; create policy n on app.note using (engine.actor() is not null); comment on table app.note is 'Notes'; create index note_idx on app.note (body)",
        Safe,
        &[],
        false,
    ),
    (
        "dropped table",
        "create table app.note (x int primary key); create view app_rep.note as select * from app.note; create function app.of(n app.note) returns int language sql as 'select 1'",
        "",
        Destructive,
        &["note"],
        false,
    ),
    (
        "table that references itself and a function over its row",
        "",
        "create table app.tree (id int primary key, parent int references app.tree); create function app.ok(t app.tree) returns boolean language sql immutable as 'select true'; alter table app.tree add constraint tree_ok check (app.ok(tree))",
        Safe,
        &[],
        false,
    ),
    (
        "function body",
        "",
        "create or replace function engine.actor() returns uuid language sql stable as 'select null::uuid -- new'",
        Safe,
        &[],
        false,
    ),
    (
        "function returns another type",
        "create function app.f() returns int language sql as 'select 1'; create view app_rep.f as select app.f(); create policy f on app.line using (app.f() = 1)",
        "create function app.f() returns bigint language sql as 'select 1::bigint'; create view app_rep.f as select app.f(); create policy f on app.line using (app.f() = 1)",
        Safe,
        &[],
        false,
    ),
    (
        "function takes one more",
        "create function app.f(a int) returns boolean language sql immutable as 'select true'; alter table app.line add constraint f check (app.f(position))",
        "create function app.f(a int, b int) returns boolean language sql immutable as 'select true'; alter table app.line add constraint f check (app.f(position, 1))",
        Safe,
        &[],
        true,
    ),
    ("dropped function", "create function app.f() returns int language sql as 'select 1'", "", Safe, &[], false),
    (
        "function in a trigger",
        "",
        r#"create function app.law() returns trigger language plpgsql as 'begin return new; end'; drop trigger order_verdict on app."order"; create trigger order_verdict before insert or update on app."order" for each row execute function app.law(); comment on trigger order_verdict on app."order" is 'the law'"#,
        Safe,
        &[],
        false,
    ),
    (
        "view shows one more",
        "",
        r#"create or replace view app_rep."order" with (security_barrier = true) as select id, client, net, state, version, null::text as fire, code from app."order" where tenant = (select engine.tenant_as('rep')) with local check option"#,
        Safe,
        &[],
        false,
    ),
    (
        "view shows one less, a view stands on it",
        "create view app_rep.a as select id, name, phone from app.client; create view app_rep.b as select id from app_rep.a; create trigger t instead of update on app_rep.a for each row execute function app.order_through_view(); grant select on app_rep.a to ROLE_api; comment on view app_rep.a is 'A'",
        "create view app_rep.a as select id, phone from app.client; create view app_rep.b as select id from app_rep.a; create trigger t instead of update on app_rep.a for each row execute function app.order_through_view(); grant select on app_rep.a to ROLE_api; comment on view app_rep.a is 'A'",
        Safe,
        &[],
        false,
    ),
    ("policy", "", "alter policy line_see_rep on app.line using (tenant = 1)", Safe, &[], false),
    ("new policy", "", "create policy line_worker on app.line for insert to ROLE_worker with check (tenant = 1)", Safe, &[], false),
    ("dropped policy", "create policy line_worker on app.line using (true)", "", Safe, &[], false),
    ("grants", "grant select on app.client to ROLE_api", "grant select (id, name) on app.client to ROLE_worker", Safe, &[], false),
    ("comments", "comment on table app.line is 'Lines'", "comment on column app.line.position is 'From 1'", Safe, &[], false),
    (
        "new role schema",
        "",
        "create schema app_old authorization ROLE_eye; create view app_old.v as select 1 as one; alter view app_old.v owner to ROLE_eye",
        Safe,
        &[],
        false,
    ),
    (
        "dropped role schema",
        "create schema app_old; create view app_old.v as select 1 as one; create view app_old.w as select * from app_old.v",
        "",
        Safe,
        &[],
        false,
    ),
    ("one more value", "", "alter type app.mood add value 'fierce' after 'calm'", Safe, &[], true),
    (
        "new types",
        "",
        "create type app.colour as enum ('red'); create type app.pair as (a int, b text); create domain app.short as text not null default 'x' check (length(value) < 9); create table app.t (c app.colour, p app.pair, s app.short)",
        Safe,
        &[],
        false,
    ),
    (
        "new sequence with its column",
        "",
        "create table app.t (n int not null); create sequence app.t_n owned by app.t.n; alter table app.t alter n set default nextval('app.t_n')",
        Safe,
        &[],
        false,
    ),
    (
        "new partitioned table",
        "",
        "create table engine.log (at timestamptz not null, x int) partition by range (at); create table engine.log_1 partition of engine.log for values from ('2026-01-01') to ('2026-02-01'); alter table engine.log enable row level security; create index log_x on engine.log (x); create trigger log_no_delete before delete on engine.log for each row execute function engine.no_delete()",
        Safe,
        &[],
        false,
    ),
];

const ROWS: &str = "insert into app.client values (1, engine.new_id(), 'Anna', '+354555'); insert into app.line select 1, engine.new_id(), engine.new_id(), 1 where false;";

#[tokio::test]
async fn each_change_has_its_class_and_ends_in_the_new_definition() {
    let world = World::new().await;
    let scratch = world.place("scratch", &[3], "").await;
    let mut live = world.place("live", &[1, 2], ROWS).await;
    let mut wrong = Vec::new();
    for row in TABLE {
        match there(&world, &live, &scratch, row).await {
            Err(why) => wrong.push(format!("=== {}\n{why}", row.0)),
            Ok(()) if row.0 == "one more value" => {}
            Ok(()) => match back(&world, &live, &scratch).await {
                Err(why) => wrong.push(format!("=== {}, and back\n{why}", row.0)),
                Ok(()) => continue,
            },
        }
        live = world.place(&format!("live{}", wrong.len()), &[1, 2], ROWS).await;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

async fn there(world: &World, live: &Place, scratch: &Place, (_, before, after, class, allow, alone): &Row) -> Result<(), String> {
    live.client.batch_execute(&world.names(before)).await.expect("before");
    let desired = world.imagine(scratch, after).await;
    let found = step(world, live, &desired, allow).await?;
    let risk = found.risk();
    if risk != *class || found.steps.iter().any(|step| step.own_transaction) != *alone {
        return Err(format!("classed {risk:?}\n{}", render(&found)));
    }
    Ok(())
}

/// From the new definition to the base, which must be exactly what it was.
async fn back(world: &World, live: &Place, scratch: &Place) -> Result<(), String> {
    let desired = world.desired(scratch).await;
    let now = world.snapshot(live).await;
    let names: Vec<String> = make(&now, &desired).steps.into_iter().filter_map(|step| step.allow).collect();
    step(world, live, &desired, &names.iter().map(String::as_str).collect::<Vec<_>>()).await?;
    let same = world.snapshot(live).await.fingerprint() == world.snapshot(scratch).await.fingerprint();
    if same { Ok(()) } else { Err("another fingerprint".into()) }
}

fn make(now: &Snapshot, desired: &Snapshot) -> Plan {
    let mapping = Mapping::default();
    let counts = counts(7);
    plan(&Request { live: now, desired, stored: Some(now), compiled_sql: &no_text, changes: &[], mapping: &mapping, counts: &counts })
}

async fn step(world: &World, live: &Place, desired: &Snapshot, allow: &[&str]) -> Result<Plan, String> {
    let found = make(&world.snapshot(live).await, desired);
    let problem = |what: String| Err(format!("{what}\n{}\n{:#?}", render(&found), found.steps));
    let named: Vec<&str> = found.steps.iter().filter_map(|step| step.allow.as_deref()).collect();
    let allowed: Vec<String> = allow.iter().map(|name| (*name).to_owned()).collect();
    if named != allow || found.refusals(&[]).len() != allow.len() || !found.refusals(&allowed).is_empty() {
        return problem(format!("wants {named:?} allowed"));
    }
    if found.steps.iter().any(|step| step.drift) {
        return problem("takes a change for drift".into());
    }
    if let Err(why) = apply(&found, live).await {
        return problem(why);
    }
    let again = make(&world.snapshot(live).await, desired);
    if !again.is_empty() || !again.unmanaged.is_empty() {
        return problem(format!("the second plan is not empty:\n{}\n{:#?}", render(&again), again.steps));
    }
    Ok(found)
}
