//! What roles see, edit and do not see.

use std::collections::HashSet;

use crate::check::{Judge, keys, outside};
use crate::finding::Finding;
use crate::model::{Access, Edit, Entity, FieldKind, RuleValue, See, Span};

pub(super) fn judge(judge: &mut Judge<'_>, entity: &Entity) {
    for (who, access) in &entity.access {
        match access.capability {
            true => judge.capability(who, &access.at),
            false => judge.role(who, &access.at),
        }
        for (n, state) in access.only.iter().enumerate() {
            judge.state(entity, state, &judge.at(entity, &format!("access/{who}/in/{n}")));
        }
        rule(judge, entity, who, access);
        edit(judge, entity, who, access);
        creates(judge, entity, who, access);
        hide(judge, entity, who, access);
    }
    required(judge, entity);
}

fn rule(judge: &mut Judge<'_>, entity: &Entity, who: &str, access: &Access) {
    let See::Rule(rule) = &access.see else { return };
    let at = judge.app.places.within(&rule.expr, 0, rule.field.len());
    let kind = match rule.field.as_str() {
        "id" => FieldKind::Ref(entity.name.clone()),
        field if judge.field(entity, field, &at) => entity.fields[field].kind.clone(),
        _ => return,
    };
    if access.hide.contains(&rule.field) {
        let n = access.hide.iter().position(|column| *column == rule.field).unwrap_or_default();
        let at = judge.at(entity, &format!("access/{who}/hide/{n}"));
        let message = format!("`{}` is hidden from `{who}`, and its row rule reads it", rule.field);
        judge.push(Finding::error("SH3027", &at, message).help("show the column, or base the rule on another"));
    }
    match &rule.with {
        RuleValue::Actor if kind != FieldKind::Member => {
            let message = format!("`{}` holds no member, and `actor()` is one", rule.field);
            judge.push(Finding::error("SH3027", &at, message).help("name a field of type `member`"));
        }
        RuleValue::Actor => {}
        RuleValue::Linked => outside::linked(judge, entity, who, rule, &kind, &at),
        RuleValue::Set(set) => {
            let from = rule.expr.text.find(set.as_str()).unwrap_or_default();
            let set_at = judge.app.places.within(&rule.expr, from, set.len());
            let Some(found) = judge.app.sets.get(set) else {
                let finding = Finding::error("SH3027", &set_at, format!("no set `{set}`"));
                return judge.push(finding.nearest(set, keys(&judge.app.sets), "add it under `sets` in app.yaml"));
            };
            if kind != FieldKind::Ref(found.of.clone()) {
                let message = format!("`{}` is no reference to `{}`, whose ids `{set}` holds", rule.field, found.of);
                let finding = Finding::error("SH3027", &at, message);
                judge.push(finding.help(format!("name a reference to `{}`", found.of)));
            }
        }
    }
}

fn edit(judge: &mut Judge<'_>, entity: &Entity, who: &str, access: &Access) {
    let Edit::ByState(by_state) = &access.edit else {
        return;
    };
    for (state, fields) in by_state {
        judge.state(entity, state, &judge.key(entity, &format!("access/{who}/edit/{state}")));
        for (n, field) in fields.iter().enumerate() {
            let at = judge.at(entity, &format!("access/{who}/edit/{state}/{n}"));
            if let Some(why) = judge.unwritable(entity, field) {
                judge.push(Finding::error("SH3041", &at, why).help("name fields a person may write"));
            } else if !entity.fields.contains_key(field) && !entity.children.contains_key(field) {
                let message = format!("no field or child `{field}` in `{}`", entity.name);
                let all = keys(&entity.fields).chain(keys(&entity.children));
                judge.push(Finding::error("SH3010", &at, message).nearest(field, all, "add it under `fields`"));
            } else if access.hide.contains(field) {
                let message = format!("`{field}` is hidden from `{who}`, who may edit it");
                judge.push(Finding::error("SH3041", &at, message).help("show the column, or take it out of `edit`"));
            } else if access.hide_in.get(state).is_some_and(|hidden| hidden.contains(field)) {
                let message = format!("`{field}` is hidden from `{who}` in `{state}`, who may edit it there");
                judge.push(Finding::error("SH3041", &at, message).help("show the column, or take it out of `edit`"));
            } else if let Some(to) = unseen(judge, entity, field, who, access) {
                let message = format!("`{field}` names a `{to}`, and `{who}` sees none");
                judge.push(Finding::error("SH3041", &at, message).help("let the role see some, or take the field out of `edit`"));
            }
        }
    }
}

/// Who makes a record hands it what it cannot be without.
fn creates(judge: &mut Judge<'_>, entity: &Entity, who: &str, access: &Access) {
    let needed = entity.fields.iter().filter(|(_, f)| access.create && f.required && f.default.is_none());
    for (field, _) in needed {
        if let Some(to) = unseen(judge, entity, field, who, access) {
            let message = format!("`{who}` makes `{}`, whose `{field}` names a `{to}`, and sees none", entity.name);
            judge.push(Finding::error("SH3041", &access.at, message).help("let the role see some, or give the field a default"));
        }
    }
}

/// The entity a ref leads to, where the role sees nothing of it: a person gives refs to what the person sees.
fn unseen(judge: &Judge<'_>, entity: &Entity, field: &str, who: &str, access: &Access) -> Option<String> {
    let FieldKind::Ref(to) = &entity.fields.get(field)?.kind else { return None };
    let own = judge.app.entities.get(to)?.access.get(who);
    let sees = access.capability || own.is_some_and(|own| !own.capability && !matches!(own.see, See::Nothing));
    (!sees).then(|| to.clone())
}

