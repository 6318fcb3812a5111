//! What is counted, and how Prometheus reads it. No label names a tenant, a person or a record.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use statehouse_store::Db;

use crate::{Shared, outside};

/// Upper bounds of the histogram, in seconds.
const BOUNDS_S: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// Answers by method, route and status.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    answers: Mutex<BTreeMap<(String, String, u16), Answers>>,
    turned_away: std::sync::atomic::AtomicU64,
    /// Of the streams of events.
    pub feed: Feed,
}

/// Of the streams of events.
#[derive(Debug, Default)]
pub(crate) struct Feed {
    /// Those that are open.
    pub streams: std::sync::atomic::AtomicUsize,
    /// Events written to them.
    pub events: std::sync::atomic::AtomicU64,
    /// For how long one transaction has held all of them back, in milliseconds.
    pub held_ms: std::sync::atomic::AtomicU64,
}

#[derive(Debug, Default)]
struct Answers {
    count: u64,
    sum_s: f64,
    /// How many took at most each of the bounds, not added up.
    within: [u64; BOUNDS_S.len()],
}

/// The routes of this file.
pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new().route("/metrics", get(read))
}

impl Metrics {
    /// Counts an answer. Routes are templates and methods of HTTP's own, so there are few of either.
    pub(crate) fn answered(&self, method: &Method, route: &str, status: StatusCode, took: Duration) {
        let method = if known(method) { method.as_str() } else { "other" };
        let took_s = took.as_secs_f64();
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = answers.entry((method.to_owned(), route.to_owned(), status.as_u16())).or_default();
        entry.count += 1;
        entry.sum_s += took_s;
        if let Some(at) = BOUNDS_S.iter().position(|bound| took_s <= *bound) {
            entry.within[at] += 1;
        }
    }

    /// Counts a connection that was not taken.
    pub(crate) fn turned_away(&self) {
        self.turned_away.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }

    fn print(&self, text: &mut String) {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        text.push_str("# HELP statehouse_http_request_seconds How long answers took.\n# TYPE statehouse_http_request_seconds histogram\n");
        for ((method, route, status), entry) in answers.iter() {
            let labels = format!("method=\"{method}\",route=\"{route}\",status=\"{status}\"");
            let mut within = 0;
            for (bound, count) in BOUNDS_S.iter().zip(entry.within) {
                within += count;
                let _ = writeln!(text, "statehouse_http_request_seconds_bucket{{{labels},le=\"{bound}\"}} {within}");
            }
            let Answers { count, sum_s, .. } = entry;
            let _ = writeln!(text, "statehouse_http_request_seconds_bucket{{{labels},le=\"+Inf\"}} {count}");
            let _ = writeln!(text, "statehouse_http_request_seconds_sum{{{labels}}} {sum_s}");
            let _ = writeln!(text, "statehouse_http_request_seconds_count{{{labels}}} {count}");
        }
        let turned_away = self.turned_away.load(std::sync::atomic::Ordering::Relaxed);
        gauge(text, "statehouse_connections_turned_away_total", "counter", "Connections that were not taken.", turned_away);
        let of = |count: &std::sync::atomic::AtomicU64| count.load(std::sync::atomic::Ordering::Relaxed);
        let streams = self.feed.streams.load(std::sync::atomic::Ordering::Relaxed);
        gauge(text, "statehouse_feed_streams", "gauge", "Open streams of events.", streams);
        gauge(text, "statehouse_feed_events_total", "counter", "Events written to streams.", of(&self.feed.events));
        let held_s = std::time::Duration::from_millis(of(&self.feed.held_ms)).as_secs_f64();
        gauge(text, "statehouse_feed_lag_seconds", "gauge", "For how long one transaction has held all streams back.", held_s);
    }
}

async fn read(State(shared): State<Arc<Shared>>) -> Response {
    let mut text = String::new();
    shared.metrics.print(&mut text);
    let (open, waiting) = shared.connections.count();
    gauge(&mut text, "statehouse_connections_open", "gauge", "Open connections.", open);
    gauge(&mut text, "statehouse_connections_waiting", "gauge", "Open connections without a request at work.", waiting);
    let places = shared.settings.limits.requests_max - shared.at_work.available_permits();
    gauge(&mut text, "statehouse_requests_at_work", "gauge", "Requests at work.", places);
    gauge(&mut text, "statehouse_sessions_held", "gauge", "Sessions at hand in memory.", shared.sessions.len());
    gauge(&mut text, "statehouse_definition_version", "gauge", "The version of the definition in force.", shared.running().version);
    shared.inbound.counts.print(&mut text);
    let waiting = shared.queues.look(&shared.server).await;
    outside::print(&mut text, waiting.as_deref().map(Vec::as_slice));
    let inbound = ("inbound", shared.inbound.db());
    pools(&mut text, &[("api", &shared.api), ("entry", &shared.entry), ("server", &shared.server), ("health", &shared.health), inbound]);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

fn pools(text: &mut String, pools: &[(&str, &Db)]) {
    for (kind, help) in
        [("open", "Open connections to the database."), ("used", "Those in use."), ("waiting", "Requests that wait for one.")]
    {
        let _ = writeln!(text, "# HELP statehouse_pool_{kind} {help}\n# TYPE statehouse_pool_{kind} gauge");
        for (name, db) in pools {
            let load = db.load();
            let value = match kind {
                "open" => load.open,
                "used" => load.used,
                _ => load.waiting,
            };
            let _ = writeln!(text, "statehouse_pool_{kind}{{pool=\"{name}\"}} {value}");
        }
    }
}

fn gauge(text: &mut String, name: &str, kind: &str, help: &str, value: impl std::fmt::Display) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}");
}

fn known(method: &Method) -> bool {
    [Method::GET, Method::HEAD, Method::POST, Method::PATCH, Method::PUT, Method::DELETE, Method::OPTIONS].contains(method)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_add_up_and_labels_are_few() {
        let metrics = Metrics::default();
        for ms in [1, 4, 40, 60_000] {
            metrics.answered(&Method::GET, "/v1/{entity}", StatusCode::OK, Duration::from_millis(ms));
        }
        metrics.answered(&Method::from_bytes(b"PROPFIND").expect("a method"), "none", StatusCode::NOT_FOUND, Duration::ZERO);
        let mut text = String::new();
        metrics.print(&mut text);
        let labels = "method=\"GET\",route=\"/v1/{entity}\",status=\"200\"";
        for (le, count) in [("0.001", 1), ("0.005", 2), ("0.05", 3), ("10", 3), ("+Inf", 4)] {
            let line = format!("statehouse_http_request_seconds_bucket{{{labels},le=\"{le}\"}} {count}\n");
            assert!(text.contains(&line), "{line} is not in\n{text}");
        }
        assert!(text.contains("method=\"other\""));
    }
}
