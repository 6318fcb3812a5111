#![doc = include_str!("../README.md")]

pub mod check;
pub mod copy;
pub mod detour;
pub mod drill;
pub mod facts;
pub mod kill;
pub mod operator;
pub mod plan;
pub mod plant;
pub mod points;
pub mod process;
pub mod program;
pub mod provider;
pub mod proxy;
mod rest;
pub mod rows;
pub mod run;
pub mod scan;
pub mod scene;
pub mod source;
pub mod survivors;
pub mod trial;
pub mod turns;
pub mod wait;
mod ways;
