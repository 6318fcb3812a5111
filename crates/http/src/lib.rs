#![doc = include_str!("../README.md")]

pub mod settings;

mod caller;
mod etag;
mod json;
mod metrics;
mod problem;
mod request;
mod router;
mod server;
mod shared;
mod status;

mod auth;
mod events;
mod files;
mod forms;
mod limits;
mod links;
pub mod openapi;
mod people;
mod records;
mod rules;

pub use auth::csrf_of;
pub use caller::Caller;
pub use json::Json;
pub use problem::Problem;
pub use server::{Serving, serve};
pub use settings::Settings;
pub use shared::{Running, Shared};
