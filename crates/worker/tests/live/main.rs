//! A worker on a real database with a clock set by hand, before stand-in providers that misbehave when they are told to.

mod calendar;
mod calls;
mod classes;
mod deliveries;
mod detours;
mod gates;
mod messages;
mod outage;
mod receiver;
mod restore;
mod storm;
mod versions;
mod world;
