//! Follows the spans of requests and turns each into one of OpenTelemetry when it closes.

use std::fmt::Debug;
use std::time::SystemTime;

use opentelemetry::KeyValue;
use opentelemetry::trace::{Span as _, SpanBuilder, SpanKind, Status, Tracer};
use opentelemetry_sdk::trace::SdkTracer;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use crate::{TARGET, parent};

/// As the conventions of OpenTelemetry have it: another method is somebody's own text and not told.
const METHODS: [&str; 9] = ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"];
/// The least status that says that the fault is ours.
const OURS: u64 = 500;

/// A layer that sends the spans of requests, and only the fields it names.
#[derive(Debug)]
pub struct Requests {
    tracer: SdkTracer,
}

impl Requests {
    pub(crate) fn new(tracer: SdkTracer) -> Requests {
        Requests { tracer }
    }
}

/// What is known of a request so far.
struct Seen {
    began: SystemTime,
    method: &'static str,
    route: String,
    status: u64,
    request_id: String,
    parent: Option<String>,
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Requests {
    fn on_new_span(&self, given: &Attributes<'_>, id: &Id, cx: Context<'_, S>) {
        let Some(span) = cx.span(id).filter(|span| is_ours(span.metadata())) else { return };
        let mut seen =
            Seen { began: SystemTime::now(), method: "_OTHER", route: String::new(), status: 0, request_id: String::new(), parent: None };
        given.record(&mut seen);
        span.extensions_mut().replace(seen);
    }

    fn on_record(&self, id: &Id, given: &Record<'_>, cx: Context<'_, S>) {
        let Some(span) = cx.span(id) else { return };
        if let Some(seen) = span.extensions_mut().get_mut::<Seen>() {
            given.record(seen);
        }
    }

    fn on_close(&self, id: Id, cx: Context<'_, S>) {
        let seen = cx.span(&id).and_then(|span| span.extensions_mut().remove::<Seen>());
        if let Some(seen) = seen {
            self.send(seen);
        }
    }
}

impl Requests {
    fn send(&self, seen: Seen) {
        let Seen { began, method, route, status, request_id, parent } = seen;
        let mut attributes = vec![KeyValue::new("http.request.method", method), KeyValue::new("statehouse.request_id", request_id)];
        let answered = i64::try_from(status).ok().filter(|status| *status > 0);
        // A request broken off has no status, and one to nowhere no route.
        attributes.extend(answered.map(|status| KeyValue::new("http.response.status_code", status)));
        let name = match route.as_str() {
            "" | "none" => method.to_owned(),
            route => {
                attributes.push(KeyValue::new("http.route", route.to_owned()));
                format!("{method} {route}")
            }
        };
        let builder = SpanBuilder::from_name(name).with_kind(SpanKind::Server).with_start_time(began).with_attributes(attributes);
        let mut span = self.tracer.build_with_context(builder, &parent::context(parent.as_deref()));
        if status >= OURS {
            span.set_status(Status::error(""));
        }
        span.end();
    }
}

impl Visit for Seen {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "status" {
            self.status = value;
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "method" => self.method = METHODS.into_iter().find(|method| *method == value).unwrap_or("_OTHER"),
            "route" => value.clone_into(&mut self.route),
            "request_id" => value.clone_into(&mut self.request_id),
            "traceparent" => self.parent = Some(value.to_owned()),
            _ => {}
        }
    }

    /// Nothing is told in the form that is for people who look for a fault.
    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
}

fn is_ours(metadata: &Metadata<'_>) -> bool {
    metadata.target() == TARGET
}
