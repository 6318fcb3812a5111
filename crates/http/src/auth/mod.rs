//! Who may come in, and how they prove it: a key, a token of a trusted issuer, a cookie of our own.

mod cookie;
mod jwt;
mod proof;
mod sessions;
mod verified;

use std::sync::Arc;

use axum::Router;

use crate::Shared;

pub use cookie::{closed, csrf_of, opened};
pub(crate) use jwt::Issuer;
pub(crate) use proof::{Proof, peer};
pub(crate) use sessions::{ProofHash, Sessions};

/// The routes of this folder: none. Signing in is of `people`, which answers with [`opened`] and [`closed`].
pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new()
}
