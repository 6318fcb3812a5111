//! What Postgres answers when it is asked for prices. The expected figures are those of hand-worked orders.

use std::path::Path;

use statehouse_testkit::{Cluster, TestDatabase};

use super::text::orders;
use crate::pricing::{priced_objects, rows, rule_objects};
use crate::sql::{ident, literal};

/// Tables as the law makes them, without the law: prices read them and write nothing.
const TABLES: &str = "
create table orders.\"order\" (
  tenant int not null, id uuid not null, priced_on date not null, discount bigint, constraint order_pkey primary key (tenant, id));
create table orders.order_lines (
  tenant int not null, id uuid not null default gen_random_uuid(), \"order\" uuid not null, position int not null,
  vertical text not null, description text not null default 'x', quantity numeric not null default 1, imported boolean not null default false,
  vat_category text not null default 'standard', cost_eur numeric, weight_kg numeric, length_m numeric, width_m numeric, height_m numeric, drawing bytea,
  unit_price numeric, cost bigint, gross bigint, discount bigint, net bigint, commission bigint, trace jsonb,
  constraint order_lines_pkey primary key (tenant, id));";

/// Rows of two tenants: `nordur` (1) and `baltyk` (2, market PL, with its own print set-up).
const SCENE: &str = "
insert into statehouse.tenant (slug, name, market) values ('nordur', 'Norður', null), ('baltyk', 'Bałtyk', 'PL');
insert into orders.\"order\" values
  (1, '00000000-0000-7000-8000-000000000001', '2026-11-20', 5064),
  (2, '00000000-0000-7000-8000-000000000002', '2026-11-20', 0);
insert into orders.order_lines (tenant, \"order\", position, vertical, quantity, cost_eur, weight_kg, length_m, width_m, height_m) values
  (1, '00000000-0000-7000-8000-000000000001', 1, 'auto', 4, 84.50, 6.2, null, null, null),
  (1, '00000000-0000-7000-8000-000000000001', 2, 'print', 250, null, null, null, null, null),
  (1, '00000000-0000-7000-8000-000000000001', 3, 'logistics', 1, null, 310, 1.2, 1.0, 1.4),
  (2, '00000000-0000-7000-8000-000000000002', 1, 'print', 2, null, null, null, null, null),
  (2, '00000000-0000-7000-8000-000000000002', 2, 'print', 2, null, null, null, null, null),
  (2, '00000000-0000-7000-8000-000000000002', 3, 'print', 2, null, null, null, null, null);";

/// The columns that are worked out.
const FIGURES: &str = "p.unit_price, p.cost, p.gross, p.discount, p.net, p.commission";

fn database(hint: &str) -> TestDatabase {
    let cluster = Cluster::shared();
    let template = cluster.template("pricing", |db| {
        db.psql_as_superuser(&format!("\\set ON_ERROR_STOP on\n{}", everything())).ok();
    });
    cluster.database_from(&template, hint)
}

/// The engine, the tables, the functions, and the rows.
fn everything() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("engine");
    let names = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.starts_with('0') && name.ends_with(".sql")).collect();
    names.sort();
    let mut sql = String::new();
    for (place, name) in names.iter().enumerate() {
        if place == 1 {
            sql.push_str(
                "alter default privileges for role statehouse_owner revoke execute on functions from public;\nset role statehouse_owner;\n",
            );
        }
        sql.push_str(&std::fs::read_to_string(folder.join(name)).unwrap());
    }
    let app = orders();
    sql.push_str("reset role;\ncreate schema orders authorization statehouse_owner;\nset role statehouse_owner;\n");
    sql.push_str(TABLES);
    for object in rule_objects(&app).unwrap().into_iter().chain(priced_objects(&app, &app.entities["order"]).unwrap()) {
        sql.push_str(&object.sql);
    }
    for rows in rows(&app) {
        for row in rows.rows {
            let cells: Vec<String> = row.iter().map(|cell| cell.as_deref().map_or("null".to_owned(), literal)).collect();
            sql.push_str(&format!("insert into {}.{} values ({});\n", ident(&rows.schema), ident(&rows.table), cells.join(", ")));
        }
    }
    sql.push_str(SCENE);
    sql.push_str(
        "set statehouse.tenant = '2';
insert into orders.tariff values (2, null, 'print_setup', 147.50, '2026-01-01', null, 'print agreement', '2026-11-20');",
    );
    for table in ["\"order\"", "order_lines"] {
        sql.push_str(&format!(
            "alter table orders.{table} enable row level security;
alter table orders.{table} force row level security;
create policy tenant_of_the_door on orders.{table} to statehouse_owner
  using (tenant = nullif(current_setting('statehouse.tenant', true), '')::int);"
        ));
    }
    sql
}

