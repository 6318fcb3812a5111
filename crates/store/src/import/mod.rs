//! Records from files: read and checked cell by cell, then written through the engine's own views.
//!
//! `source` files as rows · `cell` a value by its field's type · `draft` rows as records with their children · `write`
//! drafts into the database · `rules` a tenant's rows of a rule table.

mod cell;
mod draft;
mod rules;
mod source;
mod write;

use serde::Serialize;
use uuid::Uuid;

pub use rules::{RuleImport, import_rules};
pub use source::Source;
pub use write::{Import, import};

/// A cell or row that cannot be imported.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct BadCell {
    /// The file as it was named.
    pub file: String,
    /// 1-based line of the file.
    pub row: u64,
    /// 1-based column of the row; 0 for the row as a whole.
    pub column: u64,
    /// What is wrong.
    pub detail: String,
    /// What to do about it.
    pub help: String,
}

impl std::fmt::Display for BadCell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.row, self.column, self.detail)
    }
}

/// How an import went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Records written.
    pub added: u64,
    /// Rows of children written with them.
    pub children: u64,
    /// Records that were there already, left as they are.
    pub present: u64,
    /// What was refused; unless the import was partial, nothing is written when there is any.
    pub bad: Vec<BadCell>,
}

/// Records of files are known by the caller's own key: the same key gives the same id, so a second import changes nothing.
const NAMESPACE: Uuid = Uuid::from_u128(0x5f0a_3a52_7c1e_5b60_9d4c_3f7e_21a8_6b19);

/// The id of a record that was imported under `key`; `tenant` is its slug, `entity` goes without the app.
pub fn record_id(tenant: &str, app: &str, entity: &str, key: &str) -> Uuid {
    Uuid::new_v5(&NAMESPACE, format!("{tenant}/{app}.{entity}/{key}").as_bytes())
}

fn child_id(record: Uuid, child: &str, position: usize) -> Uuid {
    Uuid::new_v5(&record, format!("{child}/{position}").as_bytes())
}
