//! Values on their way in: JSON text per field, so that no number ever passes through a float.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;
use statehouse_definition::model::FieldKind;
use statehouse_fault::{Code, SH5015, SH6002};
use uuid::Uuid;

/// Digits of a decimal, and characters of a range or a point.
const CHARS_MAX: usize = 100;

/// Fields of one object in the order given, each as the JSON text it came in. A key twice is refused.
#[derive(Clone, Debug, Default)]
pub struct Values(pub Vec<(String, Box<RawValue>)>);

/// One thing that is wrong in what a caller sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// A JSON pointer into the body.
    pub pointer: String,
    /// Names the thing in backticks, lower case, no full stop.
    pub message: String,
    /// `SH6002` for a key that may not stand there, `SH5015` for a value of another form.
    pub code: &'static Code,
}

impl Values {
    /// The value of a field.
    pub fn get(&self, name: &str) -> Option<&RawValue> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| &**value)
    }

    /// Takes a field out.
    pub fn take(&mut self, name: &str) -> Option<Box<RawValue>> {
        let at = self.0.iter().position(|(key, _)| key == name)?;
        Some(self.0.remove(at).1)
    }

    /// The names, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// The object as JSON text, digits as they came.
    pub(super) fn text(&self) -> String {
        let pairs = self.0.iter().map(|(name, value)| format!("{}:{}", serde_json::Value::from(name.as_str()), value.get()));
        format!("{{{}}}", pairs.collect::<Vec<_>>().join(","))
    }

    /// What is wrong with them where `fields` may stand, below `pointer`; a file's hash becomes what Postgres reads.
    pub(super) fn check<'a>(&mut self, pointer: &str, what: &str, fields: &[(&'a str, &'a FieldKind)], wrong: &mut Vec<Wrong>) {
        for (name, value) in &mut self.0 {
            let pointer = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
            match fields.iter().find(|(field, _)| field == name) {
                None => {
                    let known = fields.iter().map(|(field, _)| format!("`{field}`")).collect::<Vec<_>>().join(", ");
                    let takes = if known.is_empty() { "nothing".to_owned() } else { known };
                    wrong.push(Wrong { pointer, message: format!("`{name}` cannot be given {what}, which takes {takes}"), code: SH6002 });
                }
                Some((_, kind)) => match form(kind, value.get()) {
                    Ok(()) => read_hash(kind, value),
                    Err(expected) => wrong.push(Wrong { pointer, message: format!("`{name}` is to be {expected}"), code: SH5015 }),
                },
            }
        }
    }
}

/// A hash is written in hex; Postgres reads bytes so with a mark before them.
fn read_hash(kind: &FieldKind, value: &mut Box<RawValue>) {
    if *kind == FieldKind::File
        && let Some(hex) = hash(value.get())
        && let Ok(marked) = RawValue::from_string(format!("\"\\\\x{hex}\""))
    {
        *value = marked;
    }
}

/// A file is named by its hash, or by what an answer told of it.
fn hash(json: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    #[serde(untagged)]
    enum Named {
        Hash(String),
        Told { hash: String },
    }
    let (Named::Hash(hash) | Named::Told { hash }) = serde_json::from_str(json).ok()?;
    text_form(&FieldKind::File, &hash).is_ok().then_some(hash)
}

/// Whether a JSON text has the form of a kind; what it should have been. Null passes: whether a field may be empty is the law's.
fn form(kind: &FieldKind, json: &str) -> Result<(), String> {
    if json == "null" {
        return Ok(());
    }
    if *kind == FieldKind::Json {
        // What we could not read ourselves, few of those who follow the record could.
        return serde_json::from_str::<serde_json::Value>(json).map(|_| ()).map_err(|_| words(kind));
    }
    if *kind == FieldKind::File {
        return hash(json).map(|_| ()).ok_or_else(|| words(kind));
    }
    if *kind == FieldKind::Bool {
        return if matches!(json, "true" | "false") { Ok(()) } else { Err("true or false".into()) };
    }
    let text = serde_json::from_str::<String>(json).ok();
    match (kind, &text) {
        (FieldKind::Integer | FieldKind::Money, _) => whole(json).ok_or("a whole number".to_owned()),
        (FieldKind::Decimal | FieldKind::Percent, _) => decimal(text.as_deref().unwrap_or(json)).ok_or(words(kind)),
        (_, Some(text)) => text_form(kind, text),
        _ => Err(words(kind)),
    }
}