/// Asks as the owner behind the open door of a tenant.
fn ask(db: &TestDatabase, tenant: i32, statement: &str) -> String {
    db.value_as_superuser(&format!("set role statehouse_owner;\nset statehouse.tenant = '{tenant}';\n{statement}"))
}

/// What the owner is refused with.
fn refusal(db: &TestDatabase, tenant: i32, statement: &str) -> String {
    let script = format!("\\set VERBOSITY verbose\nset role statehouse_owner;\nset statehouse.tenant = '{tenant}';\n{statement};");
    let run = db.psql_as_superuser(&script);
    assert!(run.stderr.contains("ERROR:"), "not refused: {}", run.stdout);
    run.stderr
}

fn priced(db: &TestDatabase, tenant: i32, columns: &str) -> String {
    let call = "orders.order_lines_priced(o.tenant, o.id, o.priced_on, o.discount)";
    ask(db, tenant, &format!("select {columns} from orders.\"order\" o cross join {call} p order by p.position"))
}

#[test]
fn a_mixed_order_is_priced_to_the_unit() {
    let db = database("mixed");
    let figures = FIGURES.replace("p.unit_price", "trim_scale(p.unit_price)");
    assert_eq!(
        priced(&db, 1, &figures),
        "22234|69482|88936|2668|86268|1343\n131.25|0|42313|1269|41044|2052\n37555.4|0|37555|1127|36428|1093"
    );
}

#[test]
fn commission_rounds_per_line() {
    let db = database("per_line");
    let line = "131.25|0|410|0|410|21";
    assert_eq!(priced(&db, 2, FIGURES), [line; 3].join("\n"));
}

#[test]
fn the_trace_says_every_step_exactly() {
    let db = database("trace");
    let step = |name: &str| format!("trim_scale((p.trace ->> '{name}')::numeric)");
    let steps = |names: &[&str]| names.iter().map(|name| step(name)).collect::<Vec<_>>().join(", ");
    let first = priced(&db, 1, &steps(&["cost_isk", "freight", "landed"]));
    assert_eq!(first.lines().next().unwrap(), "12100.4|5270|17370.4");
    let third = priced(&db, 1, &steps(&["volumetric", "chargeable", "freight", "fuel"]));
    assert_eq!(third.lines().next_back().unwrap(), "280.56|310|28520|4135.4");
}

#[test]
fn without_an_input_there_is_no_price() {
    let db = database("missing");
    // Without its weight the pallet must not be priced by volume alone.
    for missing in ["weight_kg", "length_m"] {
        db.psql_as_superuser(&format!("update orders.order_lines set {missing} = null where vertical = 'logistics'")).ok();
        let third = priced(&db, 1, &format!("{FIGURES}, p.trace -> 'chargeable'"));
        assert_eq!(third.lines().next_back().unwrap(), "||||||null", "{missing}");
        db.psql_as_superuser("update orders.order_lines set weight_kg = 310 where vertical = 'logistics'").ok();
    }
    // The others are shared out as if it were not there.
    assert_eq!(priced(&db, 1, "coalesce(p.discount::text, 'none')"), "3431\n1633\nnone");
}

#[test]
fn an_amount_not_known_yet_leaves_shares_open() {
    let db = database("open_amount");
    let call = "orders.order_lines_priced(1, '00000000-0000-7000-8000-000000000001', '2026-11-20', null)";
    assert_eq!(ask(&db, 1, &format!("select p.gross, p.discount, p.net from {call} p order by p.position")), "88936||\n42313||\n37555||");
}

