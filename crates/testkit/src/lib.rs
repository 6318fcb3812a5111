#![doc = include_str!("../README.md")]

mod asker;
mod cluster;
mod database;
mod place;
mod psql;

pub use cluster::Cluster;
pub use database::TestDatabase;
pub use psql::{PsqlRun, Verbosity};
