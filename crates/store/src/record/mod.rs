//! Sessions and moves: who asks, and one verb fired on one record.
//!
//! A move is four messages sent together: begin, the session, the update, commit. They are written to the connection in
//! one go before anything is awaited, so a caller who goes away in the middle leaves no transaction open behind him:
//! either nothing was sent or the commit was sent too.

mod bulk;
mod create;
mod fire;
mod get;
mod key;
mod list;
mod open;
pub(crate) mod pipeline;
mod refusal;
mod session;
mod shape;
mod together;
mod transitions;
mod values;
mod write;

pub use bulk::{Item, Outcome, bulk};
pub use create::create;
pub use fire::{Move, Moved, Target, fire, fire_seen};
pub(crate) use fire::{crossed, pause};
pub use get::{HISTORY_MAX, Seen, get, history, reachable, rows};
pub use key::{Kept, keyed, purge};
pub use list::{FIELDS_MAX, Listing, PAGE, PAGE_MAX, Page, SORTS_MAX, list, ranked};
pub use open::open;
pub use session::{Session, enter, enter_as, purge_sessions, resume, tenant};
pub(crate) use session::{context, read as read_session};
pub use shape::{Column, Shape};
pub use together::Lanes;
pub use transitions::{Opening, openings};
pub use values::{Values, Wrong};
pub use write::{NotWritten, RowEdit, Written, edit, edit_row, make, worst};

use statehouse_definition::expr::ident;

/// The view through which a role reaches an entity, e.g. `orders_rep."order"`.
pub fn view(app: &str, role: &str, entity: &str) -> String {
    format!("{}.{}", ident(&format!("{app}_{role}")), ident(entity))
}
