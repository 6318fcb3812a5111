//! Links: one purpose, one record, for somebody without an account.
//!
//! `manage` members make, know and end them · `holder` whoever follows one · `page`, `show`, `words`, `mark` what a page
//! is made of, for forms too.
//!
//! Routes: `POST /v1/links` {purpose, record, uses?, lasts_s?} → 201 {id, url, token, expires_at} · `GET` and
//! `DELETE /v1/links/{id}` · `POST /v1/links/enter` {token} → a cookie session and {purpose, entity, record, role, verbs,
//! csrf, lasts_s} · `GET /l/{token}` a page, `POST /l/{token}` the button on it. A program may also send the token as
//! `authorization: Bearer lk_…` with any request.

mod holder;
mod manage;
mod mark;
pub(crate) mod page;
mod show;
pub(crate) mod words;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use crate::{Shared, limits};

/// A page sends a few words.
const PAGE_MAX_BYTES: u64 = 64 << 10;

/// The routes of this folder.
pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/v1/links", post(manage::make))
        .route("/v1/links/{id}", get(manage::find).delete(manage::revoke))
        .route("/v1/links/enter", post(holder::enter))
        .route("/l/{token}", get(holder::show).post(holder::press))
        .layer(limits::body_max(PAGE_MAX_BYTES))
}
