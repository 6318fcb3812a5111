//! Members, keys, sessions and rules: what somebody gives themselves or others beyond what they hold, and what of others they reach.

use statehouse_testkit::people::{BALTYK, NORDUR, Persona};

use super::{Who, attack, baltyk, hold_after, never, nordur, patched};

/// The second salesperson manages members, the second of operations keys; `baltyk` has one who manages members and is
/// at its limits; a salesperson of `nordur` belongs to `baltyk` too.
fn setup() -> String {
    let second = |tenant, role| Persona::second("orders", tenant, role).id();
    format!(
        "update statehouse.membership set extra = '{{members.manage}}' where member = '{rep}';
         update statehouse.membership set extra = '{{keys.manage}}' where member = '{ops}';
         delete from statehouse.api_key where member = '{admin}';
         delete from statehouse.membership where member = '{admin}';
         update statehouse.tenant_limit set members = 0, keys = 0 where tenant = 2;
         insert into statehouse.membership (tenant, member, app, role) values (2, '{mine}', 'orders', 'rep');
         update statehouse.api_key set expires = now() + interval '1 day' where member = '{mine}';
         insert into orders.fx (tenant, currency, rate, valid_from, source, checked_on) values (2, 'EUR', 4.2, '2026-01-01', 'secret', '2026-01-01');
         insert into statehouse.sign_in (id, token_hash, member, address, app, expires, used_at)
         select gen_random_uuid(), sha256(convert_to(v.token, 'UTF8')), v.member, sha256(''), 'orders', v.expires, v.used
           from (values ('good', '{boss}'::uuid, now() + interval '15 minutes', null), ('used', '{boss}', now() + interval '15 minutes', now()),
                        ('old', '{boss}', now() - interval '1 second', null), ('nobody', null, now() + interval '15 minutes', null)) v (token, member, expires, used)",
        rep = second(NORDUR, "rep"),
        ops = second(NORDUR, "ops"),
        admin = second(BALTYK, "admin"),
        mine = Persona::member("orders", NORDUR, "rep").id(),
        boss = Persona::member("orders", NORDUR, "admin").id(),
    )
}

fn second(role: &str) -> Who {
    Who::Persona(Persona::second("orders", NORDUR, role))
}

fn id(role: &str) -> String {
    Persona::member("orders", NORDUR, role).id()
}

