//! `entities/NAME.yaml`.

use indexmap::IndexMap;

use crate::finding::Finding;
use crate::model::{Child, Entity, Exclusion, Named, Reference};
use crate::read::cx::{Cx, Keys};
use crate::read::{access, field, state, transition, words};
use crate::yaml::{Entry, Node};

const KEYS: [&str; 10] = ["entity", "label", "reference", "fields", "children", "states", "transitions", "access", "exclude", "uniques"];

/// What an entity needs to know of `app.yaml` to be read.
pub(crate) struct Known<'a> {
    pub capabilities: &'a dyn Fn(&str) -> bool,
}

pub(crate) fn entity(cx: &mut Cx<'_>, root: &Node, known: &Known<'_>) -> Option<Entity> {
    let keys = cx.keys(root, "entity", "an entity", &KEYS)?;
    let node = keys.get("entity")?;
    let name = cx.text(node, "entity")?.to_owned();
    let mut at = node.at.clone();
    if !cx.name(&name, &at) {
        return None;
    }
    at.len = name.len();
    let owner = format!("entity `{name}`");
    let states = cx.need(keys, "states", &owner, &node.at, "add `states:` with one that is `initial: true`");
    let (transitions, evidence) = transition::transitions(cx, keys.get("transitions"), known);
    let mut entity = Entity {
        label: cx.label(keys, &name),
        reference: reference(cx, keys),
        fields: field::fields(cx, keys.get("fields"), &name),
        children: children(cx, keys, &name),
        states: state::states(cx, states),
        transitions,
        access: access::access(cx, keys.get("access"), known),
        exclusions: exclusions(cx, keys),
        uniques: cx.named(keys.get("uniques"), "uniques", |cx, entry| Some(cx.names(&entry.value, &entry.key))),
        name,
        at,
    };
    for (name, field) in evidence {
        entity.fields.entry(name).or_insert(field);
    }
    for (child, one) in &entity.children {
        if entity.fields.contains_key(child) {
            let message = format!("`{child}` is a field and a child of `{}`", entity.name);
            cx.push(Finding::error("SH3007", &one.at, message).help("choose another name for one of the two"));
        }
    }
    Some(entity)
}

fn reference(cx: &mut Cx<'_>, keys: Keys<'_>) -> Option<Reference> {
    let node = keys.get("reference")?;
    match words::reference(cx.text(node, "reference")?) {
        Ok(reference) => Some(reference),
        Err(message) => {
            cx.push(Finding::error("SH3045", &node.at, message).help("write for instance `ORD-{number:6}`"));
            None
        }
    }
}

fn children(cx: &mut Cx<'_>, keys: Keys<'_>, parent: &str) -> Named<Child> {
    cx.named(keys.get("children"), "children", |cx, entry| child(cx, entry, parent))
}

/// A child is written with `fields:`, or as its fields alone.
fn child(cx: &mut Cx<'_>, entry: &Entry, parent: &str) -> Option<Child> {
    let short = entry.value.get("fields").is_none() && !entry.value.entries().is_empty();
    let (label, fields) = if short {
        (cx_label(cx, &entry.key), field::fields(cx, Some(&entry.value), &entry.key))
    } else {
        let keys = cx.keys(&entry.value, &entry.key, "a child", &["label", "fields"])?;
        let owner = format!("child `{}`", entry.key);
        let node = cx.need(keys, "fields", &owner, &entry.key_at, "add `fields:` with at least one field");
        (cx.label(keys, &entry.key), field::fields(cx, node, &entry.key))
    };
    if let Some(field) = fields.get(parent) {
        let message = format!("`{parent}` is reserved in `{}`: it holds the parent's id", entry.key);
        cx.push(Finding::error("SH3007", &field.at, message).help("choose another name"));
    }
    Some(Child { at: entry.key_at.clone(), label, fields })
}

fn cx_label(cx: &Cx<'_>, name: &str) -> crate::model::Texts {
    crate::model::Texts::from([(cx.locales[0].clone(), words::humanised(name))])
}

/// `exclude: { no_double: { room: "=", during: "&&", in: [booked] } }`, or the columns alone.
fn exclusions(cx: &mut Cx<'_>, keys: Keys<'_>) -> Named<Exclusion> {
    let Some(node) = keys.get("exclude") else {
        return IndexMap::new();
    };
    let flat = node.entries().iter().any(|entry| matches!(entry.value.value, crate::yaml::Value::Scalar { .. }));
    if flat {
        return exclusion(cx, node, "exclude").map(|one| ("overlap".to_owned(), one)).into_iter().collect();
    }
    cx.named(Some(node), "exclude", |cx, entry| exclusion(cx, &entry.value, &entry.key))
}

fn exclusion(cx: &mut Cx<'_>, node: &Node, key: &str) -> Option<Exclusion> {
    let mut one = Exclusion { columns: IndexMap::new(), only: Vec::new() };
    for entry in cx.entries(node, key)? {
        if entry.key == "in" {
            one.only = cx.names(&entry.value, "in");
            continue;
        }
        match cx.text(&entry.value, &entry.key)? {
            operator @ ("=" | "&&") => {
                one.columns.insert(entry.key.clone(), operator.to_owned());
            }
            other => {
                let finding = Finding::error("SH3006", &entry.value.at, format!("`{other}` cannot exclude"));
                cx.push(finding.help("write \"=\" for equal values or \"&&\" for ranges that overlap"));
            }
        }
    }
    Some(one)
}
