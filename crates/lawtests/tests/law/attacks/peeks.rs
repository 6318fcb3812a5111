//! Seeing what is hidden: by column, filter, order, sum, error, constraint, history, statistics.

use statehouse_testkit::people::{NORDUR, Persona};

use super::{Attack, attack, baltyk, hold, never, nordur, patched, patched_view};

/// Takes the mask off every column of a client's view.
fn unmasked(view: &str) -> String {
    patched_view(view, r"CASE\s+WHEN \(r\.state <> ALL \(ARRAY\[[^]]*\]\)\) THEN (\w+\.\w+)\s+ELSE NULL::\w+\s+END", r"\1")
}

/// Puts a hidden column at the end of a view, by the reading of its owner.
fn shown(view: &str, column: &str) -> String {
    patched_view(view, r"AS seen_by", &format!("AS seen_by, {column}"))
}

fn masked() -> Vec<Attack> {
    let quoting = "orders_client.\"order\" where title = 'mixed/quoting'";
    let open = unmasked("orders_client.\"order\"");
    let attack = |name: &str, script: String, refused: &str, then: &str| attack(name, nordur("client"), &script, refused, &open, then);
    vec![
        attack("the net while quoting", format!("select net from {quoting}"), "null", "168804"),
        attack("filtered", format!("select count(*) from {quoting} and net > 0"), "0", "1"),
        attack("bisected by an error", format!("select 1 / (net - 168804) from {quoting}"), "null", "22012"),
        attack("bisected by a cast", format!("select (case when net > 1 then 'x' else '1' end)::int from {quoting}"), "1", "22P02"),
        attack("sorted", "select title from orders_client.\"order\" where title in ('mixed/quoting', 'print_only/quoting') order by net desc nulls last, title desc limit 1".into(), "print_only/quoting", "mixed/quoting"),
        attack("summed", format!("select sum(net) from {quoting}"), "null", "168804"),
        attack("grouped", format!("select net from {quoting} group by net having net is not null"), "0 rows", "168804"),
        attack("compared as a row", format!("select (net, vat) > (0, 0) from {quoting}"), "null", "t"),
        attack("as JSON", "select to_jsonb(o) ->> 'net' from orders_client.\"order\" o where title = 'mixed/quoting'".into(), "null", "168804"),
        attack("as text", "select o::text like '%168804%' from orders_client.\"order\" o where title = 'mixed/quoting'".into(), "f", "t"),
        attack("windowed", format!("select max(net) over () from {quoting}"), "null", "168804"),
        attack("joined to oneself", "select count(*) from orders_client.\"order\" a join orders_client.\"order\" b using (net) where a.title = 'mixed/quoting'".into(), "0", "*"),
    ]
}

#[tokio::test]
async fn a_mask_is_all_there_is() {
    hold(masked()).await;
}

#[tokio::test]
async fn a_hidden_column_is_not_there() {
    let of = |view: &str, column: &str, role: &str, from: &str| {
        attack(
            &format!("{column} of {view}"),
            nordur(role),
            &format!("select count({column}) > 0 from {view}"),
            "42703",
            &shown(view, from),
            "t",
        )
    };
    hold(vec![
        of("orders_client.\"order\"", "commission", "client", "r.commission"),
        of("orders_client.\"order\"", "rep", "client", "r.rep"),
        of("orders_client.order_lines", "cost", "client", "c.cost"),
        of("orders_client.order_lines", "cost_eur", "client", "c.cost_eur"),
        of("orders_client.order_lines", "commission", "client", "c.commission"),
        of("orders_client.order_lines", "trace", "client", "c.trace"),
        of("orders_client.client", "credit_limit", "client", "r.credit_limit"),
        of("orders_ops.\"order\"", "commission", "ops", "r.commission"),
        of("orders_ops.order_lines", "commission", "ops", "c.commission"),
        of("orders_broker.\"order\"", "discount", "broker", "r.discount"),
        of("orders_broker.order_lines", "cost", "broker", "c.cost"),
        attack("a hidden column as JSON", nordur("client"), "select bool_or(to_jsonb(o) ? 'commission') from orders_client.\"order\" o", "f", &shown("orders_client.\"order\"", "r.commission"), "t"),
        attack("a hidden column in the history", nordur("client"), "select bool_or(payload::text ~ 'commission|cost|\"rep\"|note') from orders_client.order_history", "f",
               "create or replace function statehouse.redact(payload jsonb, hidden text[]) returns jsonb language plpgsql immutable as $$ begin return payload; end $$", "t"),
        attack("a masked column in the history", nordur("client"), "select bool_or(payload ?| '{net,gross,subtotal}' or payload @? '$.lines[*].net') from orders_client.order_history h join orders_client.\"order\" o on o.id = h.record where o.title = 'mixed/quoting'", "f",
               "create or replace function statehouse.redact(payload jsonb, hidden text[]) returns jsonb language plpgsql immutable as $$ begin return payload; end $$", "t"),
        never("who sells, by the history", nordur("client"), &format!("select count(*) from orders_client.order_history where actor = '{}'", Persona::member("orders", NORDUR, "rep").id()), "0", "the history has no such actor for those who may not know who sells"),
        attack("the credit in the history", nordur("client"), "select bool_or(payload ? 'credit_limit') from orders_client.client_history", "f",
               "create or replace function statehouse.redact(payload jsonb, hidden text[]) returns jsonb language plpgsql immutable as $$ begin return payload; end $$", "t"),
        attack("a constraint that shows the row", nordur("client"), "update orders_client.client set phone = 'none'", "23514", "alter table orders.client no force row level security", "*"),
    ])
    .await;
}

