//! The functions of Postgres an expression may call, by name and number of arguments.

use std::ops::Range;

use super::fault::Fault;
use super::suggest;

/// Name, fewest and most arguments. None of them is volatile, reads a table or a setting, or asks the clock;
/// `age` with one argument would ask the clock and is therefore left out.
const BUILTINS: &[(&str, usize, usize)] = &[
    ("abs", 1, 1),
    ("age", 2, 2),
    ("btrim", 1, 2),
    ("cardinality", 1, 1),
    ("ceil", 1, 1),
    ("coalesce", 1, MANY),
    ("concat", 1, MANY),
    ("date_part", 2, 2),
    ("date_trunc", 2, 3),
    ("floor", 1, 1),
    ("greatest", 1, MANY),
    ("jsonb_array_length", 1, 1),
    ("jsonb_typeof", 1, 1),
    ("least", 1, MANY),
    ("left", 2, 2),
    ("length", 1, 1),
    ("lower", 1, 1),
    ("ltrim", 1, 2),
    ("make_date", 3, 3),
    ("make_interval", 0, 7),
    ("mod", 2, 2),
    ("nullif", 2, 2),
    ("power", 2, 2),
    ("replace", 3, 3),
    ("right", 2, 2),
    ("round", 1, 2),
    ("rtrim", 1, 2),
    ("sign", 1, 1),
    ("split_part", 3, 3),
    ("substr", 2, 3),
    ("substring", 2, 3),
    ("to_char", 2, 2),
    ("trunc", 1, 2),
    ("upper", 1, 1),
];

const MANY: usize = 100;

/// Functions over many rows.
pub(crate) const AGGREGATES: &[&str] = &["avg", "bool_and", "bool_or", "count", "every", "max", "min", "sum"];
/// What the engine itself answers.
pub(crate) const ENGINE: &[&str] = &["actor", "fresh", "now", "role", "today"];
/// Named arguments of `make_interval`.
pub(crate) const SPANS: &[&str] = &["days", "hours", "mins", "months", "secs", "weeks", "years"];
/// What people reach for, and what to write for it.
const INSTEAD: &[(&str, &str)] = &[
    ("char_length", "length"),
    ("clock_timestamp", "now"),
    ("current_date", "today"),
    ("current_timestamp", "now"),
    ("current_user", "actor"),
    ("ifnull", "coalesce"),
    ("isnull", "coalesce"),
    ("nvl", "coalesce"),
    ("pow", "power"),
    ("session_user", "actor"),
    ("statement_timestamp", "now"),
    ("to_text", "to_char"),
    ("transaction_timestamp", "now"),
    ("user", "actor"),
];

/// Allows a call by name and number of arguments, or says what to write for it.
pub(crate) fn allow(name: &str, count: usize, at: &Range<usize>) -> Result<(), Fault> {
    if AGGREGATES.contains(&name) || ENGINE.contains(&name) {
        return Ok(());
    }
    let Some((_, fewest, most)) = BUILTINS.iter().find(|(known, ..)| *known == name) else {
        return Err(Fault::refused(at, format!("function `{name}` is not allowed")).help(instead(name)));
    };
    if (*fewest..=*most).contains(&count) {
        return Ok(());
    }
    let wanted = if fewest == most { fewest.to_string() } else { format!("{fewest} to {most}") };
    Err(Fault::refused(at, format!("function `{name}` takes {wanted} arguments here, not {count}")).help("give it the arguments it takes"))
}

/// The action for a function that is not on the list.
pub(crate) fn instead(name: &str) -> String {
    let known = INSTEAD.iter().find(|(typed, _)| *typed == name).map(|(_, write)| *write);
    let all = BUILTINS.iter().map(|(known, ..)| *known).chain(AGGREGATES.iter().copied()).chain(ENGINE.iter().copied());
    match known.or_else(|| suggest::nearest(name, all)) {
        Some(write) if ["now", "today", "actor"].contains(&write) => format!("write `{write}()`"),
        Some(write) => format!("write `{write}`"),
        None => "use an allowed function, or write one in `sql/`".to_owned(),
    }
}
