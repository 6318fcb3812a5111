//! The same attacks through the door for many at once.

use statehouse_testkit::people::{BALTYK, NORDUR, Persona};

use super::{Who, attack, hold, never, nordur, patched};

/// A bulk of one, found by its title through `from`.
fn bulk(ids: &str, fire: &str, rest: &str) -> String {
    format!("select outcome || coalesce(' ' || errcode, '') from orders_rep.order_bulk({ids}, {fire}{rest})")
}

fn mine(title: &str) -> String {
    format!("array(select id from orders_rep.\"order\" where title = '{title}')")
}

#[tokio::test]
async fn a_bulk_is_no_way_around() {
    let see_all = "alter policy rep_sees on orders.\"order\" using (true)";
    let abroad = Persona::member("orders", BALTYK, "rep");
    let admin = Persona::member("orders", NORDUR, "admin");
    let claim = format!(
        "concat(set_config('statehouse.role', 'admin', false), set_config('statehouse.actor', '{}', false), set_config('statehouse.kind', 'member', false), 'confirm')",
        admin.id()
    );
    hold(vec![
        attack("a colleague's order", nordur("rep"), &bulk("array['{theirs}'::uuid]", "'start'", ""), "absent",
               &format!("{see_all}; {}", patched("orders.order_rep_bulk(uuid[], text, jsonb, text[], integer[], jsonb[])", " and (b.rep = (c).actor)", "")), "moved"),
        attack(
            "another tenant's order",
            nordur("rep"),
            &bulk("array['{other order}'::uuid]", "'quote'", ""),
            "absent",
            &format!("{see_all}; {}", patched("orders.order_rep_bulk(uuid[], text, jsonb, text[], integer[], jsonb[])", "c.tenant", "2")),
            "*",
        ),
        never("nobody's order answers the same", nordur("rep"), &bulk("array[gen_random_uuid()]", "'start'", ""), "absent", "there is nothing to find"),
        attack(
            "an old version",
            nordur("rep"),
            &bulk(&mine("mixed/quoted"), "'accept'", ", versions => array[1]"),
            "conflict 40001",
            &format!(
                "{}{}",
                patched("orders.order_rep_bulk(uuid[], text, jsonb, text[], integer[], jsonb[])", "coalesce(w.version, v.version) = v.version", "true"),
                patched("orders.order_rep_bulk(uuid[], text, jsonb, text[], integer[], jsonb[])", "item.seen <> item.version", "false")
            ),
            "*",
        ),
        never("the engine's own word", nordur("rep"), &bulk(&mine("mixed/quoted"), "'~'", ""), "refused S4001", "the door and the law both know it"),
        never("an edit dressed as a move", nordur("rep"), &bulk(&mine("mixed/quoted"), "null", ""), "refused S4001", "the door and the law both know it"),
        never("more than a thousand", nordur("rep"), "select * from orders_rep.order_bulk(array_fill(gen_random_uuid(), array[1001]), 'start')", "S8002", "a bound"),
        never("one record twice", nordur("rep"), "select count(*) filter (where outcome = 'moved') from orders_rep.order_bulk(array(select id from orders_rep.\"order\", generate_series(1, 3) where title = 'mixed/quoted'), 'accept')", "1", "the version moves on"),
        // What the first try wrote and took back must not be told: two records, two answers.
        never(
            "one refused among many",
            nordur("rep"),
            "select count(*) from orders_rep.order_bulk(array(select id from orders_rep.\"order\" where title in ('mixed/quoted', 'mixed/closed')), 'accept')",
            "2",
            "it is an answer, not a refusal",
        ),
        attack(
            "a role claimed in an argument",
            nordur("rep"),
            &bulk(&mine("mixed/accepted"), &claim, "").replace("concat(", "right(concat(").replace("'confirm')", "'confirm'), 7)"),
            "refused S4003",
            "create or replace function statehouse.open_door(c statehouse.context) returns int language plpgsql as $$ begin perform set_config('statehouse.tenant', c.tenant::text, true), set_config('statehouse.capabilities', '{}', true), set_config('statehouse.cause', '', true); return c.tenant; end $$",
            "moved",
        ),
        attack(
            "another role's door",
            nordur("rep"),
            "select count(*) from orders_admin.order_bulk('{}', 'start')",
            "S2006",
            &patched("orders.order_admin_bulk(uuid[], text, jsonb, text[], integer[], jsonb[])", "c.role is distinct from 'admin'", "false"),
            "0",
        ),
        attack(
            "the model",
            Who::Login("statehouse_agent"),
            "select statehouse.enter('key-orders-nordur-rep-1'); select count(*) from orders_rep.order_bulk(array(select id from orders_rep.\"order\" where title = 'mixed/quoted'), 'accept')",
            "42501",
            "grant execute on function orders_rep.order_bulk(uuid[], text, jsonb, text[], integer[], jsonb[]) to statehouse_agent",
            "1",
        ),
        never(
            "a token of another tenant in the middle",
            nordur("rep"),
            &format!("select count(*) filter (where outcome = 'moved') from (select set_config('statehouse.session', statehouse.enter('{}'), false) offset 0) x, orders_rep.order_bulk({}, 'accept')", abroad.key.unwrap_or_default(), mine("mixed/quoted")),
            "!1",
            "whichever session the door finds sees only its own",
        ),
    ])
    .await;
}
