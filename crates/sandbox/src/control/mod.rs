//! The addresses below `/_/`, by which whoever plays with the sandbox is its master, and the page at `/`.

mod page;
mod read;
mod write;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::IntoResponse;
use axum::routing::{get, post, put};
use serde::Serialize;
use statehouse_fault::{Fault, SH7302};

use crate::handle::Handle;
use crate::shared::Shared;

type Answer = Result<Response<Body>, Problem>;

/// A fault as an answer.
#[derive(Debug)]
pub(crate) struct Problem(Fault);

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Problem {
        Problem(fault)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response<Body> {
        problem(&self.0)
    }
}

/// Every address of the control.
pub(crate) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/_/log", get(read::log))
        .route("/_/sent", get(read::sent))
        .route("/_/deliveries", get(read::deliveries))
        .route("/_/faults", get(read::faults).put(write::faults).delete(write::no_faults))
        .route("/_/hooks", get(read::hooks).put(write::hooks))
        .route("/_/limits", get(read::limits).put(write::limits))
        .route("/_/clock", get(read::clock).put(write::clock))
        .route("/_/hook", post(write::hook))
        .route("/_/resume", post(write::resume))
        .route("/_/forget", post(write::forget))
        .route("/_/reset", post(write::reset))
        .route("/_/{*rest}", put(nothing).get(nothing).post(nothing))
        .route("/", get(read::index))
        .route_layer(from_fn(from_here))
}

async fn nothing(request: Request) -> Problem {
    Fault::new(statehouse_fault::SH6006, format!("there is no control at `{}`", request.uri().path()))
        .with_help("see `/` for those there are")
        .into()
}

/// A page of somebody else's, open in a browser on this machine, must not be the master: it cannot name this host nor send JSON.
async fn from_here(request: Request, next: Next) -> Response<Body> {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let name = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit())).map_or(host, |(name, _)| name);
    let is_address = name.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok();
    if !is_address && name != "localhost" {
        return problem(
            &Fault::new(SH7302, format!("`{host}` is not a name of the sandbox")).with_help("use its address, such as 127.0.0.1"),
        );
    }
    let writes = !request.method().is_safe();
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if writes && request.method() != "DELETE" && !kind.starts_with("application/json") {
        return problem(
            &Fault::new(SH7302, "a request that changes something comes as JSON")
                .with_help("send `content-type: application/json`, as `curl --json` does"),
        );
    }
    next.run(request).await
}

/// A fault in the one body.
pub(crate) fn problem(fault: &Fault) -> Response<Body> {
    let status = StatusCode::from_u16(fault.code.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = serde_json::to_vec(fault).unwrap_or_default();
    (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response()
}

fn json(value: &impl Serialize) -> Answer {
    let body =
        serde_json::to_vec(value).map_err(|cause| Fault::new(statehouse_fault::SH9001, format!("the answer has no JSON form: {cause}")))?;
    Ok((StatusCode::OK, [(header::CONTENT_TYPE, "application/json")], body).into_response())
}

fn handle(shared: State<Arc<Shared>>) -> Handle {
    Handle::new(shared.0)
}