#[tokio::test]
async fn a_row_outside_the_slice_is_not_there() {
    let see_all = "alter policy rep_sees on orders.\"order\" using (true)";
    let rep = || nordur("rep");
    hold(vec![
        attack("counted", rep(), "select count(*) from orders_rep.\"order\" where title in ('theirs', 'baltyk/quoting')", "0", see_all, "2"),
        attack("by an error", rep(), "select bool_and(1 / (case title when 'theirs' then 0 else 1 end) = 1) from orders_rep.\"order\"", "t", see_all, "22012"),
        attack("by a cast in where", rep(), "select count(*) > 0 from orders_rep.\"order\" where (case title when 'theirs' then 'x' else '1' end)::int = 1", "t", see_all, "22P02"),
        attack("its history", rep(), "select count(*) from orders_rep.order_history where record = '{theirs}'", "0", see_all, "2"),
        attack("how much happens where one sees nothing", nordur("broker"), "select more from statehouse.feed_stretch('{client}', '0', 0, 1)", "f",
               &patched("statehouse.feed_stretch(text[],xid8,bigint,int)", "continue when", "continue when false and"), "t"),
        attack("its lines", rep(), "select count(*) from orders_rep.order_lines where \"order\" = '{theirs}'", "0", see_all, "1"),
        attack("another tenant's lines", rep(), "select count(*) from orders_rep.order_lines where \"order\" = '{other order}'", "0",
               "alter policy rep_sees on orders.\"order\" using (true); alter policy rep_sees on orders.order_lines using (true)", "3"),
        attack("a client's colleague", nordur("client"), "select count(*) from orders_client.\"order\" where title = 'theirs'", "0", "alter policy client_sees on orders.\"order\" using (true)", "1"),
        attack("a state not for operations", nordur("ops"), "select count(*) from orders_ops.\"order\" where title = 'mixed/quoted'", "0", "alter policy ops_sees on orders.\"order\" using (true)", "1"),
        attack("whether it is seen, asked directly", rep(), "select orders_rep.order_seen('{theirs}')", "42501", "grant execute on function orders_rep.order_seen(uuid) to statehouse_api", "f"),
        attack("another tenant's clients as a set", baltyk("client"), "select count(*) from orders.my_clients('client') c, orders_client.client x where x.name = 'Klettur'", "42501", "grant usage on schema orders to statehouse_api", "0"),
        attack("an estimate", rep(), "select count(*) from pg_stats where schemaname in ('orders', 'statehouse')", "0",
               "analyze; grant usage on schema orders to statehouse_api; alter table orders.client disable row level security; alter table orders.client no force row level security; grant select on orders.client to statehouse_api", "*"),
        attack("row security turned off", rep(), "set row_security = off; select count(*) > 0 from orders_rep.\"order\"", "42501",
               "do $$ declare t regclass; begin for t in select oid::regclass from pg_class where relrowsecurity loop execute format('alter table %s disable row level security', t); end loop; end $$", "t"),
        never("a row locked through the view", rep(), "select id from orders_rep.\"order\" for update", "42501", "neither the view's owner nor the caller may lock a base row"),
    ])
    .await;
}
