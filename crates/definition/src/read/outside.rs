//! People without an account: what links are for, and forms anybody may fill in.

use crate::finding::Finding;
use crate::model::{Duration, Form, Link, Named, Rate, Texts, Through, Unit};
use crate::read::cx::{Cx, Keys};
use crate::read::entity::Known;
use crate::read::{transition, words};
use crate::yaml::{Entry, Node};

/// What a program fills in when the author names no other field for it.
const HONEYPOT: &str = "website";

/// `by: link` or `by: form` of a role.
pub(crate) fn through(cx: &mut Cx<'_>, keys: Keys<'_>) -> Through {
    let Some(node) = keys.get("by") else { return Through::Membership };
    match cx.text(node, "by") {
        Some("link") => Through::Link,
        Some("form") => Through::Form,
        Some(other) => {
            let finding = Finding::error("SH3006", &node.at, format!("`by` of a role takes `link` or `form`, found `{other}`"));
            cx.push(finding.help("leave it out for a role that members hold"));
            Through::Membership
        }
        None => Through::Membership,
    }
}

/// `links:` of app.yaml.
pub(crate) fn links(cx: &mut Cx<'_>, keys: Keys<'_>, known: &Known<'_>) -> Named<Link> {
    cx.named(keys.get("links"), "links", |cx, entry| link(cx, entry, known))
}

fn link(cx: &mut Cx<'_>, entry: &Entry, known: &Known<'_>) -> Option<Link> {
    let keys = cx.keys(&entry.value, &entry.key, "a link", &["label", "entity", "role", "by", "expires", "uses", "verbs"])?;
    let owner = format!("link `{}`", entry.key);
    let entity = need(cx, keys, "entity", &owner, entry, "add `entity: ENTITY`, whose record it leads to");
    let role = need(cx, keys, "role", &owner, entry, "add `role: ROLE`, a role declared `by: link`");
    let makers = cx.need(keys, "by", &owner, &entry.key_at, "add `by: [ROLE]`, who may make one");
    let expires = cx.need(keys, "expires", &owner, &entry.key_at, "add `expires: 14 days`, how long it holds");
    let by = transition::actors(cx, makers?, known);
    Some(Link {
        at: entry.key_at.clone(),
        label: cx.label(keys, &entry.key),
        by,
        expires: duration(cx, expires?)?,
        uses: uses(cx, keys),
        verbs: cx.names_at(keys, "verbs"),
        entity: entity?,
        role: role?,
    })
}

fn uses(cx: &mut Cx<'_>, keys: Keys<'_>) -> Option<u32> {
    let node = keys.get("uses")?;
    let text = cx.text(node, "uses")?;
    let uses = text.parse().ok().filter(|n| (1..=1000).contains(n));
    if uses.is_none() {
        let finding = Finding::error("SH3006", &node.at, format!("`uses` takes a whole number from 1 to 1000, found `{text}`"));
        cx.push(finding.help("write how many moves the link is good for, or leave it out"));
    }
    uses
}

fn duration(cx: &mut Cx<'_>, node: &Node) -> Option<Duration> {
    match words::duration(cx.text(node, "expires")?) {
        Ok(duration) => Some(duration),
        Err(help) => {
            cx.push(Finding::error("SH3033", &node.at, "`expires` takes a span of time").help(help));
            None
        }
    }
}

/// `forms:` of app.yaml.
pub(crate) fn forms(cx: &mut Cx<'_>, keys: Keys<'_>) -> Named<Form> {
    cx.named(keys.get("forms"), "forms", form)
}

fn form(cx: &mut Cx<'_>, entry: &Entry) -> Option<Form> {
    const KEYS: [&str; 8] = ["label", "entity", "role", "fields", "honeypot", "limit", "cap", "thanks"];
    let keys = cx.keys(&entry.value, &entry.key, "a form", &KEYS)?;
    let owner = format!("form `{}`", entry.key);
    let entity = need(cx, keys, "entity", &owner, entry, "add `entity: ENTITY`, what it makes one of");
    let role = need(cx, keys, "role", &owner, entry, "add `role: ROLE`, a role declared `by: form`");
    let fields = cx.need(keys, "fields", &owner, &entry.key_at, "add `fields: [FIELD, FIELD]`, what it asks for");
    let limit = cx.need(keys, "limit", &owner, &entry.key_at, "add `limit: 5 per hour`, how often one address may send it");
    let cap = cx.need(keys, "cap", &owner, &entry.key_at, "add `cap: 200 per day`, how often all together may send it");
    let fields = cx.names(fields?, "fields");
    let honeypot = honeypot(cx, keys, &fields);
    Some(Form {
        at: entry.key_at.clone(),
        label: cx.label(keys, &entry.key),
        honeypot,
        limit: rate(cx, limit?, "limit", &PER)?,
        cap: rate(cx, cap?, "cap", &PER)?,
        thanks: thanks(cx, keys, entry),
        fields,
        entity: entity?,
        role: role?,
    })
}

fn honeypot(cx: &mut Cx<'_>, keys: Keys<'_>, fields: &[String]) -> String {
    let node = keys.get("honeypot");
    let name = node.and_then(|node| cx.text(node, "honeypot").map(str::to_owned)).unwrap_or_else(|| HONEYPOT.to_owned());
    let at = node.or_else(|| keys.get("fields")).map(|node| node.at.clone()).unwrap_or_default();
    cx.name(&name, &at);
    if words::ENGINE_COLUMNS.contains(&name.as_str()) {
        let finding = Finding::error("SH3048", &at, format!("`{name}` is kept by the engine, and no honeypot"));
        cx.push(finding.help("add `honeypot: NAME`, a name that no field has"));
    }
    if fields.contains(&name) {
        let finding = Finding::error("SH3048", &at, format!("`{name}` is a field of the form and its honeypot"));
        cx.push(finding.help("add `honeypot: NAME`, a name that no field has"));
    }
    name
}

fn thanks(cx: &mut Cx<'_>, keys: Keys<'_>, entry: &Entry) -> Texts {
    match keys.get("thanks") {
        Some(node) => cx.texts(node, "thanks", &format!("the thanks of `{}`", entry.key), true),
        None => Texts::new(),
    }
}

/// Of what a form may be sent so many.
const PER: [&str; 3] = ["minute", "hour", "day"];

/// `5 per hour`, with one of these units.
pub(crate) fn rate(cx: &mut Cx<'_>, node: &Node, key: &str, units: &[&str]) -> Option<Rate> {
    let text = cx.text(node, key)?;
    let rate = text.split_once(" per ").and_then(|(count, unit)| {
        let count = count.trim().parse().ok().filter(|n| (1..=100_000).contains(n))?;
        let per = match unit.trim() {
            other if !units.contains(&other) => return None,
            "second" => Unit::Seconds,
            "minute" => Unit::Minutes,
            "hour" => Unit::Hours,
            "day" => Unit::Days,
            _ => return None,
        };
        Some(Rate { count, per })
    });
    if rate.is_none() {
        let (last, others) = units.split_last().unwrap_or((&"", &[]));
        let takes = format!("so many per {} or {last}", others.join(", "));
        let finding = Finding::error("SH3033", &node.at, format!("`{key}` takes {takes}, found `{text}`"));
        cx.push(finding.help(format!("write `{key}: 5 per {}`", units[units.len().min(2) - 1])));
    }
    rate
}

fn need(cx: &mut Cx<'_>, keys: Keys<'_>, key: &str, owner: &str, entry: &Entry, help: &str) -> Option<String> {
    let node = cx.need(keys, key, owner, &entry.key_at, help)?;
    cx.text(node, key).map(str::to_owned)
}
