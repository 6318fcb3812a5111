//! What the store does to a real Postgres.

mod apply;
mod people;
mod states;
mod world;
