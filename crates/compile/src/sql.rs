//! Small words for writing SQL that a person would have written.

use std::fmt::Write as _;

pub use statehouse_definition::expr::ident;

/// A string literal with its quotes doubled.
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
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

/// `x = 'a'` for one word, `x in ('a', 'b')` for several.
pub fn one_of(subject: &str, words: &[String]) -> String {
    match words {
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
