//! Bodies of fields: JSON text per key, so that no number is ever a float.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use statehouse_definition::model::Entity;
use statehouse_fault::{SH5015, SH6002, SH6004};
use statehouse_store::record::{Values, Wrong, worst};

use crate::json::is_json;
use crate::{Problem, limits, problem};

/// The body as it came; JSON, or empty.
pub(super) struct Body(Bytes);

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Body, Problem> {
        let (parts, body) = request.into_parts();
        let json = is_json(&parts.headers);
        let another = || Problem::new(SH6004, "the body is to be `application/json`");
        if !json && parts.headers.contains_key(header::CONTENT_TYPE) {
            return Err(another());
        }
        let bytes = Bytes::from_request(Request::new(body), state).await.map_err(|cause| limits::fault_of(&cause))?;
        if json || bytes.is_empty() { Ok(Body(bytes)) } else { Err(another()) }
    }
}

impl Body {
    /// The fields of an object.
    pub fn values(&self) -> Result<Values, Problem> {
        self.read_typed()
    }

    /// A body of a form of our own, which says so where a key is not one of it.
    pub fn read_typed<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        serde_json::from_slice(&self.0).map_err(|cause| {
            let body: Value = serde_json::from_slice(&self.0).unwrap_or_default();
            crate::json::misfit(&cause.to_string(), &body)
        })
    }

    /// The input of a verb: an object with keys the verb takes, or nothing. Whether there is such a verb is the law's to say.
    pub fn input(&self, verb: &str, entity: &Entity) -> Result<Option<Value>, Problem> {
        if self.0.is_empty() || self.0.trim_ascii() == b"null" {
            return Ok(None);
        }
        let values = self.values()?;
        if let Some(transition) = entity.transitions.get(verb) {
            let more = values.names().filter(|name| !transition.input.contains_key(*name));
            let wrong: Vec<Wrong> = more
                .map(|name| Wrong { pointer: pointer(name), message: format!("`{verb}` does not take `{name}`"), code: SH6002 })
                .collect();
            if !wrong.is_empty() {
                return Err(refused(wrong));
            }
        }
        input(&values)
    }
}

/// The input as the law takes it: it reads every field as text, so that a number keeps its digits as one.
///
/// # Errors
/// `SH5015` for a value nested too deep to be read, or with half a character in it; it is not taken for nothing.
pub(super) fn input(values: &Values) -> Result<Option<Value>, Problem> {
    let read = |name: &str, text: &str| match serde_json::from_str::<Value>(text) {
        Ok(value) if !value.is_number() || value.is_i64() || value.is_u64() => Ok(value),
        _ if text.starts_with(|c: char| c == '-' || c.is_ascii_digit()) => Ok(Value::String(text.to_owned())),
        Ok(value) => Ok(value),
        Err(_) => Err(Wrong { pointer: pointer(name), message: format!("`{name}` cannot be read"), code: SH5015 }),
    };
    let mut fields = Map::new();
    for (name, value) in &values.0 {
        fields.insert(name.clone(), read(name, value.get()).map_err(|wrong| refused(vec![wrong]))?);
    }
    Ok((!fields.is_empty()).then_some(Value::Object(fields)))
}

/// The JSON pointer to a key.
fn pointer(name: &str) -> String {
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// What is wrong with a body, place by place.
pub(super) fn refused(wrong: Vec<Wrong>) -> Problem {
    let code = worst(&wrong);
    let detail = match wrong.as_slice() {
        [one] => one.message.clone(),
        many => format!("{} things in the body are not as they should be", many.len()),
    };
    let errors = wrong.into_iter().map(|one| problem::Wrong { pointer: one.pointer, message: one.message, code: one.code.code });
    Problem::new(code, detail).with_errors(errors.collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::input;

    #[test]
    fn what_cannot_be_read_is_not_nothing() {
        let read = |text: &str| input(&serde_json::from_str(text).expect("an object"));
        let digits = r#"{"a": 9007199254740993, "b": 0.1000000000000000055511151231257827, "c": 1e999, "d": "x"}"#;
        let expected = json!({ "a": 9_007_199_254_740_993_i64, "b": "0.1000000000000000055511151231257827", "c": "1e999", "d": "x" });
        assert_eq!(read(digits).expect("an input"), Some(expected));
        assert_eq!(read("{}").expect("no input"), None);
        for unread in [r#""\ud800""#.to_owned(), format!("{}{}", "[".repeat(200), "]".repeat(200))] {
            let refused = read(&format!("{{\"a\": {unread}}}")).expect_err(&unread);
            assert_eq!((refused.code().code, refused.pointers().collect::<Vec<_>>()), ("SH5015", vec!["/a"]));
        }
    }
}
