//! What an expression is said to read.

use std::collections::{BTreeMap, BTreeSet};

use super::fixture::{At, compile};
use crate::expr::{Uses, ident};

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn uses(place: At, text: &str) -> Uses {
    compile(place, text).unwrap().uses
}

#[test]
fn its_own_row_is_local() {
    let read = uses(At::Order, "net > 0 and state = 'quoted' and rep = actor() and now() < valid_until");
    let fields = set(&["net", "state", "rep", "valid_until"]);
    assert_eq!(read, Uses { fields, actor: true, now: true, row_local: true, ..Uses::default() });
}

#[test]
fn a_ref_names_its_field_and_where_it_leads() {
    let refs = BTreeSet::from([("client".to_owned(), "client".to_owned()), ("follows".to_owned(), "order".to_owned())]);
    assert_eq!(uses(At::Order, "follows.client.phone = ''"), Uses { fields: set(&["follows"]), refs, ..Uses::default() });
}

#[test]
fn aggregates_name_children_and_their_columns() {
    let children = BTreeMap::from([("lines".to_owned(), set(&["net", "imported"])), ("parcels".to_owned(), set(&[]))]);
    let text = "sum(lines.net) filter (where lines.imported) > count(parcels)";
    assert_eq!(uses(At::Order, text), Uses { children, ..Uses::default() });
}

#[test]
fn a_group_names_what_it_is_grouped_by() {
    let read = uses(At::PerCategory, "sum(lines.net) * vat_rate.rate(lines.vat_category)");
    assert_eq!(read.children["lines"], set(&["net", "vat_category"]));
    assert_eq!((read.tables, read.now, read.row_local), (set(&["vat_rate"]), true, false));
}

#[test]
fn sub_selects_name_entities_and_own_fields_apart() {
    let read = uses(At::Settlement, "exists (select from order_lines l join \"order\" o on o.id = l.\"order\" where o.rep = this.rep)");
    assert_eq!(read, Uses { fields: set(&["rep"]), entities: set(&["order"]), ..Uses::default() });
}

#[test]
fn children_read_their_parent_and_earlier_steps() {
    let read = uses(At::Step, "landed * quantity + parent.net");
    let expected = Uses { fields: set(&["quantity"]), parent: set(&["net"]), steps: set(&["landed"]), ..Uses::default() };
    assert_eq!(read, expected);
}

#[test]
fn freshness_is_not_local() {
    let read = uses(At::Order, "fresh(lines)");
    assert!(read.fresh && !read.row_local);
}

#[test]
fn names_are_quoted_only_when_they_must_be() {
    for (name, printed) in [
        ("client", "client"),
        ("order", "\"order\""),
        ("position", "\"position\""),
        ("Client", "\"Client\""),
        ("2nd", "\"2nd\""),
        ("a\"b", "\"a\"\"b\""),
        ("", "\"\""),
        ("name", "name"),
        ("left", "\"left\""),
        ("żółw", "\"żółw\""),
    ] {
        assert_eq!(ident(name), printed);
    }
}
