//! Bodies of fields: JSON text per key, so that no number is ever a float.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use statehouse_definition::model::Entity;
use statehouse_fault::{SH6002, SH6004};
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
                .map(|name| Wrong {
                    pointer: format!("/{}", name.replace('~', "~0").replace('/', "~1")),
                    message: format!("`{verb}` does not take `{name}`"),
                    code: SH6002,
                })
                .collect();
            if !wrong.is_empty() {
                return Err(refused(wrong));
            }
        }
        Ok(input(&values))
    }
}

/// The input as the law takes it: it reads every field as text, so that a number keeps its digits as one.
pub(super) fn input(values: &Values) -> Option<Value> {
    let read = |text: &str| {
        let value: Value = serde_json::from_str(text).unwrap_or_default();
        let exact = !value.is_number() || value.is_i64() || value.is_u64();
        if exact { value } else { Value::String(text.to_owned()) }
    };
    let fields: Map<String, Value> = values.0.iter().map(|(name, value)| (name.clone(), read(value.get()))).collect();
    (!fields.is_empty()).then_some(Value::Object(fields))
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
