//! Files: uploads that resume, downloads that are checked.
//!
//! `upload` a file on its way in · `download` one on its way out · `range` which bytes of it · `kind` what a browser is
//! told of it. Neither way holds a connection to the database while the peer is slow, nor more than a part in memory.

mod download;
mod kind;
mod range;
mod upload;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use crate::Shared;
use crate::limits::body_max;

/// No part of an upload is larger than a file may be; the database knows how large that is.
const BODY_BYTES_MAX: u64 = 1 << 40;

/// The routes of this folder.
pub(crate) fn routes() -> Router<Arc<Shared>> {
    let parts = Router::new()
        .route("/v1/uploads/{id}", get(upload::stands).patch(upload::append).delete(upload::abandon))
        .layer(body_max(BODY_BYTES_MAX));
    Router::new()
        .route("/v1/uploads", post(upload::begin))
        .route("/v1/uploads/{id}/finish", post(upload::finish))
        .route("/v1/{entity}/{id}/files/{field}", get(download::of_record))
        .route("/v1/{entity}/{id}/{child}/{child_id}/files/{field}", get(download::of_child))
        .merge(parts)
}
