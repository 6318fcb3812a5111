//! Messages of outside systems, over real connections: the faults of receiving, by their numbers (R1 to R25), as far as
//! they are of receiving and not of what is done with a message afterwards.

mod acks;
mod cancelled;
mod floods;
mod forged;
mod looked_after;
mod pace;
mod rotated;
mod scene;
mod stored;
mod tenants;
