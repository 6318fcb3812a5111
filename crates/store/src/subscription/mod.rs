//! Outgoing webhooks: who wants to be called, what is owed to them, and how a message is signed.
//!
//! `manage` a member's own subscriptions · `fan_out` events become deliveries · `sign` Standard Webhooks, pure.

mod fan_out;
mod manage;
mod sign;

pub use fan_out::{active, fan_out};
pub use manage::{Subscription, list, remove, rotate, subscribe, test};
pub use sign::{Master, Secret, headers, signature};
