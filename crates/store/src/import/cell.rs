//! A cell's value, by the type of its field, in the form Postgres reads.

use serde_json::Value;
use statehouse_definition::model::FieldKind;
use statehouse_definition::{nearest, quoted_list};

/// What a cell turned out to hold.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Read {
    /// A value for the column.
    Value(Value),
    /// The key of a record of this entity, or its id.
    Ref(String, String),
    /// The e-mail of a member.
    Member(String),
}

/// Why a cell cannot be read, and what to write instead.
pub(super) type Wrong = (String, String);

/// Reads a cell.
pub(super) fn read(name: &str, value: &Value, kind: &FieldKind) -> Result<Read, Wrong> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) if number.is_i64() => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        _ if *kind == FieldKind::Json => String::new(),
        _ => {
            return Err((
                format!("`{name}` holds {value}, which loses digits or is no value of one cell"),
                "write numbers with a fraction as text".into(),
            ));
        }
    };
    let whole = |text: &str| text.parse::<i64>().map(|number| Read::Value(number.into())).ok();
    let plain = || Read::Value(text.clone().into());
    let keep = |fits: bool| fits.then(plain);
    let (read, expected) = match kind {
        FieldKind::Text => (value.is_string().then(plain), "a text".to_owned()),
        FieldKind::Enum(values) => (keep(values.contains(&text)), suggestion(&text, values)),
        FieldKind::Integer | FieldKind::Money => (whole(&text), "a whole number".into()),
        FieldKind::Decimal | FieldKind::Percent => (keep(decimal(&text)), "a number such as 12.75".into()),
        FieldKind::Date => (keep(date(&text)), "a day such as 2026-11-20".into()),
        FieldKind::Timestamp => {
            (keep(text.len() > 10 && text.is_char_boundary(10) && date(&text[..10])), "a time such as 2026-11-20T09:30:00Z".into())
        }
        FieldKind::Bool => {
            (matches!(text.as_str(), "true" | "false").then(|| Read::Value((text == "true").into())), "`true` or `false`".into())
        }
        FieldKind::Currency => {
            (keep(text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase())), "a currency such as EUR".into())
        }
        FieldKind::Phone => (keep(phone(&text)), "a number in the form +3545551234".into()),
        FieldKind::Email => (keep(email(&text)), "an address such as name@example.com".into()),
        FieldKind::Json => (Some(Read::Value(value.clone())), String::new()),
        FieldKind::Ref(entity) => (Some(Read::Ref(entity.clone(), text.clone())), String::new()),
        FieldKind::Member => (email(&text).then(|| Read::Member(text.clone())), "the e-mail of a member".into()),
        FieldKind::Range(_) | FieldKind::Geo => (Some(plain()), String::new()),
        FieldKind::File => (None, "nothing: files are not imported".into()),
    };
    read.ok_or_else(|| (format!("`{name}` cannot be `{text}`"), format!("write {expected}")))
}

fn suggestion(text: &str, values: &[String]) -> String {
    let names: Vec<&str> = values.iter().map(String::as_str).collect();
    match nearest(text, names.iter().copied()) {
        Some(near) => format!("`{near}`"),
        None => format!("one of {}", quoted_list(values)),
    }
}

fn decimal(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    [whole, part].iter().all(|half| !half.is_empty() && half.bytes().all(|byte| byte.is_ascii_digit()))
}

fn date(text: &str) -> bool {
    let part = |range: std::ops::Range<usize>| text.get(range)?.parse::<u32>().ok();
    let (Some(year), Some(month), Some(day)) = (part(0..4), part(5..7), part(8..10)) else { return false };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let in_month = days.get((month as usize).wrapping_sub(1)).is_some_and(|days| (1..=*days).contains(&day));
    text.len() == 10 && text.as_bytes()[4] == b'-' && text.as_bytes()[7] == b'-' && year > 0 && in_month
}

fn phone(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or_default();
    (7..=15).contains(&digits.len()) && !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn email(text: &str) -> bool {
    text.split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty() && !host.contains('@'))
        && !text.contains(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn reads(value: Value, kind: &FieldKind) -> Option<Read> {
        read("x", &value, kind).ok()
    }

    #[test]
    fn what_each_type_takes() {
        let value = |value: Value| Some(Read::Value(value));
        assert_eq!(reads(json!("84.50"), &FieldKind::Decimal), value(json!("84.50")));
        assert_eq!(reads(json!(4), &FieldKind::Decimal), value(json!("4")));
        assert_eq!(reads(json!("3000000"), &FieldKind::Money), value(json!(3_000_000)));
        assert_eq!(reads(json!(true), &FieldKind::Bool), value(json!(true)));
        assert_eq!(reads(json!("false"), &FieldKind::Bool), value(json!(false)));
        assert_eq!(reads(json!("2028-02-29"), &FieldKind::Date), value(json!("2028-02-29")));
        assert_eq!(reads(json!("klettur"), &FieldKind::Ref("client".into())), Some(Read::Ref("client".into(), "klettur".into())));
    }

    #[test]
    fn what_each_type_refuses() {
        for (value, kind) in [
            (json!(84.5), FieldKind::Decimal),
            (json!("1,5"), FieldKind::Decimal),
            (json!("1."), FieldKind::Decimal),
            (json!("1.5"), FieldKind::Money),
            (json!("2027-02-29"), FieldKind::Date),
            (json!("20.11.2026"), FieldKind::Date),
            (json!("2026-13-01"), FieldKind::Date),
            (json!("yes"), FieldKind::Bool),
            (json!("isk"), FieldKind::Currency),
            (json!("5551234"), FieldKind::Phone),
            (json!(["a"]), FieldKind::Text),
            (json!("nobody"), FieldKind::Member),
        ] {
            assert_eq!(reads(value.clone(), &kind), None, "{value} as {kind:?}");
        }
    }

    #[test]
    fn a_value_that_is_almost_one_is_told_which() {
        let kind = FieldKind::Enum(vec!["auto".into(), "print".into()]);
        let told = ("`vertical` cannot be `pritn`".to_owned(), "write `print`".to_owned());
        assert_eq!(read("vertical", &json!("pritn"), &kind), Err(told));
    }
}
