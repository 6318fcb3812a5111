//! Who sees and edits what.

use indexmap::IndexMap;

use crate::finding::Finding;
use crate::model::{Access, Edit, Named, RowRule, RuleValue, See};
use crate::read::cx::{Cx, Keys};
use crate::read::entity::Known;
use crate::read::words;
use crate::yaml::{Entry, Node, Value};

const KEYS: [&str; 6] = ["see", "in", "create", "edit", "hide", "hide_in"];
const OF_A_CAPABILITY: &[&str] = &["see", "in", "create", "edit"];

pub(crate) fn access(cx: &mut Cx<'_>, node: Option<&Node>, known: &Known<'_>) -> Named<Access> {
    let mut all = IndexMap::new();
    let Some(node) = node else { return all };
    for entry in cx.entries(node, "access").unwrap_or_default() {
        if let Some(one) = one(cx, entry, known) {
            all.insert(entry.key.clone(), one);
        }
    }
    all
}

fn one(cx: &mut Cx<'_>, entry: &Entry, known: &Known<'_>) -> Option<Access> {
    let capability = entry.key.contains('.') || (known.capabilities)(&entry.key);
    // What is seen by a capability is seen in the view of the role, whose columns are those of the role.
    let (what, may_stand) = if capability { ("an access by a capability", OF_A_CAPABILITY) } else { ("an access", KEYS.as_slice()) };
    let keys = cx.keys(&entry.value, &entry.key, what, may_stand)?;
    let see = match keys.get("see") {
        Some(node) => see(cx, node)?,
        None if capability => See::Nothing,
        None => {
            let finding = Finding::error("SH3005", &entry.key_at, format!("access of `{}` has no `see`", entry.key));
            cx.push(finding.help("add `see: all`, or `see: \"field = actor()\"`"));
            return None;
        }
    };
    Some(Access {
        at: entry.key_at.clone(),
        capability,
        see,
        only: cx.names_at(keys, "in"),
        create: cx.bool(keys, "create"),
        edit: edit(cx, keys),
        hide: cx.names_at(keys, "hide"),
        hide_in: by_state(cx, keys.get("hide_in"), "hide_in"),
    })
}

fn see(cx: &mut Cx<'_>, node: &Node) -> Option<See> {
    let expr = cx.expr(node, "see")?;
    match expr.text.trim() {
        "all" => return Some(See::All),
        "nothing" => return Some(See::Nothing),
        _ => {}
    }
    match row_rule(&expr.text) {
        Some((field, with)) => Some(See::Rule(RowRule { expr, field, with })),
        None => {
            let finding = Finding::error("SH3027", &node.at, "`see` takes `field = actor()` or `field = any(set())`");
            cx.push(finding.help("write one of the two, or `all`; a choice goes into a set under `sets` in app.yaml"));
            None
        }
    }
}

/// `field = actor()`, `field = any(set())` or, for the holder of a link, `field = linked()`, with any white space.
pub(crate) fn row_rule(text: &str) -> Option<(String, RuleValue)> {
    let (field, value) = text.split_once('=')?;
    let (field, value) = (field.trim(), value.trim());
    if !words::is_name(field) {
        return None;
    }
    let value: String = value.chars().filter(|c| !c.is_whitespace()).collect();
    let with = match value.strip_prefix("any(").and_then(|rest| rest.strip_suffix("())")) {
        Some(set) if words::is_name(set) => RuleValue::Set(set.to_owned()),
        None if value == "actor()" => RuleValue::Actor,
        None if value == "linked()" => RuleValue::Linked,
        _ => return None,
    };
    Some((field.to_owned(), with))
}

fn edit(cx: &mut Cx<'_>, keys: Keys<'_>) -> Edit {
    let Some(node) = keys.get("edit") else {
        return Edit::Nothing;
    };
    match &node.value {
        Value::Scalar { text, .. } if text == "all" => Edit::All,
        Value::Scalar { text, .. } if text == "nothing" => Edit::Nothing,
        Value::Map(_) => Edit::ByState(by_state(cx, Some(node), "edit")),
        _ => {
            cx.wrong(node, "edit", "`all` or a map of state to fields", "write `edit: { STATE: [field, field] }`");
            Edit::Nothing
        }
    }
}

fn by_state(cx: &mut Cx<'_>, node: Option<&Node>, key: &str) -> Named<Vec<String>> {
    let mut all = IndexMap::new();
    let Some(node) = node else { return all };
    for entry in cx.entries(node, key).unwrap_or_default() {
        all.insert(entry.key.clone(), cx.names(&entry.value, &entry.key));
    }
    all
}
