//! Transitions: who may fire them, when, and what follows.

use indexmap::IndexMap;

use crate::finding::Finding;
use crate::model::{Actor, Cascade, Effect, Expr, Field, Guard, Input, Kind, Named, Part, Template, Transition};
use crate::places::within;
use crate::read::call::{self, Claimed};
use crate::read::cx::{Cx, Keys};
use crate::read::entity::Known;
use crate::read::words::{self, Piece};
use crate::yaml::{Entry, Node, Value};

const KEYS: [&str; 17] = [
    "label",
    "from",
    "to",
    "by",
    "input",
    "guards",
    "set",
    "auto",
    "each",
    "lock",
    "do",
    "via",
    "call",
    "done",
    "failed",
    "unknown",
    "late_done",
];

/// Events that are no verbs.
const EVENTS: [&str; 5] = ["created", "edited", "imported", "migrated", "erased"];

/// The verbs of an entity, those derived from claiming ones right behind them, and the fields those add.
pub(crate) fn transitions(cx: &mut Cx<'_>, node: Option<&Node>, known: &Known<'_>) -> (Named<Transition>, Vec<(String, Field)>) {
    let (mut all, mut fields) = (IndexMap::new(), Vec::new());
    let read = cx.named(node, "transitions", |cx, entry| {
        if EVENTS.contains(&entry.key.as_str()) {
            let finding = Finding::error("SH3007", &entry.key_at, format!("`{}` is reserved", entry.key));
            cx.push(finding.help("choose another name; the engine writes events of this name itself"));
        }
        let keys = cx.keys(&entry.value, &entry.key, "a transition", &KEYS)?;
        let one = transition(cx, entry, keys, known);
        if keys.get("via").is_some() {
            return call::claimed(cx, entry, keys, known, one);
        }
        call::plain(cx, keys);
        Some(Claimed { transitions: vec![(entry.key.clone(), one)], evidence: None })
    });
    for one in read.into_values() {
        all.extend(one.transitions);
        fields.extend(one.evidence);
    }
    (all, fields)
}

fn transition(cx: &mut Cx<'_>, entry: &Entry, keys: Keys<'_>, known: &Known<'_>) -> Transition {
    let owner = format!("transition `{}`", entry.key);
    let from = cx.need(keys, "from", &owner, &entry.key_at, "add `from: STATE`");
    let from = from.map(|node| cx.names(node, "from")).unwrap_or_default();
    let by = cx.names_at(keys, "by");
    Transition {
        at: entry.key_at.clone(),
        label: cx.label(keys, &entry.key),
        from,
        to: keys.get("to").and_then(|node| cx.text(node, "to")).map(str::to_owned),
        by: by.into_iter().map(|name| actor(name, known)).collect(),
        input: keys.get("input").map(|node| inputs(cx, node, "input")).unwrap_or_default(),
        guards: cx.named(keys.get("guards"), "guards", guard),
        set: cx.named(keys.get("set"), "set", |cx, entry| cx.expr(&entry.value, &entry.key)),
        auto: cx.bool(keys, "auto"),
        each: each(cx, keys),
        lock: keys.get("lock").and_then(|node| cx.text(node, "lock")).map(str::to_owned),
        effects: effects(cx, keys),
        call: None,
        outcome: None,
    }
}

/// Names under `by`: roles, capabilities, kinds of the engine.
pub(crate) fn actors(cx: &mut Cx<'_>, node: &Node, known: &Known<'_>) -> Vec<Actor> {
    cx.names(node, "by").into_iter().map(|name| actor(name, known)).collect()
}

fn actor(name: String, known: &Known<'_>) -> Actor {
    match name.as_str() {
        "timer" => Actor::Kind(Kind::Timer),
        "connector" | "webhook" => Actor::Kind(Kind::Connector),
        "system" => Actor::Kind(Kind::System),
        _ if name.contains('.') || (known.capabilities)(&name) => Actor::Capability(name),
        _ => Actor::Role(name),
    }
}

/// `{ tracking: optional }`, or a list of optional ones. Connectors declare the arguments of actions the same way.
pub(crate) fn inputs(cx: &mut Cx<'_>, node: &Node, key: &str) -> Named<Input> {
    if !matches!(node.value, Value::Map(_)) {
        return cx.names(node, key).into_iter().map(|name| (name, Input { required: false })).collect();
    }
    cx.named(Some(node), key, |cx, entry| match cx.text(&entry.value, &entry.key)? {
        "required" => Some(Input { required: true }),
        "optional" => Some(Input { required: false }),
        other => {
            let message = format!("`{}` takes `required` or `optional`, found `{other}`", entry.key);
            let finding = Finding::error("SH3006", &entry.value.at, message);
            cx.push(finding.nearest(other, ["required", "optional"], "write `required` or `optional`"));
            None
        }
    })
}

