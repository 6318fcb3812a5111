//! Outgoing webhooks: who wants to be called, what is owed to them, and how a message is signed.
//!
//! `manage` a member's own subscriptions · `fan_out` events become deliveries · `owed` they are lent and settled · `sign` Standard Webhooks, pure.

mod fan_out;
mod manage;
mod owed;
mod sign;

pub use fan_out::{active, fan_out};
pub use manage::{Subscription, list, remove, rotate, subscribe, test};
pub use owed::{Call, Delivery, Taken, claim, purge, recover, settle};
pub use sign::{Master, Secret, headers, signature};
