//! What Postgres says about types, at the author's line and column.

use statehouse_store::apply::typed;

use crate::world::{ORDER, SHOP, World, app, orders};

/// What is replaced in the entity, what by, and what is found: line, column, length, message. Postgres points to where
/// an operand begins, so the name there is underlined.
const TABLE: &[(&str, &str, &str)] = &[
    ("default: \"false\"", "default: \"today()\"", "5:51 +7 the default of `urgent`: the field is `boolean`, this is `date`"),
    (
        "note: { type: text }",
        "note: { type: text, check: \"note > 5\" }",
        "6:31 +8 the check of `note`: operator does not exist: text > integer",
    ),
    (
        "note: { type: text }",
        "note: { type: text }\n  more: { type: bool, computed: \"title || 'x' and urgent\" }",
        "7:34 +5 the computed `more`: argument of AND must be type boolean, not type text",
    ),
    (
        "pack: { from: open, to: packed, by: [rep] }",
        "pack: { from: open, to: packed, by: [rep], set: { note: \"version\" } }",
        "12:60 +7 `note` set by `pack`: the field is `text`, this is `integer`",
    ),
    (
        "pack: { from: open, to: packed, by: [rep] }",
        "pack: { from: open, to: packed, by: [rep], guards: { g: { that: \"urgent and title > 5\", else: { en: No } } } }",
        "12:79 +9 the guard `g` of `pack`: operator does not exist: text > integer",
    ),
];

#[tokio::test]
async fn each_type_error_is_found_where_it_was_written() {
    let world = World::new("typed");
    for (from, to, expected) in TABLE {
        assert!(ORDER.contains(from), "{from}");
        let found = typed::check(&world.place, &app(SHOP, &ORDER.replace(from, to))).await.expect("checked");
        let said: Vec<String> = found
            .iter()
            .map(|finding| format!("{}:{} +{} {}", finding.at.line, finding.at.column, finding.at.len, finding.message))
            .collect();
        assert_eq!(said, [*expected], "{to}");
        assert_eq!(found[0].code, "SH3026");
    }
}

#[tokio::test]
async fn the_orders_app_is_typed_and_every_row_rule_has_its_index() {
    let world = World::new("typed_orders");
    assert_eq!(typed::check(&world.place, &orders()).await.expect("checked"), []);
    assert_eq!(world.database.value_as_superuser("select count(*) from pg_namespace where nspname ~ '^(orders|statehouse)'"), "0");
}
