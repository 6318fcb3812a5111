//! What acts: functions, views, triggers, policies, rules. All of it is text that Postgres printed.

use super::{Change, table};
use crate::plan::step::{Action, Draft, Phase};
use crate::plan::{Facts, Kind, ObjectId, ident};

pub(super) fn create(id: &ObjectId, want: &Facts) -> Vec<Draft> {
    let phase = phase(id.kind);
    vec![Draft::new(phase, Action::Create, id, format!("the {} is missing", id.kind.word()), text(id, want)).makes(want.needs())]
}

pub(super) fn alter(change: &Change<'_>) -> Vec<Draft> {
    let id = change.id;
    let only_switch = change.facts.iter().all(|fact| fact == "enabled");
    let (sql, reason) = match id.kind {
        Kind::Function => return function(change),
        Kind::Trigger if only_switch => (vec![switch_trigger(id, &id.part, &change.want.text("enabled"))], "switched off or on by hand"),
        Kind::Rule if only_switch => (
            vec![format!("alter table {} {} rule {}", id.sql(), state(&change.want.text("enabled")), ident(&id.part))],
            "switched off or on by hand",
        ),
        _ => {
            let mut sql = vec![super::drop_sql(id, change.live)];
            sql.extend(text(id, change.want));
            (sql, "the definition differs")
        }
    };
    let draft = Draft::new(phase(id.kind), Action::Alter, id, reason, sql).makes(change.want.needs());
    vec![draft.lock(format!("access exclusive on {}.{}, no scan", id.schema, id.name))]
}

fn function(change: &Change<'_>) -> Vec<Draft> {
    let mut drafts = Vec::new();
    if change.facts.iter().any(|fact| fact != "owner") {
        let mut named: Vec<&str> = change.facts.iter().map(String::as_str).filter(|fact| !matches!(*fact, "def" | "owner")).collect();
        if named.is_empty() {
            named.push("body");
        }
        let sql = vec![definition(change.want)];
        drafts.push(
            Draft::new(Phase::Function, Action::Alter, change.id, format!("{} differs", named.join(", ")), sql).makes(change.want.needs()),
        );
    }
    if let Some(sql) = change.owner("routine") {
        drafts.push(Draft::new(
            Phase::Security,
            Action::Alter,
            change.id,
            format!("owner must be `{}`", change.want.text("owner")),
            vec![sql],
        ));
    }
    drafts
}

fn phase(kind: Kind) -> Phase {
    match kind {
        Kind::Function => Phase::Function,
        Kind::Policy => Phase::Policy,
        _ => Phase::Trigger,
    }
}

fn text(id: &ObjectId, want: &Facts) -> Vec<String> {
    match id.kind {
        Kind::Function => vec![definition(want), format!("alter routine {} owner to {}", super::name(id), ident(&want.text("owner")))],
        Kind::Policy => vec![policy(id, &id.part, want)],
        kind => {
            let mut sql = vec![want.text("def").trim_end_matches(';').to_owned()];
            let enabled = want.text("enabled");
            if enabled != "O" && kind == Kind::Trigger {
                sql.push(switch_trigger(id, &id.part, &enabled));
            } else if enabled != "O" {
                sql.push(format!("alter table {} {} rule {}", id.sql(), state(&enabled), ident(&id.part)));
            }
            sql
        }
    }
}

fn definition(want: &Facts) -> String {
    want.text("def").trim_end().to_owned()
}

/// `create policy …` from its facts.
pub(super) fn policy(id: &ObjectId, name: &str, want: &Facts) -> String {
    let command = match want.text("cmd").as_str() {
        "r" => "select",
        "a" => "insert",
        "w" => "update",
        "d" => "delete",
        _ => "all",
    };
    let permissive = if want.flag("permissive") { "permissive" } else { "restrictive" };
    let roles: Vec<String> = want.list("roles").iter().map(|role| if role == "public" { "public".into() } else { ident(role) }).collect();
    let mut sql = format!("create policy {} on {} as {permissive} for {command} to {}", ident(name), id.sql(), roles.join(", "));
    if let Some(using) = want.option("using") {
        sql.push_str(&format!(" using ({using})"));
    }
    if let Some(check) = want.option("check") {
        sql.push_str(&format!(" with check ({check})"));
    }
    sql
}

