//! Grants and comments: the same for every kind that has them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::plan::{Facts, Kind, ObjectId, ident, literal};

type Privileges = BTreeMap<String, BTreeSet<String>>;

/// The statements that turn the live grants into the wanted ones. `live` is none for what is made in this plan:
/// then nobody but the owner has anything once the first statement has run.
pub(in crate::plan) fn grants(id: &ObjectId, live: Option<&Facts>, want: &Facts) -> Vec<String> {
    let owner = want.text("owner");
    let mut sql = Vec::new();
    if id.kind == Kind::DefaultGrant {
        let before = live.map_or_else(|| usual(&id.part), |live| privileges(live.get("grants")));
        return default_grants(id, &before, &privileges(want.get("grants")));
    }
    let after = privileges(want.get("grants"));
    if id.kind == Kind::Database {
        let before = live.map(|live| privileges(live.get("grants"))).unwrap_or_default();
        return statements("database %I", None, &owner, &before, &after).iter().map(|sql| in_this_database(sql)).collect();
    }
    let before = match live {
        Some(live) => privileges(live.get("grants")),
        None if id.kind == Kind::Column => Privileges::new(),
        None => {
            sql.push(format!("revoke all on {} from public", target(id)));
            Privileges::from([("(owner)".into(), after.get("(owner)").cloned().unwrap_or_default())])
        }
    };
    let column = (id.kind == Kind::Column).then_some(id.part.as_str());
    sql.extend(statements(&target(id), column, &owner, &before, &after));
    if id.kind == Kind::View {
        let empty = Value::Null;
        let old = live.map_or(&empty, |live| live.get("column_grants"));
        sql.extend(view_columns(id, &owner, old, want.get("column_grants")));
    }
    sql
}

/// `comment on …`, for the object and a view's columns.
pub(in crate::plan) fn comment(id: &ObjectId, live: Option<&Facts>, want: &Facts) -> Vec<String> {
    let mut sql = Vec::new();
    let before = live.and_then(|live| live.option("comment"));
    if before != want.option("comment") {
        sql.push(format!("comment on {} is {}", commented(id, want), text(want.option("comment"))));
    }
    if id.kind == Kind::View {
        let old = live.map(|live| live.get("column_comments").clone()).unwrap_or_default();
        let new = want.get("column_comments");
        for column in keys(&old).union(&keys(new)).filter(|column| old.get(column.as_str()) != new.get(column.as_str())) {
            let value = text(new.get(column.as_str()).and_then(Value::as_str));
            sql.push(format!("comment on column {}.{} is {value}", id.sql(), ident(column)));
        }
    }
    sql
}

fn text(comment: Option<&str>) -> String {
    comment.map_or_else(|| "null".into(), literal)
}

fn commented(id: &ObjectId, facts: &Facts) -> String {
    let part = ident(&id.part);
    match id.kind {
        Kind::Column => format!("column {}.{part}", id.sql()),
        Kind::Constraint | Kind::Rule | Kind::Trigger | Kind::Policy => {
            format!("{} {part} on {}", id.kind.word(), id.sql())
        }
        Kind::Function => format!("routine {}", super::name(id)),
        Kind::View => format!("{} {}", super::logic::noun(facts), id.sql()),
        Kind::EventTrigger => format!("event trigger {}", ident(&id.name)),
        kind => format!("{} {}", kind.word(), super::name(id)),
    }
}

fn target(id: &ObjectId) -> String {
    match id.kind {
        Kind::Schema => format!("schema {}", ident(&id.name)),
        Kind::Function => format!("routine {}", super::name(id)),
        Kind::Sequence | Kind::Type => format!("{} {}", id.kind.word(), id.sql()),
        _ => format!("table {}", id.sql()),
    }
}

fn view_columns(id: &ObjectId, owner: &str, old: &Value, new: &Value) -> Vec<String> {
    let empty = Value::Null;
    let mut sql = Vec::new();
    for column in keys(old).union(&keys(new)) {
        let before = privileges(old.get(column.as_str()).unwrap_or(&empty));
        let after = privileges(new.get(column.as_str()).unwrap_or(&empty));
        sql.extend(statements(&target(id), Some(column), owner, &before, &after));
    }
    sql
}

