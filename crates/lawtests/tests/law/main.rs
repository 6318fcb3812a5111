//! The law, asked by ordinary clients.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test stops where it is surprised")]

mod attacks;
mod changing;
mod comments;
mod goldens;
mod ledger;
mod matrix;
mod objects;
mod oddities;
mod plans;
mod races;
mod refs;
mod requests;
mod settings;
mod world;
