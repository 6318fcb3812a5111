//! The generated SQL of the orders app, and what Postgres answers with it.

#![allow(clippy::unwrap_used)]

mod answers;
mod text;
