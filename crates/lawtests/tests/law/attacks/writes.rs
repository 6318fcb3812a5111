//! Writing what only the law writes, and where one may not.

use statehouse_testkit::people::{BALTYK, NORDUR, Persona};

use super::{Attack, Who, attack, baltyk, hold, never, nordur, patched};

/// The door as it must not be: it verifies who asks, and lets the engine's own settings in.
const DOOR_LEAKS: &str = "create or replace function statehouse.open_door(c statehouse.context) returns int language plpgsql as $$
begin
  perform set_config('statehouse.tenant', c.tenant::text, true), set_config('statehouse.actor', c.actor::text, true), set_config('statehouse.role', c.role, true),
          set_config('statehouse.kind', c.kind, true), set_config('statehouse.capabilities', c.capabilities::text, true), set_config('statehouse.cause', '', true);
  return c.tenant;
end $$;";

const MESSAGE: &str = "insert into statehouse.message (tenant, id, app, source, key, body, received_at, coverage, fingerprint, due_at) values (2, gen_random_uuid(), 'orders', 'customs', 'mine', '', now(), 'whole', sha256(''), now())";
const EVENT: &str = "insert into statehouse.event (tenant, entity, record, seq, at, verb, to_state, actor, kind, definition, payload_hash, previous, head)
 values (1, 'orders.order', gen_random_uuid(), 1, now(), 'created', 'inquiry', gen_random_uuid(), 'member', 1, sha256(''), sha256(''), sha256(''))";

fn engine_settings() -> Vec<Attack> {
    let told = |setting: &str, value: &str, then: &str| format!("select set_config('statehouse.{setting}', '{value}', false); {then}");
    vec![
        attack(
            "prices coming back, claimed",
            nordur("rep"),
            &told(
                "pricing",
                "on",
                "update orders_rep.order_lines l set quantity = 9 from orders_rep.\"order\" o where o.id = l.\"order\" and o.title = 'mixed/confirmed'",
            ),
            "S4005",
            DOOR_LEAKS,
            "3 rows",
        ),
        attack(
            "prices coming back, claimed in the value",
            nordur("rep"),
            "update orders_rep.order_lines l set description = set_config('statehouse.pricing', 'on', false) from orders_rep.\"order\" o where o.id = l.\"order\" and o.title = 'mixed/confirmed'",
            "S4005",
            DOOR_LEAKS,
            "3 rows",
        ),
        attack(
            "words put into an event",
            nordur("rep"),
            &told(
                "touch",
                "{\"forged\": true}",
                "update orders_rep.\"order\" set note = 'x' where title = 'mixed/quoting'; select payload ? 'forged' from orders_rep.order_history where payload ? 'note' order by seq desc limit 1",
            ),
            "f",
            DOOR_LEAKS,
            "t",
        ),
        attack(
            "lines priced anew without their order",
            nordur("client"),
            &told(
                "touch",
                "{}",
                "update orders_client.\"order\" set fire = 'deliver' where title = 'print_only/out_for_delivery'; select o.subtotal = sum(l.gross) from orders_client.\"order\" o join orders_client.order_lines l on l.\"order\" = o.id where o.title = 'print_only/out_for_delivery' group by o.subtotal",
            ),
            "t",
            DOOR_LEAKS,
            "f",
        ),
        attack(
            "the engine's own word",
            nordur("rep"),
            &told("touch", "{}", "update orders_rep.\"order\" set fire = '~' where title = 'mixed/quoted'"),
            "S4001",
            &format!("{DOOR_LEAKS}{}", patched("orders.order_rep_update()", "if new.fire like '~%' then", "if false then")),
            "1 rows",
        ),
        never(
            "the engine's own word, spelled longer",
            nordur("rep"),
            &told("touch", "{}", "update orders_rep.\"order\" set fire = '~lines' where title = 'mixed/quoted'"),
            "S4001",
            "the law has no such word",
        ),
        attack(
            "a cause made up",
            nordur("rep"),
            &told(
                "cause",
                "forged",
                "update orders_rep.\"order\" set fire = 'start' where title = 'mixed/inquiry'; select cause is null from orders_rep.order_history h join orders_rep.\"order\" o on o.id = h.record where o.title = 'mixed/inquiry' and h.verb = 'start'",
            ),
            "t",
            &DOOR_LEAKS.replace(", set_config('statehouse.cause', '', true)", ""),
            "*",
        ),
    ]
}

