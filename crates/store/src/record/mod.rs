//! Sessions and moves: who asks, and one verb fired on one record.
//!
//! A move is four messages sent together: begin, the session, the update, commit. They are written to the connection in
//! one go before anything is awaited, so a caller who goes away in the middle leaves no transaction open behind him:
//! either nothing was sent or the commit was sent too.

mod create;
mod fire;
mod refusal;
mod session;

pub use create::create;
pub use fire::{Move, Moved, Target, fire};
pub use session::{Session, enter, enter_as, tenant};

use statehouse_definition::expr::ident;

/// The view through which a role reaches an entity, e.g. `orders_rep."order"`.
pub fn view(app: &str, role: &str, entity: &str) -> String {
    format!("{}.{}", ident(&format!("{app}_{role}")), ident(entity))
}
