//! Figures worked out by hand, read back as the salesperson after moves made through the views.

use statehouse_testkit::app::{self, set_clock};
use statehouse_testkit::people::{BALTYK, NORDUR, Persona, Tenant};
use statehouse_testkit::{Cluster, TestDatabase, orders, orders::persona};

use crate::ledger;

const GOLDENS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../testkit/data/goldens.csv");
/// An account of the print house with `baltyk` alone.
const BALTYKS_SETUP: &str = "insert into orders.tariff (tenant, item, amount, valid_from, source, checked_on) values (2, 'print_setup', 147.50, '2026-01-01', 'print agreement 2026', '2026-11-20')";

/// Rows of one golden: column, expected.
fn expected(golden: &str) -> Vec<(String, String)> {
    let text = std::fs::read_to_string(GOLDENS).unwrap();
    let rows = text.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>());
    let rows: Vec<_> = rows.filter(|cells| cells[0] == golden).map(|cells| (cells[1].to_owned(), cells[2].to_owned())).collect();
    assert!(!rows.is_empty(), "no golden `{golden}`");
    rows
}

fn database() -> TestDatabase {
    let cluster = Cluster::shared();
    let db = cluster.database_from(&app::template(cluster, &app::folder(orders::APP)), "goldens");
    for tenant in [NORDUR, BALTYK] {
        orders::client(&db, tenant, "Golden", 100_000_000);
    }
    db
}

/// Writes an order as the salesperson: lines are rows of vertical, quantity and the measures, as SQL.
fn write(db: &TestDatabase, rep: &Persona, title: &str, discount: &str, lines: &[&str]) {
    let mut script = format!("insert into orders_rep.\"order\" (client, title) select id, '{title}' from orders_rep.client;\n");
    for line in lines {
        script.push_str(&format!(
            "insert into orders_rep.order_lines (\"order\", description, {line} from orders_rep.\"order\" where title = '{title}';\n"
        ));
    }
    // A discount is given while quoting.
    script.push_str(&format!("update orders_rep.\"order\" set fire = 'start' where title = '{title}';\n"));
    script.push_str(&format!("update orders_rep.\"order\" set discount_pct = {discount} where title = '{title}';\n"));
    db.psql_as(rep, &script).ok();
}

/// Compares every row of the golden with what the salesperson reads.
fn compare(db: &TestDatabase, rep: &Persona, golden: &str, title: &str) {
    for (column, expected) in expected(golden) {
        let read = match column.strip_prefix("lines.").and_then(|rest| rest.split_once('.')) {
            Some((position, field)) => format!(
                "select {field} = {expected}, {field} from (select l.*, row_number() over (order by l.position) as nth from orders_rep.order_lines l join orders_rep.\"order\" o on o.id = l.\"order\" where o.title = '{title}') x where nth = {position}"
            ),
            None => format!("select {column} = {expected}, {column} from orders_rep.\"order\" where title = '{title}'"),
        };
        let answer = db.value_as(rep, &read);
        assert!(answer.starts_with("t|"), "{golden} {column}: expected {expected}, read `{answer}`");
    }
}

fn drive(db: &TestDatabase, tenant: Tenant, title: &str, moves: &[(&str, &str)]) {
    for (role, verb) in moves {
        let who = persona(tenant, role);
        let (verb, input) = match *verb {
            "pay" => ("receive_payment", ", input = jsonb_build_object('paid', gross)"),
            "ship" => ("ship", ", input = '{\"tracking\": \"GOLD-1\"}'"),
            verb => (verb, ""),
        };
        let run = db.psql_as(&who, &format!("update {}.\"order\" set fire = '{verb}'{input} where title = '{title}'", who.schema));
        assert_eq!(run.ok(), "UPDATE 1\n", "{title}: {verb} by {role}");
    }
}

const Q2O_1: &[&str] = &[
    "vertical, quantity, cost_eur, weight_kg, imported) select id, 'Brake discs', 'auto', 4, 84.50, 6.2, true",
    "vertical, quantity) select id, 'Forms', 'print', 250",
    "vertical, quantity, weight_kg, length_m, width_m, height_m) select id, 'Pallet', 'logistics', 1, 310, 1.2, 1.0, 1.4",
];

#[test]
fn q2o_1_mixes_three_verticals_under_a_discount() {
    let db = database();
    let rep = persona(NORDUR, "rep");
    write(&db, &rep, "golden", "3", Q2O_1);
    compare(&db, &rep, "Q2O-1", "golden");
    drive(&db, NORDUR, "golden", &[("rep", "quote"), ("client", "accept"), ("admin", "confirm"), ("ops", "source")]);
    compare(&db, &rep, "Q2O-1", "golden");
    assert_eq!(ledger::contradictions(&db, "orders.order"), "");
}

#[test]
fn q2o_2_rounds_commission_line_by_line() {
    let db = database();
    let rep = persona(BALTYK, "rep");
    db.psql_as_superuser(BALTYKS_SETUP).ok();
    write(&db, &rep, "golden", "0", &["vertical, quantity) select id, 'Cover', 'print', 2"; 3]);
    drive(&db, BALTYK, "golden", &[("rep", "quote"), ("client", "accept")]);
    compare(&db, &rep, "Q2O-2", "golden");
    // The other tenant keeps paying the house's price.
    let other = persona(NORDUR, "rep");
    write(&db, &other, "golden", "0", &["vertical, quantity) select id, 'Cover', 'print', 2"]);
    assert_eq!(db.value_as(&other, "select gross from orders_rep.order_lines"), "9763");
}

#[test]
fn q2o_3_settles_a_month_by_bands() {
    let db = database();
    let (rep, admin) = (persona(BALTYK, "rep"), persona(BALTYK, "admin"));
    db.psql_as_superuser(BALTYKS_SETUP).ok();
    let months = [vec![8000, 750], vec![6000, 5000, 4999], vec![4000, 1999, 1243]];
    for (title, quantities) in ["a", "b", "c"].into_iter().zip(&months) {
        let lines: Vec<String> = quantities.iter().map(|q| format!("vertical, quantity) select id, 'Print', 'print', {q}")).collect();
        write(&db, &rep, title, "0", &lines.iter().map(String::as_str).collect::<Vec<_>>());
        let way = [
            ("rep", "quote"),
            ("client", "accept"),
            ("admin", "confirm"),
            ("ops", "produce"),
            ("ops", "ship"),
            ("ops", "dispatch"),
            ("client", "deliver"),
            ("admin", "pay"),
            ("admin", "close"),
        ];
        drive(&db, BALTYK, title, &way);
    }
    let open = format!("insert into orders_admin.settlement (rep, month) values ('{}', '2026-11-01')", rep.id());
    db.psql_as(&admin, &open).ok();
    let settle = "update orders_admin.settlement set fire = 'settle'";
    let early = db.psql_as(&admin, settle);
    assert!(early.stderr.contains("S4004") && early.stderr.contains("month_over"), "{}", early.stderr);
    set_clock(&db, "2026-12-01 00:00:00+00");
    assert_eq!(db.psql_as(&admin, settle).ok(), "UPDATE 1\n");
    for (column, expected) in expected("Q2O-3") {
        assert_eq!(db.value_as(&rep, &format!("select {column} from orders_rep.settlement")), expected, "{column}");
    }
    assert_eq!(ledger::contradictions(&db, "orders.settlement"), "");
}
