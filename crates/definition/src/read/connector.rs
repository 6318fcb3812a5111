//! `connectors/NAME.yaml`.

use indexmap::IndexMap;

use crate::finding::Finding;
use crate::model::{Action, Breaker, Class, Connector, Input, Named, Pattern};
use crate::read::cx::{Cx, Keys};
use crate::read::outside;
use crate::read::pattern::{self, Scope};
use crate::read::transition::inputs;
use crate::read::wire::{self, HEADS};
use crate::yaml::{Entry, Node, Value};

const KEYS: [&str; 21] = [
    "connector",
    "label",
    "version",
    "class",
    "money",
    "base",
    "hosts",
    "auth",
    "headers",
    "key",
    "timeout",
    "ask_after",
    "limit",
    "breaker",
    "attempts",
    "fallback",
    "send",
    "answers",
    "result",
    "ask",
    "actions",
];

const ACTION_KEYS: [&str; 6] = ["args", "text", "send", "answers", "result", "ask"];

pub(crate) fn connector(cx: &mut Cx<'_>, root: &Node) -> Option<(String, Connector)> {
    let keys = cx.keys(root, "connector", "a connector", &KEYS)?;
    let node = keys.get("connector")?;
    let name = cx.text(node, "connector")?.to_owned();
    if !cx.name(&name, &node.at) {
        return None;
    }
    let owner = format!("connector `{name}`");
    let version = whole(cx, keys, "version", 1..=u32::MAX).unwrap_or(Some(1));
    let class = class(cx, keys, &owner, node);
    let actions = cx.need(keys, "actions", &owner, &node.at, "add `actions: { NAME: { argument: required } }`");
    let actions = cx.named(actions, "actions", |cx, entry| action(cx, entry, keys));
    let connector = Connector {
        at: node.at.clone(),
        label: cx.label(keys, &name),
        version: version?,
        class: class?,
        money: cx.bool(keys, "money"),
        wire: wire::wire(cx, keys),
        limit: keys.get("limit").and_then(|node| outside::rate(cx, node, "limit", &["second", "minute", "hour", "day"])),
        breaker: keys.get("breaker").and_then(|node| breaker(cx, node)).unwrap_or_default(),
        attempts: whole(cx, keys, "attempts", 1..=100).flatten().unwrap_or(Connector::ATTEMPTS),
        fallback: keys.get("fallback").and_then(|node| cx.text(node, "fallback")).map(str::to_owned),
        actions,
    };
    Some((name, connector))
}

/// `None` if it is not written, `Some(None)` if it is none.
pub(super) fn whole(cx: &mut Cx<'_>, keys: Keys<'_>, key: &str, range: std::ops::RangeInclusive<u32>) -> Option<Option<u32>> {
    let node = keys.get(key)?;
    let found = cx.text(node, key).and_then(|text| text.parse().ok()).filter(|n| range.contains(n));
    if found.is_none() {
        let most = if *range.end() == u32::MAX { String::new() } else { format!(" to {}", range.end()) };
        cx.wrong(node, key, &format!("a whole number from {}{most}", range.start()), &format!("write `{key}: {}`", range.start()));
    }
    Some(found)
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

fn breaker(cx: &mut Cx<'_>, node: &Node) -> Option<Breaker> {
    let keys = cx.keys(node, "breaker", "a breaker", &["failures", "open"])?;
    let usual = Breaker::default();
    Some(Breaker {
        failures: whole(cx, keys, "failures", 1..=1000).flatten().unwrap_or(usual.failures),
        open: wire::span_at(cx, keys, "open").unwrap_or(usual.open),
    })
}

/// An action is written with its `args`, or as its arguments alone. What it does not say itself, the connector says for all.
fn action(cx: &mut Cx<'_>, entry: &Entry, shared: Keys<'_>) -> Option<Action> {
    let node = &entry.value;
    let long = node.entries().iter().any(|one| !matches!(one.value.value, Value::Scalar { .. }));
    let own = if long { Some(cx.keys(node, &entry.key, "an action", &ACTION_KEYS)?) } else { None };
    let args = match (own, &node.value) {
        (Some(own), _) => own.get("args").map(|node| inputs(cx, node, "args")).unwrap_or_default(),
        (None, Value::Null) => IndexMap::new(),
        (None, _) => inputs(cx, node, &entry.key),
    };
    let get = |key: &str| own.and_then(|own| own.get(key)).or_else(|| shared.get(key));
    let text = own.and_then(|own| own.get("text"));
    let mut action = Action { at: entry.key_at.clone(), ..Action::default() };
    if get("send").is_some() {
        reserved(cx, &args, entry, own);
        let scope = wire::action_scope(args.keys().map(String::as_str), text.is_some());
        action.text = text.map(|node| texts(cx, node, &entry.key, &args)).unwrap_or_default();
        action.send = get("send").and_then(|node| wire::send(cx, node, &scope));
        action.answers = wire::answers(cx, get("answers"), None, &scope);
        action.result = pattern::named(cx, get("result"), "result", &wire::answer_scope());
        action.ask = get("ask").and_then(|node| wire::ask(cx, node, &scope));
    } else if let Some(entry) = own.into_iter().flat_map(|own| ACTION_KEYS[1..].iter().filter_map(move |key| own.entry(key))).next() {
        let finding = Finding::error("SH3005", &entry.key_at, format!("`{}` is said of an action that sends nothing", entry.key));
        cx.push(finding.help("add `send: { post: \"/path\" }`, here or to the connector"));
    }
    action.args = args;
    Some(action)
}

/// An argument cannot be called what a hole is called already.
fn reserved(cx: &mut Cx<'_>, args: &Named<Input>, entry: &Entry, own: Option<Keys<'_>>) {
    let declared = own.and_then(|own| own.get("args")).unwrap_or(&entry.value);
    for name in args.keys().filter(|name| HEADS.contains(&name.as_str())) {
        let at = declared.entries().iter().find(|one| one.key == *name).map_or(&declared.at, |one| &one.key_at);
        cx.push(Finding::error("SH3007", at, format!("`{name}` is reserved")).help("choose another name; a hole of requests has this one"));
    }
}

/// A text per locale, each with holes of its own.
fn texts(cx: &mut Cx<'_>, node: &Node, action: &str, args: &Named<Input>) -> Named<Pattern> {
    let written = cx.texts(node, "text", &format!("the text of `{action}`"), false);
    let scope = Scope::of(&[]).with(args.keys().map(String::as_str).chain(["key", "ref"]));
    let mut all = Named::new();
    for entry in node.entries().iter().filter(|entry| written.contains_key(&entry.key)) {
        if let Some(one) = pattern::pattern(cx, &entry.value, &entry.key, &scope) {
            all.insert(entry.key.clone(), one);
        }
    }
    if all.len() > 1 && !args.contains_key("lang") {
        let finding = Finding::error("SH3005", &node.at, format!("`{action}` has texts in {} languages and no `lang`", all.len()));
        cx.push(finding.help("add the argument `lang: required`, by which one is chosen"));
    }
    all
}
