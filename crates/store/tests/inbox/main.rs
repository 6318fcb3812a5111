//! Messages from the outside, timers and schedules on a real server, with a clock set by hand.
#![allow(clippy::unwrap_used)]

mod apply;
mod claims;
mod erased;
mod floor;
mod held;
mod law;
mod permutations;
mod polls;
mod receive;
mod slots;
mod timers;
mod world;
