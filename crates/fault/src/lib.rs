#![doc = include_str!("../README.md")]

mod code;
mod fault;
mod list;
pub mod point;
mod sqlstate;

pub use code::{Code, Family, Retry, page};
pub use fault::{Fault, RefusedBy};
pub use list::*;
