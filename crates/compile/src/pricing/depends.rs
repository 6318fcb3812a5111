//! What of the parent the prices of its children rest on.

use std::collections::BTreeSet;

use statehouse_definition::expr::{self, Place, Purpose};
use statehouse_definition::model::{App, Derived, Entity};

use super::lines::Lines;
use super::priced_fields;

/// Parent columns that a child's derived fields rest on, directly or through computed fields of the parent, e.g.
/// `priced_on`, `discount` and, through it, `subtotal` and `discount_pct`. Rollups end the way: they rest on children.
/// Empty for a child without derived fields, and for one that [`super::priced_objects`] refuses.
pub fn depends_on_parent(app: &App, entity: &Entity, child: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let Some((name, child)) = entity.children.get_key_value(child).filter(|(_, child)| !priced_fields(child).is_empty()) else {
        return found;
    };
    let lines = Lines::new(app, entity, name, child);
    let mut open: Vec<String> = lines.iter().flat_map(Lines::parent_inputs).map(str::to_owned).collect();
    while let Some(column) = open.pop() {
        if found.insert(column.clone()) {
            open.extend(computed_from(app, entity, &column));
        }
    }
    found
}

/// Columns of the same row that a computed field reads.
fn computed_from(app: &App, entity: &Entity, column: &str) -> BTreeSet<String> {
    let Some(Derived::Computed(expr)) = entity.fields.get(column).and_then(|field| field.derived.as_ref()) else {
        return BTreeSet::new();
    };
    let place = Place { app, entity, child: None, row: "new", parent: None, steps: &[], on: None, purpose: Purpose::Computed };
    let printed = expr::parse(expr).and_then(|parsed| expr::print(&parsed, &place));
    printed.map(|printed| printed.uses.fields).unwrap_or_default()
}
