//! Effects: what is owed to the outside.
//!
//! `decide` what follows from what happened, pure · `attempt` one effect is asked about or sent · `finish` what came of it
//! is written down · `round` many of them side by side · `keep` leases, and the fence that each send carries · `lanes` how
//! each provider fares.

pub mod decide;

mod attempt;
mod finish;
mod keep;
mod lanes;
mod round;

pub(crate) use attempt::seconds;
pub(crate) use lanes::Lanes;
pub(crate) use round::Round;
