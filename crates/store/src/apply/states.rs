//! The states records stand in, as the live CHECK names them, and how many stand in those that go away.

use std::collections::BTreeMap;

use statehouse_compile::entity::Cx;
use statehouse_compile::plan::{Counts, Kind, ObjectId, Snapshot, StateChange};
use statehouse_definition::App;
use tokio_postgres::Client;

use crate::StoreFault;

/// Tables with more rows than this count as this many: the plan only says "many".
const COUNT_MOST: i64 = 1_000_000;

/// Per entity, the states of the live CHECK and those of the definition. The catalog is asked rather than the stored
/// definition, so that an apply that stopped half-way is taken up where it stopped.
pub(super) fn changes(app: &App, live: &Snapshot) -> Vec<StateChange> {
    let mut changes = Vec::new();
    for entity in app.entities.values() {
        let cx = Cx::new(app, entity);
        let constraint = format!("{}_state_known", cx.entity.name);
        let id = ObjectId::new(Kind::Constraint, &app.name, &entity.name, &constraint);
        let Some(facts) = live.get(&id) else { continue };
        changes.push(StateChange {
            entity: entity.name.clone(),
            schema: app.name.clone(),
            table: entity.name.clone(),
            constraint,
            before: literals(&facts.text("def")),
            after: entity.states.keys().cloned().collect(),
            renamed: BTreeMap::new(),
        });
    }
    changes
}

/// The quoted words of a printed CHECK. States are plain lower-case names, so there is no quote inside one.
fn literals(def: &str) -> Vec<String> {
    def.split('\'').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Counts the records in states that go away.
pub(super) async fn count(client: &Client, changes: &[StateChange], counts: &mut Counts) -> Result<(), StoreFault> {
    for change in changes.iter().filter(|change| !change.removed().is_empty()) {
        let table = ObjectId::new(Kind::Table, &change.schema, &change.table, "").sql();
        let removed: Vec<&str> = change.removed();
        let rows = client
            .query(&format!("select state, count(*) from {table} where state = any ($1) group by state"), &[&removed])
            .await
            .map_err(StoreFault::doing(format!("counting the records of `{}`", change.entity)))?;
        for row in rows {
            counts.states.insert((change.entity.clone(), row.get(0)), u64::try_from(row.get::<_, i64>(1)).unwrap_or(0));
        }
    }
    Ok(())
}

/// Counts the rows of one table, up to a bound.
pub(super) async fn count_rows(client: &Client, table: &ObjectId, counts: &mut Counts) -> Result<(), StoreFault> {
    let row = client
        .query_one(&format!("select count(*) from (select from {} limit $1) counted", table.sql()), &[&COUNT_MOST])
        .await
        .map_err(StoreFault::doing(format!("counting the rows of `{}`", table.short())))?;
    counts.rows.insert((table.schema.clone(), table.name.clone()), u64::try_from(row.get::<_, i64>(0)).unwrap_or(0));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::literals;

    #[test]
    fn the_words_of_a_printed_check() {
        let def = "CHECK ((state = ANY (ARRAY['inquiry'::text, 'quoted'::text])))";
        assert_eq!(literals(def), ["inquiry", "quoted"]);
        assert_eq!(literals("CHECK ((state = 'only'::text))"), ["only"]);
    }
}
