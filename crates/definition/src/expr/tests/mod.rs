//! Expressions as data: what is printed, what is refused, what attacks come to nothing.

#![allow(clippy::unwrap_used)]

mod attacks;
mod bad;
mod fixture;
mod good;
mod properties;
mod uses;
