#![doc = include_str!("../README.md")]

pub mod body;
pub mod call;
pub mod egress;
pub mod pattern;
pub mod secrets;
pub mod verify;
