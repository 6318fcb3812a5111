//! What things cost: dated rule tables, calculators, and children whose fields are worked out from them.
//!
//! `table` a rule table and its rows · `lookup` its value functions · `bands` amounts cut into bands · `calculator`
//! one function per calculator · `stages` in which order a child's fields can be worked out · `lines` the function
//! that works them out · `fresh` whether what is stored still holds · `allocate` shares by largest remainder ·
//! `depends` what of the parent all this rests on. Everything here is a plain function of the owner: no login role
//! is granted any of it.

mod allocate;
mod bands;
mod calculator;
mod depends;
mod fresh;
mod lines;
mod lookup;
mod print;
mod stages;
mod table;
mod words;

#[cfg(test)]
mod tests;

use statehouse_definition::model::{App, Child, Entity};

use crate::entity::CompileFault;
use crate::object::Object;

pub use depends::depends_on_parent;
pub use lines::priced_call;
pub use table::{RuleRows, rows};

/// Rule tables with their functions, and the function that shares an amount where some child needs one. They rest on
/// the app's schema alone.
///
/// # Errors
/// None today; a rule table holds no expression.
pub fn rule_objects(app: &App) -> Result<Vec<Object>, CompileFault> {
    let mut objects = Vec::new();
    for (name, rules) in &app.tables {
        objects.push(table::object(app, name, rules));
        objects.extend(lookup::objects(app, name, rules));
        objects.extend(bands::object(app, name, rules));
    }
    objects.extend(allocate::object(app));
    Ok(objects)
}

/// Calculators of an entity and, per child with derived fields, the functions that work them out. They rest on the
/// entity's table and those of its children.
///
/// # Errors
/// An expression that does not print, a calculator without a step for a field it prices, fields in a circle.
pub fn priced_objects(app: &App, entity: &Entity) -> Result<Vec<Object>, CompileFault> {
    let mut objects = Vec::new();
    for (name, calculator) in app.calculators.iter().filter(|(_, c)| c.entity == entity.name) {
        objects.push(calculator::Calculation::new(app, entity, name, calculator)?.object()?);
    }
    for (name, child) in entity.children.iter().filter(|(_, child)| !priced_fields(child).is_empty()) {
        objects.push(lines::Lines::new(app, entity, name, child)?.object());
    }
    objects.extend(fresh::object(app, entity)?);
    Ok(objects)
}

/// Fields of a child that nobody writes, in the order of the file.
pub fn priced_fields(child: &Child) -> Vec<&str> {
    child.fields.iter().filter(|(_, field)| field.derived.is_some()).map(|(name, _)| name.as_str()).collect()
}
