//! The law, asked by ordinary clients.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test stops where it is surprised")]

mod attacks;
mod goldens;
mod ledger;
mod matrix;
mod objects;
mod oddities;
mod races;
mod settings;
mod world;
