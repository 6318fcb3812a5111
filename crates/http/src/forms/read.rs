//! What was sent: a JSON object or the fields of a page, judged before anything is asked of the database.

use axum::body::Bytes;
use axum::extract::FromRequest;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use serde_json::{Map, Value};
use statehouse_definition::model::{Entity, Field, FieldKind, Form};
use statehouse_fault::{SH5015, SH6001, SH6002, SH6004, SH6020};

use crate::problem::Wrong;
use crate::{Problem, limits};

/// What a page sends besides the fields: the key under which it makes one record.
pub(super) const KEY: &str = "key";

/// What was sent, not yet judged.
pub(super) struct Sent {
    fields: Map<String, Value>,
    /// Makes the same record, however often it is sent.
    pub key: Option<String>,
}

impl Sent {
    /// Reads the body by its content type.
    ///
    /// # Errors
    /// `SH6004` for another type, `SH6001` for what cannot be read or stands twice, `SH6020` for a key that is none.
    pub async fn read(parts: &Parts, body: axum::body::Body) -> Result<Sent, Problem> {
        let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let is_page = kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/x-www-form-urlencoded");
        if !is_page && !kind.starts_with("application/json") {
            return Err(Problem::new(SH6004, "the body is to be `application/json` or `application/x-www-form-urlencoded`"));
        }
        let bytes = Bytes::from_request(Request::new(body), &()).await.map_err(|cause| limits::fault_of(&cause))?;
        let mut fields = if is_page { pairs(&bytes)? } else { crate::json::of(&parts.headers, &bytes)? };
        let key = match is_page.then(|| fields.remove(KEY)).flatten() {
            Some(key) => key.as_str().map(str::to_owned),
            None => key(&parts.headers)?,
        };
        let key = key.filter(|key| !key.is_empty());
        if key.as_deref().is_some_and(|key| key.len() > 200 || !key.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.:-".contains(&b))) {
            return Err(Problem::new(SH6020, "the key is to be 1 to 200 letters, digits and `_.:-`"));
        }
        Ok(Sent { fields, key })
    }

    /// Whether something filled in what people do not see.
    pub fn is_trapped(&self, form: &Form) -> bool {
        self.text(&form.honeypot).is_some_and(|text| !text.is_empty())
    }

    /// A value as text, for showing it again.
    pub fn text(&self, name: &str) -> Option<String> {
        match self.fields.get(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Null => None,
            other => Some(other.to_string()),
        }
    }

    /// The values of a new record.
    ///
    /// # Errors
    /// `SH6002` for keys the form does not have, `SH5015` for values of another form, with all that is wrong.
    pub fn values(&self, form: &Form, entity: &Entity) -> Result<Map<String, Value>, Problem> {
        let unknown = self.fields.keys().filter(|name| !form.fields.contains(name) && **name != form.honeypot);
        let unknown: Vec<Wrong> = unknown.map(|name| wrong(name, format!("the form has no `{name}`"), SH6002.code)).collect();
        if let Some(first) = unknown.first() {
            return Err(Problem::new(SH6002, first.message.clone()).with_errors(unknown));
        }
        let (mut values, mut faults) = (Map::new(), Vec::new());
        for name in &form.fields {
            let Some(field) = entity.fields.get(name) else { continue };
            let given = self.fields.get(name).filter(|value| !value.is_null() && value.as_str().is_none_or(|text| !text.trim().is_empty()));
            match given {
                None if field.required && field.default.is_none() => faults.push(wrong(name, format!("`{name}` is needed"), SH5015.code)),
                None => {}
                Some(value) => match fits(field, value) {
                    Ok(()) => {
                        values.insert(name.clone(), value.clone());
                    }
                    Err(expected) => faults.push(wrong(name, format!("`{name}` is to be {expected}"), SH5015.code)),
                },
            }
        }
        match faults.first() {
            None => Ok(values),
            Some(first) => Err(Problem::new(SH5015, first.message.clone()).with_errors(faults)),
        }
    }
}

fn wrong(name: &str, message: String, code: &'static str) -> Wrong {
    Wrong { pointer: format!("/{}", name.replace('~', "~0").replace('/', "~1")), message, code }
}

/// The pairs of a page; a name twice could mean either.
fn pairs(bytes: &[u8]) -> Result<Map<String, Value>, Problem> {
    let mut fields = Map::new();
    for (name, value) in form_urlencoded::parse(bytes).into_owned() {
        if fields.insert(name.clone(), Value::String(value)).is_some() {
            return Err(Problem::new(SH6001, format!("`{name}` stands twice")));
        }
    }
    Ok(fields)
}

fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let text = value.to_str().map_err(|_| Problem::new(SH6020, "the key is not readable text"))?;
    Ok(Some(text.to_owned()))
}

/// Whether a value could be one of the field; Postgres has the last word. The error is what it is to be.
fn fits(field: &Field, value: &Value) -> Result<(), String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        _ => return Err("one value".to_owned()),
    };
    let most = super::longest(&field.kind);
    if text.chars().count() > most {
        return Err(format!("at most {most} characters"));
    }
    if text.contains('\0') {
        return Err("readable text".to_owned());
    }
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let good = match &field.kind {
        FieldKind::Enum(choices) if !choices.contains(&text) => return Err(format!("one of {}", choices.join(", "))),
        FieldKind::Phone => text.strip_prefix('+').is_some_and(digits) && (8..=16).contains(&text.len()),
        FieldKind::Email => text.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.') && !host.contains('@')),
        FieldKind::Integer | FieldKind::Money => digits(text.strip_prefix('-').unwrap_or(&text)),
        FieldKind::Decimal | FieldKind::Percent => text.parse::<f64>().is_ok_and(f64::is_finite) && !text.contains(['e', 'E']),
        FieldKind::Bool => matches!(text.as_str(), "true" | "false"),
        FieldKind::Date => {
            text.len() == 10 && text.bytes().enumerate().all(|(n, b)| if n == 4 || n == 7 { b == b'-' } else { b.is_ascii_digit() })
        }
        _ => true,
    };
    if good { Ok(()) } else { Err(expected(&field.kind).to_owned()) }
}

fn expected(kind: &FieldKind) -> &'static str {
    match kind {
        FieldKind::Phone => "a phone number with its country, such as `+3545551234`",
        FieldKind::Email => "an e-mail address",
        FieldKind::Integer | FieldKind::Money => "a whole number",
        FieldKind::Decimal | FieldKind::Percent => "a number",
        FieldKind::Bool => "true or false",
        FieldKind::Date => "a day such as `2026-11-20`",
        _ => "a value of the field",
    }
}
