//! Names that stand for something declared elsewhere, and names that would meet in Postgres.

use crate::check::{Judge, keys};
use crate::finding::Finding;
use crate::model::{Actor, Entity, FieldKind};

/// First words of paths of the API; an entity of such a name would have no address of its own.
const TAKEN: [&str; 20] = [
    "effects",
    "endpoints",
    "events",
    "files",
    "forms",
    "gates",
    "in",
    "keys",
    "links",
    "me",
    "members",
    "messages",
    "openapi",
    "queue",
    "rules",
    "session",
    "subscriptions",
    "tenant",
    "tenants",
    "uploads",
];

pub(super) fn app(judge: &mut Judge<'_>) {
    let app = judge.app;
    for (name, role) in &app.roles {
        for (n, capability) in role.capabilities.iter().enumerate() {
            let at = app.places.value(&format!("app/roles/{name}/capabilities/{n}"));
            judge.capability(capability, &at);
        }
    }
    for (name, set) in &app.sets {
        let at = app.places.value(&format!("app/sets/{name}/of"));
        judge.entity(&set.of, &at);
    }
    relations(judge);
}

/// Entities, children and rule tables all become relations of one schema.
fn relations(judge: &mut Judge<'_>) {
    let app = judge.app;
    for entity in app.entities.values() {
        for (name, child) in &entity.children {
            let table = format!("{}_{name}", entity.name);
            if app.entities.contains_key(&table) || app.tables.contains_key(&table) {
                let message = format!("`{name}` becomes the table `{table}`, which is declared too");
                judge.push(Finding::error("SH3007", &child.at, message).help("choose another name"));
            }
        }
    }
    for (name, table) in &app.tables {
        if app.entities.contains_key(name) {
            let message = format!("`{name}` is an entity and a rule table");
            judge.push(Finding::error("SH3007", &table.at, message).help("choose another name for one of the two"));
        }
    }
}

pub(super) fn entity(judge: &mut Judge<'_>, entity: &Entity) {
    if TAKEN.contains(&entity.name.as_str()) {
        let message = format!("`{0}` is taken: the API keeps `/v1/{0}` for itself", entity.name);
        judge.push(Finding::error("SH3049", &entity.at, message).help("choose another name for the entity"));
    }
    for (name, field) in &entity.fields {
        if let FieldKind::Ref(to) = &field.kind {
            let path = target(judge, entity, &format!("fields/{name}"));
            judge.entity(to, &judge.at(entity, &path));
        }
    }
    for (child, one) in &entity.children {
        for (name, field) in &one.fields {
            if let FieldKind::Ref(to) = &field.kind {
                let long = format!("children/{child}/fields/{name}");
                let short = format!("children/{child}/{name}");
                let base = if judge.app.places.has(&format!("entity/{}/{long}", entity.name)) { long } else { short };
                let path = target(judge, entity, &base);
                judge.entity(to, &judge.at(entity, &path));
            }
        }
    }
    states(judge, entity);
    for (verb, transition) in &entity.transitions {
        for (n, state) in transition.from.iter().enumerate() {
            judge.state(entity, state, &judge.at(entity, &format!("transitions/{verb}/from/{n}")));
        }
        if let Some(state) = &transition.to {
            judge.state(entity, state, &judge.at(entity, &format!("transitions/{verb}/to")));
        }
        for (n, actor) in transition.by.iter().enumerate() {
            let at = judge.at(entity, &format!("transitions/{verb}/by/{n}"));
            match actor {
                Actor::Role(role) => judge.role(role, &at),
                Actor::Capability(capability) => judge.capability(capability, &at),
                Actor::Kind(_) => {}
            }
        }
    }
    constraints(judge, entity);
}

fn target(judge: &Judge<'_>, entity: &Entity, base: &str) -> String {
    let short = format!("{base}/ref");
    match judge.app.places.has(&format!("entity/{}/{short}", entity.name)) {
        true => short,
        false => format!("{base}/to"),
    }
}

fn states(judge: &mut Judge<'_>, entity: &Entity) {
    for (name, state) in &entity.states {
        if let Some(owner) = state.owner.as_deref().filter(|owner| *owner != "system") {
            let at = judge.at(entity, &format!("states/{name}/owner"));
            if !judge.app.roles.contains_key(owner) {
                let finding = Finding::error("SH3012", &at, format!("no role `{owner}`"));
                let roles = keys(&judge.app.roles).chain(["system"]);
                judge.push(finding.nearest(owner, roles, "add it to `app.yaml`"));
            }
        }
        for (n, field) in state.required.iter().enumerate() {
            judge.field(entity, field, &judge.at(entity, &format!("states/{name}/required/{n}")));
        }
    }
}

fn constraints(judge: &mut Judge<'_>, entity: &Entity) {
    for (name, fields) in &entity.uniques {
        for (n, field) in fields.iter().enumerate() {
            judge.field(entity, field, &judge.at(entity, &format!("uniques/{name}/{n}")));
        }
    }
    for (name, exclusion) in &entity.exclusions {
        let named = judge.app.places.has(&format!("entity/{}/exclude/{name}", entity.name));
        let base = if named { format!("exclude/{name}") } else { "exclude".to_owned() };
        for (column, operator) in &exclusion.columns {
            let at = judge.key(entity, &format!("{base}/{column}"));
            if !judge.field(entity, column, &at) {
                continue;
            }
            let range = matches!(entity.fields[column].kind, FieldKind::Range(_));
            if operator == "&&" && !range {
                let finding = Finding::error("SH3006", &at, format!("`{column}` is no range and cannot overlap"));
                judge.push(finding.help("write \"=\", or make it a range"));
            }
        }
        for (n, state) in exclusion.only.iter().enumerate() {
            judge.state(entity, state, &judge.at(entity, &format!("{base}/in/{n}")));
        }
    }
}
