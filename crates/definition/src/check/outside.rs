//! SH3048: people without an account see one record or none, and fire or write what is declared for them and nothing else.

use crate::check::{Judge, has_members, keys, sees};
use crate::finding::{Finding, quoted_list};
use crate::model::{Access, Actor, App, Edit, Entity, FieldKind, Form, Link, RowRule, RuleValue, See, Span, Through};

pub(super) fn judge(judge: &mut Judge<'_>) {
    roles(judge);
    let app = judge.app;
    for (name, link) in &app.links {
        self::link(judge, name, link);
    }
    for (name, form) in &app.forms {
        self::form(judge, name, form);
    }
}

/// `field = linked()`: for the holder of a link, on the id of what it leads to or a reference to it.
pub(super) fn linked(judge: &mut Judge<'_>, entity: &Entity, who: &str, rule: &RowRule, kind: &FieldKind, at: &Span) {
    let app = judge.app;
    if app.roles.get(who).is_none_or(|role| role.by != Through::Link) {
        let message = format!("`linked()` is the record a link leads to, and `{who}` holds none");
        return judge
            .push(Finding::error("SH3027", at, message).help("declare the role `by: link` in app.yaml, or base the rule on `actor()`"));
    }
    let leads = |link: &&Link| link.role == who && *kind == FieldKind::Ref(link.entity.clone());
    if app.links.values().find(leads).is_none() {
        let message = format!("no link of `{who}` leads to what `{}` of `{}` names", rule.field, entity.name);
        judge.push(Finding::error("SH3027", at, message).help("name `id`, or a reference to the entity of the link"));
    }
}

/// What a role without members may be given.
fn roles(judge: &mut Judge<'_>) {
    let app = judge.app;
    for (name, role) in app.roles.iter().filter(|(_, role)| role.by != Through::Membership) {
        let word = word(role.by);
        if !role.capabilities.is_empty() {
            let at = app.places.key(&format!("app/roles/{name}/capabilities"));
            wrong(judge, &at, format!("`{name}` is held by a {word}, and holds capabilities"), "give capabilities to roles of members");
        }
        for entity in app.entities.values() {
            if let Some(access) = entity.access.get(name.as_str()) {
                self::access(judge, entity, name, role.by, access);
            }
            duties(judge, entity, name, role.by);
        }
        let used = match role.by {
            Through::Link => app.links.values().any(|link| link.role == *name),
            _ => app.forms.values().any(|form| form.role == *name),
        };
        if !used {
            let at = app.places.key(&format!("app/roles/{name}"));
            wrong(judge, &at, format!("`{name}` is held by a {word}, and there is no {word} of it"), &format!("add one under `{word}s`"));
        }
    }
}

fn access(judge: &mut Judge<'_>, entity: &Entity, who: &str, by: Through, access: &Access) {
    let at = access.at.clone();
    let bound = matches!(&access.see, See::Rule(RowRule { with: RuleValue::Linked, .. }));
    match by {
        Through::Link => {
            if !bound && !matches!(access.see, See::Nothing) {
                let at = judge.at(entity, &format!("access/{who}/see"));
                wrong(
                    judge,
                    &at,
                    format!("who holds a link sees the record it leads to, and `{who}` sees more"),
                    "write `see: \"id = linked()\"`",
                );
            }
            if access.create || !matches!(access.edit, Edit::Nothing) {
                wrong(
                    judge,
                    &at,
                    format!("`{who}` holds a link, which is for verbs, and writes `{}`", entity.name),
                    "leave out `create` and `edit`",
                );
            }
        }
        _ => {
            if !matches!(access.see, See::Nothing) {
                let at = judge.at(entity, &format!("access/{who}/see"));
                wrong(judge, &at, format!("who fills in a form sees nothing, and `{who}` sees records"), "write `see: nothing`");
            }
            if !judge.app.forms.values().any(|form| form.role == who && form.entity == entity.name) {
                wrong(judge, &at, format!("no form of `{who}` makes a `{}`", entity.name), "add one under `forms`, or take this out");
            }
        }
    }
}

