//! Outages: what the shipped processes do while something fails, and how soon all is as it was.

mod asked;
mod boot;
mod caller;
mod facts;
mod full;
mod judge;
mod load;
mod meter;
mod pool;
mod postgres;
mod recover;
mod snapshot;
mod stop;
mod works;
