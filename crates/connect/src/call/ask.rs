//! What an answer to the question means whether an action happened.
//!
//! Only an answer that is surely about what was asked counts as one. "It is not there" leads to sending it again, so an
//! answer of another form is never taken for it.

use std::time::Duration;

use serde_json::{Map, Value};
use statehouse_definition::model::{Action, Ask, Means};
use statehouse_fault::{Code, SH7004};

use super::judge::{Read, kept, matches, stated};
use super::{Given, retry_after};
use crate::egress::Answer;
use crate::pattern;

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub enum Asked {
    /// It happened; with what is kept of it.
    Happened(Map<String, Value>),
    /// It is there, and says of itself that it did not happen.
    Failed {
        /// Under which code it is told.
        code: &'static Code,
        /// What is kept of it.
        result: Map<String, Value>,
    },
    /// It is not there.
    NotThere,
    /// The answer says neither.
    CannotTell {
        /// How long it asks to wait, if it does.
        retry_after: Option<Duration>,
    },
}

/// Judges an answer to the question of [`super::prepare_ask`].
pub fn judge_ask(action: &Action, given: &Given<'_>, answer: &Answer) -> Asked {
    let cannot_tell = Asked::CannotTell { retry_after: retry_after(&answer.headers, given.now) };
    let Some(ask) = &action.ask else { return cannot_tell };
    if answer.status == 404 && ask.list.is_none() {
        return Asked::NotThere;
    }
    let read = Read::of(answer);
    let Ok(scope) = given.scope(action) else { return cannot_tell };
    let Some(objects) = objects(ask, &read.body).filter(|_| (200..=299).contains(&answer.status)) else { return cannot_tell };

    let mut unclear = false;
    let mut failed = None;
    for object in objects {
        let scope = read.onto(scope.clone()).with("object", object);
        match matches(&ask.matching, object, &scope) {
            Some(false) => {}
            None => unclear = true,
            Some(true) => match stated(&ask.answers, answer.status, object, &scope).unwrap_or(Means::Done) {
                // One that happened is enough, whatever others say.
                Means::Done => return Asked::Happened(kept(&ask.result, &scope)),
                Means::Failed => failed = Some(kept(&ask.result, &scope)),
                Means::Busy | Means::Doubt => unclear = true,
            },
        }
    }
    match (unclear, failed) {
        (true, _) => cannot_tell,
        (false, Some(result)) => Asked::Failed { code: SH7004, result },
        (false, None) => Asked::NotThere,
    }
}

/// The objects an answer is about; none where it has not the form of one.
fn objects<'v>(ask: &Ask, body: &'v Value) -> Option<&'v [Value]> {
    match &ask.list {
        Some(path) => match pattern::at(body, path)? {
            // Some say so that there is none.
            Value::Null => Some(&[]),
            list => list.as_array().map(Vec::as_slice),
        },
        None => body.is_object().then(|| std::slice::from_ref(body)),
    }
}
