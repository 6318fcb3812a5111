//! Becoming somebody else by saying so: settings claimed at every place of a statement, and sessions that are none.

use statehouse_testkit::people::{BALTYK, NORDUR, Persona};

use super::{Attack, Who, attack, baltyk, hold, nordur};

/// A `ctx()` that believes what it is told: what the session table protects from.
const BELIEVES: &str =
    "create or replace function statehouse.ctx() returns statehouse.context language plpgsql stable security definer as $$
begin
  return row(1, coalesce(nullif(current_setting('statehouse.tenant', true), ''), '1')::int,
             coalesce(nullif(current_setting('statehouse.actor', true), ''), '00000000-0000-0000-0000-00000000000f')::uuid,
             coalesce(nullif(current_setting('statehouse.role', true), ''), 'rep'), 'member', 'orders', '{}', null)::statehouse.context;
end $$;
create or replace function statehouse.tenant_as(app text, role text) returns int language plpgsql stable security definer as $$
declare c statehouse.context := statehouse.ctx();
begin return case when c.role = tenant_as.role then c.tenant end; end $$;
create or replace function statehouse.me_as(app text, role text, capability text default null) returns statehouse.identity language plpgsql stable security definer as $$
declare c statehouse.context := statehouse.ctx();
begin return case when c.role = me_as.role then (c.tenant, c.actor, c.record)::statehouse.identity end; end $$;";
/// A door that leaves the settings as the caller wrote them.
const DOOR_AJAR: &str = "create or replace function statehouse.open_door(c statehouse.context) returns int language plpgsql as $$ begin return c.tenant; end $$;";

/// `set_config` of every pair, as one expression.
fn claim(settings: &[(&str, &str)]) -> String {
    let calls = settings.iter().map(|(name, value)| format!("set_config('statehouse.{name}', '{value}', false)"));
    format!("concat({})", calls.collect::<Vec<_>>().join(", "))
}

/// Ways to say it while reading. Each asks twice: what is said late in one statement is heard by the next.
fn reads(view: &str, cond: &str, claim: &str) -> Vec<(&'static str, String)> {
    let twice = |statement: String| format!("{statement}; {statement}");
    vec![
        ("before", format!("select {claim}; select count(*) from {view} where {cond}")),
        ("in from", twice(format!("select count(*) from (select {claim} offset 0) x, {view} o where {cond}"))),
        ("in a cte", twice(format!("with x as materialized (select {claim}) select count(*) from x, {view} where {cond}"))),
        ("in where", twice(format!("select count(*) from {view} where case when {claim} is not null then {cond} end"))),
        (
            "in lateral",
            twice(format!(
                "select count(*) from {view} o, lateral (select {claim}, o.id as same offset 0) x where case when x.same = o.id then {cond} end"
            )),
        ),
        ("in the targets", twice(format!("select count(*) filter (where {cond}) + 0 * count({claim}) from {view}"))),
        ("in a set-returning call", twice(format!("select count(*) from unnest(array[{claim}]) x, {view} where {cond}"))),
    ]
}

#[tokio::test]
async fn nobody_becomes_another_by_saying_so() {
    let other = Persona::second("orders", NORDUR, "rep").id();
    let abroad = Persona::member("orders", BALTYK, "rep").id();
    let claims = [
        ("another actor", "orders_rep.\"order\"", "title = 'theirs'", claim(&[("actor", &other)]), 7),
        ("another tenant", "orders_rep.\"order\"", "title = 'baltyk/quoted'", claim(&[("tenant", "2"), ("actor", &abroad)]), 7),
        // A salesperson sees no row of the administrator's, so that nothing evaluated per row is reached.
        ("another role", "orders_admin.\"order\"", "title = 'theirs'", claim(&[("role", "admin")]), 3),
    ];
    let mut attacks: Vec<Attack> = Vec::new();
    for (what, view, cond, claim, places) in claims {
        for (place, script) in reads(view, cond, &claim).into_iter().take(places) {
            // Believing needs an actor to begin with: the rows evaluated first must be one's own.
            let mine = Persona::member("orders", NORDUR, "rep").id();
            let believes = BELIEVES.replace("00000000-0000-0000-0000-00000000000f", &mine);
            attacks.push(attack(&format!("{what}, claimed {place}"), nordur("rep"), &script, "0", &believes, "1"));
        }
    }
    hold(attacks).await;
}

