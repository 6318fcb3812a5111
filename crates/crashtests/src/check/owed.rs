//! What the moves of the proof's app owe, written by hand from its folder.

use serde::Deserialize;

/// One line of `data/owed.csv`: an effect of a verb.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Owed {
    /// `app.entity`.
    pub entity: String,
    /// The verb that owes it.
    pub verb: String,
    /// Its place among the verb's effects, from 1.
    pub n: i32,
    /// To whom.
    pub connector: String,
    /// `K`, `Q` or `N`.
    pub class: String,
    /// The state of a record whose call is under way; empty for a plain effect.
    pub during: String,
    /// The state it enters when the call is done.
    pub done: String,
    /// The state it enters when the call has failed.
    pub failed: String,
}

impl Owed {
    /// Whether it is the call of a claiming transition.
    #[must_use]
    pub fn is_call(&self) -> bool {
        !self.during.is_empty()
    }
}

/// Every line.
///
/// # Panics
/// When the file cannot be read.
#[must_use]
pub fn all() -> Vec<Owed> {
    let mut reader = csv::Reader::from_reader(include_str!("../../data/owed.csv").as_bytes());
    reader.deserialize().map(|row| row.unwrap_or_else(|cause| panic!("data/owed.csv: {cause}"))).collect()
}
