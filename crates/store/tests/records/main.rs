//! Records of the orders app on a real server: moves, imports, explanations, audits.
#![allow(clippy::unwrap_used)]

mod audit;
mod cancel;
mod explain;
mod export;
mod fire;
mod import;
mod tenants;
mod together;
mod world;
