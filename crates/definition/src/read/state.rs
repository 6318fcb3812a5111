//! States and how long a record may wait in them.

use crate::finding::Finding;
use crate::model::{Named, State, Wait};
use crate::read::cx::{Cx, Keys};
use crate::read::words;
use crate::yaml::{Entry, Node};

const KEYS: [&str; 11] = ["initial", "final", "claim", "owner", "within", "until", "then", "late", "may_wait", "required", "label"];

pub(crate) fn states(cx: &mut Cx<'_>, node: Option<&Node>) -> Named<State> {
    cx.named(node, "states", state)
}

fn state(cx: &mut Cx<'_>, entry: &Entry) -> Option<State> {
    let keys = cx.keys(&entry.value, &entry.key, "a state", &KEYS)?;
    let owner = keys.get("owner").and_then(|node| cx.text(node, "owner")).map(str::to_owned);
    Some(State {
        at: entry.key_at.clone(),
        label: cx.label(keys, &entry.key),
        initial: cx.bool(keys, "initial"),
        end: cx.bool(keys, "final"),
        claim: cx.bool(keys, "claim"),
        owner,
        wait: wait(cx, keys),
        required: cx.names_at(keys, "required"),
    })
}

fn wait(cx: &mut Cx<'_>, keys: Keys<'_>) -> Wait {
    for (a, b) in [("within", "until"), ("within", "may_wait"), ("until", "may_wait"), ("then", "late")] {
        if let (Some(_), Some(second)) = (keys.entry(a), keys.entry(b)) {
            let message = format!("`{a}` and `{b}` cannot stand together");
            cx.push(Finding::error("SH3006", &second.key_at, message).help("keep one of the two"));
        }
    }
    let verb = ["then", "late"].iter().find_map(|key| keys.entry(key));
    if let Some(verb) = verb
        && keys.get("within").is_none()
        && keys.get("until").is_none()
    {
        let message = format!("`{}` stands without `within` or `until`", verb.key);
        cx.push(Finding::error("SH3005", &verb.key_at, message).help("add `within: 24 hours` or `until: FIELD`"));
    }
    let verb = verb.and_then(|entry| cx.text(&entry.value, &entry.key)).map(str::to_owned);
    if let Some(node) = keys.get("within") {
        let Some(text) = cx.text(node, "within") else {
            return Wait::Forever;
        };
        return match words::duration(text) {
            Ok(span) => Wait::Within { span, verb },
            Err(help) => {
                cx.push(Finding::error("SH3033", &node.at, format!("`{text}` is not a duration")).help(help));
                Wait::Forever
            }
        };
    }
    if let Some(node) = keys.get("until") {
        let Some(field) = cx.text(node, "until") else {
            return Wait::Forever;
        };
        return Wait::Until { field: field.to_owned(), verb };
    }
    match keys.get("may_wait") {
        None => Wait::Unstated,
        Some(node) => {
            let text = cx.text(node, "may_wait");
            if let Some(text) = text.filter(|text| *text != "forever") {
                let message = format!("`may_wait` takes `forever`, found `{text}`");
                let help = match words::duration(text) {
                    Ok(span) => format!("write `within: {span}`"),
                    Err(_) => "write `may_wait: forever`, or `within: 24 hours`".to_owned(),
                };
                cx.push(Finding::error("SH3006", &node.at, message).help(help));
            }
            Wait::Forever
        }
    }
}
