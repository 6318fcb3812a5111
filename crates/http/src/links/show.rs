//! A record as its holder sees it: labels, values as people write them, a table of its rows.

use std::fmt::Write as _;

use serde_json::{Map, Value};
use statehouse_definition::model::{Entity, Field, FieldKind, Named};

use super::page::{say, text};
use super::words::Words;

/// Currencies whose smallest unit is the whole one, and those with three digits behind the point; all others have two.
const WHOLE: [&str; 16] = ["BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF"];
const THREE: [&str; 7] = ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"];

/// How a record is to be shown.
pub(super) struct Shown<'a> {
    pub entity: &'a Entity,
    pub locale: &'a str,
    /// Where the record names none.
    pub currency: &'a str,
}

impl Shown<'_> {
    /// The record as HTML: what it holds, then its rows.
    pub fn html(&self, record: &Map<String, Value>) -> String {
        let words = Words::of(self.locale);
        let currency = self.currency_of(record);
        let mut html = String::from("<dl>\n");
        if let Some(Value::String(reference)) = record.get("reference") {
            let _ =
                writeln!(html, "<dt>{}</dt><dd>{}</dd>", text(say(&self.entity.label, self.locale, &self.entity.name)), text(reference));
        }
        let state = record.get("state").and_then(Value::as_str).unwrap_or_default();
        let label = self.entity.states.get(state).map_or(state, |one| say(&one.label, self.locale, state));
        let _ = writeln!(html, "<dt>{}</dt><dd>{}</dd>", text(words.state), text(label));
        for (name, field) in &self.entity.fields {
            if let Some(value) = record.get(name).and_then(|value| written(field, value, currency, words)) {
                let _ = writeln!(html, "<dt>{}</dt><dd>{}</dd>", text(say(&field.label, self.locale, name)), text(&value));
            }
        }
        html.push_str("</dl>\n");
        for (name, child) in &self.entity.children {
            if let Some(Value::Array(rows)) = record.get(name) {
                html.push_str(&self.rows(say(&child.label, self.locale, name), &child.fields, rows, currency));
            }
        }
        html
    }

    fn rows(&self, label: &str, fields: &Named<Field>, rows: &[Value], currency: &str) -> String {
        let words = Words::of(self.locale);
        let cell = |row: &Value, name: &str, field: &Field| row.get(name).and_then(|value| written(field, value, currency, words));
        // A column in which nothing stands is left out.
        let told: Vec<(&String, &Field)> =
            fields.iter().filter(|(name, field)| rows.iter().any(|row| cell(row, name, field).is_some())).collect();
        if told.is_empty() {
            return String::new();
        }
        let heads: String = told.iter().map(|(name, field)| format!("<th>{}</th>", text(say(&field.label, self.locale, name)))).collect();
        let mut html = format!("<h2>{}</h2>\n<div class=\"rows\"><table>\n<tr>{heads}</tr>\n", text(label));
        for row in rows {
            let cells: String =
                told.iter().map(|(name, field)| format!("<td>{}</td>", text(&cell(row, name, field).unwrap_or_default()))).collect();
            let _ = writeln!(html, "<tr>{cells}</tr>");
        }
        html.push_str("</table></div>\n");
        html
    }

    fn currency_of<'v>(&'v self, record: &'v Map<String, Value>) -> &'v str {
        let field = self.entity.fields.iter().find(|(_, field)| field.kind == FieldKind::Currency);
        field.and_then(|(name, _)| record.get(name)?.as_str()).unwrap_or(self.currency)
    }
}

/// A value as a person writes it; nothing for what is empty or means nothing to them, such as an id.
fn written(field: &Field, value: &Value, currency: &str, words: &Words) -> Option<String> {
    if value.is_null() {
        return None;
    }
    let plain = || value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    Some(match &field.kind {
        FieldKind::Ref(_) | FieldKind::Member | FieldKind::File | FieldKind::Json | FieldKind::Geo => return None,
        FieldKind::Money => money(&plain(), currency),
        FieldKind::Bool => if value == &Value::Bool(true) { words.yes } else { words.no }.to_owned(),
        FieldKind::Percent => format!("{} %", plain()),
        FieldKind::Enum(_) => plain().replace('_', " "),
        FieldKind::Timestamp => plain().get(..16).map_or_else(plain, |minute| format!("{} UTC", minute.replace('T', " "))),
        _ => plain(),
    })
}

/// `203038` minor units as `203 038 ISK`, or `2 030.38 EUR`.
fn money(minor: &str, currency: &str) -> String {
    let (sign, digits) = minor.strip_prefix('-').map_or(("", minor), |digits| ("-", digits));
    let places = if WHOLE.contains(&currency) {
        0
    } else if THREE.contains(&currency) {
        3
    } else {
        2
    };
    let padded = format!("{digits:0>width$}", width = places + 1);
    let (whole, part) = padded.split_at(padded.len() - places);
    let mut grouped = String::new();
    for (n, digit) in whole.chars().enumerate() {
        if n > 0 && (whole.len() - n) % 3 == 0 {
            grouped.push('\u{a0}');
        }
        grouped.push(digit);
    }
    let point = if places == 0 { "" } else { "." };
    format!("{sign}{grouped}{point}{part}\u{a0}{currency}")
}

#[cfg(test)]
mod tests {
    use super::money;

    #[test]
    fn money_is_written_in_its_own_units() {
        let plain = |minor, currency| money(minor, currency).replace('\u{a0}', " ");
        assert_eq!(plain("203038", "ISK"), "203 038 ISK");
        assert_eq!(plain("203038", "EUR"), "2 030.38 EUR");
        assert_eq!(plain("-5", "EUR"), "-0.05 EUR");
        assert_eq!(plain("1234567", "KWD"), "1 234.567 KWD");
        assert_eq!(plain("0", "ISK"), "0 ISK");
    }
}
