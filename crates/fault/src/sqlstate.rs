//! From what Postgres raised to a fault.

use serde::Deserialize;

use crate::code::Code;
use crate::fault::{Fault, RefusedBy};
use crate::list::*;

impl Fault {
    /// The fault behind an error of Postgres, given as its SQLSTATE, MESSAGE, DETAIL and HINT.
    ///
    /// What our law raises carries its code in DETAIL (one line of JSON) and in the SQLSTATE, and its message and
    /// hint are for the caller as they are. Postgres's own errors get a sentence of ours with the constraint or
    /// column named. Their DETAIL and HINT are dropped: they quote rows and columns the caller may not see.
    pub fn from_sqlstate(sqlstate: &str, message: &str, detail: Option<&str>, hint: Option<&str>) -> Fault {
        let law = detail.and_then(LawDetail::parse).filter(|law| law.fits(sqlstate));
        let code = law.as_ref().map(|law| law.code).or_else(|| coded(sqlstate));
        let Some(code) = code else {
            let (code, detail) = native(sqlstate, message);
            return Fault::new(code, detail);
        };
        let mut fault = Fault::new(code, message);
        if let Some(hint) = hint.filter(|hint| !hint.is_empty()) {
            fault.help = hint.to_owned();
        }
        if let Some(law) = law {
            fault.refused_by = law.refused_by;
        }
        fault
    }
}

/// What the law writes in DETAIL, as far as the body shows it.
struct LawDetail {
    code: &'static Code,
    refused_by: Vec<RefusedBy>,
}

impl LawDetail {
    fn parse(detail: &str) -> Option<LawDetail> {
        #[derive(Deserialize)]
        struct Wire {
            code: String,
            #[serde(default)]
            refused_by: Vec<RefusedBy>,
        }
        let wire: Wire = serde_json::from_str(detail).ok()?;
        let code = Code::find(&wire.code)?;
        Some(LawDetail { code, refused_by: wire.refused_by })
    }

    /// A code is believed only under the SQLSTATE it is raised with, so that no text quoted by a foreign error
    /// can pass for a verdict.
    fn fits(&self, sqlstate: &str) -> bool {
        self.code.sqlstate == Some(sqlstate) || coded(sqlstate) == Some(self.code)
    }
}

/// The code of one of our own states, `S4004` for `SH4004`. Postgres leaves classes from I to Z to others.
fn coded(sqlstate: &str) -> Option<&'static Code> {
    let digits = sqlstate.strip_prefix('S').filter(|rest| rest.len() == 4)?;
    // A state of ours that this release does not list is still ours to answer for.
    Some(Code::find(&format!("SH{digits}")).unwrap_or(SH9001))
}

/// The code and the sentence for a state of Postgres itself.
fn native(sqlstate: &str, message: &str) -> (&'static Code, String) {
    let constraint = || quoted_after(message, "constraint");
    match sqlstate {
        "42501" => (SH2010, message.to_owned()),

        "23505" => (SH5010, about(constraint(), "allows this value once", "the value is already taken")),
        "23514" if constraint() == Some("effect_args_bounded") => (SH4015, "the arguments of an effect take more than 64 KiB".into()),
        "23514" => (SH5011, about_broken(constraint())),
        "23503" | "23001" => (SH5012, about(constraint(), "refers to nothing", "a reference points to nothing")),
        "23502" => {
            let column = quoted_after(message, "column");
            (SH5013, about(column, "must have a value", "a required column has no value"))
        }
        "23P01" => (SH5014, about(constraint(), "allows no overlap", "the record overlaps another")),

        "40003" => (SH5007, "the connection was lost, the outcome is unknown".into()),
        "40002" => (SH5011, about_broken(constraint())),
        "57014" => (SH5003, "the statement was cancelled before it finished".into()),
        "55P03" => (SH5004, "waited too long for a lock".into()),
        "53300" => (SH5005, "the database accepts no more connections".into()),
        "53100" => (SH5006, "the disk of the database is full".into()),

        // Nothing was sent yet, so the outcome is known: nothing happened.
        "08001" | "08004" | "57P03" | "3D000" | "28000" | "28P01" => (SH0008, message.to_owned()),
        "57P01" | "57P02" | "57P05" | "25P03" => (SH5007, "the connection was lost, the outcome is unknown".into()),

        // An assertion of ours in generated SQL.
        "P0004" => (SH9001, message.to_owned()),

        _ => by_class(sqlstate, message),
    }
}

fn by_class(sqlstate: &str, message: &str) -> (&'static Code, String) {
    match sqlstate.get(..2).unwrap_or_default() {
        "08" => (SH5007, "the connection was lost, the outcome is unknown".into()),
        "22" => (SH5015, message.to_owned()),
        "40" => (SH5002, "two transactions crossed and this one was undone".into()),
        "54" => (SH8001, message.to_owned()),
        _ => (SH5001, format!("the database failed with SQLSTATE `{sqlstate}`")),
    }
}

fn about_broken(constraint: Option<&str>) -> String {
    match constraint {
        Some(name) => format!("the values break `{name}`"),
        None => "the values break a rule of the table".into(),
    }
}

fn about(name: Option<&str>, says: &str, nameless: &str) -> String {
    match name {
        Some(name) => format!("`{name}` {says}"),
        None => nameless.to_owned(),
    }
}

/// The name in double quotes that follows `word`. A server that speaks another language quotes elsewhere; then
/// there is no name, and the sentence does without.
fn quoted_after<'m>(message: &'m str, word: &str) -> Option<&'m str> {
    let (_, rest) = message.split_once(&format!("{word} \""))?;
    rest.split_once('"').map(|(name, _)| name)
}