fn statements(target: &str, column: Option<&str>, owner: &str, before: &Privileges, after: &Privileges) -> Vec<String> {
    let none = BTreeSet::new();
    let mut revoked = Vec::new();
    let mut granted = Vec::new();
    let grantees: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for grantee in grantees {
        let (had, wants) = (before.get(grantee).unwrap_or(&none), after.get(grantee).unwrap_or(&none));
        let who = grantee_sql(grantee, owner);
        let split = split(had, wants);
        // A grant handed on by its receiver goes with the grant itself.
        push(&mut revoked, "revoke ", &split.lost, column, &format!(" on {target} from {who} cascade"));
        push(&mut revoked, "revoke grant option for ", &split.option_lost, column, &format!(" on {target} from {who} cascade"));
        push(&mut granted, "grant ", &split.gained, column, &format!(" on {target} to {who}"));
        push(&mut granted, "grant ", &split.option_gained, column, &format!(" on {target} to {who} with grant option"));
    }
    revoked.extend(granted);
    revoked
}

/// The database's name is known only where the statement runs.
fn in_this_database(sql: &str) -> String {
    let pattern = sql.replace('%', "%%").replacen("on database %%I", "on database %I", 1);
    format!("do $$ begin execute format({}, current_database()); end $$", literal(&pattern))
}

fn default_grants(id: &ObjectId, before: &Privileges, after: &Privileges) -> Vec<String> {
    let what = match id.part.as_str() {
        "r" => "tables",
        "S" => "sequences",
        "f" => "routines",
        "T" => "types",
        _ => "schemas",
    };
    let within = if id.schema.is_empty() { String::new() } else { format!(" in schema {}", ident(&id.schema)) };
    let head = format!("alter default privileges for role {}{within}", ident(&id.name));
    let all = statements(what, None, &id.name, before, after);
    all.into_iter().map(|statement| format!("{head} {statement}")).collect()
}

/// What holds where no default grant says otherwise.
fn usual(kind: &str) -> Privileges {
    match kind {
        "f" => Privileges::from([("public".into(), BTreeSet::from(["EXECUTE".into()]))]),
        "T" => Privileges::from([("public".into(), BTreeSet::from(["USAGE".into()]))]),
        _ => Privileges::new(),
    }
}

#[derive(Default)]
struct Split {
    lost: Vec<String>,
    option_lost: Vec<String>,
    gained: Vec<String>,
    option_gained: Vec<String>,
}

/// `SELECT*` is SELECT with grant option.
fn split(had: &BTreeSet<String>, wants: &BTreeSet<String>) -> Split {
    let mut found = Split::default();
    let bare: BTreeSet<&str> = had.iter().chain(wants).map(|privilege| privilege.trim_end_matches('*')).collect();
    for privilege in bare {
        let with_option = format!("{privilege}*");
        let (had_it, had_option) = (had.contains(privilege), had.contains(&with_option));
        let (wants_it, wants_option) = (wants.contains(privilege), wants.contains(&with_option));
        let list = match () {
            () if !(wants_it || wants_option) => &mut found.lost,
            () if wants_option && !had_option => &mut found.option_gained,
            () if !wants_option && had_option => &mut found.option_lost,
            () if !(had_it || had_option) => &mut found.gained,
            () => continue,
        };
        list.push(privilege.to_lowercase());
    }
    found
}

fn push(sql: &mut Vec<String>, verb: &str, privileges: &[String], column: Option<&str>, rest: &str) {
    if privileges.is_empty() {
        return;
    }
    let list: Vec<String> = match column {
        Some(column) => privileges.iter().map(|privilege| format!("{privilege} ({})", ident(column))).collect(),
        None => privileges.to_vec(),
    };
    sql.push(format!("{verb}{}{rest}", list.join(", ")));
}

fn grantee_sql(grantee: &str, owner: &str) -> String {
    match grantee {
        "(owner)" => ident(owner),
        "public" => "public".into(),
        role => ident(role),
    }
}

fn privileges(grants: &Value) -> Privileges {
    grants.as_object().map(|map| serde_json::from_value(Value::Object(map.clone())).unwrap_or_default()).unwrap_or_default()
}

fn keys(value: &Value) -> BTreeSet<String> {
    value.as_object().map(|map| map.keys().cloned().collect()).unwrap_or_default()
}
