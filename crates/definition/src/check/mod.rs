//! Judges a whole app; pure and instant.
//!
//! Each module here is one subject. They share `Judge`, which knows the app and where everything stands.

mod access;
mod cascade;
mod claims;
mod connectors;
mod expressions;
mod fields;
mod inboxes;
mod names;
mod outside;
mod pages;
mod prices;
mod rows;
mod schedules;
mod states;
mod transitions;
mod unused;
mod waits;

use crate::finding::{Finding, quoted_list, tidy};
use crate::model::{Access, Action, Actor, App, ENGINE_CAPABILITIES, Entity, FieldKind, See, Span, State, Through, Transition};
use crate::read::words::ENGINE_COLUMNS;

/// Everything that can be known to be wrong without a database.
pub fn check(app: &App) -> Vec<Finding> {
    let mut judge = Judge { app, findings: Vec::new() };
    names::app(&mut judge);
    for entity in app.entities.values() {
        names::entity(&mut judge, entity);
        fields::judge(&mut judge, entity);
        states::judge(&mut judge, entity);
        claims::judge(&mut judge, entity);
        transitions::judge(&mut judge, entity);
        access::judge(&mut judge, entity);
        waits::judge(&mut judge, entity);
        expressions::judge(&mut judge, entity);
    }
    let circular = access::sets(&mut judge);
    expressions::sets(&mut judge, &circular);
    expressions::calculators(&mut judge);
    cascade::judge(&mut judge);
    prices::judge(&mut judge);
    rows::judge(&mut judge);
    connectors::judge(&mut judge);
    inboxes::judge(&mut judge);
    schedules::judge(&mut judge);
    outside::judge(&mut judge);
    unused::judge(&mut judge);
    let mut findings = judge.findings;
    tidy(&mut findings);
    findings
}

struct Judge<'a> {
    app: &'a App,
    findings: Vec<Finding>,
}

impl<'a> Judge<'a> {
    fn push(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Where a value of this entity's file stands.
    fn at(&self, entity: &Entity, path: &str) -> Span {
        self.app.places.value(&format!("entity/{}/{}", entity.name, claims::written(entity, path)))
    }

    /// Where a key of this entity's file stands.
    fn key(&self, entity: &Entity, path: &str) -> Span {
        self.app.places.key(&format!("entity/{}/{}", entity.name, claims::written(entity, path)))
    }

    /// Complains about a state the entity does not have.
    fn state(&mut self, entity: &Entity, state: &str, at: &Span) -> bool {
        let known = entity.states.contains_key(state);
        if !known {
            let finding = Finding::error("SH3011", at, format!("no state `{state}` in `{}`", entity.name));
            self.push(finding.nearest(state, keys(&entity.states), "add it under `states`"));
        }
        known
    }

    /// Complains about a field the entity does not have.
    fn field(&mut self, entity: &Entity, field: &str, at: &Span) -> bool {
        let known = entity.fields.contains_key(field);
        if !known {
            let finding = Finding::error("SH3010", at, format!("no field `{field}` in `{}`", entity.name));
            self.push(finding.nearest(field, keys(&entity.fields), "add it under `fields`"));
        }
        known
    }

    /// Complains about an entity the app does not have.
    fn entity(&mut self, name: &str, at: &Span) -> Option<&'a Entity> {
        let found = self.app.entities.get(name);
        if found.is_none() {
            let finding = Finding::error("SH3013", at, format!("no entity `{name}`"));
            self.push(finding.nearest(name, keys(&self.app.entities), &format!("add `entities/{name}.yaml`")));
        }
        found
    }

    /// Complains about a role the app does not have.
    fn role(&mut self, name: &str, at: &Span) {
        if !self.app.roles.contains_key(name) {
            let all = keys(&self.app.roles).chain(keys(&self.app.capabilities));
            let finding = Finding::error("SH3012", at, format!("no role or capability `{name}`"));
            self.push(finding.nearest(name, all, "add it to `app.yaml`"));
        }
    }

