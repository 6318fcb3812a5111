#![doc = include_str!("../README.md")]

pub mod apply;
pub mod audit;
pub mod connect;
pub mod definition;
pub mod doctor;
pub mod durable;
pub mod effects;
pub mod explain;
pub mod export;
pub mod feed;
pub mod files;
pub mod forms;
pub mod held;
pub mod import;
pub mod inbox;
pub mod links;
pub mod people;
pub mod queues;
pub mod record;
pub mod rehearsal;
pub mod rules;
pub mod subscription;
pub mod time;

mod fault;
mod kept;
mod secret;

pub use connect::{Db, Load, Login, Place};
pub use fault::StoreFault;
