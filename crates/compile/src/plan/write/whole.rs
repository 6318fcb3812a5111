//! Schemas, sequences and types.

use super::Change;
use crate::plan::step::{Action, Draft, Phase};
use crate::plan::{Facts, Kind, ObjectId, ident, literal};

/// None for a type this file cannot write.
pub(super) fn create(id: &ObjectId, want: &Facts) -> Option<Vec<Draft>> {
    let owner = ident(&want.text("owner"));
    let (phase, sql) = match id.kind {
        Kind::Schema => (Phase::Schema, vec![format!("create schema {} authorization {owner}", ident(&id.name))]),
        Kind::Sequence => (
            Phase::Sequence,
            vec![format!("create sequence {} {}", id.sql(), parameters(want)), format!("alter sequence {} owner to {owner}", id.sql())],
        ),
        _ => (Phase::Type, vec![new_type(id, want)?, format!("alter type {} owner to {owner}", id.sql())]),
    };
    let mut drafts = vec![Draft::new(phase, Action::Create, id, format!("the {} is missing", id.kind.word()), sql).makes(want.needs())];
    if id.kind == Kind::Sequence && !want.get("owned_by").is_null() {
        drafts.push(Draft::new(Phase::Security, Action::Alter, id, "belongs to its column", vec![owned(id, want)]));
    }
    Some(drafts)
}

pub(super) fn alter(change: &Change<'_>) -> Vec<Draft> {
    let id = change.id;
    let mut drafts = Vec::new();
    if let Some(sql) = change.owner(id.kind.word()) {
        drafts.push(Draft::new(Phase::Security, Action::Alter, id, format!("owner must be `{}`", change.want.text("owner")), vec![sql]));
    }
    if id.kind == Kind::Sequence {
        let mut sql = Vec::new();
        if change.facts.iter().any(|fact| !matches!(fact.as_str(), "owner" | "owned_by")) {
            sql.push(format!("alter sequence {} {}", id.sql(), parameters(change.want)));
        }
        if change.differs("owned_by") {
            sql.push(owned(id, change.want));
        }
        if !sql.is_empty() {
            drafts.push(Draft::new(Phase::Security, Action::Alter, id, "how it counts differs", sql));
        }
    }
    if id.kind == Kind::Type && change.facts.iter().any(|fact| fact != "owner") {
        drafts.push(retype(change));
    }
    drafts
}

fn parameters(want: &Facts) -> String {
    let cycle = if want.flag("cycle") { "cycle" } else { "no cycle" };
    let text = |fact: &str| want.text(fact);
    format!(
        "as {} increment {} minvalue {} maxvalue {} start {} cache {} {cycle}",
        text("type"),
        text("increment"),
        text("min"),
        text("max"),
        text("start"),
        text("cache")
    )
}

fn owned(id: &ObjectId, want: &Facts) -> String {
    let parts: Vec<String> = want.list("owned_by").iter().map(|part| ident(part)).collect();
    let by = if parts.is_empty() { "none".into() } else { parts.join(".") };
    format!("alter sequence {} owned by {by}", id.sql())
}

fn new_type(id: &ObjectId, want: &Facts) -> Option<String> {
    match want.text("type").as_str() {
        "e" => {
            let labels: Vec<String> = want.list("labels").iter().map(|label| literal(label)).collect();
            Some(format!("create type {} as enum ({})", id.sql(), labels.join(", ")))
        }
        "d" => {
            let default = want.option("default").map(|default| format!(" default {default}")).unwrap_or_default();
            let null = if want.flag("not_null") { " not null" } else { "" };
            let checks: String = constraints(want).iter().map(|(name, def)| format!(" constraint {} {def}", ident(name))).collect();
            Some(format!("create domain {} as {}{default}{null}{checks}", id.sql(), want.text("base")))
        }
        "c" => {
            let pairs = want.get("attributes").as_array()?;
            let parts: Vec<String> =
                pairs.iter().filter_map(|pair| Some(format!("{} {}", ident(pair[0].as_str()?), pair[1].as_str()?))).collect();
            Some(format!("create type {} as ({})", id.sql(), parts.join(", ")))
        }
        "r" => Some(format!("create type {} as range (subtype = {})", id.sql(), want.text("subtype"))),
        _ => None,
    }
}

fn constraints(facts: &Facts) -> Vec<(String, String)> {
    let map = facts.get("constraints").as_object().cloned().unwrap_or_default();
    map.into_iter().map(|(name, def)| (name, def.as_str().unwrap_or_default().to_owned())).collect()
}

fn retype(change: &Change<'_>) -> Draft {
    let id = change.id;
    let draft = |sql: Vec<String>| Draft::new(Phase::Type, Action::Alter, id, "the type differs", sql);
    let domain = change.facts.iter().all(|fact| matches!(fact.as_str(), "owner" | "constraints" | "default" | "not_null"));
    if domain {
        return draft(redomain(change));
    }
    let (old, new) = (change.live.list("labels"), change.want.list("labels"));
    let grows = change.want.text("type") == "e" && old.iter().all(|label| new.contains(label));
    let kept: Vec<&String> = new.iter().filter(|label| old.contains(label)).collect();
    if !grows || kept != old.iter().collect::<Vec<_>>() {
        return draft(vec![]).blocked("values in use cannot be taken from a type or put in another order; make a new type");
    }
    let mut sql = Vec::new();
    for (at, label) in new.iter().enumerate().filter(|(_, label)| !old.contains(label)) {
        let place = match at.checked_sub(1) {
            Some(before) => format!("after {}", literal(&new[before])),
            None => format!("before {}", literal(&old[0])),
        };
        sql.push(format!("alter type {} add value {} {place}", id.sql(), literal(label)));
    }
    // A new label cannot be used in the transaction that adds it.
    draft(sql).alone()
}

fn redomain(change: &Change<'_>) -> Vec<String> {
    let domain = format!("alter domain {}", change.id.sql());
    let mut sql = Vec::new();
    let (old, new) = (constraints(change.live), constraints(change.want));
    sql.extend(old.iter().filter(|pair| !new.contains(pair)).map(|(name, _)| format!("{domain} drop constraint {}", ident(name))));
    sql.extend(new.iter().filter(|pair| !old.contains(pair)).map(|(name, def)| format!("{domain} add constraint {} {def}", ident(name))));
    if change.differs("default") {
        sql.push(
            change
                .want
                .option("default")
                .map_or_else(|| format!("{domain} drop default"), |default| format!("{domain} set default {default}")),
        );
    }
    if change.differs("not_null") {
        sql.push(format!("{domain} {} not null", if change.want.flag("not_null") { "set" } else { "drop" }));
    }
    sql
}
