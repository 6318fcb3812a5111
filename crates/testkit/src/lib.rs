#![doc = include_str!("../README.md")]

pub mod app;
mod asker;
mod cluster;
mod database;
pub mod orders;
pub mod people;
mod place;
mod psql;

pub use cluster::Cluster;
pub use database::TestDatabase;
pub use psql::{PsqlRun, Verbosity};
