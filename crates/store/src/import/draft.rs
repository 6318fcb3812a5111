//! Rows as records, every cell checked against the field it is for.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};
use statehouse_definition::model::{App, Child, Entity, Field, FieldKind, Named};
use statehouse_definition::nearest;
use uuid::Uuid;

use super::cell::{self, Read};
use super::source::{Cell, Row, Source};
use super::{BadCell, child_id, record_id};

/// A record ready to be written.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub id: Uuid,
    pub row: Row,
    /// Column to value; without members, which are still e-mails.
    pub values: Map<String, Value>,
    pub children: Vec<(String, Map<String, Value>)>,
    pub members: Vec<Waiting<String>>,
    pub refs: Vec<Waiting<(String, Uuid)>>,
}

/// A value that the database must answer for.
#[derive(Clone, Debug)]
pub(super) struct Waiting<T> {
    pub field: String,
    pub column: u64,
    pub text: String,
    pub value: T,
}

/// Whose records these are to become.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target<'a> {
    pub app: &'a App,
    pub entity: &'a Entity,
    pub tenant: &'a str,
}

/// Reads every file; a bad cell takes its record with it.
pub(super) fn drafts(target: Target<'_>, sources: &[Source], bad: &mut Vec<BadCell>) -> Vec<Draft> {
    let (parents, children): (Vec<&Source>, Vec<&Source>) = sources.iter().partition(|source| child_of(target.entity, source).is_none());
    let mut drafts = Vec::new();
    let mut by_key = HashMap::new();
    let rows: Vec<Row> = parents.iter().flat_map(|source| source.rows(bad)).collect();
    for row in rows {
        let Some(key) = key(&row, "key", bad) else { continue };
        if by_key.contains_key(&key) {
            bad.push(row.bad(column(&row, "key"), format!("the key `{key}` stands twice"), "give each record a key of its own"));
            continue;
        }
        let draft = draft(target, &key, row, bad);
        by_key.insert(key, draft.as_ref().map(|_| drafts.len()));
        drafts.extend(draft);
    }
    let mut broken = HashSet::new();
    for source in children {
        let Some((name, child)) = child_of(target.entity, source) else { continue };
        for row in source.rows(bad) {
            let Some(key) = key(&row, &target.entity.name, bad) else { continue };
            match by_key.get(&key) {
                Some(Some(at)) => {
                    if !add_child(&mut drafts[*at], name, child, &row, &[&target.entity.name], bad) {
                        broken.insert(*at);
                    }
                }
                // Its record was refused already.
                Some(None) => {}
                None => bad.push(row.bad(
                    column(&row, &target.entity.name),
                    format!("no {} has the key `{key}`", target.entity.name),
                    "name a key of the files imported together",
                )),
            }
        }
    }
    let mut at = 0;
    drafts.retain(|_| (!broken.contains(&at), at += 1).0);
    drafts
}

/// `orders.lines.csv` holds the rows of the child `lines`.
fn child_of<'a>(entity: &'a Entity, source: &Source) -> Option<(&'a str, &'a Child)> {
    entity.children.get_key_value(source.child_name()?).map(|(name, child)| (name.as_str(), child))
}

fn key(row: &Row, name: &str, bad: &mut Vec<BadCell>) -> Option<String> {
    let key = row.find(name).and_then(|cell| cell.value.as_str()).filter(|key| !key.trim().is_empty());
    if key.is_none() {
        bad.push(row.bad(column(row, name), format!("the row has no `{name}`"), format!("give it a text in `{name}`")));
    }
    key.map(ToOwned::to_owned)
}

fn column(row: &Row, name: &str) -> u64 {
    row.find(name).map_or(0, |cell| cell.column)
}

