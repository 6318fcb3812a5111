//! What leaves by the one client, over real sockets.
#![allow(clippy::unwrap_used)]

mod answers;
mod fenced;
mod judgments;
mod protected;
mod provider;
mod requests;
mod trap;
mod wire;
