#![doc = include_str!("../README.md")]

pub mod apply;
pub mod audit;
pub mod connect;
pub mod definition;
pub mod doctor;
pub mod explain;
pub mod export;
pub mod import;
pub mod people;
pub mod record;
pub mod rehearsal;
pub mod rules;

mod fault;
mod secret;

pub use connect::{Db, Login, Place};
pub use fault::StoreFault;
