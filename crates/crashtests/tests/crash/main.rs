//! Proof that killing it changes nothing.

mod host;
mod matrix;
mod plants;
