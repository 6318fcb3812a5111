//! A request's body: how large it may be and how slowly it may come. Nothing of it is read before a handler asks.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http_body::{Body as _, Frame, SizeHint};
use statehouse_fault::{SH6001, SH6003, SH6009};
use tokio::time::{Instant, Sleep};

use crate::Problem;

/// However long a body is, it comes at least this fast once its time of grace is over.
const BYTES_PER_S_MIN: u64 = 4 << 10;

/// Whoever sends a large body lets others go first after each of these: what is there already would else be read in one go.
const BYTES_AT_ONCE: u64 = 64 << 10;

/// For so long, so that a crowd of large bodies comes in evenly and not in bursts.
const REST: Duration = Duration::from_millis(1);

/// Why a body was not read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BodyFault {
    /// It is larger than the route takes.
    #[error("the body is larger than {0} bytes")]
    TooLarge(u64),
    /// It came too slowly.
    #[error("the body came too slowly")]
    TooSlow,
}

/// What a route may say about the body before it is read.
#[derive(Clone, Debug)]
pub(super) struct Measure {
    bytes_max: Arc<AtomicU64>,
    begun: Arc<AtomicBool>,
    ended: Arc<AtomicBool>,
}

impl Measure {
    /// Whether somebody has begun to read the body.
    pub(super) fn is_begun(&self) -> bool {
        self.begun.load(Ordering::Relaxed)
    }

    /// Whether nothing more of the body is to come.
    pub(super) fn is_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }
}

/// A layer for routes whose bodies may be larger, or must be smaller, than the setting `limits.body_max_bytes`.
#[expect(clippy::type_complexity, reason = "a layer made of a closure has no shorter name")]
pub fn body_max(
    bytes: u64,
) -> axum::middleware::FromFnLayer<impl Fn(Request, Next) -> Pin<Box<dyn Future<Output = Response> + Send>> + Clone, (), (Request,)> {
    axum::middleware::from_fn(move |request: Request, next: Next| {
        if let Some(measure) = request.extensions().get::<Measure>() {
            measure.bytes_max.store(bytes, Ordering::Relaxed);
        }
        Box::pin(next.run(request)) as Pin<Box<dyn Future<Output = Response> + Send>>
    })
}

/// Puts the measure on a request's body.
pub(super) fn measured(request: Request, bytes_max: usize, grace: Duration) -> (Request, Measure) {
    let measure = Measure {
        bytes_max: Arc::new(AtomicU64::new(bytes_max as u64)),
        begun: Arc::default(),
        ended: Arc::new(AtomicBool::new(request.body().is_end_stream())),
    };
    let (mut parts, body) = request.into_parts();
    parts.extensions.insert(measure.clone());
    let body =
        Body::new(Measured { body, measure: measure.clone(), read: 0, lets_others_at: BYTES_AT_ONCE, rest: None, grace, since: None });
    (Request::from_parts(parts, body), measure)
}

/// What a failed read of a body means to the caller.
pub(crate) fn fault_of(cause: &(dyn Error + 'static)) -> Problem {
    let mut next = Some(cause);
    while let Some(error) = next {
        match error.downcast_ref::<BodyFault>() {
            Some(fault @ BodyFault::TooLarge(_)) => return Problem::new(SH6003, fault.to_string()),
            Some(fault @ BodyFault::TooSlow) => return Problem::new(SH6009, fault.to_string()),
            None => next = error.source(),
        }
    }
    Problem::new(SH6001, "the body ended before it was whole")
}

struct Measured {
    body: Body,
    measure: Measure,
    read: u64,
    lets_others_at: u64,
    rest: Option<Pin<Box<Sleep>>>,
    grace: Duration,
    since: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl Measured {
    /// Whether the body has used up its time; it has the grace and what its bytes give it.
    fn is_late(&mut self, cx: &mut Context<'_>) -> bool {
        let grace = self.grace;
        let (began, sleep) = self.since.get_or_insert_with(|| {
            let now = Instant::now();
            (now, Box::pin(tokio::time::sleep_until(now + grace)))
        });
        let due = *began + grace + Duration::from_secs(self.read / BYTES_PER_S_MIN);
        if sleep.deadline() < due && sleep.is_elapsed() {
            sleep.as_mut().reset(due);
        }
        sleep.as_mut().poll(cx).is_ready() && due <= Instant::now()
    }
}

impl http_body::Body for Measured {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        let most = this.measure.bytes_max.load(Ordering::Relaxed);
        this.measure.begun.store(true, Ordering::Relaxed);
        // What says beforehand that it is too large is not begun.
        if this.read == 0 && this.body.size_hint().lower() > most {
            return Poll::Ready(Some(Err(axum::Error::new(BodyFault::TooLarge(most)))));
        }
        if this.read >= this.lets_others_at {
            this.lets_others_at = this.read + BYTES_AT_ONCE;
            this.rest = Some(Box::pin(tokio::time::sleep(REST)));
        }
        if let Some(rest) = &mut this.rest {
            std::task::ready!(rest.as_mut().poll(cx));
            this.rest = None;
        }
        let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(cx) else {
            if this.is_late(cx) {
                return Poll::Ready(Some(Err(axum::Error::new(BodyFault::TooSlow))));
            }
            return Poll::Pending;
        };
        match frame {
            None => this.measure.ended.store(true, Ordering::Relaxed),
            Some(Ok(ref frame)) => {
                this.read += frame.data_ref().map_or(0, Bytes::len) as u64;
                if this.read > most {
                    return Poll::Ready(Some(Err(axum::Error::new(BodyFault::TooLarge(most)))));
                }
            }
            Some(Err(_)) => {}
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
