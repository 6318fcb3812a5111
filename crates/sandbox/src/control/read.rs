//! What shows the sandbox.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, Response, header};
use axum::response::{Html, IntoResponse};
use serde::Deserialize;
use serde_json::{Value, json};
use statehouse_fault::{Fault, SH7301};

use super::{Answer, handle, json as answer, page};
use crate::moment::Moment;
use crate::providers;
use crate::shared::Shared;

/// How much is shown when nobody says.
const USUAL: usize = 1_000;
/// How much is shown at most.
const MOST: usize = 100_000;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    provider: Option<String>,
    after: u64,
    limit: Option<usize>,
    effect: Option<bool>,
    format: Option<String>,
}

impl Wanted {
    fn most(&self) -> usize {
        self.limit.unwrap_or(USUAL).min(MOST)
    }

    fn is_for_a_person(&self, headers: &HeaderMap) -> bool {
        let accepts = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
        self.format.as_deref() != Some("json") && accepts.contains("text/html")
    }
}

/// Lines, one JSON value each: as in the file, without what the sandbox keeps there for itself.
pub(super) async fn log(State(shared): State<Arc<Shared>>, Query(wanted): Query<Wanted>) -> Answer {
    let mut text = String::new();
    let (mut after, mut found) = (wanted.after, 0);
    while found < wanted.most() {
        let part = shared.world().log.text(after, USUAL).map_err(|cause| Fault::new(SH7301, format!("the log cannot be read: {cause}")))?;
        let lines = part.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let before = after;
        for line in lines {
            after += 1;
            let Ok(mut line) = serde_json::from_slice::<Value>(line) else { continue };
            let fits = wanted.provider.as_deref().is_none_or(|name| line["provider"] == name);
            if found < wanted.most() && fits && wanted.effect.is_none_or(|effect| line["effect"] == effect) {
                for own in ["put", "keep", "hooks"] {
                    line.as_object_mut().map(|line| line.shift_remove(own));
                }
                text.push_str(&format!("{line}\n"));
                found += 1;
            }
        }
        if after == before {
            break;
        }
    }
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], text).into_response())
}

/// What was sent: a page, or JSON for a program. The newest first.
pub(super) async fn sent(shared: State<Arc<Shared>>, Query(wanted): Query<Wanted>, headers: HeaderMap) -> Answer {
    let rows = handle(shared).sent(wanted.provider.as_deref(), wanted.after, wanted.most())?;
    if wanted.is_for_a_person(&headers) { Ok(Html(page::sent(&rows)).into_response()) } else { answer(&json!({ "sent": rows })) }
}

pub(super) async fn deliveries(shared: State<Arc<Shared>>, Query(wanted): Query<Wanted>) -> Answer {
    let mut found = handle(shared).deliveries(wanted.provider.as_deref());
    found.drain(..found.len().saturating_sub(wanted.most()));
    answer(&json!({ "deliveries": found }))
}

pub(super) async fn faults(shared: State<Arc<Shared>>) -> Answer {
    answer(&handle(shared).faults())
}

pub(super) async fn hooks(shared: State<Arc<Shared>>) -> Answer {
    answer(&handle(shared).targets())
}

pub(super) async fn limits(shared: State<Arc<Shared>>) -> Answer {
    answer(&handle(shared).limits())
}

pub(super) async fn clock(shared: State<Arc<Shared>>) -> Answer {
    answer(&json!({ "at": Moment(shared.clock.now_us()).micros() }))
}

/// The stand-ins and the controls.
pub(super) async fn index(shared: State<Arc<Shared>>, Query(wanted): Query<Wanted>, headers: HeaderMap) -> Answer {
    let handle = handle(shared);
    let bases: Vec<(&str, &str, String)> = providers::ALL.iter().map(|one| (one.name(), one.about(), handle.base(one.name()))).collect();
    if wanted.is_for_a_person(&headers) {
        let page: Response<Body> = Html(page::index(&bases)).into_response();
        return Ok(page);
    }
    let listed = bases.iter().map(|(name, about, base)| json!({ "provider": name, "about": about, "base": base }));
    answer(&json!({ "providers": listed.collect::<Vec<_>>(), "controls": page::CONTROLS }))
}
