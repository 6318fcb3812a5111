//! What the store does to a real Postgres.

mod apply;
mod codes;
mod connectors;
mod people;
mod pool;
mod states;
mod typed;
mod world;
