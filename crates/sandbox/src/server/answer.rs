//! A request to a stand-in, from its bytes to its answer, if there is one.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{Request, Response, StatusCode};
use axum::response::IntoResponse;
use futures_util::stream;
use http_body_util::{BodyExt, Limited};
use serde_json::Value;
use statehouse_fault::{Fault, SH6003, SH6006};

use super::Cut;
use crate::call::Call;
use crate::control::problem;
use crate::deed::Reply;
use crate::hooks::{Courier, Owed};
use crate::providers::{self, Provider};
use crate::shared::Shared;
use crate::world::{End, Outcome};

/// The largest body read.
const BODY_BYTES: usize = 8 << 20;
/// How many requests hang at once; one more is reset.
const HANGING: usize = 10_000;
/// The longest a request hangs.
const HANGS: Duration = Duration::from_secs(3600);
/// In how many drops a slow answer comes.
const DROPS: usize = 16;
/// How long an answer waits for a message that goes before it.
const BEFORE_REPLY: Duration = Duration::from_secs(5);

/// Answers for the stand-in that the path begins with.
pub(super) async fn stand_in(State(shared): State<Arc<Shared>>, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    let (name, rest) = path[1.min(path.len())..].split_once('/').unwrap_or((&path[1.min(path.len())..], ""));
    let Some(provider) = providers::named(name) else {
        return problem(&Fault::new(SH6006, format!("there is no stand-in at `{path}`")).with_help("see `/` for those there are"));
    };
    let Ok(body) = Limited::new(body, BODY_BYTES).collect().await else {
        return problem(&Fault::new(SH6003, format!("a body may have at most {BODY_BYTES} bytes")));
    };
    let path = format!("/{rest}");
    let call = Call::read(parts.method, &path, parts.uri.query().unwrap_or_default(), parts.headers, &body.to_bytes());
    let Outcome { end, owed, n } = shared.world().handle(provider, &call);
    shared.written(n);
    deliver(&shared, provider, owed).await;
    match end {
        End::Answer(reply) => response(&reply, whole),
        End::Slowly(reply, ms) => response(&reply, |bytes| in_drops(bytes, ms)),
        End::Reset => cut(),
        End::Hang => hang(&shared).await,
    }
}

/// Sends what is owed; where the address asks for it, before the answer.
pub(crate) async fn deliver(shared: &Arc<Shared>, provider: &'static dyn Provider, owed: Vec<Owed>) {
    if owed.is_empty() {
        return;
    }
    let before = owed.iter().any(|owed| owed.target.before_reply);
    let tried = Courier::take_up(shared, provider, owed);
    if before {
        let _ = tokio::time::timeout(BEFORE_REPLY, futures_util::future::join_all(tried)).await;
    }
}

/// Never answers. It ends when the caller goes, with the sandbox, or after an hour.
async fn hang(shared: &Arc<Shared>) -> Response<Body> {
    let _hanging = shared.hang();
    if shared.hanging.load(Ordering::SeqCst) <= HANGING {
        shared.pause(HANGS).await;
    }
    cut()
}

fn cut() -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    answer.extensions_mut().insert(Cut);
    answer
}

fn whole(bytes: Vec<u8>) -> Body {
    Body::from(bytes)
}

/// The same bytes over so many milliseconds.
fn in_drops(bytes: Vec<u8>, ms: u64) -> Body {
    let size = bytes.len().div_ceil(DROPS).max(1);
    let pause = Duration::from_millis(ms / (bytes.len().div_ceil(size).max(1) as u64));
    let drops: Vec<Vec<u8>> = bytes.chunks(size).map(<[u8]>::to_vec).collect();
    Body::from_stream(stream::unfold(drops.into_iter(), move |mut drops| async move {
        tokio::time::sleep(pause).await;
        drops.next().map(|drop| (Ok::<_, std::convert::Infallible>(Bytes::from(drop)), drops))
    }))
}

fn response(reply: &Reply, body: impl FnOnce(Vec<u8>) -> Body) -> Response<Body> {
    let (kind, bytes) = match &reply.body {
        Value::Null => (None, Vec::new()),
        Value::String(text) => (Some("text/plain; charset=utf-8"), text.clone().into_bytes()),
        value => (Some("application/json"), value.to_string().into_bytes()),
    };
    let mut answer = Response::builder().status(reply.status);
    if let Some(kind) = kind.filter(|_| !reply.headers.iter().any(|(name, _)| *name == "content-type")) {
        answer = answer.header("content-type", kind);
    }
    for (name, value) in &reply.headers {
        answer = answer.header(*name, value);
    }
    answer.body(body(bytes)).unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}