/// Whether a text (of a JSON string or of a query) has the form of a kind.
pub(super) fn text_form(kind: &FieldKind, text: &str) -> Result<(), String> {
    let good = match kind {
        FieldKind::Text | FieldKind::Currency | FieldKind::Phone | FieldKind::Email | FieldKind::Json => true,
        FieldKind::Enum(values) => values.iter().any(|value| value == text),
        FieldKind::Integer | FieldKind::Money => whole(text).is_some(),
        FieldKind::Decimal | FieldKind::Percent => decimal(text).is_some(),
        FieldKind::Bool => matches!(text, "true" | "false"),
        FieldKind::Date => date(text),
        FieldKind::Timestamp => timestamp(text),
        FieldKind::Range(_) | FieldKind::Geo => text.len() <= CHARS_MAX,
        FieldKind::Ref(_) | FieldKind::Member => text.len() == 36 && text.parse::<Uuid>().is_ok(),
        FieldKind::File => text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')),
    };
    if good && !text.contains('\0') { Ok(()) } else { Err(words(kind)) }
}

fn words(kind: &FieldKind) -> String {
    match kind {
        FieldKind::Enum(values) => format!("one of {}", values.iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(", ")),
        FieldKind::Integer | FieldKind::Money => "a whole number".into(),
        FieldKind::Decimal | FieldKind::Percent => "a decimal number, as `12.50`".into(),
        FieldKind::Bool => "true or false".into(),
        FieldKind::Date => "a date, as `2026-11-20`".into(),
        FieldKind::Timestamp => "a time with its zone, as `2026-11-20T12:00:00Z`".into(),
        FieldKind::Ref(_) | FieldKind::Member => "an id".into(),
        FieldKind::File => "the hash of a finished upload".into(),
        FieldKind::Json => "JSON of whole characters, nested at most 127 deep".into(),
        _ => "a text".into(),
    }
}

fn whole(text: &str) -> Option<()> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    (plain && text.parse::<i64>().is_ok()).then_some(())
}

/// Digits with at most one point, and an exponent small enough to be written out.
fn decimal(text: &str) -> Option<()> {
    let (number, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let number = number.strip_prefix('-').unwrap_or(number);
    let (before, after) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let exponent: i32 = exponent.parse().ok()?;
    (digits(before) && digits(after) && text.len() <= CHARS_MAX && exponent.abs() <= 30).then_some(())
}

fn date(text: &str) -> bool {
    let bytes = text.as_bytes();
    let number = |from: usize, to: usize| text.get(from..to).and_then(|part| part.parse::<u32>().ok()).unwrap_or(0);
    let shape = bytes.len() == 10
        && bytes.iter().enumerate().all(|(at, byte)| if matches!(at, 4 | 7) { *byte == b'-' } else { byte.is_ascii_digit() });
    shape && number(0, 4) >= 1 && (1..=12).contains(&number(5, 7)) && (1..=31).contains(&number(8, 10))
}

/// RFC 3339: a date, a time to the second, perhaps a fraction, and a zone.
fn timestamp(text: &str) -> bool {
    let Some((day, rest)) = text.split_at_checked(10) else { return false };
    let Some(time) = rest.strip_prefix(['T', 't']) else { return false };
    let Some((clock, rest)) = time.split_at_checked(8) else { return false };
    let two = |from: usize| {
        clock.get(from..from + 2).filter(|part| part.bytes().all(|b| b.is_ascii_digit())).and_then(|part| part.parse::<u32>().ok())
    };
    let clock_good = clock.as_bytes().get(2) == Some(&b':')
        && clock.as_bytes().get(5) == Some(&b':')
        && two(0).is_some_and(|hour| hour < 24)
        && two(3).is_some_and(|minute| minute < 60)
        && two(6).is_some_and(|second| second <= 60);
    let zone = rest.strip_prefix('.').map_or(rest, |fraction| fraction.trim_start_matches(|c: char| c.is_ascii_digit()));
    let fraction_good = rest.len() == zone.len() || rest.len() - zone.len() >= 2;
    date(day) && clock_good && fraction_good && rest.len() <= 40 && zone_form(zone)
}

fn zone_form(zone: &str) -> bool {
    let bytes = zone.as_bytes();
    matches!(zone, "Z" | "z")
        || bytes.len() == 6
            && matches!(bytes[0], b'+' | b'-')
            && bytes[3] == b':'
            && zone.get(1..3).is_some_and(|hour| hour.parse::<u32>().is_ok_and(|hour| hour < 16))
            && zone.get(4..6).is_some_and(|minute| minute.parse::<u32>().is_ok_and(|minute| minute < 60))
}

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Values, D::Error> {
        deserializer.deserialize_map(Pairs)
    }
}

