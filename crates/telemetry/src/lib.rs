#![doc = include_str!("../README.md")]

#[cfg(feature = "otel")]
mod carrier;
#[cfg(feature = "otel")]
mod exporting;
#[cfg(feature = "otel")]
mod parent;
#[cfg(feature = "otel")]
mod requests;

#[cfg(feature = "otel")]
pub use exporting::{Exporting, Unsound, begin};
#[cfg(feature = "otel")]
pub use requests::Requests;

/// The target of the spans that are sent; what leaves them names it so.
pub const TARGET: &str = "statehouse_http::request";
