//! What is refused before any work is done for it: connections, headers, bodies, requests at once, requests a second.

mod around;
mod body;
mod connections;
mod shares;

pub(crate) use around::guarded;
pub use body::body_max;
pub(crate) use body::fault_of;
pub(crate) use connections::{Busy, Connection, Connections};
pub(crate) use shares::{Admitted, Shares};
