//! Roles and memberships.

use super::Change;
use crate::plan::step::{Action, Draft, Phase};
use crate::plan::{Facts, ObjectId, ident, literal};

pub(super) fn create(id: &ObjectId, want: &Facts) -> Vec<Draft> {
    let mut sql = vec![format!("create role {} {}", ident(&id.name), attributes(want))];
    sql.extend(settings(&id.name, want));
    vec![Draft::new(Phase::Role, Action::Create, id, "the role is missing", sql)]
}

pub(super) fn alter(change: &Change<'_>) -> Vec<Draft> {
    let role = ident(&change.id.name);
    let mut sql = Vec::new();
    if change.facts.iter().any(|fact| fact != "settings") {
        sql.push(format!("alter role {role} {}", attributes(change.want)));
    }
    if change.differs("settings") {
        sql.push(format!("alter role {role} reset all"));
        // The database's name is known only where this runs.
        sql.push(format!(
            "do $$ begin execute format('alter role {} in database %I reset all', current_database()); end $$",
            role.replace('\'', "''").replace('%', "%%")
        ));
        sql.extend(settings(&change.id.name, change.want));
    }
    let named: Vec<&str> = change.facts.iter().map(String::as_str).collect();
    vec![Draft::new(Phase::Role, Action::Alter, change.id, format!("attributes differ: {}", named.join(", ")), sql)]
}

pub(super) fn join(id: &ObjectId, want: &Facts) -> Vec<Draft> {
    let (group, member) = (ident(&id.name), ident(&id.part));
    let mut sql = vec![format!("grant {group} to {member}")];
    if want.flag("admin") {
        sql[0].push_str(" with admin option");
    } else {
        sql.push(format!("revoke admin option for {group} from {member} cascade"));
    }
    let draft = Draft::new(Phase::Role, Action::Alter, id, format!("`{}` must be a member of `{}`", id.part, id.name), sql);
    vec![
        draft.makes(vec![
            ObjectId::new(crate::plan::Kind::Role, "", &id.name, ""),
            ObjectId::new(crate::plan::Kind::Role, "", &id.part, ""),
        ]),
    ]
}

pub(super) fn leave(id: &ObjectId) -> String {
    format!("revoke {} from {} cascade", ident(&id.name), ident(&id.part))
}

fn attributes(want: &Facts) -> String {
    let words = [
        ("login", "login"),
        ("super", "superuser"),
        ("bypassrls", "bypassrls"),
        ("createrole", "createrole"),
        ("createdb", "createdb"),
        ("inherit", "inherit"),
        ("replication", "replication"),
    ];
    let mut list: Vec<String> =
        words.iter().map(|(fact, word)| if want.flag(fact) { (*word).to_owned() } else { format!("no{word}") }).collect();
    list.push(format!("connection limit {}", want.text("limit")));
    list.join(" ")
}

fn settings(name: &str, want: &Facts) -> Vec<String> {
    let role = ident(name);
    let pairs: Vec<String> = want.list("settings");
    let pairs = pairs.iter().filter_map(|setting| setting.split_once('='));
    pairs.map(|(key, value)| format!("alter role {role} set {key} = {}", literal(value))).collect()
}
