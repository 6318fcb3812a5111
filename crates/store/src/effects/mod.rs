//! Work owed to the outside, as the database lends it out: who may send what, until when, and what became of it.
//!
//! A claim is a lease with a number, the attempt; whatever is said about an effect afterwards counts only under that
//! number, from that worker, while the lease is the newest. Nothing here waits for anything outside: a caller claims,
//! goes away to send, and comes back to settle.
//!
//! `claim` what is due · `lease` keeping, losing and finding leases · `settle` what became of plain effects · `call` of
//! calls, with the move that follows · `gate` breaker, rate and parking · `greet` whether this is the database it was ·
//! `listen` being woken · `next` when that will be · `outbox` what people see and do.

mod call;
mod claim;
mod gate;
mod greet;
mod held;
mod lease;
mod listen;
mod next;
mod outbox;
mod settle;

pub use call::{Called, Move, settle_call};
pub use claim::{Claimed, Detour, Known, Pace, claim, claim_through};
pub use gate::{Report, open_gates, report_gate};
pub use greet::{Greeting, greet, now};
pub use held::{Held, Id};
pub use lease::{Became, Leases, Recovered, Rests, beat, mark_sending, recover};
pub use listen::{Ear, Woken, listen};
pub use next::{next, next_through};
pub use outbox::{After, Gate, Owed, PAGE_MAX, Replayed, STATES, gates, outbox, replay, resolve};
pub(crate) use settle::cleaned;
pub use settle::{End, Outcome, settle};