/// Verbs a role names that no link opens, and states it could not look after.
fn duties(judge: &mut Judge<'_>, entity: &Entity, who: &str, by: Through) {
    for (verb, transition) in &entity.transitions {
        let Some(n) = transition.by.iter().position(|actor| *actor == Actor::Role(who.to_owned())) else { continue };
        let opened = judge.app.links.values().any(|link| link.role == who && link.entity == entity.name && link.verbs.contains(verb));
        if !opened {
            let at = judge.at(entity, &format!("transitions/{verb}/by/{n}"));
            let help = match by {
                Through::Link => format!("add `{verb}` to `verbs` of a link, or take `{who}` out of `by`"),
                _ => format!("take `{who}` out of `by`: a form makes a record and moves none"),
            };
            wrong(judge, &at, format!("`{who}` may fire `{verb}`, and no link is for that"), &help);
        }
    }
    for (name, state) in &entity.states {
        if state.owner.as_deref() == Some(who) {
            let at = judge.at(entity, &format!("states/{name}/owner"));
            wrong(judge, &at, format!("`{who}` owns `{name}`, and has no members who could act"), "name a role that members hold");
        }
    }
}

fn link(judge: &mut Judge<'_>, name: &str, link: &Link) {
    let app = judge.app;
    let place = |key: &str| app.places.value(&format!("app/links/{name}/{key}"));
    of_kind(judge, &link.role, Through::Link, &place("role"));
    let Some(entity) = judge.entity(&link.entity, &place("entity")) else { return };
    for (n, actor) in link.by.iter().enumerate() {
        maker(judge, name, entity, actor, &place(&format!("by/{n}")));
    }
    let held = app.roles.get(&link.role).is_some_and(|role| role.by == Through::Link);
    if held && sees_nothing(entity, &link.role) {
        let message = format!("`{name}` leads to a `{}`, of which `{}` sees nothing", entity.name, link.role);
        wrong(judge, &place("entity"), message, &format!("add `{}: {{ see: \"id = linked()\" }}` to its access", link.role));
    }
    for (n, verb) in link.verbs.iter().enumerate() {
        let at = place(&format!("verbs/{n}"));
        match entity.transitions.get(verb) {
            None => {
                let finding = Finding::error("SH3014", &at, format!("`{}` has no verb `{verb}`", entity.name));
                judge.push(finding.nearest(verb, keys(&entity.transitions), "add it under `transitions`"));
            }
            Some(transition) if !transition.by.contains(&Actor::Role(link.role.clone())) => {
                let message = format!("`{name}` is for `{verb}`, which is not for `{}`", link.role);
                wrong(judge, &at, message, &format!("add `{}` to `by` of `{verb}`", link.role));
            }
            Some(_) => {}
        }
    }
}

fn sees_nothing(entity: &Entity, role: &str) -> bool {
    entity.access.get(role).is_none_or(|access| matches!(access.see, See::Nothing))
}

fn maker(judge: &mut Judge<'_>, name: &str, entity: &Entity, actor: &Actor, at: &Span) {
    let app = judge.app;
    match actor {
        Actor::Kind(kind) => {
            wrong(judge, at, format!("`{name}` is made by `{}`, which is nobody", kind.name()), "name a role or capability")
        }
        Actor::Capability(capability) => judge.capability(capability, at),
        Actor::Role(role) => {
            judge.role(role, at);
            let known = app.roles.contains_key(role);
            if known && !has_members(app, role) {
                wrong(judge, at, format!("`{role}` has no members who could make `{name}`"), "name a role that members hold");
            } else if known && !entity.states.keys().any(|state| sees(app, entity, role, state)) {
                let message = format!("`{role}` may make `{name}`, and sees no `{}`", entity.name);
                judge.push(Finding::error("SH3020", at, message).help("let the role see the record, or take it out of `by`"));
            }
        }
    }
}

