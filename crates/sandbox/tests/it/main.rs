//! The sandbox as its callers meet it: over the wire.
#![allow(clippy::unwrap_used)]

mod client;
mod control;
mod durable;
mod faults;
mod golden;
mod hooks;
mod limits;
mod receiver;
mod signed;
