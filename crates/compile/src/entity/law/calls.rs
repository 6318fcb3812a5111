//! What a verb has to wait for: while a call is in flight its record moves by the call's outcomes alone, and each of those
//! only once the call stands so.

use std::fmt::Write as _;

use statehouse_definition::model::{OutcomeKind, Transition};

use crate::entity::cx::Cx;
use crate::sql::{list, literal, one_of};

/// Before any branch: a verb that is no outcome waits for the call, and is told so rather than that the state is wrong.
pub(super) fn in_flight(cx: &Cx<'_>) -> String {
    let waiting: Vec<String> = cx.entity.transitions.iter().filter(|(_, t)| t.outcome.is_none()).map(|(verb, _)| verb.clone()).collect();
    let mut body = String::new();
    for (verb, transition) in &cx.entity.transitions {
        let Some(call) = &transition.call else { continue };
        let _ = writeln!(
            body,
            "if old.state = {} and {} then
  perform statehouse.refuse_in_flight({}, old.id, verb_, old.state, {verb}, statehouse.call_stands(tenant_, old.id, {verb}));
end if;",
            literal(&call.via),
            one_of("verb_", &waiting),
            literal(&cx.qualified()),
            verb = literal(verb),
        );
    }
    body
}

/// For an outcome: the call has to stand as the verb says, written down in the same transaction or before.
pub(super) fn told(cx: &Cx<'_>, verb: &str, transition: &Transition) -> String {
    let Some(outcome) = &transition.outcome else { return String::new() };
    let stands = match outcome.kind {
        OutcomeKind::Done => "stands_ is distinct from 'done'".to_owned(),
        OutcomeKind::Failed => "stands_ is distinct from 'failed'".to_owned(),
        OutcomeKind::Unknown => "stands_ is distinct from 'unknown'".to_owned(),
        // After a restore nobody knows either.
        OutcomeKind::ResolveDone | OutcomeKind::ResolveFailed => format!("coalesce(stands_, '') not in {}", list(["unknown", "held"])),
        // What was taken for failed was done after all: the call's own row has its end already.
        OutcomeKind::LateDone => return String::new(),
    };
    format!(
        "stands_ := statehouse.call_stands(tenant_, old.id, {of});
if {stands} then
  perform statehouse.refuse_in_flight({entity}, old.id, {verb}, old.state, {of}, stands_);
end if;
",
        of = literal(&outcome.of),
        entity = literal(&cx.qualified()),
        verb = literal(verb),
    )
}