#[test]
fn bands_pay_each_their_own_rate() {
    let db = database("bands");
    let pay = |amount: &str| ask(&db, 1, &format!("select orders.tiers_progressive(1, '2026-11-01', {amount})"));
    for (amount, paid) in [("4200000", "140000"), ("1000000", "20000"), ("3000000", "80000"), ("0", "0"), ("24", "0"), ("25", "1")] {
        assert_eq!(pay(amount), paid, "{amount}");
    }
    for amount in ["-1", "null"] {
        assert!(refusal(&db, 1, &format!("select orders.tiers_progressive(1, '2026-11-01', {amount})")).contains("S4011"), "{amount}");
    }
    assert!(refusal(&db, 1, "select orders.tiers_progressive(1, '2019-12-31', 5)").contains("S4011"));
}

#[test]
fn one_scope_gives_all_bands() {
    let db = database("band_scope");
    db.psql_as_superuser("insert into orders.tiers values (2, null, 0, 10, '2026-01-01', '2027-01-01', 'agreement', '2026-11-20')").ok();
    assert_eq!(ask(&db, 2, "select orders.tiers_progressive(2, '2026-11-01', 4200000)"), "420000");
    assert_eq!(ask(&db, 2, "select orders.tiers_progressive(2, '2027-01-01', 4200000)"), "140000");
    assert_eq!(ask(&db, 1, "select orders.tiers_progressive(1, '2026-11-01', 4200000)"), "140000");
    db.psql_as_superuser("insert into orders.tiers values (2, null, 0, 11, '2026-02-01', null, 'agreement', '2026-11-20')").ok();
    assert!(refusal(&db, 2, "select orders.tiers_progressive(2, '2026-11-01', 4200000)").contains("2 rows of `tiers` match"));
}

#[test]
fn shares_sum_to_the_whole() {
    let db = database("shares");
    let share = |amount: &str, weights: &str| ask(&db, 1, &format!("select orders.allocate({amount}, '{weights}')"));
    for (amount, weights, parts) in [
        ("5064", "{88936,42313,37555}", "{2668,1269,1127}"),
        ("1", "{1,1,1}", "{1,0,0}"),
        ("4", "{1,1,1,1,1,1,1}", "{1,1,1,1,0,0,0}"),
        ("15", "{80,8,12}", "{12,1,2}"),
        ("80", "{120,200,0}", "{30,50,0}"),
        ("48000", "{0.012,0.030,0.020}", "{9290,23226,15484}"),
        ("2500", "{1299,180,96}", "{2062,286,152}"),
        ("-50", "{1,2}", "{-17,-33}"),
        ("7", "{1,null,1}", "{4,NULL,3}"),
        ("0", "{0,0}", "{0,0}"),
        ("null", "{1,2}", "{NULL,NULL}"),
        ("9", "{null,null}", "{NULL,NULL}"),
        ("9223372036854775807", "{1,1}", "{4611686018427387904,4611686018427387903}"),
    ] {
        assert_eq!(share(amount, weights), parts, "{amount} over {weights}");
    }
    for weights in ["{0,0}", "{0,null}", "{3,-1}"] {
        assert!(refusal(&db, 1, &format!("select orders.allocate(1, '{weights}')")).contains("S4019"), "{weights}");
    }
}

#[test]
fn no_share_is_a_unit_away_from_its_exact_part() {
    let db = database("shares_many");
    let wrong = "select setseed(0.25); with cases as materialized (
  select n, (random() * 1000000)::bigint as amount, (select array_agg(w.weight) from (select (random() * 5000)::int::numeric + n % 2 as weight from generate_series(1, 2 + n % 12)) w) as weights
    from generate_series(1, 500) n)
select count(*), count(*) filter (where (select sum(p) from unnest(s) p) <> amount
    or exists (select from unnest(s, weights) u (part, weight) where part < 0 or abs(part - amount * weight / (select sum(w) from unnest(weights) w)) >= 1))
  from cases, orders.allocate(amount, weights) s";
    assert_eq!(ask(&db, 1, wrong).lines().next_back().unwrap(), "500|0");
}

