#![doc = include_str!("../README.md")]

mod fault;
mod options;

mod binaries;
mod child;
mod home;
mod identity;
mod initialize;
mod orphan;
mod probe;
mod wait;

mod keeper;
mod server;

pub use binaries::Binaries;
pub use fault::PostgresFault;
pub use options::{FLOOR, Options, PORT, SUPERUSER};
pub use server::{Server, url};
