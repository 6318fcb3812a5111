//! Asking sources for what they sent: what was lost on its way becomes a message all the same, through the same door.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use serde_json::Value;
use statehouse_connect::pattern::{self, Scope};
use statehouse_definition::model::Reconcile;
use statehouse_store::StoreFault;
use statehouse_store::inbox::{self, Item, Poll};

use crate::fetch::{Unanswered, fetch};
use crate::running::{Installed, Running};
use crate::shared::Shared;

/// Polls that are made in one go.
const POLLS_MAX: u32 = 100;
/// The longest pause after a poll that failed, where the source asks for none.
const AGAIN_MAX: Duration = Duration::from_secs(900);

/// Asks every source that is due; how many.
pub(crate) async fn poll(shared: &Shared) -> Result<u32, StoreFault> {
    let running = shared.running();
    let known = known(&running);
    let mut made = 0;
    while made < POLLS_MAX && !known.is_empty() && !shared.is_stopping() {
        let Some(poll) = inbox::claim_poll(&shared.db, &shared.id, &known, shared.settings.lease()).await? else { break };
        let found =
            running.get(&poll.app).and_then(|installed| Some((installed, installed.app.inboxes.get(&poll.source)?.reconcile.as_ref()?)));
        let Some((installed, reconcile)) = found else { break };
        ask(shared, installed, reconcile, &poll).await?;
        made += 1;
    }
    Ok(made)
}

fn known(running: &Running) -> Vec<(String, String)> {
    let sources = running.all().flat_map(|installed| installed.app.inboxes.iter().map(move |(name, inbox)| (installed, name, inbox)));
    sources
        .filter(|(_, _, inbox)| inbox.reconcile.is_some())
        .map(|(installed, name, _)| (installed.app.name.clone(), name.clone()))
        .collect()
}

async fn ask(shared: &Shared, installed: &Installed, reconcile: &Reconcile, poll: &Poll) -> Result<(), StoreFault> {
    let every = Duration::from_secs(reconcile.every.seconds());
    let (good, after, code) = match listed(shared, installed, reconcile, poll).await {
        Ok(list) => {
            let stored = store(shared, reconcile, poll, &list).await?;
            tracing::debug!(app = %poll.app, source = %poll.source, tenant = poll.tenant, items = list.len(), stored, "a source was asked");
            (true, every, None)
        }
        Err(unanswered) => {
            let code = unanswered.code().code;
            tracing::warn!(app = %poll.app, source = %poll.source, tenant = poll.tenant, code, "a source gave no answer");
            let after = match unanswered {
                Unanswered::Later { after: Some(after), .. } => after,
                _ => (Duration::from_secs(2) * (1 << poll.failures.clamp(0, 10))).min(AGAIN_MAX.min(every)),
            };
            (false, after, Some(code))
        }
    };
    inbox::finish_poll(&shared.db, &shared.id, poll, good, after, code).await?;
    Ok(())
}

/// The items of its list, from a while before the last good poll began.
async fn listed(shared: &Shared, installed: &Installed, reconcile: &Reconcile, poll: &Poll) -> Result<Vec<Value>, Unanswered> {
    let window = Duration::from_secs(reconcile.window.seconds());
    let since = poll.since.unwrap_or(poll.started_at).checked_sub(window).unwrap_or(SystemTime::UNIX_EPOCH);
    let scope = Scope::new().own("since", written(since)).own("now", written(poll.started_at));
    let answer = fetch(shared, installed, &poll.slug, &reconcile.list, &scope, poll.started_at).await?;
    let list = if reconcile.items.is_empty() { Some(&answer) } else { pattern::at(&answer, &reconcile.items) };
    match list.and_then(Value::as_array) {
        Some(list) => Ok(list.clone()),
        None => Err(Unanswered::Never(statehouse_fault::SH7004)),
    }
}

/// Stores each as a message; how many. What has no id or type is told, and not stored: it could not be told apart.
async fn store(shared: &Shared, reconcile: &Reconcile, poll: &Poll, list: &[Value]) -> Result<u32, StoreFault> {
    let mut stored = 0;
    for item in list {
        let scope = Scope::new().with("item", item);
        let (Ok(key), Ok(kind)) = (pattern::text(&reconcile.id, &scope), pattern::text(&reconcile.kind, &scope)) else {
            tracing::warn!(app = %poll.app, source = %poll.source, "an item has no id or no type");
            continue;
        };
        let body = item.to_string();
        let kept = inbox::receive_item(&shared.db, &shared.id, poll, &Item { key: &key, kind: &kind, body: body.as_bytes() }).await?;
        if kept.is_none() {
            break;
        }
        stored += 1;
    }
    Ok(stored)
}

fn written(at: SystemTime) -> String {
    Timestamp::try_from(at).unwrap_or_default().to_string()
}
