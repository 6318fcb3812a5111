//! The bugs that are planted.

use regex::{Regex, RegexBuilder};
use serde::Deserialize;

/// One line of `data/operators.csv`.
#[derive(Debug, Clone, Deserialize)]
pub struct Operator {
    /// Such as `F01`.
    pub id: String,
    /// What is wrong, in words.
    pub operator: String,
    /// What it changes.
    #[serde(rename = "in")]
    pub kind: Kind,
    /// Names of functions (a pattern), kinds of catalog objects, or the place in the source.
    pub site: String,
    /// What is replaced; for the catalog the statement.
    pub pattern: String,
    /// By what.
    pub replacement: String,
    /// The invariant that should see it.
    pub caught_by: String,
}

/// What an operator changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The text of a function in the test's database.
    Function,
    /// An object of its catalog.
    Catalog,
    /// A function of a copy of this tree.
    Source,
}

/// Every operator, in the order of the file.
///
/// # Panics
/// When the file cannot be read.
#[must_use]
pub fn all() -> Vec<Operator> {
    let mut reader = csv::Reader::from_reader(include_str!("../data/operators.csv").as_bytes());
    reader.deserialize().map(|row| row.unwrap_or_else(|cause| panic!("data/operators.csv: {cause}"))).collect()
}

impl Operator {
    /// Every text that results from planting it once in `text`, in the order of their places.
    ///
    /// # Panics
    /// When its pattern is none.
    #[must_use]
    pub fn plant(&self, text: &str) -> Vec<String> {
        self.plant_with(&self.expression(), text)
    }

    /// Its pattern, read once for many texts.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn expression(&self) -> Regex {
        expression(&self.pattern)
    }

    /// As [`Operator::plant`], with its pattern.
    #[must_use]
    pub fn plant_with(&self, pattern: &Regex, text: &str) -> Vec<String> {
        let planted = pattern.captures_iter(text).map(|found| {
            let mut into = String::new();
            found.expand(&self.replacement, &mut into);
            let whole = found.get_match();
            format!("{}{into}{}", &text[..whole.start()], &text[whole.end()..])
        });
        planted.filter(|planted| planted != text).collect()
    }

    /// What the names of its sites match.
    ///
    /// # Panics
    /// When its site is no pattern.
    #[must_use]
    pub fn sites(&self) -> Regex {
        expression(&format!("^(?:{})$", self.site))
    }
}

fn expression(pattern: &str) -> Regex {
    let built = RegexBuilder::new(pattern).case_insensitive(true).dot_matches_new_line(true).build();
    built.unwrap_or_else(|cause| panic!("`{pattern}` is no pattern: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(id: &str, text: &str, expected: &[&str]) {
        let operator = all().into_iter().find(|operator| operator.id == id).expect(id);
        assert_eq!(operator.plant(text), expected, "{id}");
    }

    #[test]
    fn every_pattern_can_be_read() {
        for operator in all() {
            match operator.kind {
                Kind::Function => _ = (expression(&operator.pattern), expression(&operator.site)),
                Kind::Catalog => assert!(operator.pattern.contains("{name}"), "{}", operator.id),
                Kind::Source => assert!(operator.site.contains(": "), "{}", operator.id),
            }
        }
    }

    #[test]
    fn each_place_is_a_plant_of_its_own() {
        check(
            "F01",
            "where e.attempt = w.attempt and e.n = w.n; update x where n = 1 and attempt = (o ->> 'attempt')::int",
            &[
                "where true and e.n = w.n; update x where n = 1 and attempt = (o ->> 'attempt')::int",
                "where e.attempt = w.attempt and e.n = w.n; update x where n = 1 and true",
            ],
        );
        check("F03", "where e.state = 'leased' returning e.n", &["where true returning e.n"]);
        check("F04", "and e.state in ('due', 'held')", &["and true"]);
        check("L05", "limit 5 for update of e skip locked", &["limit 5 "]);
        check("L06", "set attempt = e.attempt + 1, worker = w", &["set attempt = e.attempt, worker = w"]);
        check("C01", "a; if not found then\n return false;\n end if; b", &["a; null; b"]);
        check("W06", "nothing here", &[]);
    }
}
