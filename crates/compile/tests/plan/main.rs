//! Plans made from real catalogs and carried out on real databases.
#![allow(missing_docs)]

mod changes;
mod drift;
mod edges;
mod engine;
mod states;
mod world;
