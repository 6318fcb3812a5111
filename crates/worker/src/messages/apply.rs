//! One message from its claim to its end: read, asked about where it proves nothing itself, and fired.

use std::time::{Duration, Instant, SystemTime};

use statehouse_definition::model::{Inbox, Mapping};
use statehouse_fault::{SH7110, SH7121, SH7122};
use statehouse_store::StoreFault;
use statehouse_store::effects;
use statehouse_store::inbox::{self, Applied, Claimed, End, Outcome, Wanted};

use super::read::{Read, is_polled};
use crate::fetch::{Unanswered, fetch};
use crate::retry::insist;
use crate::running::Installed;
use crate::shared::Shared;

/// How long a message waits for a sender who does not answer when asked, before it is asked again for the first time.
const ASK_AGAIN: Duration = Duration::from_secs(5);
/// The longest such pause.
const ASK_AGAIN_MAX: Duration = Duration::from_secs(3600);
/// How long it may wait where its inbox says nothing about its type yet.
const WAIT: Duration = Duration::from_secs(7 * 86_400);

/// Applies it; what is left to be written, if anything is.
pub(super) async fn apply(shared: &Shared, claimed: &Claimed, since: Instant) -> Result<Option<Outcome>, StoreFault> {
    let end = |end| Outcome::new(claimed.held, end);
    let running = shared.running();
    let found = running.get(&claimed.app).and_then(|installed| Some((installed, installed.app.inboxes.get(&claimed.source)?)));
    let Some((installed, inbox)) = found else {
        let why = format!("`{}` takes no messages of `{}` any more", claimed.app, claimed.source);
        return Ok(Some(end(End::Dead).because(SH7110.code, why)));
    };
    let mut read = match Read::of(inbox, claimed) {
        Ok(read) => read,
        Err(why) => return Ok(Some(end(End::Dead).because(SH7121.code, why))),
    };
    if claimed.kind.as_ref().is_some_and(|kind| inbox.ignore.contains(kind)) {
        return Ok(Some(end(End::Ignored)));
    }
    let mut fetched = claimed.fetched.clone();
    if let (Some(asked), None, false) = (&inbox.fetch, &fetched, is_polled(claimed)) {
        let now = effects::now(&shared.db).await?;
        let out = shared.asking.go_out();
        let answered = fetch(shared, installed, &claimed.slug, asked, &read.scope(), now).await;
        drop(out);
        match answered {
            Ok(answer) => {
                let told = read.take_answer(inbox, &answer);
                fetched = Some(answer);
                if let Err(missing) = told {
                    let outcome =
                        end(End::Quarantined).because(SH7122.code, format!("what its sender answered does not hold it: {missing}"));
                    return Ok(Some(Outcome { fetched, ..outcome }));
                }
            }
            Err(unanswered) => return Ok(Some(later(claimed, inbox, unanswered, now))),
        }
    }
    let keeping = |outcome: Outcome| Some(Outcome { fetched: fetched.clone(), ..outcome });
    let Some(meaning) = read.meaning(inbox, claimed) else {
        return Ok(keeping(end(End::Dead).because(SH7121.code, "its type cannot be read")));
    };
    let Some(mapping) = inbox.messages.get(&meaning) else {
        if inbox.ignore.contains(&meaning) {
            return Ok(keeping(end(End::Ignored)));
        }
        let why = format!("`{}` says nothing about `{meaning}`", claimed.source);
        return Ok(keeping(end(End::Dead).because(SH7121.code, why)));
    };
    let value = match read.find(mapping) {
        Ok(value) => value,
        Err(missing) => {
            return Ok(keeping(end(End::Dead).because(SH7121.code, format!("it does not say which record it is about: {missing}"))));
        }
    };
    fire(shared, installed, claimed, mapping, &read, &value, fetched.as_ref(), since).await.map(|()| None)
}

#[allow(clippy::too_many_arguments)]
async fn fire(
    shared: &Shared,
    installed: &Installed,
    claimed: &Claimed,
    mapping: &Mapping,
    read: &Read,
    value: &str,
    fetched: Option<&serde_json::Value>,
    since: Instant,
) -> Result<(), StoreFault> {
    let input = read.input(mapping);
    let wanted = Wanted {
        app: &installed.app,
        entity: &mapping.entity,
        find: (&mapping.find.0, value),
        verb: &mapping.verb,
        input: input.as_ref(),
        wait_s: mapping.wait.seconds() as f64,
        late: mapping.late,
        fetched,
    };
    let until = since + shared.settings.lease() / 2;
    let applied = insist(until, || inbox::apply_message(&shared.db, &shared.id, claimed, &wanted)).await?;
    match applied {
        Applied::Late | Applied::Quarantined | Applied::Dead { .. } => {
            tracing::warn!(message = %claimed.held.id, app = %claimed.app, source = %claimed.source, verb = %mapping.verb, ?applied, "a message moved nothing");
        }
        _ => tracing::debug!(message = %claimed.held.id, source = %claimed.source, verb = %mapping.verb, ?applied, "a message was applied"),
    }
    Ok(())
}

/// Its sender gave no answer. Nothing has failed that is the message's fault, so only the clock ends it.
fn later(claimed: &Claimed, inbox: &Inbox, unanswered: Unanswered, now: SystemTime) -> Outcome {
    let end = |end| Outcome::new(claimed.held, end);
    let code = unanswered.code().code;
    let wait =
        claimed.kind.as_ref().and_then(|kind| inbox.messages.get(kind)).map_or(WAIT, |mapping| Duration::from_secs(mapping.wait.seconds()));
    match unanswered {
        Unanswered::NotThere => end(End::Quarantined).because(SH7122.code, "its sender does not know what it is about"),
        Unanswered::Never(_) => end(End::Dead).because(code, "its sender cannot be asked about it"),
        Unanswered::Later { .. } if now.duration_since(claimed.received_at).is_ok_and(|waited| waited >= wait) => {
            end(End::Quarantined).because(code, "its sender gave no answer for as long as it may wait")
        }
        Unanswered::Later { after, .. } => {
            let pause = (ASK_AGAIN * (1 << claimed.waits.clamp(0, 10))).min(ASK_AGAIN_MAX);
            end(End::Waiting { after: after.unwrap_or(pause), wait }).because(code, "its sender gave no answer")
        }
    }
}
