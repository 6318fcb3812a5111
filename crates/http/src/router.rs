//! Every route of the faces: one line a folder.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{Method, Uri};
use axum::middleware::{from_fn, from_fn_with_state};
use statehouse_fault::{Fault, SH6005, SH6006};
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};

use crate::{
    Problem, Shared, auth, events, files, forms, inbound, limits, links, metrics, openapi, outside, people, records, request, rules, status,
};

/// All of them and `more`, with what stands around every request.
pub(crate) fn router(shared: Arc<Shared>, more: Router<Arc<Shared>>) -> Router {
    Router::new()
        .merge(status::routes())
        .merge(metrics::routes())
        .merge(auth::routes())
        .merge(records::routes())
        .merge(events::routes())
        .merge(files::routes())
        .merge(openapi::routes())
        .merge(links::routes())
        .merge(forms::routes())
        .merge(people::routes())
        .merge(rules::routes())
        .merge(inbound::routes())
        .merge(outside::routes())
        .merge(more)
        .route_layer(from_fn(request::routed))
        .fallback(unknown)
        .method_not_allowed_fallback(not_allowed)
        // Bodies are measured by `limits`, which routes may say more about.
        .layer(DefaultBodyLimit::disable())
        .layer(
            CompressionLayer::new()
                .gzip(true)
                .compress_when(SizeAbove::new(1024).and(NotForContentType::SSE).and(NotForContentType::IMAGES)),
        )
        .layer(from_fn_with_state(Arc::clone(&shared), limits::guarded))
        .layer(from_fn_with_state(Arc::clone(&shared), request::identified))
        .with_state(shared)
}

async fn unknown(uri: Uri) -> Problem {
    nothing_at(&uri)
}

/// What is said of a path that leads nowhere; also of one that leads somewhere for others.
pub(crate) fn nothing_at(uri: &Uri) -> Problem {
    Fault::new(SH6006, format!("there is nothing at `{}`", uri.path())).into()
}

async fn not_allowed(method: Method, uri: Uri) -> Problem {
    Fault::new(SH6005, format!("`{}` does not take {method}", uri.path())).into()
}