#[tokio::test]
async fn nobody_gives_what_they_do_not_hold() {
    let grant = patched("statehouse.check_grant(statehouse.context, text, text[])", "missing <> '{}'", "false");
    let reach = patched("statehouse.check_reach(statehouse.context, statehouse.membership)", "beyond <> '{}'", "false");
    let own = patched("statehouse.change_member(uuid, text, text[], text[])", "if id = c.actor then", "if false then");
    let last = patched("statehouse.check_somebody_manages(int, text, boolean)", "if managed and", "if false and");
    let boss = Persona::member("orders", BALTYK, "admin").id();
    let revoked = "{order.reassign,order.cancel_late,commission.settle,members.manage,keys.manage,rules.edit,tenant.export}";
    hold_after(
        &setup(),
        vec![
            attack(
                "a role that may more",
                second("rep"),
                "select (statehouse.invite('x@x.example', 'X', 'admin')).role",
                "S6501",
                &grant,
                "admin",
            ),
            attack(
                "a role that may more, all of it revoked for now",
                second("rep"),
                &format!("select (statehouse.invite('x@x.example', 'X', 'admin', '{{}}', '{revoked}')).role"),
                "S6501",
                &grant,
                "admin",
            ),
            attack(
                "a capability one does not hold",
                second("rep"),
                &format!("select (statehouse.change_member('{}', extra => '{{order.cancel_late}}')).extra", id("rep")),
                "S6501",
                &grant,
                "{order.cancel_late}",
            ),
            attack(
                "a capability nobody knows",
                nordur("admin"),
                &format!("select (statehouse.change_member('{}', extra => '{{order.anything}}')).extra", id("rep")),
                "S6501",
                &grant,
                "{order.anything}",
            ),
            attack(
                "a member who holds more, made less",
                second("rep"),
                &format!("select (statehouse.change_member('{}', role => 'rep')).role", id("admin")),
                "S6501",
                &reach,
                "rep",
            ),
            attack(
                "a member who holds more, dismissed",
                second("rep"),
                &format!("select statehouse.dismiss('{}')", id("admin")),
                "S6501",
                &reach,
                "*",
            ),
            attack(
                "one's own role",
                second("rep"),
                "select (statehouse.change_member(statehouse.actor(), role => 'ops')).role",
                "S6502",
                &own,
                "ops",
            ),
            attack(
                "one's own revoked capability",
                nordur("admin"),
                "select (statehouse.change_member(statehouse.actor(), revoked => '{}')).role",
                "S6502",
                &own,
                "admin",
            ),
            attack(
                "the last who manages members leaves",
                baltyk("admin"),
                &format!("select statehouse.dismiss('{boss}')"),
                "S6503",
                &last,
                "*",
            ),
            attack(
                "a member of another tenant",
                nordur("admin"),
                &format!("select statehouse.dismiss('{}')", Persona::member("orders", BALTYK, "ops").id()),
                "S1002",
                &patched("statehouse.membership_of(statehouse.context, uuid)", "m.tenant = c.tenant and ", ""),
                "*",
            ),
            attack(
                "one member more than the limit",
                baltyk("admin"),
                "select (statehouse.invite('x@x.example', 'X', 'rep')).role",
                "S6506",
                "update statehouse.tenant_limit set members = 100",
                "rep",
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_door_asks_for_its_capability() {
    let open = patched("statehouse.admit(text, boolean)", "capability <> all (statehouse.held(c))", "false");
    let mut attacks = Vec::new();
    for call in [
        "select count(*) from statehouse.members()".to_owned(),
        "select (statehouse.invite('x@x.example', 'X', 'rep')).role".to_owned(),
        format!("select statehouse.change_member('{}', role => 'ops')", id("client")),
        format!("select statehouse.dismiss('{}')", id("client")),
        format!("select (m.shown).label from statehouse.make_key('x', null, '{}') m", id("client")),
        "select statehouse.rename_tenant('mine')".to_owned(),
        "select count(*) from statehouse.rules('fx')".to_owned(),
        "select statehouse.add_rule('fx', '{\"currency\": \"USD\", \"rate\": 1, \"valid_from\": \"2030-01-01\", \"source\": \"me\"}')"
            .to_owned(),
    ] {
        attacks.push(attack(&call, nordur("rep"), &call, "S6505", &open, "*"));
    }
    hold_after(&setup(), attacks).await;
}

/// A capability taken from the role by an apply counts at once, though the session was opened before.
#[tokio::test]
async fn a_session_holds_no_more_than_its_member_does_now() {
    let taken = "update statehouse.role_preset set capabilities = '{}'";
    let db = crate::world::fresh("presets");
    let client = db.as_persona(&Persona::member("orders", NORDUR, "admin")).await;
    assert_eq!(super::ask(&client, "select count(*) > 0 from statehouse.members()").await, "t");
    db.psql_as_superuser(taken).ok();
    assert_eq!(super::ask(&client, "select count(*) > 0 from statehouse.members()").await, "S6505");
    let believed =
        "create or replace function statehouse.held(c statehouse.context) returns text[] language sql stable return (c).capabilities";
    db.psql_as_superuser(believed).ok();
    assert_eq!(super::ask(&client, "select count(*) > 0 from statehouse.members()").await, "t", "without its protection");
}

#[tokio::test]
async fn keys_and_sessions_of_others_are_out_of_reach() {
    let grant = patched("statehouse.check_grant(statehouse.context, text, text[])", "missing <> '{}'", "false");
    let keys = patched("statehouse.keys(uuid, int)", "k.member = c.actor or all_of_them", "true");
    hold_after(
        &setup(),
        vec![
            attack(
                "the keys of colleagues",
                nordur("rep"),
                "select count(*) from statehouse.keys() where member <> statehouse.actor()",
                "0",
                &keys,
                "*",
            ),
            attack(
                "a key in the name of somebody who holds more",
                second("ops"),
                &format!("select (m.shown).label from statehouse.make_key('x', null, '{}') m", id("admin")),
                "S6501",
                &grant,
                "x",
            ),
            attack(
                "the key of somebody else, ended",
                nordur("rep"),
                "select statehouse.revoke_key('{a key}')",
                "S1002",
                &patched("statehouse.revoke_key(uuid)", "k.member = c.actor or", "true or"),
                "S6501",
            ),
            attack(
                "a key that outlives the key it is made with",
                nordur("rep"),
                "select (m.shown).expires is null from statehouse.make_key('x') m",
                "f",
                &patched("statehouse.make_key(text, timestamptz, uuid)", "c.actor, ends)", "c.actor, expires)"),
                "t",
            ),
            attack(
                "a key until the end of time, which no rule about later ends would see",
                nordur("rep"),
                "select (m.shown).label from statehouse.make_key('x', 'infinity') m",
                "S5011",
                &patched("statehouse.make_key(text, timestamptz, uuid)", "not isfinite(expires)", "false"),
                "x",
            ),
            attack(
                "one key more than the limit",
                baltyk("rep"),
                "select (m.shown).label from statehouse.make_key('x') m",
                "S6506",
                "update statehouse.tenant_limit set keys = 100",
                "x",
            ),
            attack(
                "the session of somebody else, ended",
                nordur("rep"),
                "select statehouse.end_session({a session})",
                "S1002",
                &patched("statehouse.end_session(bigint)", "s.actor = c.actor and ", ""),
                "",
            ),
            attack(
                "where else the holder of a key belongs",
                nordur("rep"),
                "select statehouse.me() ->> 'memberships' = '[]'",
                "t",
                &patched("statehouse.me()", " and in_person", ""),
                "f",
            ),
            attack(
                "to another tenant with a key",
                nordur("rep"),
                "select length(statehouse.switch_to('baltyk'))",
                "S2006",
                &patched("statehouse.switch_to(text)", "mine is null", "false"),
                "64",
            ),
            attack(
                "members of another tenant",
                nordur("admin"),
                "select count(*) > 0 from statehouse.members() where name like '%baltyk%'",
                "f",
                &patched("statehouse.members(uuid, int)", "m.tenant = c.tenant and ", ""),
                "t",
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_sign_in_is_somebody_s_once_and_not_for_long() {
    let api = || Who::Login("statehouse_api");
    let ask = "select statehouse.ask_sign_in(gen_random_uuid(), sha256('mine'), 'boss@nordur.example', 'orders')";
    let open = |what: &str| format!("update statehouse.sign_in set {what}");
    hold_after(
        &setup(),
        vec![
            attack(
                "a stranger's sign-in with a token of one's own",
                api(),
                ask,
                "42501",
                "grant execute on function statehouse.ask_sign_in(uuid, bytea, text, text, text) to statehouse_api",
                "f",
            ),
            attack("a used link", api(), "select length(statehouse.sign_in('used'))", "S6509", &open("used_at = null"), "64"),
            attack(
                "an old link",
                api(),
                "select length(statehouse.sign_in('old'))",
                "S6509",
                &open("expires = now() + interval '1 minute'"),
                "64",
            ),
            attack(
                "a link of nobody",
                api(),
                "select length(statehouse.sign_in('nobody'))",
                "S6509",
                &open(&format!("member = '{}'", id("admin"))),
                "64",
            ),
            attack(
                "a link twice",
                api(),
                "select statehouse.sign_in('good'); select length(statehouse.sign_in('good'))",
                "S6509",
                &patched("statehouse.sign_in(text, text)", "s.used_at is null", "true"),
                "64",
            ),
            never(
                "a link into another's tenant",
                api(),
                "select statehouse.sign_in('good', 'baltyk')",
                "S2004",
                "the choice and the membership both say no",
            ),
            attack(
                "a link into a tenant that is suspended",
                api(),
                "select length(statehouse.sign_in('good', 'nordur'))",
                "64",
                "update statehouse.tenant set suspended_at = now()",
                "S2004",
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn rules_are_a_tenant_s_own_and_history_stays() {
    let add = |from: &str, more: &str| {
        format!(
            "select (statehouse.add_rule('fx', '{{\"currency\": \"USD\", \"rate\": \"1.5\", \"source\": \"me\", \"valid_from\": \"{from}\"{more}}}')).scope"
        )
    };
    let app_row = "(select id from statehouse.rules('fx') where scope = 'app' limit 1)";
    let own_row = |today: &str| {
        format!(
            "{}; select (statehouse.end_rule('fx', (select id from statehouse.rules('fx') where scope = 'tenant'), '{today}')).id is not null",
            add("2026-11-20", "")
        )
    };
    let own = patched("statehouse.own_rule(statehouse.context, regclass, uuid)", "where tenant = $1", "where true");
    let past = |function: &str, from: &str, to: &str| patched(function, from, to);
    hold_after(
        &setup(),
        vec![
            attack(
                "a row of the app, ended",
                nordur("admin"),
                &format!("select (statehouse.end_rule('fx', {app_row}, '2027-01-01')).id is not null"),
                "S1002",
                &own,
                "t",
            ),
            attack(
                "a row that holds, taken back",
                nordur("admin"),
                &format!(
                    "{}; select statehouse.drop_rule('fx', (select id from statehouse.rules('fx') where scope = 'tenant'))",
                    add("2026-11-20", "")
                ),
                "S6512",
                &past("statehouse.drop_rule(text, uuid)", "<= statehouse.rule_today(c)", "< '2000-01-01'"),
                "",
            ),
            attack(
                "a row from yesterday",
                nordur("admin"),
                &add("2026-11-19", ""),
                "S6512",
                &past("statehouse.add_rule(text, jsonb)", "::date < today", "::date < '2000-01-01'"),
                "tenant",
            ),
            attack(
                "an end in the past",
                nordur("admin"),
                &own_row("2026-11-19"),
                "S6512",
                &past("statehouse.end_rule(text, uuid, date)", "valid_to < today then", "false then"),
                "*",
            ),
            attack(
                "two rows on one day",
                nordur("admin"),
                &format!("{}; {}", add("2026-11-21", ""), add("2026-11-30", "")),
                "S6511",
                &past("statehouse.check_rule_alone(statehouse.context, regclass, jsonb, uuid)", "other.id is not null", "false"),
                "tenant",
            ),
            attack(
                "a row for another tenant",
                nordur("admin"),
                &add("2026-11-30", ", \"tenant\": 2"),
                "S6513",
                &past("statehouse.add_rule(text, jsonb)", "a.attname not in ('tenant', 'market')", "true"),
                "tenant",
            ),
            attack(
                "a table that is no rule table",
                nordur("admin"),
                "select count(*) from statehouse.rules('client')",
                "S1002",
                &past("statehouse.rule_table(statehouse.context, text)", "and p.polname = 'rows_of_all_and_of_the_door'", ""),
                "42703",
            ),
            attack(
                "the rows of another tenant",
                nordur("admin"),
                "select count(*) from statehouse.rules('fx') where says ->> 'source' = 'secret'",
                "0",
                &format!(
                    "{} alter policy rows_of_all_and_of_the_door on orders.fx using (true)",
                    past("statehouse.rules(text)", "tenant = $2 or", "true or")
                ),
                "1",
            ),
        ],
    )
    .await;
}