/// `enable trigger`, `disable trigger`, `enable always trigger`.
pub(in crate::plan) fn switch_trigger(id: &ObjectId, trigger: &str, enabled: &str) -> String {
    format!("alter table {} {} trigger {}", id.sql(), state(enabled), ident(trigger))
}

fn state(enabled: &str) -> &'static str {
    match enabled {
        "D" => "disable",
        "R" => "enable replica",
        "A" => "enable always",
        _ => "enable",
    }
}

/// `view`, `materialized view` or `foreign table`.
pub(super) fn noun(facts: &Facts) -> &'static str {
    match facts.text("relkind").as_str() {
        "m" => "materialized view",
        "f" => "foreign table",
        _ => "view",
    }
}

pub(super) fn create_view(id: &ObjectId, want: &Facts) -> Vec<Draft> {
    let mut sql = vec![view(id, want, "create")];
    sql.push(format!("alter {} {} owner to {}", noun(want), id.sql(), ident(&want.text("owner"))));
    sql.extend(defaults(id, &Facts::default(), want));
    vec![Draft::new(Phase::View, Action::Create, id, "the view is missing", sql).makes(want.needs())]
}

pub(super) fn alter_view(change: &Change<'_>) -> Vec<Draft> {
    let id = change.id;
    let lock = format!("access exclusive on {}.{}, no scan", id.schema, id.name);
    let mut drafts = Vec::new();
    if change.differs("def") || change.differs("columns") {
        let sql = vec![view(id, change.want, "create or replace")];
        drafts.push(Draft::new(Phase::View, Action::Alter, id, "what it shows differs", sql).makes(change.want.needs()).lock(&lock));
    } else if change.differs("options") {
        let sql = table::options("view", change);
        drafts.push(Draft::new(Phase::Security, Action::Alter, id, "view options differ", sql).lock(&lock));
    }
    if let Some(sql) = change.owner(noun(change.want)) {
        drafts.push(
            Draft::new(Phase::Security, Action::Alter, id, format!("owner must be `{}`", change.want.text("owner")), vec![sql]).lock(&lock),
        );
    }
    if change.differs("defaults") {
        let sql = defaults(id, change.live, change.want);
        drafts.push(Draft::new(Phase::Security, Action::Alter, id, "defaults differ", sql).lock(&lock));
    }
    drafts
}

/// The first columns are the same, so it can be replaced in place and keeps its triggers and grants.
pub(in crate::plan) fn replaceable(live: &Facts, want: &Facts) -> bool {
    let (old, new) = (live.get("columns").as_array(), want.get("columns").as_array());
    let prefix = old.zip(new).is_some_and(|(old, new)| new.starts_with(old));
    prefix && noun(live) == "view" && noun(want) == "view"
}

fn view(id: &ObjectId, want: &Facts, verb: &str) -> String {
    let options = want.list("options");
    let with = if options.is_empty() { String::new() } else { format!(" with ({})", options.join(", ")) };
    format!("{verb} {} {}{with} as\n{}", noun(want), id.sql(), want.text("def").trim_end_matches(';'))
}

fn defaults(id: &ObjectId, live: &Facts, want: &Facts) -> Vec<String> {
    let map = |facts: &Facts| facts.get("defaults").as_object().cloned().unwrap_or_default();
    let (old, new) = (map(live), map(want));
    let head = |column: &str| format!("alter view {} alter column {}", id.sql(), ident(column));
    let dropped = old.keys().filter(|column| !new.contains_key(*column)).map(|column| format!("{} drop default", head(column)));
    let set = new.iter().filter(|(column, value)| old.get(*column) != Some(value));
    dropped.chain(set.map(|(column, value)| format!("{} set default {}", head(column), value.as_str().unwrap_or("null")))).collect()
}
