//! What a list of this folder can be asked by.

use axum::extract::RawQuery;
use serde::Deserialize;
use serde_json::Value;
use statehouse_definition::quoted_list;
use statehouse_fault::{SH6002, SH6010};

use crate::Problem;
use crate::problem::Wrong;

const USUAL: i32 = 50;
const MOST: i32 = 200;
/// So many at once may be asked for again.
pub(super) const IDS_MAX: usize = 200;

/// Which page of which rows.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// Of these states; of all where it is empty.
    pub(super) states: Vec<String>,
    /// Of this kind.
    pub(super) kind: Option<String>,
    /// Of this source.
    pub(super) source: Option<String>,
    /// `next` of the page before.
    pub(super) after: Option<String>,
    /// At most so many.
    pub(super) limit: i32,
}

impl Asked {
    /// Reads a query; `states` are those there are, and `sources` whether it can be asked for one of them.
    ///
    /// # Errors
    /// `SH6010` for anything else, for what stands twice and for what these cannot be.
    pub(super) fn read(query: RawQuery, states: &[&str], sources: bool) -> Result<Asked, Problem> {
        Self::read_by(query, states, &[], sources)
    }

    /// The same of a list that has kinds instead of states.
    ///
    /// # Errors
    /// As [`Asked::read`].
    pub(super) fn read_kind(query: RawQuery, kinds: &[&str]) -> Result<Asked, Problem> {
        Self::read_by(query, &[], kinds, false)
    }

    fn read_by(RawQuery(query): RawQuery, states: &[&str], kinds: &[&str], sources: bool) -> Result<Asked, Problem> {
        let mut asked = Asked { limit: USUAL, ..Asked::default() };
        let mut seen: Vec<String> = Vec::new();
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            if seen.iter().any(|one| *one == name) {
                return Err(Problem::new(SH6010, format!("`{name}` stands twice")));
            }
            match &*name {
                "state" if !states.is_empty() => asked.states = known(&value, states)?,
                "kind" if kinds.contains(&&*value) => asked.kind = Some(value.into_owned()),
                "kind" if !kinds.is_empty() => return Err(no_kind(&value, kinds)),
                "source" if sources => asked.source = Some(value.into_owned()),
                "after" => asked.after = Some(value.into_owned()),
                "limit" => {
                    let limit = value.parse().ok().filter(|limit| (1..=MOST).contains(limit));
                    asked.limit = limit.ok_or_else(|| Problem::new(SH6010, format!("`limit` is a number from 1 to {MOST}")))?;
                }
                other => return Err(Problem::new(SH6010, format!("this list has no `{other}` to ask by"))),
            }
            seen.push(name.into_owned());
        }
        Ok(asked)
    }

    /// Whether a page of so many may have another behind it.
    pub(super) fn is_full(&self, rows: usize) -> bool {
        usize::try_from(self.limit).is_ok_and(|limit| rows >= limit)
    }
}

/// What `after` says is none of this list's.
pub(super) fn no_place() -> Problem {
    Problem::new(SH6010, "`after` is no place in this list").with_help("take `next` of the page before")
}

/// What is named is no kind of what this list holds.
pub(super) fn no_kind(other: &str, kinds: &[&str]) -> Problem {
    Problem::new(SH6010, format!("there is no kind `{other}`")).with_help(format!("name one of {}", quoted_list(kinds)))
}

fn known(value: &str, states: &[&str]) -> Result<Vec<String>, Problem> {
    let named: Vec<String> = value.split(',').map(str::to_owned).collect();
    match named.iter().find(|name| !states.contains(&name.as_str())) {
        None => Ok(named),
        Some(other) => Err(Problem::new(SH6010, format!("there is no state `{other}`"))
            .with_help(format!("name some of {}, with commas between", quoted_list(states)))),
    }
}

/// The body of a replay of many.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ids {
    ids: Vec<String>,
}

impl Ids {
    /// What another body holds beside something else.
    pub(super) fn of(ids: Vec<String>) -> Ids {
        Ids { ids }
    }

    /// The ids as they are; the database reads them.
    ///
    /// # Errors
    /// As [`Ids::read`].
    pub(super) fn texts(self) -> Result<Vec<String>, Problem> {
        Ok(self.read(|_| Some(()))?.into_iter().map(|(text, _)| text).collect())
    }

    /// The ids, each read; what is no id is one of nothing, and told so like those.
    ///
    /// # Errors
    /// `SH8002` for none and for too many.
    pub(super) fn read<T>(self, read: impl Fn(&str) -> Option<T>) -> Result<Vec<(String, Option<T>)>, Problem> {
        if (1..=IDS_MAX).contains(&self.ids.len()) {
            return Ok(self.ids.into_iter().map(|text| (text.clone(), read(&text))).collect());
        }
        let message = format!("`ids` names 1 to {IDS_MAX}");
        let wrong = Wrong { pointer: "/ids".into(), message: message.clone(), code: SH6002.code };
        Err(Problem::new(statehouse_fault::SH5015, message).with_errors(vec![wrong]))
    }
}

/// A moment as RFC 3339 has it.
pub(super) fn moment(at: std::time::SystemTime) -> Value {
    jiff::Timestamp::try_from(at).map_or(Value::Null, |at| at.to_string().into())
}
