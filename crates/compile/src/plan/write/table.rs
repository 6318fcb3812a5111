//! Tables: made with their columns, changed flag by flag.

use super::{Change, column};
use crate::plan::step::{Action, Class, Draft, Phase};
use crate::plan::{Facts, ObjectId, ident};

/// A new table with its columns; constraints follow as steps of their own.
pub(in crate::plan) fn create(id: &ObjectId, want: &Facts, columns: &[(ObjectId, Facts)]) -> Draft {
    let table = id.sql();
    let mut ordered: Vec<&(ObjectId, Facts)> = columns.iter().collect();
    ordered.sort_by_key(|(_, facts)| facts.get("_position").as_i64());
    let lines: Vec<String> = ordered.iter().map(|(column, facts)| format!("  {}", column::definition(&column.part, facts))).collect();
    let unlogged = if want.text("persistence") == "u" { "unlogged " } else { "" };
    let partitioned = want.option("partition_key").map(|key| format!(" partition by {key}")).unwrap_or_default();
    let options = want.list("options");
    let with = if options.is_empty() { String::new() } else { format!(" with ({})", options.join(", ")) };
    let mut sql = vec![
        format!("create {unlogged}table {table} (\n{}\n){partitioned}{with}", lines.join(",\n")),
        format!("alter table {table} owner to {}", ident(&want.text("owner"))),
    ];
    sql.extend(security(id, want, true, true));
    let mut draft = Draft::new(Phase::Table, Action::Create, id, "the table is missing", sql).makes(want.needs());
    for (column, facts) in columns {
        draft.provides.push(column.clone());
        draft.needs.extend(facts.needs());
    }
    // A partition key makes columns and table need each other; they are one step.
    draft.needs.retain(|need| !draft.provides.contains(need));
    draft
}

pub(super) fn alter(change: &Change<'_>) -> Vec<Draft> {
    let table = change.id.sql();
    let lock = format!("access exclusive on {}.{}, no scan", change.id.schema, change.id.name);
    let draft = |reason: &str, sql: Vec<String>| Draft::new(Phase::Security, Action::Alter, change.id, reason, sql).lock(&lock);
    let mut drafts = Vec::new();
    if change.differs("rls") || change.differs("forced") {
        let sql = security(change.id, change.want, change.differs("rls"), change.differs("forced"));
        drafts.push(draft("row security is not as defined", sql));
    }
    if let Some(sql) = change.owner("table") {
        drafts.push(draft(&format!("owner must be `{}`", change.want.text("owner")), vec![sql]));
    }
    if change.differs("options") {
        drafts.push(draft("storage options differ", options("table", change)));
    }
    if change.differs("internal_off") {
        drafts.push(draft("the triggers behind foreign keys are switched off", vec![format!("alter table {table} enable trigger all")]));
    }
    if change.differs("replica_identity") {
        let word = match change.want.text("replica_identity").as_str() {
            "f" => "full",
            "n" => "nothing",
            _ => "default",
        };
        drafts.push(draft("replica identity differs", vec![format!("alter table {table} replica identity {word}")]));
    }
    if change.differs("persistence") {
        let word = if change.want.text("persistence") == "u" { "unlogged" } else { "logged" };
        let draft = draft("durability differs", vec![format!("alter table {table} set {word}")]).class(Class::Rewrites);
        drafts.push(draft.lock(format!("access exclusive on {}.{}, every row is written", change.id.schema, change.id.name)));
    }
    if change.differs("heirs") {
        let heirs: Vec<String> = change.live.list("heirs").into_iter().filter(|heir| !change.want.list("heirs").contains(heir)).collect();
        let sql = heirs.iter().map(|heir| format!("alter table {heir} no inherit {table}")).collect();
        drafts.push(draft("another table pretends to be part of this one", sql));
    }
    if change.differs("partition_key") {
        let draft = draft("partitioning differs", vec![]);
        drafts.push(draft.blocked("a table cannot be partitioned in place; make a new one and move its rows"));
    }
    drafts
}

/// `enable row level security`, `force row level security`.
pub(super) fn security(id: &ObjectId, want: &Facts, rls: bool, forced: bool) -> Vec<String> {
    let mut sql = Vec::new();
    if rls {
        sql.push(format!("alter table {} {} row level security", id.sql(), if want.flag("rls") { "enable" } else { "disable" }));
    }
    if forced {
        sql.push(format!("alter table {} {} row level security", id.sql(), if want.flag("forced") { "force" } else { "no force" }));
    }
    sql
}

/// `set (…)` for what is wanted, `reset (…)` for what is too much.
pub(super) fn options(noun: &str, change: &Change<'_>) -> Vec<String> {
    let (live, want) = (change.live.list("options"), change.want.list("options"));
    let key = |option: &String| option.split('=').next().unwrap_or_default().to_owned();
    let wanted: Vec<String> = want.iter().map(key).collect();
    let surplus: Vec<String> = live.iter().map(key).filter(|name| !wanted.contains(name)).collect();
    let mut sql = Vec::new();
    if !surplus.is_empty() {
        sql.push(format!("alter {noun} {} reset ({})", change.id.sql(), surplus.join(", ")));
    }
    if !want.is_empty() {
        sql.push(format!("alter {noun} {} set ({})", change.id.sql(), want.join(", ")));
    }
    sql
}