    /// Complains about a connector or an action the app does not have. `path` is where the connector is named.
    fn action(&mut self, connector: &str, action: &str, at: &Span) -> Option<&'a Action> {
        let app = self.app;
        let Some(found) = app.connectors.get(connector) else {
            let finding = Finding::error("SH3031", at, format!("no connector `{connector}`"));
            self.push(finding.nearest(connector, keys(&app.connectors), &format!("add `connectors/{connector}.yaml`")));
            return None;
        };
        let one = found.actions.get(action);
        if one.is_none() {
            let finding = Finding::error("SH3031", at, format!("`{connector}` has no action `{action}`"));
            self.push(finding.nearest(action, keys(&found.actions), "add it under `actions`"));
        }
        one
    }

    /// Complains about arguments the action does not take and such that are missing; `path` is where they stand.
    fn arguments<'n>(
        &mut self,
        name: &str,
        action: &Action,
        given: impl Iterator<Item = &'n str>,
        at: &Span,
        place: impl Fn(&str) -> Span,
    ) {
        let given: Vec<&str> = given.collect();
        for one in given.iter().filter(|one| !action.args.contains_key(**one)) {
            let finding = Finding::error("SH3002", &place(one), format!("unknown key `{one}`: `{name}` takes no such argument"));
            self.push(finding.nearest(one, keys(&action.args), "remove it"));
        }
        let needed = action.args.iter().filter(|(_, arg)| arg.required).map(|(name, _)| name.as_str());
        let missing: Vec<&str> = needed.filter(|name| !given.contains(name)).collect();
        if let Some(first) = missing.first() {
            let finding = Finding::error("SH3005", at, format!("`{name}` has no {}", quoted_list(&missing)));
            self.push(finding.help(format!("add `{first}: …`")));
        }
    }

    /// Complains about a capability the app does not have.
    fn capability(&mut self, name: &str, at: &Span) {
        if !self.app.has_capability(name) {
            let finding = Finding::error("SH3012", at, format!("no role or capability `{name}`"));
            // The engine's are suggested to whoever meant one, and not listed to everybody else.
            let meant = crate::finding::nearest(name, ENGINE_CAPABILITIES);
            self.push(finding.nearest(name, keys(&self.app.capabilities).chain(meant), "add it to `app.yaml`"));
        }
    }

    /// Why nobody may write this field, if so.
    fn unwritable(&self, entity: &Entity, field: &str) -> Option<String> {
        if ENGINE_COLUMNS.contains(&field) {
            return Some(format!("`{field}` is kept by the engine"));
        }
        use crate::model::Derived::*;
        let how = match entity.fields.get(field)?.derived.as_ref()? {
            Computed(_) => "computed",
            Rollup { .. } => "rolled up",
            Priced { .. } => "priced",
            Allocate { .. } => "allocated",
        };
        Some(format!("`{field}` is {how}"))
    }
}

fn keys<T>(map: &indexmap::IndexMap<String, T>) -> impl Iterator<Item = &str> {
    map.keys().map(String::as_str)
}

/// The states a transition leaves that the entity has.
fn from<'a>(entity: &'a Entity, transition: &'a Transition) -> impl Iterator<Item = (&'a str, &'a State)> {
    transition.from.iter().filter_map(|name| entity.states.get_key_value(name)).map(|(name, state)| (name.as_str(), state))
}

/// The state a transition leads to from `state`, if it is another one.
fn moves_on<'a>(transition: &'a Transition, state: &str) -> Option<&'a str> {
    transition.to.as_deref().filter(|to| *to != state)
}

/// Whether this access shows records that stand in `state`.
fn shows(access: &Access, state: &str) -> bool {
    !matches!(access.see, See::Nothing) && (access.only.is_empty() || access.only.iter().any(|only| only == state))
}

/// Whether somebody of this role can see records of the entity in `state`.
fn sees(app: &App, entity: &Entity, role: &str, state: &str) -> bool {
    let capabilities = app.roles.get(role).map(|role| role.capabilities.as_slice()).unwrap_or_default();
    entity.access.iter().any(|(name, access)| {
        let theirs = if access.capability { capabilities.contains(name) } else { name == role };
        theirs && shows(access, state)
    })
}

/// Roles that may fire under this entry of `by`. A capability that no role holds is given to members one by one, so
/// anybody might have it.
fn roles_of<'a>(app: &'a App, actor: &'a Actor) -> Vec<&'a str> {
    match actor {
        Actor::Role(role) => vec![role.as_str()],
        Actor::Capability(capability) => {
            let holders: Vec<&str> =
                app.roles.iter().filter(|(_, role)| role.capabilities.contains(capability)).map(|(name, _)| name.as_str()).collect();
            if holders.is_empty() { keys(&app.roles).filter(|role| has_members(app, role)).collect() } else { holders }
        }
        Actor::Kind(_) => Vec::new(),
    }
}

/// Whether people with an account hold this role.
fn has_members(app: &App, role: &str) -> bool {
    app.roles.get(role).is_some_and(|role| role.by == Through::Membership)
}

fn is_date(kind: &FieldKind) -> bool {
    matches!(kind, FieldKind::Date | FieldKind::Timestamp)
}

/// Whether a message of some inbox becomes this verb.
fn mapped(app: &App, entity: &Entity, verb: &str) -> bool {
    app.inboxes.values().flat_map(|inbox| inbox.messages.values()).any(|one| one.entity == entity.name && one.verb == verb)
}

/// Whether a schedule fires this verb.
fn scheduled(app: &App, entity: &Entity, verb: &str) -> bool {
    app.schedules.values().any(|one| one.fire.entity == entity.name && one.fire.verb == verb)
}
