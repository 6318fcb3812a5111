//! A request to a stand-in, read: the same for a form, for JSON and for a form in parts.

use axum::http::{HeaderMap, Method};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// One request, without the part of its path that names the stand-in.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    /// The path behind the stand-in's name, as it came.
    pub(crate) path: String,
    pub(crate) segments: Vec<String>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Call {
    /// Reads a request.
    pub(crate) fn read(method: Method, path: &str, query: &str, headers: HeaderMap, body: &[u8]) -> Call {
        let segments =
            path.split('/').filter(|part| !part.is_empty()).map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned());
        Call {
            method,
            segments: segments.collect(),
            path: path.to_owned(),
            query: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
            body: read_body(headers.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default(), body),
            headers,
        }
    }

    /// The method and the parts of the path, to be matched.
    pub(crate) fn way(&self) -> (&str, Vec<&str>) {
        (self.method.as_str(), self.segments.iter().map(String::as_str).collect())
    }

    /// One part of the path.
    pub(crate) fn segment(&self, at: usize) -> &str {
        self.segments.get(at).map_or("", String::as_str)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// A parameter of the query.
    pub(crate) fn asked(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A parameter of the query that is a number, or what is usual.
    pub(crate) fn asked_number(&self, name: &str, usual: usize) -> usize {
        self.asked(name).and_then(|text| text.parse().ok()).unwrap_or(usual)
    }

    /// A field of the body as text, numbers too; nothing where it is absent, null or empty.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        text(&self.body[name])
    }

    /// The fields `name[key]` of a form as an object, which is how some providers write one.
    pub(crate) fn bracketed(&self, name: &str) -> Map<String, Value> {
        let fields = self.body.as_object().into_iter().flatten();
        let inner = |key: &str| Some(key.strip_prefix(name)?.strip_prefix('[')?.strip_suffix(']')?.to_owned());
        fields.filter_map(|(key, value)| Some((inner(key)?, value.clone()))).collect()
    }

    /// The token of `authorization: Bearer`.
    pub(crate) fn bearer(&self) -> Option<&str> {
        self.header("authorization")?.strip_prefix("Bearer ").filter(|token| !token.is_empty())
    }

    /// User and password of `authorization: Basic`.
    pub(crate) fn basic(&self) -> Option<(String, String)> {
        let pair = STANDARD.decode(self.header("authorization")?.strip_prefix("Basic ")?).ok()?;
        let pair = String::from_utf8(pair).ok()?;
        let (user, password) = pair.split_once(':')?;
        (!user.is_empty()).then(|| (user.to_owned(), password.to_owned()))
    }

    /// What tells this request from another one with the same key.
    pub(crate) fn print(&self) -> String {
        print(self.method.as_str(), &self.path, &self.body)
    }
}

/// The print of a request, from what the log keeps of it.
pub(crate) fn print(method: &str, path: &str, body: &Value) -> String {
    hex::encode(&Sha256::digest(format!("{method} {path}\n{body}"))[..8])
}

/// A JSON value as a person would write it; nothing for null and for the empty text.
pub(crate) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

/// What stands last in square brackets: the reference in the text of a message to a provider that keeps none.
pub(crate) fn bracketed_reference(text: &str) -> Option<String> {
    let end = text.rfind(']')?;
    let begin = text[..end].rfind('[')? + 1;
    let word = &text[begin..end];
    (!word.is_empty() && word.len() <= 64 && !word.contains(char::is_whitespace)).then(|| word.to_owned())
}

/// A decimal amount such as `12.34` in hundredths, without a detour over binary fractions.
pub(crate) fn cents(value: &Value) -> Option<i64> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        _ => return None,
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, "0"));
    let fraction = fraction.trim_end_matches('0');
    if whole.is_empty() || fraction.len() > 2 || !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let cents: i64 = format!("{fraction:0<2}").parse().ok()?;
    whole.parse::<i64>().ok()?.checked_mul(100)?.checked_add(cents)
}

