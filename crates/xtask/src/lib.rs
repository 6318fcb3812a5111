#![doc = include_str!("../README.md")]

pub mod codes;
pub mod floors;
pub mod lengths;
pub mod readmes;
pub mod tree;
pub mod words;
