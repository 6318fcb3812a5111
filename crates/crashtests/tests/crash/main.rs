//! Proof that killing it changes nothing.

mod doors;
mod host;
mod matrix;
mod plants;
mod senders;
mod source;
