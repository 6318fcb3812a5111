//! Events as they happen, to each reader what his own history views show.
//!
//! The place of an event is `(xid, n)`: the transaction that wrote it and its number. A page ends where the oldest
//! transaction that still runs begins, so nothing appears later behind a reader. `cursor` a place · `page` events after
//! a place, under a session · `tail` where feeds end now, for whoever wakes readers.

mod cursor;
mod page;
mod tail;

pub use cursor::Cursor;
pub use page::{Event, Page, page};
pub use tail::{Start, Tail, start, tail, weigh};
