//! What no door does, done by the superuser: the last line of defence is in the tables.

use serde::Deserialize;

use super::{Drill, Held, holds};
use crate::check::Invariant::Fences;

/// One line of `data/forbidden.csv`: a statement that must be refused, and by what.
#[derive(Debug, Deserialize)]
struct Forbidden {
    /// A constraint, or the code of a refusal.
    by: String,
    /// What is tried.
    statement: String,
}

pub(super) async fn run(drill: &Drill) -> Held {
    let mut reader = csv::Reader::from_reader(include_str!("../../data/forbidden.csv").as_bytes());
    for row in reader.deserialize() {
        let Forbidden { by, statement } = row.unwrap_or_else(|cause| panic!("data/forbidden.csv: {cause}"));
        let tried = drill
            .rows
            .client()
            .batch_execute(&format!("begin; select set_config('statehouse.tenant', '1', true); {statement}; commit"))
            .await;
        let refused = match tried {
            Ok(()) => "nothing".to_owned(),
            Err(cause) => {
                drill.superuser("rollback").await?;
                let error = cause.as_db_error();
                error
                    .and_then(|error| error.constraint().map(str::to_owned))
                    .or_else(|| error.map(|error| error.code().code().to_owned()))
                    .unwrap_or_default()
            }
        };
        holds(Fences, refused == by, &format!("`{statement}` is refused by {refused}, not by {by}"))?;
    }
    Ok(())
}