#[tokio::test]
async fn nobody_speaks_as_the_engine() {
    hold(engine_settings()).await;
}

#[tokio::test]
async fn nobody_writes_what_the_law_writes() {
    let api = |privilege: &str, table: &str| {
        format!(
            "grant {privilege} on {table} to statehouse_api, statehouse_worker; create policy open_ on {table} to statehouse_api, statehouse_worker using (true) with check (true)"
        )
    };
    let two = "column privilege and the door's own list of columns both leave it out";
    hold(vec![
        attack("an event", nordur("rep"), EVENT, "42501", &api("insert", "statehouse.event"), "1 rows"),
        attack("an event as the worker", nordur("system"), EVENT, "42501", &api("insert", "statehouse.event"), "1 rows"),
        attack("an effect as the worker", nordur("connector"), "update statehouse.effect set due_at = now()", "42501", &api("all", "statehouse.effect"), "*"),
        attack("a timer as the worker", nordur("timer"), "delete from statehouse.timer", "42501", &api("all", "statehouse.timer"), "*"),
        attack("a message as the worker", nordur("connector"), MESSAGE, "42501", &api("insert", "statehouse.message"), "1 rows"),
        attack("what a message said", nordur("connector"), "update statehouse.message set body = ''", "42501", &api("all", "statehouse.message"), "*"),
        attack("an address", nordur("admin"), "insert into statehouse.endpoint (tenant, token_hash, app, source) values (2, sha256('mine'), 'orders', 'customs')", "42501", &api("insert", "statehouse.endpoint"), "1 rows"),
        attack("a slot taken back", nordur("system"), "delete from statehouse.slot", "42501", &api("all", "statehouse.slot"), "*"),
        attack("a session", nordur("rep"), "update statehouse.session set role = 'admin'", "42501", &api("all", "statehouse.session"), "*"),
        attack("a key", nordur("rep"), "insert into statehouse.api_key (key_hash, tenant, member, app, label) select sha256('x'), 1, statehouse.actor(), 'orders', 'mine'", "42501", &api("all", "statehouse.api_key"), "1 rows"),
        attack("a membership", nordur("rep"), "update statehouse.membership set role = 'admin'", "42501", &api("all", "statehouse.membership"), "*"),
        attack("a price", nordur("admin"), "update orders.tariff set amount = 1", "42501", &format!("grant usage on schema orders to statehouse_api; {}", api("all", "orders.tariff")), "*"),
        attack("a stale version", nordur("rep"), "update orders_rep.\"order\" set version = 1, note = 'x' where title = 'mixed/quoting'", "40001",
               &patched("orders.order_rep_update()", "if new.version <> old.version then", "if false then"), "1 rows"),
        attack("a later version", nordur("rep"), "update orders_rep.\"order\" set version = version + 1, note = 'x' where title = 'mixed/quoting'", "40001",
               &patched("orders.order_rep_update()", "if new.version <> old.version then", "if false then"), "1 rows"),
        never("the id", nordur("rep"), "update orders_rep.\"order\" set id = gen_random_uuid()", "42501", two),
        never("the reference", nordur("admin"), "update orders_admin.\"order\" set reference = 'ORD-0'", "42501", two),
        never("the total", nordur("admin"), "update orders_admin.\"order\" set net = 1", "42501", two),
        never("who saw it", nordur("rep"), "update orders_rep.\"order\" set seen_by = (1, 1, statehouse.actor(), 'admin', 'member', 'orders', '{}', null)::statehouse.context", "42501", two),
        never("the tenant", nordur("rep"), "update orders_rep.\"order\" set tenant = 2", "42703", "the view has no such column"),
        never("the head", nordur("rep"), "update orders_rep.\"order\" set head = '\\x00'", "42703", "the view has no such column"),
        never("a line's price", nordur("rep"), "update orders_rep.order_lines set net = 1", "42501", two),
        never("a line's order", nordur("rep"), "update orders_rep.order_lines set \"order\" = '{theirs}'", "42501", "column privilege, the door's list and the child's law each leave it out"),
        never("the client's credit as the salesperson", nordur("rep"), "update orders_rep.client set credit_limit = 1", "42501", two),
        never("a delete", nordur("admin"), "delete from orders_admin.\"order\"", "42501", "no privilege, no door, and the law keeps every record"),
        never("a delete as the engine", nordur("system"), "delete from orders_system.\"order\"", "42501", "no privilege, no door, and the law keeps every record"),
        attack("a move written as a state", nordur("rep"), "update orders_rep.\"order\" set state = 'delivered' where title = 'mixed/quoted'", "S4007",
               "drop trigger law_2_named on orders.\"order\"; drop trigger law_4_verdict on orders.\"order\"; drop trigger owed_2_moved on orders.\"order\"", "1 rows"),
        attack("a field while it is not one's own", nordur("rep"), "update orders_rep.\"order\" set note = 'x' where title = 'mixed/quoted'", "S4005", "drop trigger law_3_rights on orders.\"order\"", "1 rows"),
        attack("another field beside a verb", nordur("rep"), "update orders_rep.\"order\" set fire = 'quote', discount_pct = 100 where title = 'mixed/inquiry'", "S4005", "drop trigger law_3_rights on orders.\"order\"; update orders.tariff set amount = amount / 2 where item = 'print_sheet'", "S4002"),
        attack("an input nobody takes", nordur("rep"), "update orders_rep.\"order\" set fire = 'start', input = '{\"paid\": 1}' where title = 'mixed/inquiry'", "S4009",
               &patched("orders.order_verdict()", "if new.input <> '{}' then perform statehouse.refuse_input('orders.order', old.id, 'start'", "if false then perform statehouse.refuse_input('orders.order', old.id, 'start'"), "1 rows"),
    ])
    .await;
}