fn guard(cx: &mut Cx<'_>, entry: &Entry) -> Option<Guard> {
    let keys = cx.keys(&entry.value, &entry.key, "a guard", &["that", "else"])?;
    let owner = format!("guard `{}`", entry.key);
    let that = cx.need(keys, "that", &owner, &entry.key_at, "add `that: \"…\"`, the condition");
    let help = format!("add `else: {{ {}: … }}`, what the person is told", cx.locales[0]);
    let otherwise = cx.need(keys, "else", &owner, &entry.key_at, &help);
    let otherwise = otherwise.map(|node| cx.texts(node, "else", &format!("`{}`", entry.key), false));
    Some(Guard { at: entry.key_at.clone(), that: cx.expr(that?, "that")?, otherwise: otherwise? })
}

fn each(cx: &mut Cx<'_>, keys: Keys<'_>) -> Vec<Cascade> {
    let Some(node) = keys.get("each") else {
        return Vec::new();
    };
    let items = match &node.value {
        Value::List(items) => items.as_slice(),
        Value::Map(_) => std::slice::from_ref(node),
        _ => {
            cx.wrong(node, "each", "a list", "write `each: [ { of: ENTITY, through: FIELD, verb: VERB } ]`");
            return Vec::new();
        }
    };
    items.iter().filter_map(|item| cascade(cx, item)).collect()
}

fn cascade(cx: &mut Cx<'_>, node: &Node) -> Option<Cascade> {
    let keys = cx.keys(node, "each", "an `each`", &["of", "through", "verb", "in"])?;
    let mut one = |key: &str, help: &str| {
        let found = cx.need(keys, key, "an `each`", &node.at, help)?;
        cx.text(found, key).map(str::to_owned)
    };
    let of = one("of", "add `of: ENTITY`, whose records follow");
    let through = one("through", "add `through: FIELD`, their reference to this record");
    let verb = one("verb", "add `verb: VERB`, what is fired on them");
    Some(Cascade { of: of?, through: through?, verb: verb?, only: cx.names_at(keys, "in") })
}

/// What is owed under `do`.
pub(crate) fn effects(cx: &mut Cx<'_>, keys: Keys<'_>) -> Vec<Effect> {
    let Some(node) = keys.get("do") else {
        return Vec::new();
    };
    let Value::List(items) = &node.value else {
        cx.wrong(node, "do", "a list", "write `- connector.action: { … }` below it");
        return Vec::new();
    };
    let mut all = Vec::new();
    for item in items {
        match &item.value {
            Value::Map(entries) => all.extend(entries.iter().filter_map(|entry| effect(cx, entry))),
            Value::Scalar { text, .. } => all.extend(named_effect(cx, text, item, IndexMap::new())),
            _ => cx.wrong(item, "do", "`connector.action`", "write `- connector.action: { … }`"),
        }
    }
    all
}

/// One action with its arguments.
pub(crate) fn effect(cx: &mut Cx<'_>, entry: &Entry) -> Option<Effect> {
    let args = match &entry.value.value {
        Value::Null => IndexMap::new(),
        _ => cx.named(Some(&entry.value), &entry.key, |cx, arg| template(cx, &arg.value, &arg.key)),
    };
    let at = Node { at: entry.key_at.clone(), value: Value::Null };
    named_effect(cx, &entry.key, &at, args)
}

/// One action by its name, `connector.action`.
pub(crate) fn named_effect(cx: &mut Cx<'_>, name: &str, node: &Node, args: Named<Template>) -> Option<Effect> {
    let Some((connector, action)) = name.split_once('.') else {
        let finding = Finding::error("SH3031", &node.at, format!("`{name}` names no action"));
        cx.push(finding.help(format!("write `{name}.ACTION`")));
        return None;
    };
    Some(Effect { at: node.at.clone(), connector: connector.to_owned(), action: action.to_owned(), args })
}

fn template(cx: &mut Cx<'_>, node: &Node, key: &str) -> Option<Template> {
    let text = cx.text(node, key)?;
    let source = cx.places.text(&node.at.file).unwrap_or_default();
    let pieces = match words::template(text) {
        Ok(pieces) => pieces,
        Err(open) => {
            let at = within(source, &node.at, text, open, 1);
            let finding = Finding::error("SH3023", &at, "a `{` here opens nothing that can be read");
            cx.push(finding.help("write `{expression}`, or `{{` for a brace"));
            return None;
        }
    };
    let parts = pieces.into_iter().map(|piece| match piece {
        Piece::Text(text) => Part::Text(text),
        Piece::Hole(range) => {
            let at = within(source, &node.at, text, range.start, range.len());
            Part::Hole(Expr { text: text[range].to_owned(), at })
        }
    });
    Some(Template { parts: parts.collect() })
}
