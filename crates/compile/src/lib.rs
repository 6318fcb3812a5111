#![doc = include_str!("../README.md")]

pub mod engine;
pub mod entity;
pub mod object;
pub mod plan;
pub mod pricing;
mod schedule;
pub mod sql;

use statehouse_definition::model::App;

pub use object::{Kind, Object, ObjectId};

/// Everything an app needs in Postgres, in an order in which it can be created.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// Objects in dependency order.
    pub objects: Vec<Object>,
}

impl Compiled {
    /// All objects as one script for an administrator's connection: it works as the owner and ends as it began.
    pub fn script(&self) -> String {
        let mut script = String::from("set role statehouse_owner;\n");
        for object in &self.objects {
            script.push('\n');
            script.push_str(&object.sql);
        }
        script.push_str("\nreset role;\n");
        script
    }
}

/// Compiles a checked app. The engine (see [`engine`]) must be installed first.
///
/// # Errors
/// An expression that does not print; `check` finds these first, with the line underlined.
pub fn compile(app: &App) -> Result<Compiled, entity::CompileFault> {
    compile_while(app, &plan::Mapping::default())
}

/// Compiles an app under which records may still stand in the states that `mapping` retires: a move from such a state is
/// judged as from the state that took its place, and takes the record along.
///
/// # Errors
/// As [`compile`], and a condition of the mapping that does not print.
pub fn compile_while(app: &App, mapping: &plan::Mapping) -> Result<Compiled, entity::CompileFault> {
    entity::app(app, mapping).map(|objects| Compiled { objects })
}
