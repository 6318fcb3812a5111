//! Owns the difference between what a database is and what the definition says it should be, as steps a person can
//! read and `apply` can run. It does not know how to reach a database: the store crate runs [`CATALOG`] in both and
//! hands over two snapshots, so that every comparison is between texts that Postgres itself printed.

mod catalog;
mod compare;
mod fate;
mod foreign;
mod id;
mod mapping;
mod order;
mod partitions;
mod removal;
mod rename;
mod render;
mod snapshot;
mod states;
mod step;
mod write;

pub use catalog::{CATALOG, PREPARE, SETTINGS, SETTINGS_ALONE};
pub use compare::{Request, diff, plan};
pub use id::{Kind, ObjectId, ident, literal};
pub use mapping::{Branch, Counts, Many, Mapping, One, StateChange, Target};
pub use render::render;
pub use snapshot::{Facts, RoleFacts, Snapshot, UnreadableRow};
pub use step::{Action, BATCH_ROWS, Class, FORMAT_VERSION, Finding, Migration, Move, Plan, Step, Unmanaged};