struct Pairs;

impl<'de> Visitor<'de> for Pairs {
    type Value = Values;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Values, A::Error> {
        let mut values = Values::default();
        while let Some(key) = entries.next_key::<String>()? {
            let value = entries.next_value::<Box<RawValue>>()?;
            if values.get(&key).is_some() {
                return Err(A::Error::custom(format!("the key `{key}` stands twice")));
            }
            values.0.push((key, value));
        }
        Ok(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(kind: &FieldKind, json: &str) -> bool {
        form(kind, json).is_ok()
    }

    #[test]
    fn numbers_keep_their_digits() {
        let values: Values = serde_json::from_str(r#"{"a": 0.1000000000000000055511151231257827, "b": 9007199254740993}"#).unwrap();
        assert_eq!(values.text(), r#"{"a":0.1000000000000000055511151231257827,"b":9007199254740993}"#);
        for (json, good) in [("1", true), ("-7", true), ("1.0", false), ("1e3", false), ("\"1\"", false), ("9223372036854775808", false)] {
            assert_eq!(taken(&FieldKind::Money, json), good, "{json}");
        }
        for (json, good) in [("1", true), ("\"12.50\"", true), ("1e16", true), ("1e400", false), ("\"NaN\"", false), ("\"1,5\"", false)] {
            assert_eq!(taken(&FieldKind::Decimal, json), good, "{json}");
        }
    }

    #[test]
    fn times_are_whole() {
        for (json, good) in [
            ("\"2026-11-20T12:00:00Z\"", true),
            ("\"2026-11-20T12:00:00.123456+01:00\"", true),
            ("\"2026-11-20T12:00:00\"", false),
            ("\"2026-11-20T12:00:00.Z\"", false),
            ("\"now\"", false),
            ("\"infinity\"", false),
            ("\"2026-13-20T12:00:00Z\"", false),
            ("\"2026-11-20 12:00:00Z\"", false),
            ("\"é026-11-20T12:00:00Z\"", false),
        ] {
            assert_eq!(taken(&FieldKind::Timestamp, json), good, "{json}");
        }
        assert!(taken(&FieldKind::Date, "\"2026-11-20\"") && !taken(&FieldKind::Date, "\"tomorrow\""));
    }

    #[test]
    fn json_is_of_a_depth_that_everybody_reads() {
        let nested = |deep: usize| format!("{}{}", "[".repeat(deep), "]".repeat(deep));
        assert!(taken(&FieldKind::Json, &nested(127)) && taken(&FieldKind::Json, r#"{"a": [1.5, null]}"#));
        assert!(!taken(&FieldKind::Json, &nested(128)) && !taken(&FieldKind::Json, r#"["\ud800"]"#));
    }

    #[test]
    fn a_key_twice_is_refused() {
        assert!(serde_json::from_str::<Values>(r#"{"a":1,"a":2}"#).is_err());
    }
}
