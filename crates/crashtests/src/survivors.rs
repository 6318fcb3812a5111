//! The planted bugs that nothing notices, and why that is so. The list is compared with what was found: whoever is caught
//! by now has to leave it, and whoever is not has to be explained.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

/// One line of `data/survivors.csv`.
#[derive(Debug, Clone, Deserialize)]
pub struct Survivor {
    /// The plant, as [`crate::plant::Plant::name`] says it.
    pub plant: String,
    /// Why nothing notices.
    pub reason: String,
}

/// Whether `STATEHOUSE_PLANTS` names a plant, as far as it goes (`A11, F05 statehouse.claim_gate 1`); where it names none, each is.
#[must_use]
pub fn is_wanted(plant: &str) -> bool {
    let named = std::env::var("STATEHOUSE_PLANTS").unwrap_or_default();
    named.is_empty() || named.split(',').any(|one| plant == one.trim() || plant.starts_with(&format!("{} ", one.trim())))
}

/// Every line whose plant begins with one of `operators`.
///
/// # Panics
/// When the file cannot be read.
#[must_use]
pub fn explained(operators: &BTreeSet<String>) -> BTreeMap<String, String> {
    let mut reader = csv::Reader::from_reader(include_str!("../data/survivors.csv").as_bytes());
    let rows = reader.deserialize().map(|row: Result<Survivor, _>| row.unwrap_or_else(|cause| panic!("data/survivors.csv: {cause}")));
    let of = |row: &Survivor| row.plant.split(' ').next().is_some_and(|id| operators.contains(id)) && is_wanted(&row.plant);
    rows.filter(of).map(|row| (row.plant, row.reason)).collect()
}

/// What the list and the run disagree on, one line each.
#[must_use]
pub fn differences(explained: &BTreeMap<String, String>, survived: &BTreeSet<String>) -> Vec<String> {
    let caught =
        explained.keys().filter(|plant| !survived.contains(*plant)).map(|plant| format!("caught, and listed as a survivor: {plant}"));
    let unexplained =
        survived.iter().filter(|plant| !explained.contains_key(*plant)).map(|plant| format!("survived, and nobody says why: {plant}"));
    caught.chain(unexplained).collect()
}
