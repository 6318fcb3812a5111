//! Events as they happen, read over real connections. A binary of its own: it takes longer than all other faces together.
#![allow(clippy::unwrap_used)]

mod crowd;
mod reader;
mod scene;
mod stream;
mod subscriptions;
#[path = "../faces/world.rs"]
#[allow(dead_code, reason = "the other faces ask for more of it")]
mod world;