#[tokio::test]
async fn no_door_believes_what_it_is_told() {
    let admin = Persona::member("orders", NORDUR, "admin").id();
    let claim = claim(&[
        ("tenant", "1"),
        ("actor", &admin),
        ("role", "admin"),
        ("kind", "member"),
        ("capabilities", "{order.cancel_late}"),
        ("cause", ""),
        ("app", "orders"),
    ]);
    let to = "where title = 'mixed/quoted'";
    let places = [
        ("before", format!("select {claim}; update orders_rep.\"order\" set note = 'x' {to}")),
        ("in the value", format!("update orders_rep.\"order\" set note = {claim} {to}")),
        ("in where", format!("update orders_rep.\"order\" set note = 'x' {to} and {claim} is not null")),
        ("in from", format!("update orders_rep.\"order\" set note = 'x' from (select {claim} offset 0) x {to}")),
        ("in a cte", format!("with x as materialized (select {claim} as c) update orders_rep.\"order\" set note = x.c from x {to}")),
        (
            "in returning",
            format!(
                "update orders_rep.\"order\" set note = note where false returning {claim}; update orders_rep.\"order\" set note = 'x' || {claim} {to}"
            ),
        ),
    ];
    let mut attacks: Vec<Attack> = places
        .iter()
        .map(|(place, script)| attack(&format!("an administrator, claimed {place}"), nordur("rep"), script, "S4005", DOOR_AJAR, "1 rows"))
        .collect();
    // As a kind of the engine: only a timer may lapse a quote.
    let timer =
        self::claim(&[("tenant", "1"), ("actor", &admin), ("role", "system"), ("kind", "timer"), ("capabilities", "{}"), ("cause", "")]);
    attacks.push(attack(
        "a timer, claimed",
        nordur("rep"),
        &format!("select {timer}; update orders_rep.\"order\" set fire = 'nudge_admin' where title = 'mixed/inquiry'"),
        "S4003",
        DOOR_AJAR,
        "1 rows",
    ));
    hold(attacks).await;
}

#[tokio::test]
async fn a_session_is_looked_up() {
    let count = "select count(*) > 0 from orders_rep.\"order\"";
    let with = |token: &str| format!("select set_config('statehouse.session', '{token}', false); {count}");
    let revived = "update statehouse.session set expires = now() + interval '1 day', revoked_at = null; update statehouse.api_key set expires = null, revoked_at = null;";
    let mine = Persona::member("orders", NORDUR, "rep").id();
    let believes = BELIEVES.replace("00000000-0000-0000-0000-00000000000f", &mine);
    let api = || Who::Login("statehouse_api");
    hold(vec![
        attack("no session", api(), count, "S2001", &believes, "t"),
        attack("an empty session", api(), &with(""), "S2001", &believes, "t"),
        attack("a forged session", api(), &with("0123456789abcdef0123456789abcdef"), "S2002", &believes, "t"),
        attack("the session's number", api(), &with("1"), "S2002", &believes, "t"),
        attack("an expired session", api(), &with("tok-expired"), "S2002", revived, "t"),
        attack("a revoked session", api(), &with("tok-revoked"), "S2002", revived, "t"),
        attack("an expired key", api(), "select length(statehouse.enter('key-expired'))", "S2003", revived, "64"),
        attack("a revoked key", api(), "select length(statehouse.enter('key-revoked'))", "S2003", revived, "64"),
        attack(
            "a member's key as the engine",
            api(),
            "select statehouse.enter_as('timer', 1, 'orders')",
            "42501",
            "grant execute on function statehouse.enter_as(text, int, text) to statehouse_api",
            "*",
        ),
        attack(
            "a session of another tenant",
            baltyk("rep"),
            "select count(*) > 0 from orders_rep.\"order\" where title like 'mixed/%'",
            "f",
            "alter policy rep_sees on orders.\"order\" using (true)",
            "t",
        ),
        attack(
            "a session of another role",
            nordur("ops"),
            "select count(*) from orders_admin.settlement",
            "0",
            "alter policy admin_sees on orders.settlement using (true)",
            "2",
        ),
        attack(
            "a door of another role",
            nordur("rep"),
            "insert into orders_admin.settlement (rep, month) values (statehouse.actor(), '2026-09-01')",
            "S2006",
            &super::patched("orders.settlement_admin_insert()", "c.role is distinct from 'admin'", "false"),
            "S4003",
        ),
        attack(
            "a session left",
            nordur("rep"),
            "select statehouse.leave(); select count(*) > 0 from orders_rep.\"order\"",
            "S2001",
            &believes,
            "t",
        ),
    ])
    .await;
}