fn form(judge: &mut Judge<'_>, name: &str, form: &Form) {
    let app = judge.app;
    let place = |key: &str| app.places.value(&format!("app/forms/{name}/{key}"));
    of_kind(judge, &form.role, Through::Form, &place("role"));
    let Some(entity) = judge.entity(&form.entity, &place("entity")) else { return };
    for (n, field) in form.fields.iter().enumerate() {
        asked(judge, entity, field, &place(&format!("fields/{n}")));
    }
    if entity.fields.contains_key(&form.honeypot) {
        let message = format!("the honeypot `{}` is a field of `{}`", form.honeypot, entity.name);
        wrong(judge, &place("honeypot"), message, "add `honeypot: NAME`, a name that no field has");
    }
    if app.roles.get(&form.role).is_none_or(|role| role.by != Through::Form) {
        return;
    }
    let Some(access) = entity.access.get(&form.role).filter(|access| access.create) else {
        let message = format!("`{name}` makes a `{}`, which `{}` may not create", entity.name, form.role);
        let help = format!("add `{}: {{ see: nothing, create: true, edit: {{ STATE: [FIELD] }} }}` to its access", form.role);
        return wrong(judge, &place("entity"), message, &help);
    };
    let given = at_birth(entity, access);
    let extra: Vec<&str> = given.iter().filter(|field| !form.fields.iter().any(|one| one == *field)).copied().collect();
    if !extra.is_empty() {
        let message = format!("`{}` may write {}, which `{name}` does not ask for", form.role, quoted_list(&extra));
        wrong(judge, &place("fields"), message, "add them to `fields`, or take them out of the role's `edit`");
    }
    for (n, field) in form.fields.iter().enumerate().filter(|(_, field)| entity.fields.contains_key(*field)) {
        if !given.contains(&field.as_str()) {
            let message = format!("`{name}` asks for `{field}`, which `{}` may not write", form.role);
            let help = format!("add it to the role's `edit` in the first state of `{}`", entity.name);
            wrong(judge, &place(&format!("fields/{n}")), message, &help);
        }
    }
}

/// A form asks for what can be typed into a page without looking anything up.
fn asked(judge: &mut Judge<'_>, entity: &Entity, field: &str, at: &Span) {
    if !judge.field(entity, field, at) {
        return;
    }
    use FieldKind::{File, Geo, Json, Member, Range, Ref};
    if matches!(entity.fields[field].kind, Ref(_) | Member | File | Geo | Json | Range(_)) {
        wrong(
            judge,
            at,
            format!("`{field}` cannot be asked for in a form"),
            "ask for text, a choice, a number, a date, a phone or an address",
        );
    }
}

/// What this access lets a new record be given.
fn at_birth<'a>(entity: &'a Entity, access: &'a Access) -> Vec<&'a str> {
    let initial = entity.states.iter().find(|(_, state)| state.initial).map_or("", |(name, _)| name.as_str());
    let named: Vec<&str> = match &access.edit {
        Edit::All => entity.fields.keys().map(String::as_str).collect(),
        Edit::ByState(states) => states.get(initial).into_iter().flatten().map(String::as_str).collect(),
        Edit::Nothing => Vec::new(),
    };
    let needed = |field: &str| entity.fields.get(field).is_some_and(|one| one.required && one.default.is_none());
    let writable = entity.fields.iter().filter(|(_, one)| one.derived.is_none()).map(|(name, _)| name.as_str());
    writable.filter(|field| named.contains(field) || needed(field)).collect()
}

fn of_kind(judge: &mut Judge<'_>, role: &str, by: Through, at: &Span) {
    let app: &App = judge.app;
    judge.role(role, at);
    if app.roles.get(role).is_some_and(|one| one.by != by) {
        let word = word(by);
        wrong(judge, at, format!("`{role}` is not held by a {word}"), &format!("declare the role with `by: {word}`, or name another"));
    }
}

fn word(by: Through) -> &'static str {
    if by == Through::Form { "form" } else { "link" }
}

fn wrong(judge: &mut Judge<'_>, at: &Span, message: String, help: &str) {
    judge.push(Finding::error("SH3048", at, message).help(help));
}
