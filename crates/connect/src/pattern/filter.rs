//! What is done to a value before it stands in its place. Money is moved between its forms digit by digit: no amount is
//! ever a float in between.

use serde_json::{Number, Value};
use statehouse_definition::model::Filter;

use super::{Missing, Scope, as_text, currency};

/// The value after one filter.
pub(super) fn apply(filter: &Filter, value: Value, hole: &str, scope: &Scope<'_>) -> Result<Value, Missing> {
    let not = |wanted| Missing::Form { hole: hole.to_owned(), wanted };
    match filter {
        Filter::Upper => Ok(as_text(value, hole)?.to_uppercase().into()),
        Filter::Lower => Ok(as_text(value, hole)?.to_lowercase().into()),
        Filter::Text => Ok(Value::String(match value {
            Value::Array(_) | Value::Object(_) => value.to_string(),
            scalar => as_text(scalar, hole)?,
        })),
        Filter::Integer => Decimal::of(value).and_then(|read| read.minor(0)).map(Value::from).ok_or_else(|| not("a whole number")),
        Filter::Number => Decimal::of(value).and_then(|read| read.number()).ok_or_else(|| not("a number that JSON holds exactly")),
        Filter::Date => day(&as_text(value, hole)?).map(Value::from).ok_or_else(|| not("a day or a time")),
        // There is a value, or it would have been put in its place already.
        Filter::Or(_) => Ok(value),
        Filter::Unix => {
            let at = as_text(value, hole)?.parse::<jiff::Timestamp>();
            at.map(|at| at.as_second().into()).map_err(|_| not("a time"))
        }
        Filter::Major(currency) => {
            let digits = digits(currency, scope)?;
            let minor = Decimal::of(value).and_then(|read| read.minor(0)).ok_or_else(|| not("an amount in minor units"))?;
            Ok(major(minor, digits).into())
        }
        Filter::Minor(currency) => {
            let digits = digits(currency, scope)?;
            let minor = Decimal::of(value).and_then(|read| read.minor(digits));
            minor.map(Value::from).ok_or_else(|| not("an amount of this currency"))
        }
    }
}

/// How many digits an amount has after its point, by the code of its currency or the path of one.
fn digits(currency: &str, scope: &Scope<'_>) -> Result<usize, Missing> {
    let is_code = currency.len() == 3 && currency.bytes().all(|byte| byte.is_ascii_uppercase());
    let code = if is_code {
        currency.to_owned()
    } else {
        let path: Vec<String> = currency.split('.').map(str::to_owned).collect();
        as_text(scope.find(&path)?.into_owned(), currency)?.to_ascii_uppercase()
    };
    currency::digits(&code).ok_or_else(|| Missing::Form { hole: currency.to_owned(), wanted: "a currency" })
}

/// `-1234` with two digits is `-12.34`.
fn major(minor: i64, digits: usize) -> String {
    let sign = if minor < 0 { "-" } else { "" };
    let figures = format!("{:0>width$}", minor.unsigned_abs(), width = digits + 1);
    let (whole, part) = figures.split_at(figures.len() - digits);
    if digits == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part}") }
}

/// `2026-01-31`, of a text that begins with a day that exists.
fn day(text: &str) -> Option<String> {
    let (day, rest) = text.split_at_checked(10)?;
    let ends = rest.is_empty() || rest.starts_with(['T', 't', ' ']);
    day.parse::<jiff::civil::Date>().ok().filter(|_| ends).map(|day| day.to_string())
}

/// A decimal as it is written: its sign, and its digits before and after the point.
struct Decimal {
    negative: bool,
    whole: String,
    part: String,
}

impl Decimal {
    /// Of a number, or a text that is one: `-12.30`, without an exponent.
    fn of(value: Value) -> Option<Decimal> {
        let text = match value {
            Value::Number(number) => number.to_string(),
            Value::String(text) => text,
            _ => return None,
        };
        let figures = text.strip_prefix('-').unwrap_or(&text);
        let (whole, part) = figures.split_once('.').unwrap_or((figures, "0"));
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number(whole) || !is_number(part) {
            return None;
        }
        let (whole, part) = (whole.trim_start_matches('0').to_owned(), part.trim_end_matches('0').to_owned());
        Some(Decimal { negative: text.starts_with('-'), whole, part })
    }

    /// As a whole number of units of which 10ⁿ make one; none where something would be lost.
    fn minor(&self, digits: usize) -> Option<i64> {
        if self.part.len() > digits {
            return None;
        }
        let sign = if self.negative { "-" } else { "" };
        format!("{sign}0{}{:0<digits$}", self.whole, self.part).parse().ok()
    }

    /// As a number of JSON.
    fn number(&self) -> Option<Value> {
        if let Some(whole) = self.minor(0) {
            return Some(whole.into());
        }
        let sign = if self.negative { "-" } else { "" };
        let whole = if self.whole.is_empty() { "0" } else { &self.whole };
        let written = format!("{sign}{whole}.{}", self.part);
        let number = Number::from_f64(written.parse().ok()?)?;
        // The float only carries the digits: it has to say the same again.
        (number.to_string() == written).then_some(Value::Number(number))
    }
}
