//! The body of a message as patterns read it. Whoever receives it and whoever applies it later read it here, so that both
//! see the same.
//!
//! It is read strictly, because two readers of one text must not take two meanings from it: a key that stands twice, or a
//! number that is rounded on the way in, is a body that cannot be read.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Beyond it a number with a fraction no longer tells whole numbers apart: 2⁵³.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// Why a body cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It is no JSON, or JSON that says two things.
    #[error("the body is not JSON that can be read: {0}")]
    Json(String),
    /// A form that is JSON: what kind it is says the sender's header, which nobody signs.
    #[error("the body is said to be a form, and is JSON")]
    NoForm,
    /// A form in which a field stands twice.
    #[error("the field `{0}` stands more than once")]
    Twice(String),
    /// A form in several parts without exactly one part `json`.
    #[error("the form has no single part `json`")]
    Parts,
}

/// Reads a body by its `content-type`: a form as an object of texts, of a form in several parts the part `json`, and
/// anything else as JSON, since not every sender says so.
///
/// # Errors
/// Why it cannot be read.
pub fn read(content_type: &str, body: &[u8]) -> Result<Value, Unreadable> {
    if let Some(boundary) = boundary(content_type) {
        let mut found = json_parts(body, boundary);
        let first = found.next().filter(|_| found.next().is_none()).ok_or(Unreadable::Parts)?;
        return json(first);
    }
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") { form(body) } else { json(body) }
}

/// The fields of an address's query by their names, `data.id` among them. A name that stands twice is not there, since two
/// readers could take different ones.
pub fn query(text: &str) -> Value {
    let all: Vec<_> = form_urlencoded::parse(text.as_bytes()).collect();
    let once = all.iter().filter(|(name, _)| all.iter().filter(|(other, _)| other == name).count() == 1);
    let fields: Map<String, Value> = once.map(|(name, value)| (name.to_string(), Value::from(&**value))).collect();
    fields.into()
}

/// Which numbers a JSON text may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbers {
    /// Whole numbers only as they were written: one that would be rounded on the way in is refused.
    Exact,
    /// Any; one that is not held exactly is the nearest that is.
    Any,
}

/// Reads a JSON text in which no key stands twice.
///
/// # Errors
/// What is wrong with it, and where.
pub fn strict(text: &[u8], numbers: Numbers) -> Result<Value, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let value = Strict(numbers).deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
}

fn json(text: &[u8]) -> Result<Value, Unreadable> {
    strict(text, Numbers::Exact).map_err(|cause| Unreadable::Json(cause.to_string()))
}

fn form(body: &[u8]) -> Result<Value, Unreadable> {
    // In a form a brace or a bracket is written as %7B or %5B, and a message has one of the two meanings, not both.
    if matches!(body.trim_ascii_start().first(), Some(b'{' | b'[')) {
        return Err(Unreadable::NoForm);
    }
    let mut fields = Map::new();
    for (name, value) in form_urlencoded::parse(body) {
        if fields.contains_key(&*name) {
            return Err(Unreadable::Twice(name.into_owned()));
        }
        fields.insert(name.into_owned(), Value::String(value.into_owned()));
    }
    Ok(fields.into())
}

/// What stands between the parts of a form in several parts.
pub(crate) fn boundary(content_type: &str) -> Option<&str> {
    let (kind, parameters) = content_type.split_once(';')?;
    if !kind.trim().get(..10).is_some_and(|kind| kind.eq_ignore_ascii_case("multipart/")) {
        return None;
    }
    let named = |parameter: &str| parameter.trim().get(..9).is_some_and(|name| name.eq_ignore_ascii_case("boundary="));
    let found = parameters.split(';').find(|parameter| named(parameter))?.trim();
    Some(found[9..].trim().trim_matches('"')).filter(|boundary| !boundary.is_empty())
}

/// The contents of the parts called `json`.
pub(crate) fn json_parts<'a>(body: &'a [u8], boundary: &str) -> impl Iterator<Item = &'a [u8]> + use<'a> {
    let fence = format!("--{boundary}").into_bytes();
    let mut rest = find(body, &fence).map(|at| &body[at + fence.len()..]);
    let parts = std::iter::from_fn(move || {
        let here = rest?;
        let end = find(here, &fence)?;
        rest = Some(&here[end + fence.len()..]);
        Some(&here[..end])
    });
    parts.filter_map(named_json)
}

