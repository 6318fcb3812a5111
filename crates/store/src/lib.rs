#![doc = include_str!("../README.md")]

pub mod apply;
pub mod audit;
pub mod connect;
pub mod definition;
pub mod doctor;
pub mod explain;
pub mod export;
pub mod feed;
pub mod files;
pub mod forms;
pub mod import;
pub mod links;
pub mod people;
pub mod record;
pub mod rehearsal;
pub mod rules;
pub mod subscription;

mod fault;
mod kept;
mod secret;

pub use connect::{Db, Load, Login, Place};
pub use fault::StoreFault;
