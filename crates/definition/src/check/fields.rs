//! Derived fields and money.

use crate::check::{Judge, keys};
use crate::finding::Finding;
use crate::model::{Child, Derived, Entity, Field, FieldKind};

pub(super) fn judge(judge: &mut Judge<'_>, entity: &Entity) {
    for (name, field) in &entity.fields {
        match &field.derived {
            Some(Derived::Priced { .. }) => {
                let at = judge.key(entity, &format!("fields/{name}/price"));
                let finding = Finding::error("SH3037", &at, format!("`{name}` is no field of a child and has no price"));
                judge.push(finding.help("move it to a child, or write `computed`"));
            }
            Some(Derived::Allocate { .. }) => {
                let at = judge.key(entity, &format!("fields/{name}/allocate"));
                let message = format!("`{name}` is no field of a child and takes no share");
                judge.push(Finding::error("SH3037", &at, message).help("move it to a child, or write `computed`"));
            }
            Some(Derived::Rollup { per, .. }) => rollup(judge, entity, name, per),
            _ => {}
        }
    }
    for (child, one) in &entity.children {
        for (name, field) in &one.fields {
            child_field(judge, entity, child, one, name, field);
        }
    }
    currency(judge, entity);
}

fn rollup(judge: &mut Judge<'_>, entity: &Entity, name: &str, per: &[String]) {
    let at = judge.key(entity, &format!("fields/{name}/rollup"));
    if entity.children.is_empty() {
        let finding = Finding::error("SH3038", &at, format!("`{}` has no children to roll up", entity.name));
        judge.push(finding.help("add them under `children`, or write `computed`"));
        return;
    }
    for (n, field) in per.iter().enumerate() {
        let bare = field.rsplit('.').next().unwrap_or(field);
        if !entity.children.values().any(|child| child.fields.contains_key(bare)) {
            let at = judge.at(entity, &format!("fields/{name}/per/{n}"));
            let all = entity.children.values().flat_map(|child| keys(&child.fields));
            let finding = Finding::error("SH3010", &at, format!("no field `{field}` in the children of `{}`", entity.name));
            judge.push(finding.nearest(bare, all, "name a field of the children"));
        }
    }
}

fn child_field(judge: &mut Judge<'_>, entity: &Entity, child: &str, one: &Child, name: &str, field: &Field) {
    let path = child_path(judge, entity, child, name);
    match &field.derived {
        Some(Derived::Rollup { .. }) => {
            let at = judge.key(entity, &format!("{path}/rollup"));
            let finding = Finding::error("SH3038", &at, format!("`{name}` is a field of a child and rolls nothing up"));
            judge.push(finding.help("move it to the entity, or write `computed`"));
        }
        Some(Derived::Allocate { amount, over }) => {
            let at = judge.at(entity, &format!("{path}/allocate"));
            if judge.field(entity, amount, &at) {
                let kind = &entity.fields[amount].kind;
                if !matches!(kind, FieldKind::Money | FieldKind::Integer) || field.kind != *kind {
                    let message = format!("`{amount}` and `{name}` are not both money, and cannot be shared out");
                    judge.push(Finding::error("SH3037", &at, message).help("make both `type: money`"));
                }
            }
            let at = judge.at(entity, &format!("{path}/over"));
            if !one.fields.contains_key(over) {
                let finding = Finding::error("SH3010", &at, format!("no field `{over}` in `{child}`"));
                judge.push(finding.nearest(over, keys(&one.fields), "name the field that weighs"));
            }
        }
        Some(Derived::Priced { calculator }) => {
            let at = judge.at(entity, &format!("{path}/price"));
            priced(judge, entity, child, name, calculator, &at);
        }
        _ => {}
    }
}

fn priced(judge: &mut Judge<'_>, entity: &Entity, child: &str, name: &str, calculator: &str, at: &crate::model::Span) {
    let app = judge.app;
    let Some(found) = app.calculators.get(calculator) else {
        let finding = Finding::error("SH3037", at, format!("no calculator `{calculator}`"));
        let help = format!("add `prices/{calculator}.yaml`");
        return judge.push(finding.nearest(calculator, keys(&app.calculators), &help));
    };
    if found.entity != entity.name || found.child != child {
        let message = format!("`{calculator}` is for `{}.{}`, not for `{}.{child}`", found.entity, found.child, entity.name);
        return judge.push(Finding::error("SH3037", at, message).help("name a calculator for this child"));
    }
    for (variant, steps) in &found.variants {
        if !steps.contains_key(name) {
            let at = app.places.key(&format!("calculator/{calculator}/steps/{variant}"));
            let finding = Finding::error("SH3037", &at, format!("`{variant}` of `{calculator}` gives no `{name}`"));
            judge.push(finding.help(format!("add the step `{name}: \"…\"`")));
        }
    }
}

/// Where a child's field stands, with or without `fields:`.
pub(super) fn child_path(judge: &Judge<'_>, entity: &Entity, child: &str, name: &str) -> String {
    let long = format!("children/{child}/fields/{name}");
    match judge.app.places.has(&format!("entity/{}/{long}", entity.name)) {
        true => long,
        false => format!("children/{child}/{name}"),
    }
}

/// SH3032: an amount without a currency is no amount.
fn currency(judge: &mut Judge<'_>, entity: &Entity) {
    let own = entity.fields.values().any(|field| field.kind == FieldKind::Currency);
    if own || !judge.app.currency.is_empty() {
        return;
    }
    let children = entity.children.values().flat_map(|child| &child.fields);
    for (name, field) in entity.fields.iter().chain(children) {
        if field.kind == FieldKind::Money {
            let finding = Finding::error("SH3032", &field.at, format!("`{name}` has no currency"));
            judge.push(finding.help("add a field `currency: { type: currency }`, or `currency: EUR` to app.yaml"));
        }
    }
}
