//! `inbox/NAME.yaml`: who may send messages, and which move each becomes.

use crate::finding::Finding;
use crate::model::{Duration, Fetch, Inbox, Late, Mapping, Next, Pages, Pattern, Reconcile, Unit};
use crate::read::connector::whole;
use crate::read::cx::{Cx, Keys};
use crate::read::pattern::{self, Below, Scope};
use crate::read::wire;
use crate::yaml::{Entry, Node, Value};

const KEYS: [&str; 15] = [
    "inbox",
    "label",
    "scheme",
    "secrets",
    "items",
    "id",
    "type",
    "account",
    "object",
    "fetch",
    "fetched",
    "meaning",
    "ignore",
    "messages",
    "reconcile",
];

pub(crate) fn inbox(cx: &mut Cx<'_>, root: &Node) -> Option<(String, Inbox)> {
    let keys = cx.keys(root, "inbox", "an inbox", &KEYS)?;
    let node = keys.get("inbox")?;
    let name = cx.text(node, "inbox")?.to_owned();
    if !cx.name(&name, &node.at) {
        return None;
    }
    let owner = format!("inbox `{name}`");
    let need = |cx: &mut Cx<'_>, key: &str, help: &str| cx.need(keys, key, &owner, &node.at, help);
    let scheme = need(cx, "scheme", "add `scheme: standard_webhooks`, how a message is shown to be its sender's own");
    let secrets = need(cx, "secrets", "add `secrets: [NAME]`, by which it is verified");
    let id = need(cx, "id", "add `id: \"{header.webhook-id}\"`, what makes a message the same message");
    let kind = need(cx, "type", "add `type: \"{body.type}\"`");
    let messages = need(cx, "messages", "add `messages: { TYPE: { entity: …, find: …, verb: … } }`");
    let items = keys.get("items").and_then(|node| items(cx, node));
    let head = scope(items.is_some());
    let object = match keys.get("object") {
        Some(node) => pattern::one_hole(cx, node, "object", &head)?,
        None => Pattern::hole(if items.is_some() { "item" } else { "body" }),
    };
    let known = head.and(&["object"]).with(["type", "id"]);
    let inbox = Inbox {
        at: node.at.clone(),
        label: cx.label(keys, &name),
        scheme: cx.text(scheme?, "scheme")?.to_owned(),
        secrets: secrets.map(|node| self::secrets(cx, node)).unwrap_or_default(),
        items,
        id: pattern::pattern(cx, id?, "id", &head)?,
        kind: pattern::pattern(cx, kind?, "type", &head)?,
        account: keys.get("account").and_then(|node| pattern::pattern(cx, node, "account", &head)),
        object,
        fetch: keys.get("fetch").and_then(|node| fetch(cx, node, "fetch", &known)),
        fetched: hole_at(cx, keys, "fetched", "answer"),
        meaning: keys.get("meaning").and_then(|node| pattern::pattern(cx, node, "meaning", &known)),
        ignore: cx.names_at(keys, "ignore"),
        messages: pattern::mapped(cx, messages, "messages", |cx, entry| mapping(cx, entry, &known)),
        reconcile: keys.get("reconcile").and_then(|node| reconcile(cx, node)),
    };
    Some((name, inbox))
}

/// The holes of what is read from a message as it came.
fn scope(items: bool) -> Scope {
    let scope = Scope::of(&[("body", Below::Anything), ("header", Below::Anything), ("query", Below::Anything)]);
    if items { scope.and(&["item"]) } else { scope }
}

fn secrets(cx: &mut Cx<'_>, node: &Node) -> Vec<String> {
    let names = cx.names(node, "secrets");
    if names.is_empty() {
        cx.wrong(node, "secrets", "names of secrets", "write `secrets: [NAME]`");
    }
    for name in &names {
        cx.name(name, &node.at);
    }
    names
}

/// `items: body.pix`: the list stands in the body.
fn items(cx: &mut Cx<'_>, node: &Node) -> Option<String> {
    let path = pattern::path_at(cx, node, "items")?;
    if path != "body" && !path.starts_with("body.") {
        let finding = Finding::error("SH3056", &node.at, format!("`{path}` is no list of a body"));
        cx.push(finding.help(format!("write `items: body.{path}`")));
        return None;
    }
    Some(path)
}

/// `fetch: { customs.declaration: { id: "{body.data.id}" } }`
fn fetch(cx: &mut Cx<'_>, node: &Node, key: &str, scope: &Scope) -> Option<Fetch> {
    let entry = cx.only(node, key, "actions", &format!("write `{key}: {{ connector.action: {{ … }} }}`"))?;
    let Some((connector, action)) = entry.key.split_once('.') else {
        let finding = Finding::error("SH3031", &entry.key_at, format!("`{}` names no action", entry.key));
        cx.push(finding.help(format!("write `{}.ACTION`", entry.key)));
        return None;
    };
    let args = match entry.value.value {
        Value::Null => None,
        _ => Some(&entry.value),
    };
    let args = pattern::named(cx, args, &entry.key, scope);
    Some(Fetch { at: entry.key_at.clone(), connector: connector.to_owned(), action: action.to_owned(), args })
}

