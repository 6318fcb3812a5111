//! The small grammars inside values: names, durations, dates, references, templates.

use crate::model::{Duration, Reference, Unit};

/// Columns the engine keeps on tables and views, and the words by which expressions call a row.
pub(crate) const ENGINE_COLUMNS: [&str; 20] = [
    "tenant",
    "id",
    "state",
    "version",
    "verb",
    "head",
    "fire",
    "input",
    "key",
    "entered_at",
    "changed_at",
    "asked_as",
    "seen_by",
    "lock_seq",
    "number",
    "reference",
    "position",
    "trace",
    "parent",
    "this",
];

/// `^[a-z][a-z0-9_]{0,39}$`
pub(crate) fn is_name(name: &str) -> bool {
    name.len() <= 40
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// Names joined by dots, as capabilities are.
pub(crate) fn is_dotted_name(name: &str) -> bool {
    name.len() <= 80 && name.split('.').all(is_name)
}

/// `NetPrice` and `net-price` as one would have to write them.
pub(crate) fn as_name(text: &str) -> String {
    let mut name = String::new();
    let mut before = '_';
    for c in text.chars() {
        if c.is_ascii_uppercase() && before.is_ascii_lowercase() {
            name.push('_');
        }
        name.push(if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' });
        before = c;
    }
    name.trim_matches('_').to_owned()
}

/// `out_for_delivery` → `Out for delivery`
pub(crate) fn humanised(name: &str) -> String {
    let words = name.replace(['_', '.'], " ");
    let mut letters = words.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => words,
    }
}

/// `UTC`, or a name such as `Europe/Warsaw`; whether there is such a zone, Postgres knows.
pub(crate) fn is_zone(text: &str) -> bool {
    text == "UTC"
        || (text.contains('/')
            && text.split('/').all(|part| !part.is_empty())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"/_-+".contains(&b)))
}

const UNITS: [(&str, Unit); 5] =
    [("second", Unit::Seconds), ("minute", Unit::Minutes), ("hour", Unit::Hours), ("day", Unit::Days), ("week", Unit::Weeks)];

/// `24 hours`; the error is what to type instead.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let otherwise = || "write a whole number and one of seconds, minutes, hours, days, weeks".to_owned();
    let (count, unit) = text.trim().split_once(' ').ok_or_else(otherwise)?;
    let count: u32 = count.parse().ok().filter(|n| (1..=100_000).contains(n)).ok_or_else(otherwise)?;
    let unit = unit.trim();
    let single = unit.strip_suffix('s').unwrap_or(unit);
    if let Some((_, unit)) = UNITS.iter().find(|(name, _)| *name == single) {
        return Ok(Duration { count, unit: *unit });
    }
    match crate::finding::nearest(single, UNITS.iter().map(|(name, _)| *name)) {
        Some(name) => Err(format!("did you mean `{count} {name}{}`?", if count == 1 { "" } else { "s" })),
        None => Err(otherwise()),
    }
}

/// `2026-01-31`, a day that exists.
pub(crate) fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return false;
    }
    let number = |range: std::ops::Range<usize>| -> Option<u32> {
        let digits = text.get(range)?;
        digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())?
    };
    let (Some(year), Some(month), Some(day)) = (number(0..4), number(5..7), number(8..10)) else {
        return false;
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 0,
    };
    year > 0 && (1..=days).contains(&day)
}

/// Digits with an optional sign and, where allowed, a fraction.
pub(crate) fn is_number(text: &str, fraction: bool) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let text = text.strip_prefix('-').unwrap_or(text);
    match text.split_once('.') {
        Some((whole, part)) => fraction && digits(whole) && digits(part),
        None => digits(text),
    }
}

/// `ORD-{number:6}`; the error is what is wrong with it.
pub(crate) fn reference(text: &str) -> Result<Reference, String> {
    let missing = || "the reference has no `{number}`".to_owned();
    let (prefix, rest) = text.split_once('{').ok_or_else(missing)?;
    let (hole, suffix) = rest.split_once('}').ok_or_else(|| "the reference has an open `{`".to_owned())?;
    if suffix.contains(['{', '}']) || prefix.contains('}') {
        return Err("the reference has more than one counter".to_owned());
    }
    let (word, width) = hole.split_once(':').unwrap_or((hole, "1"));
    if word.trim() != "number" {
        return Err(format!("the reference has no `{{number}}`, and `{{{hole}}}` is not known"));
    }
    match width.trim().parse() {
        Ok(width @ 1..=18) => Ok(Reference { prefix: prefix.to_owned(), width, suffix: suffix.to_owned() }),
        _ => Err(format!("the counter cannot be `{}` digits wide", width.trim())),
    }
}

/// A piece of a template: text, or a hole with its byte range in the template.
pub(crate) enum Piece {
    Text(String),
    Hole(std::ops::Range<usize>),
}

/// Splits `to {client.name}`; `{{` is a brace. The error is the byte at which a hole opens that never closes, or is empty.
pub(crate) fn template(text: &str) -> Result<Vec<Piece>, usize> {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut n = 0;
    while let Some(c) = text[n..].chars().next() {
        if text[n..].starts_with("{{") || text[n..].starts_with("}}") {
            plain.push(c);
            n += 2;
        } else if c == '{' {
            let end = hole_end(text, n + 1).ok_or(n)?;
            if text[n + 1..end].trim().is_empty() {
                return Err(n);
            }
            if !plain.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut plain)));
            }
            pieces.push(Piece::Hole(n + 1..end));
            n = end + 1;
        } else {
            plain.push(c);
            n += c.len_utf8();
        }
    }
    if !plain.is_empty() || pieces.is_empty() {
        pieces.push(Piece::Text(plain));
    }
    Ok(pieces)
}

/// The closing brace; one inside an SQL text does not count.
fn hole_end(text: &str, from: usize) -> Option<usize> {
    let mut quoted = false;
    for (n, b) in text.bytes().enumerate().skip(from) {
        match b {
            b'\'' => quoted = !quoted,
            b'}' if !quoted => return Some(n),
            b'{' if !quoted => return None,
            _ => {}
        }
    }
    None
}