#[test]
fn the_narrowest_scope_wins() {
    let db = database("scope");
    let rate = |tenant: i32| ask(&db, tenant, &format!("select orders.fx_rate({tenant}, '2026-11-20', 'EUR')"));
    assert_eq!((rate(1), rate(2)), ("143.20".to_owned(), "143.20".to_owned()));
    db.psql_as_superuser("insert into orders.fx values (null, 'PL', 'EUR', 150, '2026-01-01', null, 'bank', '2026-11-20')").ok();
    assert_eq!((rate(1), rate(2)), ("143.20".to_owned(), "150".to_owned()));
    db.psql_as_superuser("insert into orders.fx values (2, null, 'EUR', 151, '2026-01-01', null, 'bank', '2026-11-20')").ok();
    assert_eq!((rate(1), rate(2)), ("143.20".to_owned(), "151".to_owned()));
}

#[test]
fn none_or_several_rows_are_refused() {
    let db = database("refused");
    let none = refusal(&db, 1, "select orders.fx_rate(1, '2025-12-31', 'EUR')");
    assert!(none.contains("S4011: no row of `fx` matches currency EUR on 2025-12-31"), "{none}");
    for fact in ["\"code\": \"SH4011\"", "\"table\": \"fx\"", "\"found\": 0", "\"on\": \"2025-12-31\"", "{\"currency\": \"EUR\"}"] {
        assert!(none.contains(fact), "{fact} in {none}");
    }
    assert!(refusal(&db, 1, "select orders.fx_rate(1, '2026-11-20', null)").contains("no row of `fx` matches currency null"));
    assert!(refusal(&db, 1, "select orders.fx_rate(1, null, 'EUR')").contains("on null"));
    assert!(refusal(&db, 1, "select orders.fx_rate(null, '2026-11-20', 'EUR')").contains("S4011"));
    db.psql_as_superuser("insert into orders.fx values (null, null, 'EUR', 144, '2026-06-01', null, 'bank', '2026-11-20')").ok();
    let several = refusal(&db, 1, "select orders.fx_rate(1, '2026-11-20', 'EUR')");
    assert!(several.contains("S4011: 2 rows of `fx` match currency EUR on 2026-11-20") && several.contains("\"found\": 2"), "{several}");
    assert_eq!(ask(&db, 1, "select orders.fx_rate(1, '2026-05-31', 'EUR')"), "143.20");
}

#[test]
fn a_closed_door_is_not_answered_by_a_wider_row() {
    let db = database("closed_door");
    assert!(refusal(&db, 1, "select orders.tariff_amount(2, '2026-11-20', 'print_setup')").contains("S4011"));
    assert_eq!(ask(&db, 2, "select orders.tariff_amount(2, '2026-11-20', 'print_setup')"), "147.50");
    assert_eq!(ask(&db, 1, "select count(*) from orders.tariff where tenant is not null"), "0");
}

#[test]
fn the_last_day_is_not_part_of_the_validity() {
    let db = database("validity");
    // Finland: 24 % to the end of August 2024, 25.5 % from the first of September.
    db.psql_as_superuser(
        "insert into orders.vat_rate values
  (null, null, 'fi', 24, '2013-01-01', '2024-09-01', 'vero.fi', '2026-11-20'),
  (null, null, 'fi', 25.5, '2024-09-01', null, 'vero.fi', '2026-11-20')",
    )
    .ok();
    let rate = |day: &str| ask(&db, 1, &format!("select orders.vat_rate_rate(1, '{day}', 'fi')"));
    assert_eq!((rate("2013-01-01"), rate("2024-08-31"), rate("2024-09-01")), ("24".to_owned(), "24".to_owned(), "25.5".to_owned()));
    assert!(refusal(&db, 1, "select orders.vat_rate_rate(1, '2012-12-31', 'fi')").contains("S4011"));
}

