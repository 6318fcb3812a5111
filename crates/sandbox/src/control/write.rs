//! What changes the sandbox.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use statehouse_fault::{Fault, SH7302};

use super::{Answer, handle, json as answer};
use crate::faults::{Limit, Switch};
use crate::handle::Wish;
use crate::hooks::Target;
use crate::moment::Moment;
use crate::shared::Shared;

/// One or several of a thing.
#[derive(Deserialize)]
#[serde(untagged)]
enum Some1<T> {
    One(T),
    Many(Vec<T>),
}

impl<T> Some1<T> {
    fn list(self) -> Vec<T> {
        match self {
            Some1::One(one) => vec![one],
            Some1::Many(many) => many,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    provider: String,
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Fault> {
    serde_json::from_slice(bytes).map_err(|cause| Fault::new(SH7302, format!("the body cannot be read: {cause}")))
}

/// One switch is set beside those that stand; a list takes the place of all.
pub(super) async fn faults(shared: State<Arc<Shared>>, bytes: Bytes) -> Answer {
    let handle = handle(shared);
    // Read as what it looks like, so that a slip is named and not "matches no variant".
    let many = read::<Value>(&bytes)?.is_array();
    let switches: Vec<Switch> = if many { read(&bytes)? } else { vec![read(&bytes)?] };
    if many {
        handle.set_faults(switches)?;
    } else {
        switches.into_iter().try_for_each(|switch| handle.fault(switch))?;
    }
    answer(&handle.faults())
}

pub(super) async fn no_faults(shared: State<Arc<Shared>>) -> Answer {
    let handle = handle(shared);
    handle.clear_faults();
    answer(&handle.faults())
}

/// Addresses by stand-in: one, a list, or `null` for none. Those not named stay.
pub(super) async fn hooks(shared: State<Arc<Shared>>, bytes: Bytes) -> Answer {
    let handle = handle(shared);
    let named: BTreeMap<String, Option<Some1<Target>>> = read(&bytes)?;
    for (provider, targets) in named {
        handle.hook_to(&provider, targets.map(Some1::list).unwrap_or_default())?;
    }
    answer(&handle.targets())
}

/// Limits by stand-in, `null` for none. Those not named stay.
pub(super) async fn limits(shared: State<Arc<Shared>>, bytes: Bytes) -> Answer {
    let handle = handle(shared);
    let named: BTreeMap<String, Option<Limit>> = read(&bytes)?;
    for (provider, limit) in named {
        handle.limit(&provider, limit)?;
    }
    answer(&handle.limits())
}

/// `{"at": "2026-11-20T12:00:00Z"}` holds the clock, `{"advance_ms": 1000}` moves it on, `{"at": null}` lets it run.
pub(super) async fn clock(shared: State<Arc<Shared>>, bytes: Bytes) -> Answer {
    let handle = handle(shared);
    let wanted: Value = read(&bytes)?;
    match (&wanted["at"], wanted["advance_ms"].as_u64()) {
        (Value::String(text), None) => {
            let at =
                Moment::parse(text).ok_or_else(|| Fault::new(SH7302, format!("`{text}` is not a time such as `2026-11-20T12:00:00Z`")))?;
            handle.clock().hold(at.0);
        }
        (Value::Null, Some(ms)) => handle.clock().advance(std::time::Duration::from_millis(ms)),
        (Value::Null, None) => handle.clock().run(),
        _ => return Err(Fault::new(SH7302, "`at` is a time or null; or send `advance_ms`").into()),
    }
    answer(&json!({ "at": Moment(handle.clock().now_us()).micros() }))
}

/// Lets something happen at a provider and sends its message.
pub(super) async fn hook(shared: State<Arc<Shared>>, bytes: Bytes) -> Answer {
    let wish: Wish = read(&bytes)?;
    answer(&json!({ "messages": handle(shared).hook(wish).await? }))
}

pub(super) async fn resume(shared: State<Arc<Shared>>, bytes: Bytes) -> Answer {
    let named: Named = read(&bytes)?;
    let handle = handle(shared);
    handle.resume(&named.provider)?;
    answer(&json!({ "paused": handle.paused(&named.provider) }))
}

pub(super) async fn forget(shared: State<Arc<Shared>>, bytes: Bytes) -> Answer {
    let named: Named = read(&bytes)?;
    handle(shared).forget_keys(&named.provider)?;
    answer(&json!({}))
}

pub(super) async fn reset(shared: State<Arc<Shared>>) -> Answer {
    handle(shared).reset()?;
    answer(&json!({}))
}
