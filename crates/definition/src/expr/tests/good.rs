//! What an author writes and what is printed for it. The right-hand side is written by hand.

use super::fixture::{At, At::*, compile};

pub(super) const GOOD: &[(At, &str, &str)] = &[
    // Fields and engine fields.
    (Order, "net", "new.net"),
    (Order, "NET", "new.net"),
    (Order, "\"net\"", "new.net"),
    (Order, "id", "new.id"),
    (Order, "number", "new.number"),
    (Order, "reference", "new.reference"),
    (Order, "entered_at", "new.entered_at"),
    (Order, "version + 1", "new.version + 1"),
    (Order, "values", "new.\"values\""),
    (Order, "this.net", "new.net"),
    (Order, "null", "null"),
    (Order, "TRUE", "true"),
    // Literals.
    (Order, "'it''s'", "'it''s'"),
    (Order, "''", "''"),
    (Order, "title ~ '^[A-Z]{2}$'", "new.title ~ '^[A-Z]{2}$'"),
    (Order, r"title ~ '\d'", r"new.title ~ e'\\d'"),
    (Order, "'zażółć' || title", "'zażółć' || new.title"),
    (Order, "1.50", "1.50"),
    (Order, ".5", ".5"),
    (Order, "1E3", "1e3"),
    (Order, "date '2026-11-20'", "date '2026-11-20'"),
    (Order, "'2026-11-20'::date", "'2026-11-20'::date"),
    (Order, "timestamptz '2026-11-20 10:00+00'", "timestamptz '2026-11-20 10:00+00'"),
    (Order, "interval '14 days'", "interval '14 days'"),
    // Operators.
    (Order, "net>0", "new.net > 0"),
    (Order, "net != 0", "new.net <> 0"),
    (Order, "net between 1 and 10", "new.net between 1 and 10"),
    (Order, "net not between 1 and 10", "new.net not between 1 and 10"),
    (Order, "(net + vat) * 2 % 3 - 1", "(new.net + new.vat) * 2 % 3 - 1"),
    (Order, "- net", "-new.net"),
    (Order, "- - net", "- -new.net"),
    (Order, "net - -1", "new.net - -1"),
    (Order, "2 ^ 3", "2 ^ 3"),
    (Order, "not net > 0 or vat is null and paid is not null", "not new.net > 0 or new.vat is null and new.paid is not null"),
    (Order, "(net > 0) is not true", "(new.net > 0) is not true"),
    (Order, "net is distinct from vat", "new.net is distinct from new.vat"),
    (Order, "net is not distinct from vat", "new.net is not distinct from new.vat"),
    (Order, "title like 'A%' and title not ilike '%b'", "new.title like 'A%' and new.title not ilike '%b'"),
    (Order, "title !~* 'x'", "new.title !~* 'x'"),
    (Order, "priority in ('normal', 'urgent')", "new.priority in ('normal', 'urgent')"),
    (Order, "state not in ('closed')", "new.state not in ('closed')"),
    (Order, "extra -> 'a' ->> 'b' = '1'", "new.extra -> 'a' ->> 'b' = '1'"),
    (Order, "(extra ->> 'n')::int > 3", "(new.extra ->> 'n')::int > 3"),
    (Order, "CAST(net AS NUMERIC(12,2))", "cast(new.net as numeric(12, 2))"),
    (Order, "net::decimal::text", "new.net::numeric::text"),
    (Order, "valid_until at time zone 'UTC'", "new.valid_until at time zone 'UTC'"),
    (Order, "CASE WHEN net > 0 THEN 1 ELSE 0 END", "case when new.net > 0 then 1 else 0 end"),
    (Order, "case priority when 'urgent' then 1 end", "case new.priority when 'urgent' then 1 end"),
    // Functions.
    (Order, "ROUND(net, 2)", "round(new.net, 2)"),
    (Order, "ceil(net) + floor(vat)", "ceil(new.net) + floor(new.vat)"),
    (Order, "coalesce(net, vat, 0)", "coalesce(new.net, new.vat, 0)"),
    (Order, "length(btrim(title)) > 0", "length(btrim(new.title)) > 0"),
    (Order, "trim(title)", "trim(new.title)"),
    (Order, "trim(both 'x' from title)", "trim(both 'x' from new.title)"),
    (Order, "trim(title, 'x')", "trim(both 'x' from new.title)"),
    (Order, "position('a' in title)", "position('a' in new.title)"),
    (Order, "substring(title from 1 for 3)", "substring(new.title from 1 for 3)"),
    (Order, "substring(title, 2) || substr(title, 1, 2)", "substring(new.title, 2) || substr(new.title, 1, 2)"),
    (Order, "left(title, 3) || right(title, 2)", "left(new.title, 3) || right(new.title, 2)"),
    (Order, "replace(title, 'a', 'b')", "replace(new.title, 'a', 'b')"),
    (Order, "extract(day from priced_on) = 1", "extract(day from new.priced_on) = 1"),
    (Order, "make_interval(days => 3, hours => 1)", "make_interval(days => 3, hours => 1)"),
    (Order, "greatest(net, 1) + least(net, 2)", "greatest(new.net, 1) + least(new.net, 2)"),
    (Order, "date_trunc('month', priced_on)", "date_trunc('month', new.priced_on)"),
    // The engine's own.
    (Set, "login = actor()", "r.login = actor_"),
    (Order, "rep = actor() and role() = 'rep'", "new.rep = statehouse.acting() and statehouse.acting_role() = 'rep'"),
    (Order, "now() <= valid_until", "statehouse.now() <= new.valid_until"),
    (Order, "now() + interval '14 days'", "statehouse.now() + interval '14 days'"),
    (Order, "today()", "statehouse.today('Atlantic/Reykjavik')"),
    (Order, "fresh(lines)", "orders.order_fresh(new)"),
    // Refs.
    (Order, "client.phone", "(select r.phone from orders.client r where r.tenant = new.tenant and r.id = new.client)"),
    (
        Order,
        "follows.client.phone",
        "(select r.phone from orders.client r where r.tenant = new.tenant and r.id = \
         (select r.client from orders.\"order\" r where r.tenant = new.tenant and r.id = new.follows))",
    ),
    (Order, "this.client.lang = 'en'", "(select r.lang from orders.client r where r.tenant = new.tenant and r.id = new.client) = 'en'"),
    // Aggregates over children.
    (Order, "count(lines) > 0", "(select count(*) from orders.order_lines c where c.tenant = new.tenant and c.\"order\" = new.id) > 0"),
    (
        Order,
        "sum(lines.net)",
        "(select coalesce(sum(c.net), 0) from orders.order_lines c where c.tenant = new.tenant and c.\"order\" = new.id)",
    ),
    (
        Order,
        "bool_and(lines.net > 0)",
        "(select bool_and((c.net > 0) is true) from orders.order_lines c where c.tenant = new.tenant and c.\"order\" = new.id)",
    ),
    (
        Order,
        "every((lines.net > 0) is true)",
        "(select every((c.net > 0) is true) from orders.order_lines c where c.tenant = new.tenant and c.\"order\" = new.id)",
    ),
    (
        Order,
        "bool_or(lines.vertical in ('auto', 'logistics'))",
        "(select bool_or(c.vertical in ('auto', 'logistics')) from orders.order_lines c where c.tenant = new.tenant and c.\"order\" = new.id)",
    ),
    (
        Order,
        "sum(lines.net * discount_pct / 100) filter (where lines.imported or lines.net > 5)",
        "(select coalesce(sum(c.net * new.discount_pct / 100), 0) from orders.order_lines c \
         where c.tenant = new.tenant and c.\"order\" = new.id and (c.imported or c.net > 5))",
    ),
    (
        Order,
        "max(lines.supplier.credit_limit)",
        "(select max((select r.credit_limit from orders.client r where r.tenant = c.tenant and r.id = c.supplier)) \
         from orders.order_lines c where c.tenant = new.tenant and c.\"order\" = new.id)",
    ),
    (
        Order,
        "count(distinct lines.vertical)",
        "(select count(distinct c.vertical) from orders.order_lines c where c.tenant = new.tenant and c.\"order\" = new.id)",
    ),
    (
        Order,
        "sum(lines.net) + sum(parcels.weight)",
        "(select coalesce(sum(c.net), 0) from orders.order_lines c where c.tenant = new.tenant and c.\"order\" = new.id) + \
         (select coalesce(sum(c.weight), 0) from orders.order_parcels c where c.tenant = new.tenant and c.\"order\" = new.id)",
    ),
    // Sub-selects.
    (
        Client,
        "not exists (select from \"order\" o where o.client = this.id and o.state not in ('closed', 'cancelled'))",
        "not exists (select from orders.\"order\" o where o.tenant = new.tenant and o.client = new.id and o.state not in ('closed', 'cancelled'))",
    ),
    (
        Order,
        "coalesce((select sum(o.net) from \"order\" o where o.client = this.client and o.state = 'shipped'), 0)",
        "coalesce((select sum(o.net) from orders.\"order\" o where o.tenant = new.tenant and o.client = new.client and o.state = 'shipped'), 0)",
    ),
    (
        Settlement,
        "(select sum(o.net) from \"order\" o where o.rep = this.rep and o.closed_on >= month and closed_on < month + interval '1 month')",
        "(select sum(o.net) from orders.\"order\" o where o.tenant = new.tenant and o.rep = new.rep and o.closed_on >= new.month \
         and o.closed_on < new.month + interval '1 month')",
    ),
    (
        Settlement,
        "exists (select 1 from \"order\" where net > 5 or \"order\".vat > 5)",
        "exists (select 1 from orders.\"order\" where \"order\".tenant = new.tenant and (\"order\".net > 5 or \"order\".vat > 5))",
    ),
    (
        Settlement,
        "(select count(*) from order_lines l join \"order\" o on o.id = l.\"order\" where l.imported)",
        "(select count(*) from orders.order_lines l join orders.\"order\" o on o.tenant = new.tenant and o.id = l.\"order\" \
         where l.tenant = new.tenant and l.imported)",
    ),
    (Order, "client in (select k.id from client k)", "new.client in (select k.id from orders.client k where k.tenant = new.tenant)"),
    (
        Order,
        "exists (select from client r where r.id = client and r.credit_limit > follows.net)",
        "exists (select from orders.client r where r.tenant = new.tenant and r.id = new.client and r.credit_limit > \
         (select r2.net from orders.\"order\" r2 where r2.tenant = new.tenant and r2.id = new.follows))",
    ),
    (
        Settlement,
        "(select sum(o.net) from \"order\" o where count(o.lines) > 2 and o.client.country = 'IS')",
        "(select sum(o.net) from orders.\"order\" o where o.tenant = new.tenant and \
         (select count(*) from orders.order_lines c where c.tenant = o.tenant and c.\"order\" = o.id) > 2 and \
         (select r.country from orders.client r where r.tenant = o.tenant and r.id = o.client) = 'IS')",
    ),
    // Rule tables.
    (Order, "fx.rate('EUR')", "orders.fx_rate(new.tenant, statehouse.today('Atlantic/Reykjavik'), 'EUR')"),
    (Order, "fx.rate(currency, on => priced_on)", "orders.fx_rate(new.tenant, new.priced_on, new.currency)"),
    (Order, "freight.amount('a', 'b', ON => date '2026-01-01')", "orders.freight_amount(new.tenant, date '2026-01-01', 'a', 'b')"),
    (Settlement, "tiers.progressive(turnover, on => month)", "orders.tiers_progressive(new.tenant, new.month, new.turnover)"),
    // Rows of children and calculator steps.
    (Line, "round(net - cost)", "round(l.net - l.cost)"),
    (Line, "position", "l.\"position\""),
    (Line, "parent.net + net", "new.net + l.net"),
    (Line, "commission_rate.rate(vertical, on => parent.priced_on)", "orders.commission_rate_rate(l.tenant, new.priced_on, l.vertical)"),
    (Line, "parent.client.phone", "(select r.phone from orders.client r where r.tenant = new.tenant and r.id = new.client)"),
    (
        Line,
        "net / sum(parent.lines.net)",
        "l.net / (select coalesce(sum(c.net), 0) from orders.order_lines c where c.tenant = new.tenant and c.\"order\" = new.id)",
    ),
    (LonelyLine, "parent.priced_on", "(select r.priced_on from orders.\"order\" r where r.tenant = l.tenant and r.id = l.\"order\")"),
    (
        LonelyLine,
        "count(parent.lines)",
        "(select count(*) from orders.order_lines c where c.tenant = l.tenant and c.\"order\" = l.\"order\")",
    ),
    (Step, "landed * fx.rate('EUR')", "s_landed * orders.fx_rate(l.tenant, new.priced_on, 'EUR')"),
    (Step, "round(unit_price * quantity)", "round(s_unit_price * l.quantity)"),
    // Checks print bare columns.
    (Check, "deposit >= 0", "deposit >= 0"),
    (Check, "length(\"values\") between 4 and 40", "length(\"values\") between 4 and 40"),
    // Rollups by group.
    (
        PerCategory,
        "round(sum(lines.net) * vat_rate.rate(lines.vat_category) / 100)",
        "(select coalesce(sum(g.part), 0) from (select round(sum(c.net) * orders.vat_rate_rate(new.tenant, \
         statehouse.today('Atlantic/Reykjavik'), c.vat_category) / 100) as part from orders.order_lines c \
         where c.tenant = new.tenant and c.\"order\" = new.id group by c.vat_category) g)",
    ),
    (
        PerCategory,
        "sum(lines.net) filter (where lines.imported) + count(lines)",
        "(select coalesce(sum(g.part), 0) from (select sum(c.net) filter (where c.imported) + count(*) as part \
         from orders.order_lines c where c.tenant = new.tenant and c.\"order\" = new.id group by c.vat_category) g)",
    ),
];

