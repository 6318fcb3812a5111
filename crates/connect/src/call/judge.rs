//! What an answer to an action means.

use std::time::Duration;

use serde_json::{Map, Value};
use statehouse_definition::model::{Action, Answer as Stated, Means, Named, Pattern};
use statehouse_fault::{Code, SH7004};

use super::retry_after;
use crate::body;
use crate::egress::Answer;
use crate::pattern::{self, Scope};

/// More of an answer than this is not kept, in bytes of JSON.
const KEPT_MAX: usize = 12 << 10;

/// What an answer means.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// It happened; with what is kept of the answer.
    Done(Map<String, Value>),
    /// It did not happen and will not by trying again.
    Failed {
        /// Under which code it is told.
        code: &'static Code,
        /// What is kept of the answer.
        result: Map<String, Value>,
    },
    /// It did not happen, and may later.
    Busy {
        /// How long the answer asks to wait, if it does.
        retry_after: Option<Duration>,
    },
    /// It may have happened.
    Doubt {
        /// How long the answer asks to be left alone, if it does.
        retry_after: Option<Duration>,
    },
}

/// Judges an answer by the action's own `answers`, the first that fits, else by its status; `now` in seconds since 1970.
pub fn judge(action: &Action, answer: &Answer, now: i64) -> Verdict {
    let read = Read::of(answer);
    let scope = read.onto(Scope::new());
    let stated = stated(&action.answers, answer.status, &read.body, &scope);
    match stated.unwrap_or_else(|| usual(answer.status)) {
        Means::Done if read.is_strange && reads_body(action) => Verdict::Doubt { retry_after: None },
        Means::Done => Verdict::Done(kept(&action.result, &scope)),
        Means::Failed => Verdict::Failed { code: SH7004, result: kept(&action.result, &scope) },
        Means::Busy => Verdict::Busy { retry_after: retry_after(&answer.headers, now) },
        Means::Doubt => Verdict::Doubt { retry_after: retry_after(&answer.headers, now) },
    }
}

/// What a status means where nothing else is said. That it was not taken is what 425 and 429 say. Of 408 and 503 only the
/// provider's own documents can tell: whoever stands before it says the same where it has taken it and is late to answer.
pub(super) fn usual(status: u16) -> Means {
    match status {
        200..=299 => Means::Done,
        425 | 429 => Means::Busy,
        408 | 409 => Means::Doubt,
        300..=499 => Means::Failed,
        _ => Means::Doubt,
    }
}

/// An answer as patterns read it.
pub(super) struct Read {
    /// Null where there is none, or none that is JSON.
    pub body: Value,
    /// There is a body, and it is not JSON: whoever wrote it speaks of something else.
    pub is_strange: bool,
    header: Value,
    status: Value,
}

impl Read {
    pub fn of(answer: &Answer) -> Read {
        let body = body::read("application/json", &answer.body);
        let is_strange = !answer.body.is_empty() && body.is_err();
        let mut header = Map::new();
        for (name, value) in &answer.headers {
            if let Ok(value) = value.to_str() {
                header.entry(name.as_str()).or_insert_with(|| value.into());
            }
        }
        Read { body: body.unwrap_or_default(), is_strange, header: header.into(), status: answer.status.into() }
    }

    /// The same scope with what the answer holds.
    pub fn onto<'a>(&'a self, scope: Scope<'a>) -> Scope<'a> {
        scope.with("body", &self.body).with("header", &self.header).with("status", &self.status)
    }
}

/// What the first of these that fits says.
pub(super) fn stated(answers: &[Stated], status: u16, object: &Value, scope: &Scope<'_>) -> Option<Means> {
    let fits = |one: &&Stated| one.status.holds(status) && matches(&one.matching, object, scope) == Some(true);
    answers.iter().find(fits).map(|one| one.means)
}

/// Whether all of these stand in the object, compared as text; nothing where none of them says otherwise, and one of
/// their places is not there at all or cannot be told what it should hold.
pub(super) fn matches(matching: &Named<Pattern>, object: &Value, scope: &Scope<'_>) -> Option<bool> {
    let mut clear = true;
    for (path, wanted) in matching {
        match (pattern::at(object, path), pattern::text(wanted, scope)) {
            (Some(found), Ok(wanted)) if pattern::as_text(found.clone(), path).is_ok_and(|found| found == wanted) => {}
            (Some(_), Ok(_)) => return Some(false),
            _ => clear = false,
        }
    }
    clear.then_some(true)
}

fn reads_body(action: &Action) -> bool {
    let of_body = |pattern: &Pattern| pattern.paths().any(|path| path.first().is_some_and(|name| name == "body"));
    action.result.values().any(of_body) || action.answers.iter().any(|answer| !answer.matching.is_empty())
}

/// What is kept of an answer: what is there, as far as it can be stored, and not more than a page of it.
pub(super) fn kept(result: &Named<Pattern>, scope: &Scope<'_>) -> Map<String, Value> {
    let mut kept = Map::new();
    let mut length = 0;
    for (name, pattern) in result {
        let Ok(mut value) = pattern::render(pattern, scope) else { continue };
        without_zeros(&mut value);
        length += name.len() + value.to_string().len();
        if length > KEPT_MAX {
            break;
        }
        kept.insert(name.clone(), value);
    }
    kept
}

/// Postgres stores no text with a zero in it, and what a provider did must not fail to be written down for that.
fn without_zeros(value: &mut Value) {
    match value {
        Value::String(text) => text.retain(|c| c != '\0'),
        Value::Array(items) => items.iter_mut().for_each(without_zeros),
        Value::Object(fields) => {
            if fields.keys().any(|key| key.contains('\0')) {
                *fields = std::mem::take(fields).into_iter().map(|(key, value)| (key.replace('\0', ""), value)).collect();
            }
            fields.values_mut().for_each(without_zeros);
        }
        _ => {}
    }
}
