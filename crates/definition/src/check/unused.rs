//! SH3044: what is declared and nowhere used.

use std::collections::HashSet;

use crate::check::Judge;
use crate::check::access::calls;
use crate::finding::Finding;
use crate::model::{Actor, Derived, Entity, Expr, Field, Part, RuleValue, See};

pub(super) fn judge(judge: &mut Judge<'_>) {
    let app = judge.app;
    let texts = expressions(judge);
    let uses_table = |name: &str| texts.iter().any(|text| names_table(text, name));
    for (name, table) in &app.tables {
        if !uses_table(name) {
            let finding = Finding::warning("SH3044", &table.at, format!("rule table `{name}` is not used"));
            judge.findings.push(finding.help("remove it, or use it in an expression"));
        }
    }
    for name in app.sets.keys() {
        let in_rule = app
            .entities
            .values()
            .flat_map(|entity| entity.access.values())
            .any(|access| matches!(&access.see, See::Rule(rule) if rule.with == RuleValue::Set(name.clone())));
        if !in_rule && !texts.iter().any(|text| calls(text, name)) {
            unused(judge, &format!("app/sets/{name}"), &format!("set `{name}`"));
        }
    }
    capabilities(judge);
    roles(judge);
    connectors(judge);
    for name in app.calendars.keys() {
        if !app.schedules.values().any(|one| one.calendar.as_ref() == Some(name)) {
            unused(judge, &format!("app/calendars/{name}"), &format!("calendar `{name}`"));
        }
    }
    for (name, calculator) in &app.calculators {
        let used = app.entities.values().flat_map(|entity| entity.children.values()).any(|child| {
            let gives = |field: &Field| matches!(&field.derived, Some(Derived::Priced { calculator }) if calculator == name);
            child.fields.values().any(gives)
        });
        if !used {
            let finding = Finding::warning("SH3044", &calculator.at, format!("calculator `{name}` is not used"));
            judge.push(finding.help(format!("remove it, or write `price: {name}` at a field")));
        }
    }
}

fn unused(judge: &mut Judge<'_>, path: &str, what: &str) {
    let at = judge.app.places.key(path);
    judge.push(Finding::warning("SH3044", &at, format!("{what} is not used")).help("remove it, or use it"));
}

fn capabilities(judge: &mut Judge<'_>) {
    let app = judge.app;
    for name in app.capabilities.keys() {
        let used = app.entities.values().any(|entity| {
            let fires = entity.transitions.values().flat_map(|one| &one.by);
            entity.access.contains_key(name) || fires.into_iter().any(|by| *by == Actor::Capability(name.clone()))
        });
        if !used {
            unused(judge, &format!("app/capabilities/{name}"), &format!("capability `{name}`"));
        }
    }
}

fn roles(judge: &mut Judge<'_>) {
    let app = judge.app;
    for (name, role) in &app.roles {
        let named = |entity: &Entity| {
            entity.access.contains_key(name) || role.capabilities.iter().any(|capability| entity.access.contains_key(capability))
        };
        if !app.entities.is_empty() && !app.entities.values().any(named) {
            let at = app.places.key(&format!("app/roles/{name}"));
            let finding = Finding::warning("SH3044", &at, format!("role `{name}` is not used: it sees no entity"));
            judge.push(finding.help("give it an `access` in an entity, or remove it"));
        }
    }
}

fn connectors(judge: &mut Judge<'_>) {
    let app = judge.app;
    let effects = app.entities.values().flat_map(|entity| entity.transitions.values()).flat_map(|one| &one.effects);
    let mut used: HashSet<(&str, &str)> = effects.map(|effect| (effect.connector.as_str(), effect.action.as_str())).collect();
    let asked = app.inboxes.values().flat_map(|inbox| inbox.fetch.iter().chain(inbox.reconcile.as_ref().map(|one| &one.list)));
    used.extend(asked.map(|fetch| (fetch.connector.as_str(), fetch.action.as_str())));
    // What another falls back to is used as far as that one is.
    for (name, connector) in &app.connectors {
        let actions = connector.actions.keys().filter(|action| used.contains(&(name.as_str(), action.as_str())));
        let also: Vec<(&str, &str)> =
            connector.fallback.iter().flat_map(|to| actions.clone().map(move |action| (to.as_str(), action.as_str()))).collect();
        used.extend(also);
    }
    for (name, connector) in &app.connectors {
        if !used.iter().any(|(connector, _)| connector == name) {
            let finding = Finding::warning("SH3044", &connector.at, format!("connector `{name}` is not used"));
            judge.push(finding.help("remove it, or name it under `do`"));
            continue;
        }
        for action in connector.actions.keys().filter(|action| !used.contains(&(name.as_str(), action.as_str()))) {
            unused(judge, &format!("connector/{name}/actions/{action}"), &format!("action `{name}.{action}`"));
        }
    }
}

/// `fx.rate(`: the name, a dot, and not the end of a longer path.
fn names_table(text: &str, name: &str) -> bool {
    text.match_indices(name).any(|(n, _)| {
        let before = text[..n].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '.') && text[n + name.len()..].starts_with('.')
    })
}

/// The text of every expression of the app.
fn expressions<'a>(judge: &Judge<'a>) -> Vec<&'a str> {
    let app = judge.app;
    let mut all: Vec<&Expr> = app.sets.values().map(|set| &set.that).collect();
    for entity in app.entities.values() {
        let children = entity.children.values().flat_map(|child| child.fields.values());
        for field in entity.fields.values().chain(children) {
            all.extend(field.default.iter().chain(&field.check));
            if let Some(Derived::Computed(expr) | Derived::Rollup { expr, .. }) = &field.derived {
                all.push(expr);
            }
        }
        for one in entity.transitions.values() {
            all.extend(one.guards.values().map(|guard| &guard.that));
            all.extend(one.set.values());
            let parts = one.effects.iter().flat_map(|effect| effect.args.values()).flat_map(|arg| &arg.parts);
            all.extend(parts.filter_map(|part| match part {
                Part::Hole(expr) => Some(expr),
                Part::Text(_) => None,
            }));
        }
    }
    all.extend(app.schedules.values().filter_map(|one| one.fire.only.as_ref()));
    let steps = app.calculators.values().flat_map(|one| one.variants.values()).flat_map(|steps| steps.values());
    all.extend(steps);
    all.into_iter().map(|expr| expr.text.as_str()).collect()
}