fn read_body(kind: &str, body: &[u8]) -> Value {
    let as_text = || Value::String(String::from_utf8_lossy(body).into_owned());
    if body.is_empty() {
        return Value::Null;
    }
    if kind.starts_with("application/x-www-form-urlencoded") {
        return fields(form_urlencoded::parse(body).into_owned());
    }
    if let Some((_, boundary)) = kind.split_once("boundary=").filter(|_| kind.starts_with("multipart/form-data")) {
        return fields(parts(body, boundary.trim_matches('"')));
    }
    serde_json::from_slice(body).unwrap_or_else(|_| as_text())
}

/// Fields as an object; one that stands more than once is a list.
fn fields(pairs: impl Iterator<Item = (String, String)>) -> Value {
    let mut object = Map::new();
    for (key, value) in pairs {
        let value = Value::String(value);
        match object.get_mut(&key) {
            None => _ = object.insert(key, value),
            Some(Value::Array(all)) => all.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
        }
    }
    Value::Object(object)
}

/// The parts of a form in parts: name and content, of a file its name and size.
fn parts<'a>(body: &'a [u8], boundary: &str) -> impl Iterator<Item = (String, String)> + 'a {
    let text = String::from_utf8_lossy(body).into_owned();
    let mark = format!("--{boundary}");
    let parts: Vec<String> = text.split(&mark).skip(1).map(str::to_owned).collect();
    parts.into_iter().filter_map(|part| {
        let (head, content) = part.split_once("\r\n\r\n")?;
        let quoted = |name: &str| Some(head.split_once(&format!("{name}=\""))?.1.split_once('"')?.0.to_owned());
        let name = quoted(" name")?;
        let content = content.strip_suffix("\r\n").unwrap_or(content);
        Some((name, quoted("filename").map_or_else(|| content.to_owned(), |file| format!("{file}, {} bytes", content.len()))))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn body(kind: &str, text: &str) -> Value {
        read_body(kind, text.as_bytes())
    }

    #[test]
    fn every_form_of_a_body_reads_alike() {
        let form = "To=%2B354+1&a%5Bb%5D=c&twice=1&twice=2";
        assert_eq!(body("application/x-www-form-urlencoded", form), json!({"To": "+354 1", "a[b]": "c", "twice": ["1", "2"]}));
        assert_eq!(body("application/json; charset=utf-8", "{\"a\": 1}"), json!({"a": 1}));
        assert_eq!((body("application/json", "{"), body("", "")), (json!("{"), Value::Null));
        let parts = "--x\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nLease\r\n--x\r\n\
                     Content-Disposition: form-data; name=\"files[0]\"; filename=\"a.pdf\"\r\nContent-Type: application/pdf\r\n\r\n%PDF\r\n--x--\r\n";
        assert_eq!(body("multipart/form-data; boundary=x", parts), json!({"title": "Lease", "files[0]": "a.pdf, 4 bytes"}));
    }

    #[test]
    fn amounts_are_read_exactly() {
        for (value, expected) in [
            (json!(100.0), Some(10_000)),
            (json!(0.29), Some(29)),
            (json!("37.00"), Some(3_700)),
            (json!(12), Some(1_200)),
            (json!("1.234"), None),
            (json!("-1.00"), None),
            (json!("1e3"), None),
            (json!(""), None),
            (json!(null), None),
        ] {
            assert_eq!(cents(&value), expected, "{value}");
        }
    }

    #[test]
    fn a_reference_stands_in_the_last_brackets() {
        assert_eq!(bracketed_reference("Quote [old] is ready [k2j4h3aa]").as_deref(), Some("k2j4h3aa"));
        for text in ["no brackets", "empty []", "words [two words]", "] [", ""] {
            assert_eq!(bracketed_reference(text), None, "{text}");
        }
    }
}
