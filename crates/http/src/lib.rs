#![doc = include_str!("../README.md")]

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
mod inbound;
mod limits;
mod links;
pub mod openapi;
mod outside;
mod people;
mod records;
mod rules;

pub use auth::csrf_of;
pub use caller::Caller;
pub use json::Json;
pub use problem::Problem;
pub use server::{Serving, serve};
pub use shared::{Running, Shared};
pub use statehouse_settings::{self as settings, Settings};
