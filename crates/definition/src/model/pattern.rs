//! Texts with holes that are filled when something is sent or has come: `{to}`, `{body.data.id}`.
//!
//! They are no SQL: a hole is a path into values that stand ready, and filters may follow it. A pattern that is one
//! hole keeps the type of its value.

use serde::{Deserialize, Serialize};

use super::Named;

/// A text with holes; see the module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pattern {
    /// Pieces in order; none for an empty text.
    pub parts: Vec<Piece>,
}

/// A piece of a pattern.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Piece {
    /// Text as it is.
    Text(String),
    /// A value.
    Hole {
        /// The scope's name and the keys below it; a number is a place in a list, counted from 0.
        path: Vec<String>,
        /// Applied from left to right.
        filters: Vec<Filter>,
    },
}

/// What is done to a value before it stands in its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Filter {
    /// Minor units to a decimal text, `1234` → `12.34`; the currency's code, or the dotted path of one.
    Major(String),
    /// A decimal, text or number, to minor units, `12.34` → `1234`; the currency's code, or the dotted path of one.
    Minor(String),
    /// To capitals.
    Upper,
    /// To small letters.
    Lower,
    /// To text, whatever it was.
    Text,
    /// To a whole number; a value with a fraction is none.
    Integer,
    /// A decimal text to a number: `12.34` without quotes in JSON.
    Number,
    /// The day of a timestamp: `2026-01-31`.
    Date,
    /// A timestamp as whole seconds since 1970.
    Unix,
    /// This text where there is no value; it stands first.
    Or(String),
}

impl Pattern {
    /// The pattern that is this text.
    pub fn text(text: impl Into<String>) -> Self {
        Pattern { parts: vec![Piece::Text(text.into())] }
    }

    /// The pattern that is the value at this dotted path.
    pub fn hole(path: &str) -> Self {
        Pattern { parts: vec![Piece::Hole { path: path.split('.').map(str::to_owned).collect(), filters: Vec::new() }] }
    }

    /// The paths of its holes, in order.
    pub fn paths(&self) -> impl Iterator<Item = &[String]> {
        self.parts.iter().filter_map(|piece| match piece {
            Piece::Hole { path, .. } => Some(path.as_slice()),
            Piece::Text(_) => None,
        })
    }

    /// Its text, if it has no hole.
    pub fn fixed(&self) -> Option<String> {
        self.parts.iter().map(|piece| if let Piece::Text(text) = piece { Some(text.as_str()) } else { None }).collect()
    }
}

/// A JSON tree whose texts are patterns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum JsonPattern {
    /// `null`, `true`, `12`: as it is.
    Fixed(serde_json::Value),
    /// A text.
    Text(Pattern),
    /// In order.
    List(Vec<JsonPattern>),
    /// By key, in the order of the file.
    Map(Named<JsonPattern>),
}
