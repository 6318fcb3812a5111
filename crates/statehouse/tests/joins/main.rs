//! The apps that come with the project, whole: real messages through the real door, a worker, stand-ins of their providers
//! that misbehave, and every order in which things can come.

mod checkout;
mod contracts;
mod lost;
mod orders;
mod till;
mod world;
