//! A JSON body, read strictly: its size capped, no key twice, none that the type does not have.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use statehouse_connect::body::{Numbers, strict};
use statehouse_fault::{SH6001, SH6002, SH6004};

use crate::problem::Wrong;
use crate::{Problem, limits};

/// A JSON body in, a JSON body out. A type that should refuse unknown keys says `#[serde(deny_unknown_fields)]`.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Json<T>, Problem> {
        let (parts, body) = request.into_parts();
        // Said before the body is read.
        if !is_json(&parts.headers) {
            return Err(Problem::new(SH6004, "the body is to be `application/json`"));
        }
        let bytes = Bytes::from_request(Request::new(body), state).await.map_err(|cause| limits::fault_of(&cause))?;
        read(&bytes).map(Json)
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// Reads a body that is at hand already, as the extractor would.
///
/// # Errors
/// `SH6004` where the headers say it is something else, else as [`read`].
pub(crate) fn of<T: DeserializeOwned>(headers: &HeaderMap, body: &[u8]) -> Result<T, Problem> {
    if !is_json(headers) {
        return Err(Problem::new(SH6004, "the body is to be `application/json`"));
    }
    read(body)
}

/// Reads a JSON text as strictly as a body.
///
/// # Errors
/// `SH6001` for a text that is no JSON or of another form, `SH6002` for a key that is not known.
pub(crate) fn read<T: DeserializeOwned>(text: &[u8]) -> Result<T, Problem> {
    let value = strict(text, Numbers::Any).map_err(|cause| Problem::new(SH6001, format!("the body cannot be read: {cause}")))?;
    if has_zero(&value) {
        let wrong = Wrong { pointer: String::new(), message: "a text holds the character zero".to_owned(), code: SH6001.code };
        return Err(Problem::new(SH6001, "the body cannot be read: a text holds the character zero").with_errors(vec![wrong]));
    }
    if value.is_array() {
        // A list would be taken for the fields of an object, in their order.
        let wrong = Wrong { pointer: String::new(), message: "a list".to_owned(), code: SH6001.code };
        return Err(Problem::new(SH6001, "the body cannot be read: a list where an object is expected").with_errors(vec![wrong]));
    }
    T::deserialize(&value).map_err(|cause| misfit(&cause.to_string(), &value))
}

/// Whether a text in it has the one character that JSON can write and Postgres cannot keep.
fn has_zero(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_zero),
        Value::Object(fields) => fields.iter().any(|(key, value)| key.contains('\0') || has_zero(value)),
        _ => false,
    }
}

/// A body that is JSON and of another form than the route takes, in the words of serde. A key of the body itself is pointed to.
pub(crate) fn misfit(said: &str, body: &Value) -> Problem {
    let key = said.strip_prefix("unknown field `").and_then(|rest| rest.split('`').next());
    let own = key.filter(|key| body.get(key).is_some());
    let pointer = own.map_or(String::new(), |key| format!("/{}", key.replace('~', "~0").replace('/', "~1")));
    let code = if key.is_some() { SH6002 } else { SH6001 };
    let wrong = Wrong { pointer, message: said.to_owned(), code: code.code };
    Problem::new(code, format!("the body cannot be read: {said}")).with_errors(vec![wrong])
}

/// Whether the headers say so.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Body {
        #[allow(dead_code)]
        name: String,
    }

    fn code(text: &str) -> &'static str {
        match read::<Body>(text.as_bytes()) {
            Ok(_) => "taken",
            Err(problem) => problem.code().code,
        }
    }

    #[test]
    fn a_body_is_read_strictly() {
        let cases = [
            (r#"{"name":"a"}"#, "taken"),
            (r#"{"name":"a","name":"b"}"#, "SH6001"),
            (r#"{"name":"a","tenant":1}"#, "SH6002"),
            (r#"{"name":1}"#, "SH6001"),
            (r#"{"name":"a"} x"#, "SH6001"),
            ("", "SH6001"),
            ("[]", "SH6001"),
            (r#"{"name":"\u0000"}"#, "SH6001"),
        ];
        for (text, expected) in cases {
            assert_eq!(code(text), expected, "{text}");
        }
    }

    #[test]
    fn a_key_that_is_not_taken_is_pointed_to() {
        let body = read::<Body>(br#"{"name":"a","ten/ant":1}"#).expect_err("refused").body();
        assert_eq!((&body["errors"][0]["pointer"], &body["errors"][0]["code"]), (&"/ten~1ant".into(), &"SH6002".into()));
    }

    #[test]
    fn a_key_twice_is_found_at_any_depth() {
        let twice = read::<Value>(br#"{"lines":[{"a":1},{"a":1,"b":{"c":1,"c":2}}]}"#);
        assert!(twice.is_err_and(|problem| problem.body()["detail"].as_str().is_some_and(|said| said.contains("`c` stands twice"))));
    }

    #[test]
    fn depth_is_bounded() {
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        assert!(read::<Value>(deep.as_bytes()).is_err());
    }
}
