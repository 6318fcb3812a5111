//! Words of SQL as they are printed: operators, types, parts of a date.

use sqlparser::ast::{BinaryOperator as Op, DataType, DateTimeField as Field, ExactNumberInfo as Exact, TimezoneInfo};

/// The operator as printed, when it is allowed.
pub(crate) fn operator(op: &Op) -> Option<&'static str> {
    Some(match op {
        Op::Plus => "+",
        Op::Minus => "-",
        Op::Multiply => "*",
        Op::Divide => "/",
        Op::Modulo => "%",
        Op::PGExp => "^",
        Op::StringConcat => "||",
        Op::Gt => ">",
        Op::Lt => "<",
        Op::GtEq => ">=",
        Op::LtEq => "<=",
        Op::Eq => "=",
        Op::NotEq => "<>",
        Op::And => "and",
        Op::Or => "or",
        Op::PGRegexMatch => "~",
        Op::PGRegexIMatch => "~*",
        Op::PGRegexNotMatch => "!~",
        Op::PGRegexNotIMatch => "!~*",
        Op::Arrow => "->",
        Op::LongArrow => "->>",
        _ => return None,
    })
}

/// The type as printed, when a cast to it is allowed.
pub(crate) fn data_type(data_type: &DataType) -> Option<String> {
    let name = match data_type {
        DataType::Text => "text",
        DataType::Int(None) | DataType::Integer(None) => "int",
        DataType::BigInt(None) => "bigint",
        DataType::Bool | DataType::Boolean => "boolean",
        DataType::Date => "date",
        DataType::Timestamp(None, TimezoneInfo::Tz | TimezoneInfo::WithTimeZone) => "timestamptz",
        DataType::Interval { fields: None, precision: None } => "interval",
        DataType::Uuid => "uuid",
        DataType::JSONB => "jsonb",
        DataType::Numeric(Exact::None) | DataType::Decimal(Exact::None) => "numeric",
        DataType::Numeric(Exact::Precision(p)) | DataType::Decimal(Exact::Precision(p)) => {
            return Some(format!("numeric({p})"));
        }
        DataType::Numeric(Exact::PrecisionAndScale(p, s)) | DataType::Decimal(Exact::PrecisionAndScale(p, s)) => {
            return Some(format!("numeric({p}, {s})"));
        }
        _ => return None,
    };
    Some(name.to_owned())
}

/// The part of a date as printed in `extract`.
pub(crate) fn date_part(field: &Field) -> Option<&'static str> {
    Some(match field {
        Field::Year => "year",
        Field::Quarter => "quarter",
        Field::Month => "month",
        Field::Week(None) => "week",
        Field::Day => "day",
        Field::Hour => "hour",
        Field::Minute => "minute",
        Field::Second => "second",
        Field::Dow => "dow",
        Field::Doy => "doy",
        Field::Isodow => "isodow",
        Field::Isoyear => "isoyear",
        Field::Epoch => "epoch",
        _ => return None,
    })
}

/// A text literal on one line. A backslash is written the way Postgres' own `quote_literal` does, because a plain
/// literal that holds one means something else to a caller who switched `standard_conforming_strings` off; a line break
/// is written as one too, because the body around it is indented.
pub fn literal(text: &str) -> String {
    let plain = plain_literal(text);
    if !plain.contains(['\\', '\n', '\r']) {
        return plain;
    }
    format!("e{}", plain.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r"))
}

/// A text literal as an author writes it.
pub(crate) fn plain_literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