fn draft(target: Target<'_>, key: &str, row: Row, bad: &mut Vec<BadCell>) -> Option<Draft> {
    let before = bad.len();
    let id = record_id(target.tenant, &target.app.name, &target.entity.name, key);
    let mut draft = Draft { id, row: row.clone(), values: Map::new(), children: Vec::new(), members: Vec::new(), refs: Vec::new() };
    draft.values.insert("id".into(), id.to_string().into());
    for cell in &row.cells {
        match cell.name.as_str() {
            "key" => {}
            "state" => match cell.value.as_str().filter(|state| target.entity.states.contains_key(*state)) {
                Some(state) => drop(draft.values.insert("state".into(), state.into())),
                None => bad.push(row.bad(cell.column, format!("there is no state {}", cell.value), "name a state of the entity")),
            },
            "entered_at" => give(&mut draft, &row, cell, &FieldKind::Timestamp, target, bad),
            name => match (target.entity.fields.get(name), target.entity.children.get(name), &cell.value) {
                (Some(field), _, _) if field.derived.is_some() => bad.push(derived(&row, cell)),
                (Some(field), _, _) => give(&mut draft, &row, cell, &field.kind, target, bad),
                (None, Some(child), Value::Array(items)) => nested(&mut draft, name, child, &row, items, bad),
                (None, _, _) => bad.push(unknown(&row, cell, &target.entity.fields)),
            },
        }
    }
    missing(&row, &target.entity.fields, bad);
    (bad.len() == before).then_some(draft)
}

/// Puts a cell's value where it belongs: a column, or what the database must answer for.
fn give(draft: &mut Draft, row: &Row, cell: &Cell, kind: &FieldKind, target: Target<'_>, bad: &mut Vec<BadCell>) {
    let (field, column) = (cell.name.clone(), cell.column);
    match cell::read(&cell.name, &cell.value, kind) {
        Ok(Read::Value(value)) => drop(draft.values.insert(field, value)),
        Ok(Read::Member(text)) => draft.members.push(Waiting { field, column, value: text.to_lowercase(), text }),
        Ok(Read::Ref(entity, text)) => {
            let id = text.parse().unwrap_or_else(|_| record_id(target.tenant, &target.app.name, &entity, &text));
            draft.values.insert(field.clone(), id.to_string().into());
            draft.refs.push(Waiting { field, column, text, value: (entity, id) });
        }
        Err((detail, help)) => bad.push(row.bad(column, detail, help)),
    }
}

fn nested(draft: &mut Draft, name: &str, child: &Child, row: &Row, items: &[Value], bad: &mut Vec<BadCell>) {
    for (at, item) in items.iter().enumerate() {
        match item.as_object() {
            Some(object) => drop(add_child(draft, name, child, &row.nested(object), &[], bad)),
            None => bad.push(row.bad(0, format!("`{name}` {} is not an object", at + 1), "write a JSON object")),
        }
    }
}

/// Adds a row of a child; `false` when a cell of it is bad.
fn add_child(draft: &mut Draft, name: &str, child: &Child, row: &Row, besides: &[&str], bad: &mut Vec<BadCell>) -> bool {
    let before = bad.len();
    let position = draft.children.iter().filter(|(other, _)| other == name).count() + 1;
    let mut values = Map::new();
    values.insert("id".into(), child_id(draft.id, name, position).to_string().into());
    values.insert("position".into(), position.into());
    for cell in row.cells.iter().filter(|cell| !besides.contains(&cell.name.as_str())) {
        match child.fields.get(&cell.name) {
            Some(field) if field.derived.is_some() => bad.push(derived(row, cell)),
            Some(field) => match cell::read(&cell.name, &cell.value, &field.kind) {
                Ok(Read::Value(value)) => drop(values.insert(cell.name.clone(), value)),
                Ok(_) => bad.push(row.bad(cell.column, format!("`{}` of `{name}` cannot be imported", cell.name), "leave it out")),
                Err((detail, help)) => bad.push(row.bad(cell.column, detail, help)),
            },
            None => bad.push(unknown(row, cell, &child.fields)),
        }
    }
    missing(row, &child.fields, bad);
    draft.children.push((name.to_owned(), values));
    bad.len() == before
}

fn missing(row: &Row, fields: &Named<Field>, bad: &mut Vec<BadCell>) {
    let needed = fields.iter().filter(|(_, field)| field.required && field.default.is_none() && field.derived.is_none());
    for (name, _) in needed.filter(|(name, _)| row.find(name).is_none()) {
        bad.push(row.bad(0, format!("the row has no `{name}`"), format!("give it a value in `{name}`")));
    }
}

fn derived(row: &Row, cell: &Cell) -> BadCell {
    row.bad(cell.column, format!("`{}` is worked out, not given", cell.name), "leave the column out")
}

fn unknown(row: &Row, cell: &Cell, fields: &Named<Field>) -> BadCell {
    let help = match nearest(&cell.name, fields.keys().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`"),
        None => "leave the column out, or declare the field".into(),
    };
    row.bad(cell.column, format!("there is no field `{}`", cell.name), help)
}
