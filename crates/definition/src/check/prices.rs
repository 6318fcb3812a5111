//! Calculators against the child they price.

use crate::check::{Judge, is_date, keys};
use crate::finding::Finding;
use crate::model::{Calculator, Child, Entity, FieldKind};

pub(super) fn judge(judge: &mut Judge<'_>) {
    let app = judge.app;
    for (name, calculator) in &app.calculators {
        let at = app.places.value(&format!("calculator/{name}/for"));
        let Some(entity) = judge.entity(&calculator.entity, &at) else {
            continue;
        };
        let Some(child) = entity.children.get(&calculator.child) else {
            let message = format!("`{}` has no child `{}`", entity.name, calculator.child);
            let finding = Finding::error("SH3037", &at, message);
            judge.push(finding.nearest(&calculator.child, keys(&entity.children), "name a child of the entity"));
            continue;
        };
        on(judge, name, calculator, entity);
        variants(judge, name, calculator, child);
        steps(judge, name, calculator, child);
    }
}

fn on(judge: &mut Judge<'_>, name: &str, calculator: &Calculator, entity: &Entity) {
    let at = judge.app.places.value(&format!("calculator/{name}/on"));
    if judge.field(entity, &calculator.on, &at) && !is_date(&entity.fields[&calculator.on].kind) {
        let message = format!("`on` takes a date of `{}`, and `{}` is none", entity.name, calculator.on);
        judge.push(Finding::error("SH3037", &at, message).help("name a field of type `date`"));
    }
}

fn variants(judge: &mut Judge<'_>, name: &str, calculator: &Calculator, child: &Child) {
    let at = judge.app.places.value(&format!("calculator/{name}/by"));
    let values = match child.fields.get(&calculator.by).map(|field| &field.kind) {
        Some(FieldKind::Enum(values)) => values,
        Some(_) => {
            let finding = Finding::error("SH3037", &at, format!("`{}` is no enum and cannot pick steps", calculator.by));
            return judge.push(finding.help("name a field of type `enum`"));
        }
        None => {
            let finding = Finding::error("SH3010", &at, format!("no field `{}` in `{}`", calculator.by, calculator.child));
            return judge.push(finding.nearest(&calculator.by, keys(&child.fields), "name a field of the child"));
        }
    };
    for value in values.iter().filter(|value| !calculator.variants.contains_key(*value)) {
        let at = judge.app.places.key(&format!("calculator/{name}/steps"));
        let finding = Finding::error("SH3037", &at, format!("`{name}` has no steps for `{value}`"));
        judge.push(finding.help(format!("add `{value}:` with its steps")));
    }
    for variant in calculator.variants.keys().filter(|variant| !values.contains(variant)) {
        let at = judge.app.places.key(&format!("calculator/{name}/steps/{variant}"));
        let finding = Finding::error("SH3037", &at, format!("`{}` is never `{variant}`", calculator.by));
        judge.push(finding.nearest(variant, values.iter().map(String::as_str), "remove the steps"));
    }
}

/// A step may not hide a field that people fill in.
fn steps(judge: &mut Judge<'_>, name: &str, calculator: &Calculator, child: &Child) {
    for (variant, steps) in &calculator.variants {
        for step in steps.keys().filter(|step| child.fields.get(*step).is_some_and(|field| field.derived.is_none())) {
            let at = judge.app.places.key(&format!("calculator/{name}/steps/{variant}/{step}"));
            let finding = Finding::error("SH3037", &at, format!("step `{step}` hides the field `{step}`"));
            judge.push(finding.help(format!("choose another name, or mark the field `price: {name}`")));
        }
    }
}
