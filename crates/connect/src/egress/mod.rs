//! Where a call may go.
//!
//! An address is judged where it is dialled: a name that was harmless when it was looked at may lead elsewhere a moment
//! later. [`destination::Destination`] is what an address says, judged before anything is looked up; [`address::refused`]
//! is asked of every address that a name led to.

pub mod address;
pub mod destination;
