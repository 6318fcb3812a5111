//! The parts of the harness, each tried alone.

mod check;
mod drill;
mod plan;
mod plants;
mod points;
mod proof;
mod proxy;
mod scan;