fn mapping(cx: &mut Cx<'_>, entry: &Entry, scope: &Scope) -> Option<Mapping> {
    let keys = cx.keys(&entry.value, &entry.key, "a message", &["entity", "find", "verb", "input", "wait", "late"])?;
    let owner = format!("message `{}`", entry.key);
    let entity = cx.need(keys, "entity", &owner, &entry.key_at, "add `entity: ENTITY`, whose record it moves");
    let find = cx.need(keys, "find", &owner, &entry.key_at, "add `find: { reference: \"{object.…}\" }`, which record");
    let verb = cx.need(keys, "verb", &owner, &entry.key_at, "add `verb: VERB`, the move it becomes");
    let find = find.and_then(|node| self::find(cx, node, scope));
    let usual = Duration { count: 7, unit: Unit::Days };
    Some(Mapping {
        at: entry.key_at.clone(),
        entity: cx.text(entity?, "entity")?.to_owned(),
        find: find?,
        verb: cx.text(verb?, "verb")?.to_owned(),
        input: pattern::named(cx, keys.get("input"), "input", scope),
        wait: wire::span_at(cx, keys, "wait").unwrap_or(usual),
        late: late(cx, keys),
    })
}

fn find(cx: &mut Cx<'_>, node: &Node, scope: &Scope) -> Option<(String, Pattern)> {
    cx.only(node, "find", "fields", "write `find: { reference: \"{object.…}\" }`, with a field that is unique")?;
    pattern::named(cx, Some(node), "find", scope).into_iter().next()
}

fn late(cx: &mut Cx<'_>, keys: Keys<'_>) -> Late {
    let Some(node) = keys.get("late") else { return Late::default() };
    match cx.text(node, "late") {
        Some("queue") | None => Late::Queue,
        Some("ignore") => Late::Ignore,
        Some(other) => {
            let finding = Finding::error("SH3006", &node.at, format!("`late` takes `queue` or `ignore`, found `{other}`"));
            cx.push(finding.nearest(other, ["queue", "ignore"], "write `late: queue`, or leave it out"));
            Late::Queue
        }
    }
}

fn reconcile(cx: &mut Cx<'_>, node: &Node) -> Option<Reconcile> {
    let keys = cx.keys(node, "reconcile", "`reconcile`", &["every", "list", "window", "pages", "items", "id", "type", "object"])?;
    let mut need = |key: &str, help: &str| cx.need(keys, key, "`reconcile`", &node.at, help);
    let every = need("every", "add `every: 5 minutes`");
    let list = need("list", "add `list: { connector.action: { since: \"{since}\" } }`, what is asked for");
    let window = need("window", "add `window: 1 hour`, how far before the last good poll `{since}` lies");
    let id = need("id", "add `id: \"{item.id}:{item.status}\"`, what makes an item the same message");
    let kind = need("type", "add `type: \"declaration.{item.status}\"`");
    let mut known = Scope::of(&[("since", Below::Nothing), ("now", Below::Nothing)]);
    let pages = keys.get("pages");
    if pages.is_some() {
        known = known.with(["page"]);
    }
    let item = Scope::of(&[("item", Below::Anything)]);
    Some(Reconcile {
        at: node.at.clone(),
        every: wire::span(cx, every?, "every")?,
        list: fetch(cx, list?, "list", &known)?,
        pages: match pages {
            Some(node) => Some(self::pages(cx, node)?),
            None => None,
        },
        window: wire::span(cx, window?, "window")?,
        items: keys.get("items").and_then(|node| pattern::path_at(cx, node, "items")).unwrap_or_default(),
        id: pattern::pattern(cx, id?, "id", &item)?,
        kind: pattern::pattern(cx, kind?, "type", &item)?,
        object: hole_at(cx, keys, "object", "item"),
    })
}

/// `pages: { next: offset, more: "{answer.hasMore}" }`
fn pages(cx: &mut Cx<'_>, node: &Node) -> Option<Pages> {
    let keys = cx.keys(node, "pages", "`pages`", &["next", "first", "more", "total"])?;
    let next = cx.need(
        keys,
        "next",
        "`pages`",
        &node.at,
        "add `next: offset`, `next: number`, or what the page before says, such as `next: \"{last.id}\"`",
    )?;
    let answer = Scope::of(&[("answer", Below::Anything)]);
    let next = match cx.text(next, "next")? {
        "offset" => Next::Offset,
        "number" => Next::Number { first: whole(cx, keys, "first", 0..=1).unwrap_or(Some(1))? },
        word if !word.contains('{') => {
            let finding = Finding::error("SH3006", &next.at, format!("`next` takes `offset`, `number` or one hole, found `{word}`"));
            cx.push(finding.nearest(word, ["offset", "number"], "write `next: \"{last.id}\"`, or where the answer says what comes next"));
            return None;
        }
        _ => Next::Said(pattern::one_hole(cx, next, "next", &Scope::of(&[("last", Below::Anything), ("answer", Below::Anything)]))?),
    };
    let mut told = |key: &str| match keys.get(key) {
        Some(node) => pattern::one_hole(cx, node, key, &answer).map(Some),
        None => Some(None),
    };
    Some(Pages { at: node.at.clone(), next, more: told("more")?, total: told("total")? })
}

/// One hole that begins with this name; the name itself where the key is not written.
fn hole_at(cx: &mut Cx<'_>, keys: Keys<'_>, key: &str, name: &str) -> Pattern {
    let written = keys.get(key).and_then(|node| pattern::one_hole(cx, node, key, &Scope::of(&[(name, Below::Anything)])));
    written.unwrap_or_else(|| Pattern::hole(name))
}
