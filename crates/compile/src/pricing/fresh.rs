//! Whether the stored figures are what they would be if they were worked out now.

use statehouse_definition::model::{App, Entity};

use super::lines::Lines;
use super::priced_fields;
use super::words::{Function, child_table, parameter, qualified, title};
use crate::entity::CompileFault;
use crate::object::Object;
use crate::sql::{ident, wrap};

/// `orders.order_fresh(record)`, for an entity with derived fields in any child.
pub fn object(app: &App, entity: &Entity) -> Result<Option<Object>, CompileFault> {
    let mut differences = Vec::new();
    for (name, child) in entity.children.iter().filter(|(_, child)| !priced_fields(child).is_empty()) {
        let columns = |alias: &str| {
            let columns: Vec<String> = priced_fields(child).iter().map(|field| format!("{alias}.{}", ident(field))).collect();
            wrap(&columns, 0, 140)
        };
        differences.push(format!(
            "exists (
    select from {table} l
      join {call} p on p.id = l.id
     where l.tenant = record_.tenant and l.{parent} = record_.id
       and ({stored}) is distinct from ({now}))",
            table = qualified(app, &child_table(entity, name)),
            call = Lines::new(app, entity, name, child)?.call("record_"),
            parent = ident(&entity.name),
            stored = columns("l"),
            now = columns("p"),
        ));
    }
    if differences.is_empty() {
        return Ok(None);
    }
    let function = Function {
        app,
        name: format!("{}_fresh", entity.name),
        takes: vec![parameter("record_", &qualified(app, &entity.name))],
        returns: "returns boolean".to_owned(),
        reads: "stable",
        body: format!("begin\n  return not {};\nend", differences.join("\n    and not ")),
        comment: format!(
            "True while every stored figure of the {} is what it would be now",
            title(&entity.label, &entity.name).to_lowercase()
        ),
    };
    Ok(Some(function.object()))
}
