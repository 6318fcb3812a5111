//! Small words for writing SQL that a person would have written.

use std::fmt::Write as _;

use statehouse_definition::model::{FieldKind, RangeOf};

pub use statehouse_definition::expr::{ident, literal};

/// The Postgres type of a field.
pub fn pg_type(kind: &FieldKind) -> &'static str {
    match kind {
        FieldKind::Text | FieldKind::Enum(_) | FieldKind::Currency | FieldKind::Phone | FieldKind::Email => "text",
        FieldKind::Integer | FieldKind::Money => "bigint",
        FieldKind::Decimal | FieldKind::Percent => "numeric",
        FieldKind::Date => "date",
        FieldKind::Timestamp => "timestamptz",
        FieldKind::Range(RangeOf::Dates) => "daterange",
        FieldKind::Range(RangeOf::Timestamps) => "tstzrange",
        FieldKind::Bool => "boolean",
        FieldKind::Geo => "point",
        FieldKind::Json => "jsonb",
        FieldKind::Ref(_) | FieldKind::Member => "uuid",
        FieldKind::File => "bytea",
    }
}

/// `$law$…$law$`, the tag numbered where the body holds it: a text of an author must not end the body it stands in.
pub fn dollar_quoted(tag: &str, body: &str) -> String {
    let stem = if tag.is_empty() { "body" } else { tag };
    let numbered = (1..).map(|n| format!("${stem}{n}$"));
    let mut quotes = std::iter::once(format!("${tag}$")).chain(numbered);
    let quote = quotes.find(|quote| !body.contains(quote.as_str())).unwrap_or_default();
    format!("{quote}{body}{quote}")
}

/// `'{a,b}'`, an array literal of identifiers-like words.
pub fn array(words: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let words: Vec<String> = words.into_iter().map(|w| w.as_ref().to_owned()).collect();
    format!("'{{{}}}'", words.join(","))
}

/// `('a', 'b')` for `in`.
pub fn list(words: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let words: Vec<String> = words.into_iter().map(|w| literal(w.as_ref())).collect();
    format!("({})", words.join(", "))
}

/// `x = 'a'` for one word, `x in ('a', 'b')` for several, `false` for none.
pub fn one_of(subject: &str, words: &[String]) -> String {
    match words {
        [] => "false".to_owned(),
        [only] => format!("{subject} = {}", literal(only)),
        _ => format!("{subject} in {}", list(words)),
    }
}

/// Every line moved right by `by` spaces; empty lines stay empty.
pub fn indent(text: &str, by: usize) -> String {
    let pad = " ".repeat(by);
    let mut out = String::new();
    for line in text.lines() {
        if line.is_empty() {
            out.push('\n');
        } else {
            let _ = writeln!(out, "{pad}{line}");
        }
    }
    out
}

/// Words joined by commas and broken into lines of at most `width` characters, each moved right by `by`.
pub fn wrap(words: &[String], by: usize, width: usize) -> String {
    let pad = " ".repeat(by);
    let mut out = String::new();
    let mut line = pad.clone();
    for (i, word) in words.iter().enumerate() {
        let comma = if i + 1 < words.len() { "," } else { "" };
        if line.len() > pad.len() && line.len() + word.len() + 2 > width {
            out.push_str(line.trim_end());
            out.push('\n');
            line = pad.clone();
        }
        let _ = write!(line, "{word}{comma} ");
    }
    out.push_str(line.trim_end());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_one_of_no_words() {
        let words = |words: &[&str]| -> Vec<String> { words.iter().map(|word| (*word).to_owned()).collect() };
        assert_eq!(one_of("old.state", &[]), "false");
        assert_eq!(one_of("old.state", &words(&["a"])), "old.state = 'a'");
        assert_eq!(one_of("old.state", &words(&["a", "b"])), "old.state in ('a', 'b')");
    }

    #[test]
    fn a_text_does_not_end_the_body_it_stands_in() {
        assert_eq!(dollar_quoted("law", "begin end "), "$law$begin end $law$");
        assert_eq!(dollar_quoted("law", "'$law$; drop table t' $law1$"), "$law2$'$law$; drop table t' $law1$$law2$");
        assert_eq!(dollar_quoted("", "'$$'"), "$body1$'$$'$body1$");
    }
}