fn hide(judge: &mut Judge<'_>, entity: &Entity, who: &str, access: &Access) {
    for (n, column) in access.hide.iter().enumerate() {
        let at = judge.at(entity, &format!("access/{who}/hide/{n}"));
        column_known(judge, entity, column, &at);
        handed_in(judge, entity, who, access, column, &at);
    }
    for (state, columns) in &access.hide_in {
        judge.state(entity, state, &judge.key(entity, &format!("access/{who}/hide_in/{state}")));
        for (n, column) in columns.iter().enumerate() {
            let at = judge.at(entity, &format!("access/{who}/hide_in/{state}/{n}"));
            column_known(judge, entity, column, &at);
        }
    }
}

fn column_known(judge: &mut Judge<'_>, entity: &Entity, column: &str, at: &Span) {
    let known = match column.split_once('.') {
        Some((child, field)) => entity.children.get(child).is_some_and(|child| child.fields.contains_key(field)),
        None => entity.fields.contains_key(column) || entity.children.contains_key(column),
    };
    if known {
        return;
    }
    let children = entity.children.iter();
    let dotted: Vec<String> = children.flat_map(|(child, one)| one.fields.keys().map(move |field| format!("{child}.{field}"))).collect();
    let all = keys(&entity.fields).chain(dotted.iter().map(String::as_str));
    let finding = Finding::error("SH3010", at, format!("no field `{column}` in `{}`", entity.name));
    judge.push(finding.nearest(column, all, "name a field, or `child.field`"));
}

/// A role cannot hand in what its view does not have.
fn handed_in(judge: &mut Judge<'_>, entity: &Entity, who: &str, access: &Access, column: &str, at: &Span) {
    if access.capability {
        return;
    }
    let verb = entity
        .transitions
        .iter()
        .find(|(_, one)| one.input.contains_key(column) && one.by.iter().any(|actor| *actor == crate::model::Actor::Role(who.to_owned())));
    if let Some((verb, _)) = verb {
        let message = format!("`{column}` is hidden from `{who}`, who hands it in with `{verb}`");
        judge.push(Finding::error("SH3041", at, message).help("show the column, or take it out of `input`"));
    }
}

/// SH3042: required in a state, and on no way there can anybody fill it in.
fn required(judge: &mut Judge<'_>, entity: &Entity) {
    for (name, state) in &entity.states {
        let before = before(entity, name);
        for (n, field) in state.required.iter().enumerate() {
            let Some(one) = entity.fields.get(field) else {
                continue;
            };
            if one.required || one.default.is_some() || one.derived.is_some() || settable(entity, field, name, &before) {
                continue;
            }
            let at = judge.at(entity, &format!("states/{name}/required/{n}"));
            let finding = Finding::error("SH3042", &at, format!("`{field}` is required in `{name}` and nobody can set it"));
            judge.push(finding.help("let a role edit it in an earlier state, or `set` or `input` it in a transition"));
        }
    }
}

/// All states from which `state` can be reached.
fn before<'a>(entity: &'a Entity, state: &str) -> HashSet<&'a str> {
    let mut before: HashSet<&str> = HashSet::new();
    loop {
        let more: Vec<&str> = entity
            .transitions
            .values()
            .filter(|one| one.to.as_deref().is_some_and(|to| to == state || before.contains(to)))
            .flat_map(|one| one.from.iter().map(String::as_str))
            .filter(|from| !before.contains(from))
            .collect();
        if more.is_empty() {
            return before;
        }
        before.extend(more);
    }
}

fn settable(entity: &Entity, field: &str, state: &str, before: &HashSet<&str>) -> bool {
    let by_move = entity.transitions.values().any(|one| {
        let writes = one.set.contains_key(field) || one.input.contains_key(field);
        let on_the_way = one.to.as_deref() == Some(state)
            || one.to.as_deref().is_some_and(|to| before.contains(to))
            || (one.to.is_none() && one.from.iter().any(|from| before.contains(from.as_str())));
        writes && on_the_way
    });
    by_move
        // A new record takes every field its maker sees.
        || entity.access.values().any(|access| access.create && !access.hide.iter().any(|hidden| hidden == field))
        || entity.access.values().any(|access| match &access.edit {
            Edit::Nothing => false,
            Edit::All => !before.is_empty(),
            Edit::ByState(by_state) => by_state.iter().any(|(at, fields)| {
                before.contains(at.as_str()) && fields.iter().any(|one| one == field)
            }),
        })
}

/// SH3028: a set whose rule asks a set, and so on back to itself. Gives the names of those sets.
pub(super) fn sets(judge: &mut Judge<'_>) -> Vec<String> {
    let app = judge.app;
    let mut circular = Vec::new();
    for (name, set) in &app.sets {
        let mut path = vec![name.as_str()];
        let mut now = set;
        let mut seen = HashSet::new();
        while let Some(next) = app.sets.keys().find(|other| calls(&now.that.text, other)) {
            path.push(next);
            if next == name {
                let at = set.that.at.clone();
                let circle: Vec<String> = path.iter().map(|name| format!("`{name}`")).collect();
                judge.push(Finding::error("SH3028", &at, circle.join(" → ")).help("let one of the rules stand on its own"));
                circular.push(name.clone());
                break;
            }
            if !seen.insert(next) {
                break;
            }
            now = &app.sets[next];
        }
    }
    circular
}

/// Whether an expression calls a function of this name.
pub(super) fn calls(text: &str, name: &str) -> bool {
    text.match_indices(name).any(|(n, _)| {
        let before = text[..n].chars().next_back();
        let after = text[n + name.len()..].trim_start();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '.') && after.starts_with('(')
    })
}
