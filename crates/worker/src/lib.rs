#![doc = include_str!("../README.md")]

mod turned;
mod worker;

pub mod effects;
pub mod schedule;

mod asking;
mod attention;
mod deliveries;
mod fetch;
mod messages;
mod owed;
mod polls;
mod retry;
mod run;
mod running;
mod secrets;
mod shared;
mod sweep;
mod witness;

pub use secrets::secrets;
pub use turned::Turned;
pub use worker::Worker;
