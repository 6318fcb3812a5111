#![doc = include_str!("../README.md")]

#[cfg(feature = "oidc")]
mod fetch;
#[cfg(feature = "oidc")]
mod mark;
#[cfg(feature = "oidc")]
mod provider;
#[cfg(feature = "oidc")]
mod routes;

#[cfg(feature = "oidc")]
pub use axum::http::HeaderMap;
#[cfg(feature = "oidc")]
pub use provider::{Known, Provider, Secret, Unsound};
#[cfg(feature = "oidc")]
pub use routes::{Asked, Door, routes};
