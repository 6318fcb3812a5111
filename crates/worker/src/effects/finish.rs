//! What an attempt came to is written down: plain effects together, a call with the move that says so.

use std::time::{Duration, Instant};

use serde_json::{Map, Value};
use statehouse_connect::pattern::{self, Scope};
use statehouse_definition::model::{Call, OutcomeKind};
use statehouse_fault::Code;
use statehouse_store::StoreFault;
use statehouse_store::effects::{self, Called, End, Move, Outcome};

use super::attempt::{Came, Effect};
use super::decide::To;
use crate::retry::{insist, is_passing};
use crate::shared::Shared;

/// How long a call rests whose outcome the law does not let be written: somebody must look at the record.
const REFUSED_REST: Duration = Duration::from_secs(3600);

/// What is left to be written.
pub(super) enum Left {
    /// This, with that of others.
    Outcome(Outcome),
    /// Nothing: it is written.
    Written(End),
    /// Nothing: it was somebody else's.
    Lost,
}

/// Writes down what became of a call that ends; anything else is handed back to be written with others.
pub(super) async fn finish(shared: &Shared, effect: &Effect, came: Came) -> Left {
    let kind = match came.to {
        _ if !effect.claimed.call => None,
        To::Done => Some(OutcomeKind::Done),
        To::Failed => Some(OutcomeKind::Failed),
        To::Unknown => Some(OutcomeKind::Unknown),
        To::Due(_) | To::Dead => None,
    };
    let outcome = outcome(effect, &came);
    let Some(kind) = kind else { return Left::Outcome(outcome) };
    match settle(shared, effect, &outcome, kind, &came).await {
        Ok(Called::Moved(_)) => Left::Written(outcome.end),
        Ok(Called::Lost) => Left::Lost,
        Ok(Called::Refused(fault)) => refused(shared, effect, outcome, kind, fault.code, &came).await,
        Err(fault) if is_passing(&fault) => {
            tracing::error!(effect = %effect.claimed.id(), %fault, "the outcome of a call could not be written down");
            Left::Lost
        }
        Err(fault) => refused(shared, effect, outcome, kind, fault.fault().code, &came).await,
    }
}

/// The law does not let the outcome be written. What did not happen can be given up and let go again by somebody; what
/// did, or may have, is said to be unknown, so that nobody sends it a second time by a click.
async fn refused(shared: &Shared, effect: &Effect, outcome: Outcome, kind: OutcomeKind, code: &'static Code, came: &Came) -> Left {
    let claimed = &effect.claimed;
    tracing::error!(effect = %claimed.id(), app = %claimed.app, entity = %claimed.entity, verb = %claimed.verb, outcome = kind.name(), code = code.code, "the outcome of a call was refused");
    let with = |end| Outcome { end, code: Some(code.code.to_owned()), ..outcome.clone() };
    match kind {
        OutcomeKind::Failed => Left::Outcome(with(End::Dead)),
        OutcomeKind::Done => {
            let unknown = with(End::Unknown);
            match settle(shared, effect, &unknown, OutcomeKind::Unknown, came).await {
                Ok(Called::Moved(_)) => Left::Written(unknown.end),
                Ok(Called::Lost) => Left::Lost,
                Ok(Called::Refused(_)) | Err(_) => Left::Outcome(with(rest())),
            }
        }
        _ => Left::Outcome(with(rest())),
    }
}

fn rest() -> End {
    End::Again { after: REFUSED_REST, doubt: true, counts: false }
}

async fn settle(shared: &Shared, effect: &Effect, outcome: &Outcome, kind: OutcomeKind, came: &Came) -> Result<Called, StoreFault> {
    let claimed = &effect.claimed;
    let verb = Call::verb(&claimed.verb, kind);
    let input = input(effect, &verb, came);
    let fired = Move { app: &claimed.app, entity: &claimed.entity, verb: &verb, input: input.as_ref() };
    insist(patience(shared, effect), || effects::settle_call(&shared.db, &shared.id, outcome, &fired)).await
}

/// What is known is worth two leases of trying: after the first the database knows that it must find out by itself.
pub(super) fn patience(shared: &Shared, effect: &Effect) -> Instant {
    effect.since + shared.settings.lease() * 2
}

/// What the outcome verb keeps of the answer; what is not there is left as it is.
fn input(effect: &Effect, verb: &str, came: &Came) -> Option<Value> {
    let entity = effect.installed.as_ref()?.app.entities.get(&effect.claimed.entity)?;
    let outcome = entity.transitions.get(verb)?.outcome.as_ref()?;
    let mut scope = Scope::new().with_all(&came.result);
    if let Some(code) = came.code {
        scope = scope.own("code", code.code);
    }
    let kept: Map<String, Value> =
        outcome.keep.iter().filter_map(|(field, pattern)| Some((field.clone(), pattern::render(pattern, &scope).ok()?))).collect();
    (!kept.is_empty()).then_some(Value::Object(kept))
}

fn outcome(effect: &Effect, came: &Came) -> Outcome {
    let result = || Value::Object(came.result.clone());
    let end = match came.to {
        To::Done => End::Done { result: result() },
        To::Failed => End::Failed { result: result() },
        To::Due(after) => End::Again { after, doubt: came.doubt, counts: came.counts },
        To::Unknown => End::Unknown,
        To::Dead => End::Dead,
    };
    Outcome {
        held: effect.claimed.held,
        end,
        code: came.code.map(|code| code.code.to_owned()),
        status: came.status,
        took: effect.since.elapsed(),
        through: came.through.clone(),
    }
}
