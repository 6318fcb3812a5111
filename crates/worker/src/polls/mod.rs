//! Asking sources for what they sent: what was lost on its way becomes a message all the same, through the same door.
//!
//! A list is read page by page. Where the reading stops is stored with the poll, and the time from which the next poll asks moves
//! only when the last page was read: whoever dies in between, nothing is skipped.

mod pages;

use std::time::{Duration, Instant, SystemTime};

use jiff::Timestamp;
use serde_json::Value;
use statehouse_connect::pattern::{self, Scope};
use statehouse_definition::model::Reconcile;
use statehouse_fault::{SH7004, SH7009};
use statehouse_store::StoreFault;
use statehouse_store::inbox::{self, Item, Poll};

use self::pages::{Page, Place, Then};
use crate::fetch::{Unanswered, fetch};
use crate::running::{Installed, Running};
use crate::shared::Shared;

/// Polls that are made in one go.
const POLLS_MAX: u32 = 100;
/// Pages that one poll reads in a row.
const PAGES_MAX: u32 = 10;
/// The longest pause after a poll that failed, where the source asks for none.
const AGAIN_MAX: Duration = Duration::from_secs(900);

/// Asks every source that is due; how many turns that took.
pub(crate) async fn poll(shared: &Shared) -> Result<u32, StoreFault> {
    let running = shared.running();
    let known = known(&running);
    let mut made = 0;
    while made < POLLS_MAX && !known.is_empty() && !shared.is_stopping() {
        let Some(poll) = inbox::claim_poll(&shared.db, &shared.id, &known, shared.settings.lease()).await? else { break };
        let found =
            running.get(&poll.app).and_then(|installed| Some((installed, installed.app.inboxes.get(&poll.source)?.reconcile.as_ref()?)));
        let Some((installed, reconcile)) = found else { break };
        ask(shared, installed, reconcile, poll).await?;
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

/// Asks one source for as many pages as there are, or as fit into this turn.
async fn ask(shared: &Shared, installed: &Installed, reconcile: &Reconcile, mut poll: Poll) -> Result<(), StoreFault> {
    let every = Duration::from_secs(reconcile.every.seconds());
    let (good, after, code) = match read(shared, installed, reconcile, &mut poll).await? {
        // What is left comes after whatever else is due.
        Ok(_) if poll.place.is_some() => (true, Duration::ZERO, None),
        Ok(()) => (true, every, None),
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
    inbox::finish_poll(&shared.db, &shared.id, &poll, good, after, code).await?;
    Ok(())
}

/// Reads pages and stores what is in them, from the poll's place on; leaves in it the place where the reading stopped.
async fn read(
    shared: &Shared,
    installed: &Installed,
    reconcile: &Reconcile,
    poll: &mut Poll,
) -> Result<Result<(), Unanswered>, StoreFault> {
    let begun = Instant::now();
    let mut place = reconcile.pages.as_ref().map(|pages| Place::of(&pages.next, poll.place.as_ref())).unwrap_or_default();
    for _ in 0..PAGES_MAX {
        let (answer, stored) = match page(shared, installed, reconcile, poll, &place).await {
            Ok(answer) => (answer, reconcile.pages.as_ref().and_then(|pages| place.stored(&pages.next))),
            Err(unanswered) => {
                // A place that the source refuses is left; what may be answered later is asked again where it was.
                let later = matches!(unanswered, Unanswered::Later { .. });
                poll.place = reconcile.pages.as_ref().filter(|_| later).and_then(|pages| place.stored(&pages.next));
                return Ok(Err(unanswered));
            }
        };
        let Some(items) = items(reconcile, &answer) else {
            poll.place = None;
            return Ok(Err(Unanswered::Never(SH7004)));
        };
        let keys = keys(reconcile, items);
        poll.place = stored;
        if !store(shared, reconcile, poll, items, &keys).await? {
            return Ok(Ok(()));
        }
        let then = reconcile.pages.as_ref().map_or(Then::End, |pages| place.then(pages, Page { answer: &answer, items, keys: &keys }));
        match then {
            Then::On(next) => place = next,
            Then::End => {
                poll.place = None;
                return Ok(Ok(()));
            }
            Then::Lost(why) => {
                tracing::warn!(app = %poll.app, source = %poll.source, tenant = poll.tenant, why, "a list cannot be read to its end");
                poll.place = None;
                return Ok(Err(Unanswered::Never(SH7009)));
            }
        }
        if shared.is_stopping() || begun.elapsed() >= shared.settings.lease() / 2 {
            break;
        }
    }
    poll.place = reconcile.pages.as_ref().and_then(|pages| place.stored(&pages.next));
    Ok(Ok(()))
}

/// One page of its list, from a while before the last good poll began.
async fn page(shared: &Shared, installed: &Installed, reconcile: &Reconcile, poll: &Poll, place: &Place) -> Result<Value, Unanswered> {
    let window = Duration::from_secs(reconcile.window.seconds());
    let since = poll.since.unwrap_or(poll.started_at).checked_sub(window).unwrap_or(SystemTime::UNIX_EPOCH);
    let mut scope = Scope::new().own("since", written(since)).own("now", written(poll.started_at));
    if let Some(page) = reconcile.pages.as_ref().and_then(|pages| place.asks(&pages.next)) {
        scope = scope.own("page", page);
    }
    fetch(shared, installed, &poll.slug, &reconcile.list, &scope, poll.started_at).await
}

fn items<'a>(reconcile: &Reconcile, answer: &'a Value) -> Option<&'a [Value]> {
    let list = if reconcile.items.is_empty() { Some(answer) } else { pattern::at(answer, &reconcile.items) };
    list.and_then(Value::as_array).map(Vec::as_slice)
}

fn keys(reconcile: &Reconcile, items: &[Value]) -> Vec<Option<String>> {
    items.iter().map(|item| pattern::text(&reconcile.id, &Scope::new().with("item", item)).ok()).collect()
}

/// Stores each as a message; whether the poll is still ours. What has no id or type is told, and not stored: it could not be
/// told apart.
async fn store(shared: &Shared, reconcile: &Reconcile, poll: &Poll, items: &[Value], keys: &[Option<String>]) -> Result<bool, StoreFault> {
    for (item, key) in items.iter().zip(keys) {
        let (Some(key), Ok(kind)) = (key, pattern::text(&reconcile.kind, &Scope::new().with("item", item))) else {
            tracing::warn!(app = %poll.app, source = %poll.source, "an item has no id or no type");
            continue;
        };
        let body = item.to_string();
        let kept = inbox::receive_item(&shared.db, &shared.id, poll, &Item { key, kind: &kind, body: body.as_bytes() }).await?;
        if kept.is_none() {
            return Ok(false);
        }
    }
    tracing::debug!(app = %poll.app, source = %poll.source, tenant = poll.tenant, items = items.len(), "a page of a source was read");
    Ok(true)
}

fn written(at: SystemTime) -> String {
    Timestamp::try_from(at).unwrap_or_default().to_string()
}
