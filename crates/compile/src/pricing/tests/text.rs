//! What is generated, to be read.

use std::path::Path;

use statehouse_definition::model::{App, Derived};

use crate::pricing::{depends_on_parent, priced_call, priced_objects, rows, rule_objects};

/// The app that comes with the project.
pub fn orders() -> App {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../apps/orders");
    let loaded = statehouse_definition::load(&folder);
    loaded.app.unwrap_or_else(|| panic!("{:#?}", loaded.findings))
}

fn sql(objects: &[crate::Object]) -> String {
    objects.iter().map(|object| format!("-- {}\n{}\n", object.id, object.sql)).collect()
}

#[test]
fn rule_tables_read_well() {
    insta::assert_snapshot!(sql(&rule_objects(&orders()).unwrap()));
}

#[test]
fn prices_read_well() {
    let app = orders();
    insta::assert_snapshot!(sql(&priced_objects(&app, &app.entities["order"]).unwrap()));
}

#[test]
fn an_entity_without_children_has_nothing_to_price() {
    let app = orders();
    assert!(priced_objects(&app, &app.entities["client"]).unwrap().is_empty());
    assert_eq!(priced_call(&app, &app.entities["client"], "lines", "new"), None);
}

#[test]
fn the_call_hands_over_what_prices_read() {
    let app = orders();
    let call = priced_call(&app, &app.entities["order"], "lines", "new");
    assert_eq!(call.as_deref(), Some("orders.order_lines_priced(new.tenant, new.id, new.priced_on, new.discount)"));
}

#[test]
fn dependencies_go_through_computed_fields() {
    let app = orders();
    let found = depends_on_parent(&app, &app.entities["order"], "lines");
    assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), ["discount", "discount_pct", "priced_on", "subtotal"]);
}

#[test]
fn rows_of_the_definition_are_data() {
    let all = rows(&orders());
    let fx = all.iter().find(|rows| rows.table == "fx").unwrap();
    let columns: Vec<String> = fx.columns.iter().map(|(name, of)| format!("{name} {of}")).collect();
    assert_eq!(
        columns.join(", "),
        "tenant int, market text, currency text, rate numeric, valid_from date, valid_to date, source text, checked_on date"
    );
    let cells: Vec<&str> = fx.rows[0].iter().map(|cell| cell.as_deref().unwrap_or("null")).collect();
    assert_eq!(
        cells,
        ["null", "null", "EUR", "143.20", "2026-01-01", "null", "Central Bank of Iceland reference rate, fixture", "2026-11-20"]
    );
    assert_eq!(all.iter().map(|rows| rows.rows.len()).sum::<usize>(), 3 + 1 + 9 + 3 + 2);
}

#[test]
fn fields_in_a_circle_are_named() {
    let mut app = orders();
    let field = &mut app.entities["order"].children["lines"].fields["discount"];
    field.derived = Some(Derived::Allocate { amount: "discount".to_owned(), over: "net".to_owned() });
    let fault = priced_objects(&app, &app.entities["order"]).unwrap_err();
    assert_eq!((fault.fault.code, &*fault.at.file), ("SH3030", "entities/order.yaml"));
    assert_eq!(fault.fault.message, "`commission`, `discount`, `net` wait for each other");
}

#[test]
fn every_variant_gives_every_price() {
    let mut app = orders();
    app.calculators["line_price"].variants["print"].shift_remove("cost").unwrap();
    let fault = priced_objects(&app, &app.entities["order"]).unwrap_err();
    assert_eq!((fault.fault.code, &*fault.at.file), ("SH3037", "prices/line_price.yaml"));
    assert_eq!(fault.fault.message, "`line_price` has no step `cost` for `print`");
}

#[test]
fn a_step_that_does_not_print_is_shown_where_it_stands() {
    let mut app = orders();
    app.calculators["line_price"].variants["print"]["cost"].text = "wieght_kg".to_owned();
    let fault = priced_objects(&app, &app.entities["order"]).unwrap_err();
    assert_eq!((fault.fault.code, fault.at.line), ("SH3025", 17));
}

#[test]
fn a_text_is_never_changed_by_indenting() {
    let mut app = orders();
    app.calculators["line_price"].variants["print"]["cost"].text = "length('a\nb')".to_owned();
    let objects = priced_objects(&app, &app.entities["order"]).unwrap();
    assert!(objects.iter().any(|object| object.sql.contains(r"length(e'a\nb')")));
}
