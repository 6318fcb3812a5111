//! Where a call may go, and the call.
//!
//! An address is judged where it is dialled: a name that was harmless when it was looked at may lead elsewhere a moment
//! later. [`destination::Destination`] is what an address says, judged before anything is looked up; [`address::refused`]
//! is asked of every address that a name led to; [`Client`] dials exactly what was judged.

pub mod address;
mod client;
pub mod destination;
mod fence;
mod network;
mod tls;

pub use client::{Answer, Caps, Client, Unsent, Why};
pub use destination::{Allowed, Destination, Refused};
pub use fence::Fence;
pub use network::{Network, Soon, System};
pub use tls::{Identity, NotACertificate};
