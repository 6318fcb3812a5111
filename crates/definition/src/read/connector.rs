//! `connectors/NAME.yaml`.

use indexmap::IndexMap;

use crate::finding::Finding;
use crate::model::{Class, Connector};
use crate::read::cx::{Cx, Keys};
use crate::read::transition::inputs;
use crate::yaml::{Node, Value};

pub(crate) fn connector(cx: &mut Cx<'_>, root: &Node) -> Option<(String, Connector)> {
    let keys = cx.keys(root, "connector", "a connector", &["connector", "label", "version", "class", "actions"])?;
    let node = keys.get("connector")?;
    let name = cx.text(node, "connector")?.to_owned();
    if !cx.name(&name, &node.at) {
        return None;
    }
    let owner = format!("connector `{name}`");
    let version = version(cx, keys);
    let class = class(cx, keys, &owner, node);
    let actions = cx.need(keys, "actions", &owner, &node.at, "add `actions: { NAME: { argument: required } }`");
    let actions = cx.named(actions, "actions", |cx, entry| match &entry.value.value {
        Value::Null => Some(IndexMap::new()),
        _ => Some(inputs(cx, &entry.value, &entry.key)),
    });
    let label = cx.label(keys, &name);
    Some((name, Connector { at: node.at.clone(), label, version: version?, class: class?, actions }))
}

fn version(cx: &mut Cx<'_>, keys: Keys<'_>) -> Option<u32> {
    let Some(node) = keys.get("version") else {
        return Some(1);
    };
    let text = cx.text(node, "version")?;
    match text.parse() {
        Ok(version @ 1..) => Some(version),
        _ => {
            cx.wrong(node, "version", "a whole number from 1", "write `version: 1`");
            None
        }
    }
}

fn class(cx: &mut Cx<'_>, keys: Keys<'_>, owner: &str, name: &Node) -> Option<Class> {
    let help = "add `class: K` if it honours our key, `Q` if it can be asked, `N` if neither";
    let Some(node) = keys.get("class") else {
        cx.push(Finding::error("SH3031", &name.at, format!("{owner} has no `class`")).help(help));
        return None;
    };
    match cx.text(node, "class")? {
        "K" => Some(Class::K),
        "Q" => Some(Class::Q),
        "N" => Some(Class::N),
        other => {
            let finding = Finding::error("SH3031", &node.at, format!("`{other}` is not a class"));
            cx.push(finding.help("write `K` if it honours our key, `Q` if it can be asked, `N` if neither"));
            None
        }
    }
}