#[test]
fn good_expressions_print_as_written_by_hand() {
    let mut wrong = vec![];
    for (place, text, expected) in GOOD {
        match compile(*place, text) {
            Ok(printed) if printed.sql == *expected => {}
            Ok(printed) => wrong.push(format!("{text}\n   want {expected}\n   have {}", printed.sql)),
            Err(fault) => wrong.push(format!("{text}\n   {fault:?}")),
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_printed_name_leads_back_to_the_author() {
    let text = "count(lines) > 0 and client.phone is not null";
    let printed = compile(Order, text).unwrap();
    let back = |sql: &str| &text[printed.author(printed.sql.find(sql).unwrap()).unwrap()];
    assert_eq!(back("r.phone"), "client.phone");
    assert_eq!(back("count(*)"), "count");
    assert_eq!(back("0 and"), "0");
    for mark in &printed.marks {
        assert!(text.get(mark.text.clone()).is_some() && printed.sql.get(mark.printed.clone()).is_some());
    }
}

#[test]
fn marks_count_bytes_over_lines_and_wide_letters() {
    let text = "title = 'żó'\n  and net > 'x'";
    let printed = compile(Order, text).unwrap();
    assert_eq!(&text[printed.author(printed.sql.find("'x'").unwrap()).unwrap()], "'x'");
}
