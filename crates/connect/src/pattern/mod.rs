//! Fills the holes of patterns, strictly: a hole without a value is an error and never an empty text.
//!
//! A pattern that is one hole keeps the type of its value; any other is a text, in which numbers stand as JSON writes
//! them.

mod currency;
mod filter;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value};
use statehouse_definition::model::{Filter, Pattern, Piece};
use statehouse_fault::{Code, SH7002, SH7003};

use crate::secrets::Secrets;

/// Why a pattern cannot be filled. It names the hole and never shows what stands in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    /// There is no value, or it is null.
    #[error("`{0}` has no value")]
    Absent(String),
    /// There is one, of a form that cannot stand there.
    #[error("`{hole}` is not {wanted}")]
    Form {
        /// The hole.
        hole: String,
        /// What would stand there, e.g. `a whole number`.
        wanted: &'static str,
    },
    /// A secret that is not there for this tenant at this time.
    #[error("there is no secret `{0}`")]
    Secret(String),
}

impl Missing {
    /// The code under which it is told.
    pub fn code(&self) -> &'static Code {
        match self {
            Missing::Secret(_) => SH7003,
            _ => SH7002,
        }
    }
}

/// Named values that holes lead into.
#[derive(Clone, Default)]
pub struct Scope<'a> {
    values: BTreeMap<&'a str, Cow<'a, Value>>,
    secrets: Option<(&'a Secrets, &'a str, i64)>,
}

impl<'a> Scope<'a> {
    /// One without values.
    pub fn new() -> Scope<'a> {
        Scope::default()
    }

    /// The same with one more value; a name that stands already gets another.
    #[must_use]
    pub fn with(mut self, name: &'a str, value: &'a Value) -> Scope<'a> {
        self.values.insert(name, Cow::Borrowed(value));
        self
    }

    /// The same with a value of its own.
    #[must_use]
    pub fn own(mut self, name: &'a str, value: impl Into<Value>) -> Scope<'a> {
        self.values.insert(name, Cow::Owned(value.into()));
        self
    }

    /// The same with all values of an object.
    #[must_use]
    pub fn with_all(mut self, values: &'a Map<String, Value>) -> Scope<'a> {
        self.values.extend(values.iter().map(|(name, value)| (name.as_str(), Cow::Borrowed(value))));
        self
    }

    /// The same with `secret`: those of this tenant that live at `now`, in seconds since 1970.
    #[must_use]
    pub fn with_secrets(mut self, secrets: &'a Secrets, tenant: &'a str, now: i64) -> Scope<'a> {
        self.secrets = Some((secrets, tenant, now));
        self
    }

    fn find(&self, path: &[String]) -> Result<Cow<'_, Value>, Missing> {
        let hole = || path.join(".");
        let (first, rest) = path.split_first().ok_or_else(|| Missing::Absent(hole()))?;
        if let (Some((secrets, tenant, now)), "secret", [name]) = (self.secrets, first.as_str(), rest) {
            let found = secrets.get(tenant, name, now).ok_or_else(|| Missing::Secret(name.clone()))?;
            return Ok(Cow::Owned(found.into()));
        }
        let value = self.values.get(first.as_str()).map(Cow::as_ref);
        let found = match first.as_str() {
            "header" | "query" if !rest.is_empty() => value.and_then(|value| flat(value, &rest.join("."))),
            _ => value.and_then(|value| rest.iter().try_fold(value, below)),
        };
        found.filter(|value| !value.is_null()).map(Cow::Borrowed).ok_or_else(|| Missing::Absent(hole()))
    }
}

impl fmt::Debug for Scope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Scope").field(&self.values.keys().collect::<Vec<_>>()).finish()
    }
}

/// The value of a pattern; never null.
///
/// # Errors
/// The first hole that cannot be filled.
pub fn render(pattern: &Pattern, scope: &Scope<'_>) -> Result<Value, Missing> {
    if let [Piece::Hole { path, filters }] = pattern.parts.as_slice() {
        let found = match (scope.find(path), filters.first()) {
            (Err(Missing::Absent(_)), Some(Filter::Or(instead))) => Value::String(instead.clone()),
            (found, _) => found?.into_owned(),
        };
        return filters.iter().try_fold(found, |value, filter| filter::apply(filter, value, &path.join("."), scope));
    }
    let mut text = String::new();
    for piece in &pattern.parts {
        match piece {
            Piece::Text(piece) => text.push_str(piece),
            Piece::Hole { path, filters } => {
                let hole = Pattern { parts: vec![Piece::Hole { path: path.clone(), filters: filters.clone() }] };
                text.push_str(&as_text(render(&hole, scope)?, &path.join("."))?);
            }
        }
    }
    Ok(Value::String(text))
}

/// The value of a pattern as text: a number as JSON writes it, `true` and `false`.
///
/// # Errors
/// The first hole that cannot be filled, or holds a list or an object.
pub fn text(pattern: &Pattern, scope: &Scope<'_>) -> Result<String, Missing> {
    let hole = pattern.paths().next().map(|path| path.join(".")).unwrap_or_default();
    as_text(render(pattern, scope)?, &hole)
}

/// What stands at a dotted path: keys, and places in a list counted from 0. The empty path is the value itself.
pub fn at<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    path.split('.').filter(|key| !key.is_empty()).try_fold(value, below)
}

/// The value of a name in which dots mean nothing, as in a query and among headers; those are also found in small letters.
fn flat<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    value.get(name).or_else(|| value.get(name.to_ascii_lowercase()))
}

fn below(value: &Value, key: impl AsRef<str>) -> Option<&Value> {
    let key = key.as_ref();
    match value {
        Value::Object(fields) => fields.get(key),
        Value::Array(items) => key.parse::<usize>().ok().and_then(|n| items.get(n)),
        _ => None,
    }
}

/// A scalar as text.
pub(crate) fn as_text(value: Value, hole: &str) -> Result<String, Missing> {
    match value {
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(one) => Ok(one.to_string()),
        Value::Null => Err(Missing::Absent(hole.to_owned())),
        Value::Array(_) | Value::Object(_) => Err(Missing::Form { hole: hole.to_owned(), wanted: "a text or a number" }),
    }
}
