#![doc = include_str!("../README.md")]

pub mod check;
pub mod cron;
pub mod expr;
mod finding;
pub mod model;
mod places;
pub mod reach;
mod read;
pub mod schema;
pub mod schemes;
mod source;
mod yaml;

pub use check::check;
pub use finding::{Finding, Severity, nearest, quoted_list, shorten, tidy};
pub use model::App;
pub use places::Places;
pub use read::read;
pub use source::{Loaded, SourceFile, load, sources};
