//! Calls to subscribers: events become messages, messages are signed and sent, and what is not taken is sent again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use statehouse_connect::call::retry_after;
use statehouse_connect::egress::{Allowed, Answer, Caps, Fence};
use statehouse_fault::{SH7001, SH7004};
use statehouse_store::StoreFault;
use statehouse_store::subscription::{self, Call, Delivery, Master, Taken, headers};
use tokio::task::JoinSet;

use crate::effects::seconds;
use crate::retry::{insist, spread};
use crate::shared::Shared;

/// How long a receiver may take.
const CALL_MAX: Duration = Duration::from_secs(15);
/// The least that is between two calls to a receiver that fails.
const REST: Duration = Duration::from_secs(5);
/// How long after each attempt the next is made; after the last there is none. Three days altogether.
const PAUSES_S: [u64; 9] = [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400];
/// Subscriptions that are looked at in one go.
const PAGE: i64 = 500;
/// Places of the feed that are taken up at once.
const PLACES: i32 = 500;
/// Calls side by side.
const SIDE_BY_SIDE: i32 = 32;

/// Takes up what has happened for every subscription; how many messages are owed by it.
pub(crate) async fn fan_out(shared: &Shared) -> Result<u32, StoreFault> {
    let mut written = 0;
    let mut after = None;
    while !shared.is_stopping() {
        let page = subscription::active(&shared.db, after, PAGE).await?;
        for (tenant, id) in &page {
            written += subscription::fan_out(&shared.db, *tenant, *id, PLACES).await?.unsigned_abs();
        }
        after = page.last().copied();
        if (page.len() as i64) < PAGE {
            break;
        }
    }
    Ok(written)
}

/// Sends messages that are due until there are none; how many were sent.
pub(crate) async fn deliver(shared: &Arc<Shared>) -> Result<u32, StoreFault> {
    let Some(master) = shared.master.clone() else { return Ok(0) };
    subscription::recover(&shared.db).await?;
    let mut sent = 0;
    while !shared.is_stopping() {
        let asked = Instant::now();
        let lease = shared.settings.lease();
        let due = subscription::claim(&shared.db, &shared.id, SIDE_BY_SIDE, lease).await?;
        if due.is_empty() {
            break;
        }
        let mut under_way = JoinSet::new();
        for one in due {
            under_way.spawn(call(Arc::clone(shared), master.clone(), one, Fence::at(asked + lease.mul_f64(0.9))));
        }
        let mut calls = Vec::new();
        while let Some(ended) = under_way.join_next().await {
            match ended {
                Ok(call) => calls.push(call),
                Err(broken) => tracing::error!(%broken, "a call to a subscriber broke off"),
            }
        }
        sent += calls.len() as u32;
        insist(asked + lease * 2, || subscription::settle(&shared.db, &shared.id, &calls)).await?;
    }
    Ok(sent)
}

async fn call(shared: Arc<Shared>, master: Master, delivery: Delivery, fence: Fence) -> Call {
    let secrets: Vec<_> = [Some(delivery.secret), delivery.previous.then_some(delivery.secret - 1)]
        .into_iter()
        .flatten()
        .map(|number| master.secret(delivery.tenant, delivery.subscription, number))
        .collect();
    let signed = headers(&secrets, &delivery.id, seconds(delivery.now), delivery.body.as_bytes());
    let Some(request) = request(&delivery, signed) else {
        return Call { delivery, taken: Taken::Never, code: Some(SH7001.code.to_owned()), status: None };
    };
    let answered = shared.client.send(request, &Allowed::Outside, fence, Caps::within(CALL_MAX)).await;
    let (taken, code, status) = match answered {
        Ok(answer) => judge(&delivery, &answer),
        Err(unsent) => (later(&delivery, None), Some(unsent.code().code.to_owned()), None),
    };
    if taken != Taken::Yes {
        tracing::info!(tenant = delivery.tenant, subscription = %delivery.subscription, message = %delivery.id, ?status, code = code.as_deref().unwrap_or_default(), "a subscriber did not take a message");
    }
    Call { delivery, taken, code, status }
}

fn request(delivery: &Delivery, signed: [(&'static str, String); 3]) -> Option<http::Request<Bytes>> {
    let mut request = http::Request::post(&delivery.url).body(Bytes::from(delivery.body.clone().into_bytes())).ok()?;
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, value) in signed {
        request.headers_mut().insert(name, HeaderValue::from_str(&value).ok()?);
    }
    Some(request)
}

fn judge(delivery: &Delivery, answer: &Answer) -> (Taken, Option<String>, Option<u16>) {
    let code = Some(SH7004.code.to_owned());
    match answer.status {
        200..=299 => (Taken::Yes, None, Some(answer.status)),
        410 => (Taken::Gone, code, Some(410)),
        status => (later(delivery, retry_after(&answer.headers, seconds(delivery.now))), code, Some(status)),
    }
}

/// Again by the table of pauses, and no sooner than the receiver asked for.
fn later(delivery: &Delivery, asked: Option<Duration>) -> Taken {
    let nth = delivery.attempt.unsigned_abs().saturating_sub(1) as usize;
    let Some(pause) = PAUSES_S.get(nth) else { return Taken::Never };
    let pause = Duration::from_secs(*pause).mul_f64(1.0 + 0.2 * spread());
    Taken::Later { after: pause.max(asked.unwrap_or_default()), rest: asked.unwrap_or(REST) }
}
