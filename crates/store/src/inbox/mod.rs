//! Messages from the outside: stored before they are acknowledged, applied to their records afterwards.
//!
//! A claim is a lease with a number, the attempt; whatever is said about a message afterwards counts only under that
//! number, from that worker. Nothing here waits for anything outside: a caller claims, goes away to ask the sender where
//! it must, and comes back.
//!
//! `endpoint` secret addresses · `receive` what the server does before it acknowledges · `claim` leases and what became of
//! a message that moved nothing · `apply` a message becomes a move · `queue` what people see and do · `poll` asking for
//! what was lost.

mod apply;
mod claim;
mod endpoint;
mod poll;
mod queue;
mod receive;

pub use apply::{Applied, Wanted, apply_message};
pub use claim::{Claimed, End, Held, Outcome, Recovered, TRIES_MAX, beat, claim, recover, settle};
pub use endpoint::{Endpoint, Made, all, endpoint_of, endpoints, issue, make_endpoint, revoke_endpoint, withdraw};
pub use poll::{Item, Poll, claim_poll, finish_poll, receive_item};
pub use queue::{Filter, STATES, forget, list, one, replay};
pub use receive::{Receipt, Received, Verdict, receive};
