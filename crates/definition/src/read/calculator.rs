//! `prices/NAME.yaml` with `calculator:`.

use indexmap::IndexMap;

use crate::finding::Finding;
use crate::model::Calculator;
use crate::read::cx::Cx;
use crate::yaml::Node;

pub(crate) fn calculator(cx: &mut Cx<'_>, root: &Node) -> Option<(String, Calculator)> {
    let keys = cx.keys(root, "calculator", "a calculator", &["calculator", "label", "for", "by", "on", "steps"])?;
    let node = keys.get("calculator")?;
    let name = cx.text(node, "calculator")?.to_owned();
    if !cx.name(&name, &node.at) {
        return None;
    }
    let owner = format!("calculator `{name}`");
    let mut one = |key: &str, help: &str| {
        let found = cx.need(keys, key, &owner, &node.at, help)?;
        cx.text(found, key).map(|text| (text.to_owned(), found.at.clone()))
    };
    let target = one("for", "add `for: entity.child`");
    let by = one("by", "add `by: FIELD`, the enum field that picks the steps");
    let on = one("on", "add `on: FIELD`, the parent's date by which tables are read");
    let steps = cx.need(keys, "steps", &owner, &node.at, "add `steps:` with a map of steps per value");
    let mut variants = IndexMap::new();
    // Variants are values of an enum, which need not be names.
    let entries = steps.and_then(|steps| cx.entries(steps, "steps"));
    for entry in entries.unwrap_or_default() {
        let one = cx.named(Some(&entry.value), &entry.key, |cx, step| cx.expr(&step.value, &step.key));
        variants.insert(entry.key.clone(), one);
    }
    let (target, at) = target?;
    let Some((entity, child)) = target.split_once('.') else {
        let finding = Finding::error("SH3037", &at, format!("`{target}` is not `entity.child`"));
        cx.push(finding.help(format!("write `{target}.CHILD`")));
        return None;
    };
    let one = Calculator { at: node.at.clone(), entity: entity.to_owned(), child: child.to_owned(), by: by?.0, on: on?.0, variants };
    Some((name, one))
}
