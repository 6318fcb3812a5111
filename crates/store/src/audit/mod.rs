//! The chain of events, computed again outside the database and compared with what an earlier look wrote down.
//!
//! `link` one event and its hash · `tree` many heads as one root · `anchor` what is kept outside · `read` the rows ·
//! `judge` one record's events · `verify` all of them · `erase` a subject forgotten.

mod anchor;
mod erase;
mod finding;
mod judge;
mod link;
mod read;
mod tree;
mod verify;

pub use anchor::{Anchor, AnchoredTenant, anchor};
pub use erase::{Subject, erase};
pub use finding::{Finding, What};
pub use verify::{Report, verify};
