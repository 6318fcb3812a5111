#![doc = include_str!("../README.md")]

mod call;
mod control;
mod deed;
mod faults;
mod handle;
mod hooks;
mod ids;
mod log;
mod moment;
mod providers;
mod sandbox;
mod server;
mod shared;
mod shelf;
mod sign;
mod world;

pub use faults::{Limit, Mode, RetryAfter, Standing, Switch};
pub use handle::{Handle, SentRow, Told, Wish};
pub use hooks::{Delivery, State, Target};
pub use log::{Line, Sent};
pub use moment::Clock;
pub use sandbox::{Sandbox, Settings};

/// The stand-ins there are: the name that stands in their addresses, and what each stands in for.
pub fn stand_ins() -> impl Iterator<Item = (&'static str, &'static str)> {
    providers::ALL.iter().map(|provider| (provider.name(), provider.about()))
}
