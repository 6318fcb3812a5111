//! Records: lists, one record, the rows it owns, its moves, its history, and moves made while offline.

mod answer;
mod asked;
mod body;
mod bulk;
mod history;
mod list;
mod moves;
mod one;
mod queue;
mod rows;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, patch, post};

use crate::Shared;

/// The routes of this folder.
pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/v1/queue", post(queue::flush))
        .route("/v1/{entity}", get(list::list).post(one::create))
        .route("/v1/{entity}/bulk", post(bulk::bulk))
        .route("/v1/{entity}/{id}", get(one::get).patch(one::edit))
        .route("/v1/{entity}/{id}/history", get(history::history))
        .route("/v1/{entity}/{id}/transitions", get(moves::openings))
        .route("/v1/{entity}/{id}/transitions/{verb}", post(moves::fire))
        .route("/v1/{entity}/{id}/{child}", get(rows::list).post(rows::add))
        .route("/v1/{entity}/{id}/{child}/{child_id}", patch(rows::change).delete(rows::remove))
}