#[test]
fn a_rule_row_must_be_whole() {
    let db = database("rows");
    for (row, constraint) in [
        ("(1, 'IS', 'USD', 1, '2026-01-01', null, 'bank', '2026-11-20')", "fx_one_scope"),
        ("(null, null, 'usd', 1, '2026-01-01', null, 'bank', '2026-11-20')", "fx_currency_form"),
        ("(null, null, 'USD', 1, '2026-01-01', '2026-01-01', 'bank', '2026-11-20')", "fx_holds_a_day"),
        ("(null, null, 'USD', 1, '2026-01-01', null, ' ', '2026-11-20')", "fx_source_given"),
        ("(null, null, 'EUR', 1, '2026-01-01', null, 'bank', '2026-11-20')", "fx_one_a_day"),
        ("(99, null, 'EUR', 1, '2026-01-01', null, 'bank', '2026-11-20')", "fx_tenant_exists"),
    ] {
        let run = db.psql_as_superuser(&format!("insert into orders.fx values {row}"));
        assert!(run.stderr.contains(constraint), "{row}: {}", run.stderr);
    }
}

#[test]
fn an_unknown_variant_is_refused() {
    let db = database("variant");
    db.psql_as_superuser("update orders.order_lines set vertical = 'boat' where position = 1").ok();
    let call = "select orders.order_lines_priced(1, '00000000-0000-7000-8000-000000000001', '2026-11-20', 0)";
    assert!(refusal(&db, 1, call).contains("S4011: `line_price` has no steps for vertical boat"));
}

#[test]
fn prices_are_fresh_until_something_they_rest_on_changes() {
    let fresh = |db: &TestDatabase| ask(db, 1, "select orders.order_fresh(o) from orders.\"order\" o");
    let changes = [
        "update orders.fx set rate = 143.21",
        "update orders.order_lines set quantity = 5 where position = 1",
        "update orders.\"order\" set discount = 5065",
        "update orders.commission_rate set rate = 9 where vertical = 'auto'",
        "update orders.order_lines set commission = commission + 1 where position = 2",
    ];
    let db = database("fresh");
    assert_eq!(fresh(&db), "f");
    let store = "update orders.order_lines l set (unit_price, cost, gross, discount, net, commission) = (p.unit_price, p.cost, p.gross, p.discount, p.net, p.commission)
  from orders.\"order\" o, orders.order_lines_priced(o.tenant, o.id, o.priced_on, o.discount) p where p.id = l.id returning true";
    for change in changes {
        assert_eq!(ask(&db, 1, store).lines().filter(|line| *line == "t").count(), 3);
        assert_eq!(fresh(&db), "t", "before {change}");
        db.psql_as_superuser(change).ok();
        assert_eq!(fresh(&db), "f", "after {change}");
    }
}

#[test]
fn a_step_may_read_the_record() {
    let mut app = orders();
    let gross = app.calculators["line_price"].variants["auto"].get_mut("gross").unwrap();
    gross.text = "unit_price * quantity * (100 - parent.discount_pct) / 100".to_owned();
    let db = database("reads_record");
    let objects = priced_objects(&app, &app.entities["order"]).unwrap();
    let sql: String = objects.iter().filter(|object| object.id.name != "order_fresh").map(|object| object.sql.as_str()).collect();
    db.psql_as_superuser(&format!("set role statehouse_owner;\n{sql}")).ok();
    // 10 % off 88,936; a share of the record's own discount has the same name as a field of the line.
    let call = "orders.order_lines_priced(1, '00000000-0000-7000-8000-000000000001', '2026-11-20', 10, 1000)";
    assert_eq!(ask(&db, 1, &format!("select p.gross, p.discount from {call} p where p.position = 1")), "80042|500");
}

#[test]
fn no_login_role_may_ask() {
    let db = database("granted");
    let granted = "select count(*), bool_or(has_function_privilege('statehouse_api', p.oid, 'execute') or p.prosecdef) from pg_proc p where p.pronamespace = 'orders'::regnamespace";
    assert_eq!(db.value_as_superuser(granted), "11|f");
}
