//! The numbers that must hold: what was expected, and what the tables say.

use serde::Serialize;
use statehouse_store::import::record_id;
use statehouse_store::rehearsal::Stage;

use super::cast::Cast;
use crate::failure::Failure;

/// The golden orders, worked out by hand.
const GOLDENS: &str = include_str!("../../../../testkit/data/goldens.csv");

/// One number.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    /// What is counted.
    pub what: String,
    /// What it must be.
    pub expected: String,
    /// What it is.
    pub found: String,
}

impl Check {
    pub fn new(what: impl Into<String>, expected: impl ToString, found: impl ToString) -> Check {
        Check { what: what.into(), expected: expected.to_string(), found: found.to_string() }
    }

    pub fn holds(&self) -> bool {
        self.expected == self.found
    }
}

/// Every number but those of the audit and of who saw what.
pub async fn checks(cast: &Cast, stage: &Stage) -> Result<Vec<Check>, Failure> {
    let mut checks = Vec::new();
    for row in stage.rows(include_str!("checks.sql")).await? {
        checks.push(Check::new(&row[0], &row[1], &row[2]));
    }
    let moved = stage.rows(include_str!("moves.sql")).await?;
    checks.extend(acknowledged(cast, &moved));
    checks.extend(goldens(stage).await?);
    Ok(checks)
}

/// What the callers were told, against what is written down.
fn acknowledged(cast: &Cast, moved: &[Vec<String>]) -> Vec<Check> {
    let tally = cast.tally();
    let mut checks = Vec::new();
    for row in moved {
        let told = tally.moved.get(&row[0]).copied().unwrap_or_default();
        checks.push(Check::new(format!("`{}`: moves acknowledged are the events there are", row[0]), told, &row[1]));
    }
    let verbs = tally.moved.keys().filter(|verb| !moved.iter().any(|row| row[0] == **verb)).count();
    checks.push(Check::new("verbs acknowledged without any event", 0, verbs));
    checks.push(Check::new("surprises", 0, tally.wrong.len()));
    let broken = cast.face.broken();
    checks.push(Check::new(
        format!("the server was killed in the middle; {broken} requests broke off and were sent again, so at least one"),
        "yes",
        if broken > 0 { "yes" } else { "no" },
    ));
    checks
}

/// The golden figures, read back from the tables.
async fn goldens(stage: &Stage) -> Result<Vec<Check>, Failure> {
    let mut checks = Vec::new();
    for line in GOLDENS.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let [name, column, expected] = cells[..] else { continue };
        let id = |tenant, key| record_id(tenant, "orders", "order", key);
        let question = match (name, column.split('.').collect::<Vec<_>>().as_slice()) {
            ("Q2O-3", _) => format!("select trim_scale(s.{column}::numeric) from orders.settlement s where s.state = 'settled'"),
            (_, ["lines", position, column]) => {
                let id = if name == "Q2O-1" { id("nordur", "golden-q2o-1") } else { id("baltyk", "golden-q2o-2") };
                format!(
                    "select trim_scale(l.{column}::numeric) from orders.order_lines l where l.\"order\" = '{id}' and l.position = {position}"
                )
            }
            _ => {
                let id = if name == "Q2O-1" { id("nordur", "golden-q2o-1") } else { id("baltyk", "golden-q2o-2") };
                format!("select trim_scale(o.{column}::numeric) from orders.\"order\" o where o.id = '{id}' and o.state = 'closed'")
            }
        };
        let found = stage.rows(&question).await?;
        checks.push(Check::new(format!("golden {name} {column}"), expected, found.first().map_or("", |row| row[0].as_str())));
    }
    Ok(checks)
}
