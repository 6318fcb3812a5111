//! Records over HTTP: lists, one record, rows, moves, keys.

mod keys;
mod lists;
mod matrix;
mod moves;
mod queue;
mod scene;
mod writes;
