//! Partitions: months come and go, only what guards them is compared.

use serde_json::Value;

use super::{Change, logic, table};
use crate::plan::step::{Action, Draft, Phase};
use crate::plan::{Facts, Kind, ObjectId, ident};

/// The first partition of a new table.
pub(in crate::plan) fn create(id: &ObjectId, want: &Facts) -> Draft {
    let parent = ObjectId::new(Kind::Table, &id.schema, &want.text("of"), "");
    let mut sql = vec![
        format!("create table {} partition of {} {}", id.sql(), parent.sql(), want.text("_bound")),
        format!("alter table {} owner to {}", id.sql(), ident(&want.text("owner"))),
    ];
    sql.extend(table::security(id, want, true, true));
    sql.extend(policies(want.get("policies"), |name, facts| logic::policy(id, name, facts)));
    // Indexes and triggers reach a partition that is there, so it comes right after its table.
    Draft::new(Phase::Table, Action::Create, id, "the table has no partition yet", sql).makes(vec![parent])
}

pub(super) fn alter(change: &Change<'_>) -> Vec<Draft> {
    let mut sql: Vec<String> = change.owner("table").into_iter().collect();
    sql.extend(table::security(change.id, change.want, change.differs("rls"), change.differs("forced")));
    if change.differs("policies") {
        sql.extend(policies(change.live.get("policies"), |name, _| format!("drop policy {} on {}", ident(name), change.id.sql())));
        sql.extend(policies(change.want.get("policies"), |name, facts| logic::policy(change.id, name, facts)));
    }
    if change.differs("triggers_off") {
        let switch = |list: &Value| list.as_array().cloned().unwrap_or_default();
        let pair = |item: &Value| (item[0].as_str().unwrap_or_default().to_owned(), item[1].as_str().unwrap_or_default().to_owned());
        for item in switch(change.live.get("triggers_off")) {
            sql.push(logic::switch_trigger(change.id, &pair(&item).0, "O"));
        }
        for item in switch(change.want.get("triggers_off")) {
            sql.push(logic::switch_trigger(change.id, &pair(&item).0, &pair(&item).1));
        }
    }
    if change.differs("persistence") {
        sql.push(format!("alter table {} set logged", change.id.sql()));
    }
    let named: Vec<&str> = change.facts.iter().map(String::as_str).collect();
    let draft = Draft::new(Phase::Security, Action::Alter, change.id, format!("differs from its siblings: {}", named.join(", ")), sql);
    vec![draft.lock(format!("access exclusive on {}.{}, no scan", change.id.schema, change.id.name))]
}

fn policies(map: &Value, each: impl Fn(&str, &Facts) -> String) -> Vec<String> {
    let entries = map.as_object().cloned().unwrap_or_default();
    entries.iter().map(|(name, facts)| each(name, &serde_json::from_value(facts.clone()).unwrap_or_default())).collect()
}