/// The content of a part whose name is `json`.
fn named_json(part: &[u8]) -> Option<&[u8]> {
    let at = find(part, b"\r\n\r\n")?;
    let head = std::str::from_utf8(&part[..at]).ok()?;
    let named = head.lines().any(|line| {
        let line = line.to_ascii_lowercase();
        line.starts_with("content-disposition:") && line.split(';').any(|word| matches!(word.trim(), "name=\"json\"" | "name=json"))
    });
    let content = &part[at + 4..];
    named.then(|| content.strip_suffix(b"\r\n").unwrap_or(content))
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    if wanted.is_empty() {
        return None;
    }
    text.windows(wanted.len()).position(|window| window == wanted)
}

/// A value in which no key stands twice.
#[derive(Clone, Copy)]
struct Strict(Numbers);

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        if self.0 == Numbers::Exact && value.abs() >= EXACT_MAX {
            Err(E::custom("a number too large to be held exactly"))
        } else {
            Ok(value.into())
        }
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let value = entries.next_value_seed(self)?;
            if map.contains_key(&key) {
                return Err(A::Error::custom(format!("the key `{key}` stands twice")));
            }
            map.insert(key, value);
        }
        Ok(map.into())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const JSON: &str = "application/json";

    #[test]
    fn what_says_one_thing_is_read() {
        let cases = [
            (JSON, r#"{"id":"evt_1","n":{"a":[1,-2,0.5,null,true]}}"#, json!({ "id": "evt_1", "n": { "a": [1, -2, 0.5, null, true] } })),
            // Not every sender says what it sends.
            ("", r#"{"id":1}"#, json!({ "id": 1 })),
            ("text/plain", "[18446744073709551615]", json!([u64::MAX])),
            (
                "application/x-www-form-urlencoded; charset=utf-8",
                "From=%2B354&Body=a+b&Empty=",
                json!({ "From": "+354", "Body": "a b", "Empty": "" }),
            ),
            (
                "Multipart/Form-Data; boundary=\"x\"",
                "--x\r\nContent-Disposition: form-data; name=\"json\"\r\n\r\n{\"a\":1}\r\n--x--\r\n",
                json!({ "a": 1 }),
            ),
        ];
        for (kind, body, expected) in cases {
            assert_eq!(read(kind, body.as_bytes()), Ok(expected), "{kind}: {body}");
        }
    }

    #[test]
    fn a_query_is_read_by_its_names() {
        let cases = [
            ("data.id=123&type=payment", json!({ "data.id": "123", "type": "payment" })),
            ("a=1&a=2&b=%20x", json!({ "b": " x" })),
            ("", json!({})),
        ];
        for (text, expected) in cases {
            assert_eq!(query(text), expected, "{text}");
        }
    }

    #[test]
    fn what_two_readers_could_take_two_ways_is_not() {
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        let part = "--x\r\nContent-Disposition: form-data; name=\"json\"\r\n\r\n{}\r\n";
        let twice = format!("{part}{part}--x--");
        let cases = [
            (JSON, r#"{"amount":1,"amount":100}"#),
            (JSON, r#"{"a":{"b":[{"c":1,"c":1}]}}"#),
            (JSON, r#"{"id":18446744073709551616}"#),
            (JSON, r#"{"id":1e300}"#),
            (JSON, r#"{"id":1} {"id":2}"#),
            (JSON, ""),
            (JSON, "Hello, World!"),
            (JSON, "{\"a\":\"\u{fffd}\"\0}"),
            (JSON, &deep),
            ("application/x-www-form-urlencoded", "a=1&a=2"),
            ("multipart/form-data; boundary=x", twice.as_str()),
            ("multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\n{}\r\n--x--"),
        ];
        for (kind, body) in cases {
            assert!(read(kind, body.as_bytes()).is_err(), "{kind}: {body:.60}");
        }
        assert!(read(JSON, b"\"\xff\"").is_err(), "bytes that are no text");
    }
}
