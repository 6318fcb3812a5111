//! What stands around every request: how many are at work, how long each may take.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use statehouse_fault::{SH6008, SH6009, SH6012};

use super::body::{Measure, measured};
use crate::{Problem, Shared};

/// Lets a request through if there is room for it, with a measure on its body and its time.
pub(crate) async fn guarded(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    // Whoever watches the server is answered also when it has too much to do.
    if request.uri().path().starts_with("/health/") || request.uri().path() == "/metrics" {
        return next.run(request).await;
    }
    let limits = &shared.settings.limits;
    let bytes: usize = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if bytes > limits.header_max_bytes || request.headers().len() > limits.header_max_count {
        let (most, many) = (limits.header_max_bytes, limits.header_max_count);
        return Problem::new(SH6012, format!("the headers are larger than {most} bytes or more than {many}")).into_response();
    }
    let Ok(_place) = shared.at_work.try_acquire() else {
        return Problem::new(SH6008, "the server has as many requests at work as it can carry").into_response();
    };
    let (request, measure) = measured(request, limits.body_max_bytes, Duration::from_secs(limits.body_read_s));
    let within = Duration::from_secs(limits.request_s);
    let mut answer = std::pin::pin!(next.run(request));
    loop {
        // A body has a measure of its own; the time for the answer begins when it is there.
        let body_was_there = measure.is_ended();
        match tokio::time::timeout(within, &mut answer).await {
            Ok(response) => return ended_with(response, &measure),
            Err(_) if body_was_there || !measure.is_begun() => {
                return Problem::new(SH6009, "the answer was not made in time").into_response();
            }
            Err(_) => {}
        }
    }
}

/// Nothing more is read after a body that is too large: its rest is no request.
fn ended_with(mut response: Response, measure: &Measure) -> Response {
    if response.status() == StatusCode::PAYLOAD_TOO_LARGE && !measure.is_ended() {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
