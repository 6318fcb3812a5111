//! What is refused before any work is done for it: connections, headers, bodies, requests at once, requests a second.

mod around;
mod body;
mod connections;
mod proxies;
mod shares;

pub(crate) use around::guarded;
pub use body::body_max;
pub(crate) use body::fault_of;
pub(crate) use connections::{Busy, Connection, Connections, network};
pub(crate) use proxies::{HandedOn, Proxies};
pub(crate) use shares::{Admitted, ByName, Shares};
