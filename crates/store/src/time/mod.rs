//! What is owed at a moment: timers of records, and slots of schedules.
//!
//! `timer` a verb owed to a record · `slot` a verb owed to many, at a time of a schedule.

mod slot;
mod timer;

pub use slot::{Batch, Firing, Slot, Standing, claim_slot, open_slot, slot_batch, slots_standing};
pub use timer::{Rung, ring_one, timers};
