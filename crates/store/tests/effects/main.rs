//! Work owed to the outside, on a real server: who gets it, who may say what became of it, and what is never sent twice.
#![allow(clippy::unwrap_used)]

mod calls;
mod cancel;
mod claims;
mod fence;
mod gates;
mod law;
mod leases;
mod outbox;
mod restore;
mod wake;
mod world;