#[tokio::test]
async fn nobody_writes_outside_their_slice() {
    let other = Persona::second("orders", NORDUR, "rep").id();
    let abroad = Persona::member("orders", BALTYK, "rep").id();
    let line =
        |order: &str| format!("insert into orders_rep.order_lines (\"order\", vertical, description) values ({order}, 'print', 'x')");
    let mine = |title: &str| format!("(select id from orders_rep.\"order\" where title = '{title}')");
    let see_all = "alter policy rep_sees on orders.\"order\" using (true)";
    let seen = "create or replace function orders_rep.order_seen(wanted uuid) returns boolean language plpgsql stable as $$ begin return true; end $$";
    // Two walls: the door looks, and the key holds whoever comes past it.
    let unseen = format!(
        "{}; alter table orders.\"order\" drop constraint order_client_exists",
        patched("orders.order_rep_insert()", "perform statehouse.refuse_ref(", "perform format('%s', ")
    );
    hold(vec![
        attack("a colleague's order", nordur("rep"), "update orders_rep.\"order\" set title = 'mine' where id = '{theirs}'", "0 rows",
               &format!("{see_all}; {}", patched("orders.order_rep_update()", " and (b.rep = (old.seen_by).actor)", "")), "1 rows"),
        attack("a colleague's order, seen by mistake", nordur("rep"), "update orders_rep.\"order\" set title = 'mine' where id = '{theirs}'", "0 rows", see_all, "S2005"),
        attack("another tenant's order", nordur("rep"), "update orders_rep.\"order\" set title = 'mine' where id = '{other order}'", "0 rows", see_all, "40001"),
        attack("a line for a colleague's order", nordur("rep"), &line("'{theirs}'"), "S1002",
               &format!("{seen}; {}", patched("orders.order_rep_lines_insert()", " and (p.rep = (c).actor)", "")), "1 rows"),
        attack("a line for another tenant's order", nordur("rep"), &line("'{other order}'"), "S1002",
               &format!("{seen}; {}; drop trigger law_1_child on orders.order_lines",
                        patched("orders.order_rep_lines_insert()", "if not found then", "if false then")), "*"),
        attack("a line for an order confirmed", nordur("rep"), &line(&mine("mixed/confirmed")), "S4005",
               &patched("orders.order_lines_law()", "role_ = 'rep' and state_ in ('inquiry', 'quoting')", "role_ = 'rep'"), "1 rows"),
        attack("a line changed in an order confirmed", nordur("rep"), "update orders_rep.order_lines set quantity = 2 where \"order\" = (select id from orders_rep.\"order\" where title = 'mixed/confirmed')", "S4005",
               &patched("orders.order_lines_law()", "role_ = 'rep' and state_ in ('inquiry', 'quoting')", "role_ = 'rep'"), "3 rows"),
        attack("a line taken from an order confirmed", nordur("rep"), "delete from orders_rep.order_lines where \"order\" = (select id from orders_rep.\"order\" where title = 'mixed/confirmed')", "S4005",
               &patched("orders.order_lines_law()", "role_ = 'rep' and state_ in ('inquiry', 'quoting')", "role_ = 'rep'"), "3 rows"),
        attack("a colleague's line", nordur("rep"), "delete from orders_rep.order_lines where \"order\" = '{theirs}'", "0 rows",
               &format!("{see_all}; {}", patched("orders.order_rep_lines_delete()", " and (p.rep = (old.seen_by).actor)", "")), "1 rows"),
        attack("an order for a colleague", nordur("rep"), &format!("insert into orders_rep.\"order\" (client, title, rep) select id, 'x', '{other}' from orders_rep.client"), "S4005",
               &patched("orders.order_birth()", "if new.rep <> actor_ then", "if false then"), "1 rows"),
        attack("a client for a colleague", nordur("rep"), &format!("insert into orders_rep.client (name, phone, rep) values ('x', '+3545550102', '{other}')"), "S4005",
               &patched("orders.client_birth()", "if new.rep <> actor_ then", "if false then"), "1 rows"),
        attack("an order for another tenant's client", nordur("rep"), "insert into orders_rep.\"order\" (client, title) values ('{other client}', 'x')", "S4020",
               &unseen, "1 rows"),
        attack("an order for nobody's client answers the same", nordur("rep"), "insert into orders_rep.\"order\" (client, title) values (gen_random_uuid(), 'x')", "S4020",
               &unseen, "1 rows"),
        never("an order handed to a member of another tenant", nordur("rep"), &format!("update orders_rep.\"order\" set fire = 'hand_over', input = '{{\"rep\": \"{abroad}\"}}' where title = 'mixed/quoted'"), "!1 rows", "what refuses it is the law's choice"),
        never("a client who signs in from another tenant", nordur("admin"), &format!("update orders_admin.client set login = '{abroad}' where name = 'Klettur'"), "!1 rows", "what refuses it is the law's choice"),
        never("an order born paid", nordur("rep"), "insert into orders_rep.\"order\" (client, title, paid, deposit) select id, 'x', 1000000, 1000000 from orders_rep.client", "!1 rows", "what refuses it is the law's choice"),
        never("an order born closed", nordur("rep"), "insert into orders_rep.\"order\" (client, title, closed_on) select id, 'x', '2026-01-01' from orders_rep.client", "!1 rows", "what refuses it is the law's choice"),
        never("a client born with credit", nordur("rep"), "insert into orders_rep.client (name, phone, credit_limit) values ('x', '+3545550102', 1000000)", "!1 rows", "what refuses it is the law's choice"),
        never("an order by the client", nordur("client"), "insert into orders_client.\"order\" (client, title) select id, 'x' from orders_client.client", "42501", "no privilege and no door"),
        never("a settlement by the salesperson", nordur("rep"), "insert into orders_rep.settlement (rep, month) values (statehouse.actor(), '2026-09-01')", "42501", "no privilege and no door"),
        attack("a tax number another tenant has", baltyk("admin"), "insert into orders_admin.client (name, phone, vat_id) values ('x', '+3545550102', 'IS-SECRET')", "1 rows",
               "create unique index one_for_all on orders.client (vat_id)", "23505"),
        attack("a quantity that is no number", nordur("rep"), &format!("insert into orders_rep.order_lines (\"order\", vertical, description, quantity) values ({}, 'print', 'x', 'NaN')", mine("mixed/quoting")), "23514",
               "alter table orders.order_lines drop constraint order_lines_finite; drop trigger owed_insert on orders.order_lines", "1 rows"),
        attack("a month without an end", nordur("admin"), "insert into orders_admin.settlement (rep, month) select rep, 'infinity' from orders_admin.settlement limit 1", "23514",
               "alter table orders.settlement drop constraint settlement_finite", "1 rows"),
        attack("a record the model would write", Who::Login("statehouse_agent"), "select statehouse.enter('key-orders-nordur-rep-1'); update orders_rep.\"order\" set note = 'x' where title = 'mixed/quoting'", "42501",
               "grant update on orders_rep.\"order\" to statehouse_agent", "1 rows"),
        attack("a record a report would write", Who::Login("statehouse_read"), "select statehouse.enter('key-orders-nordur-rep-1'); update orders_rep.\"order\" set note = 'x' where title = 'mixed/quoting'", "42501",
               "grant update on orders_rep.\"order\" to statehouse_read", "1 rows"),
    ])
    .await;
}
