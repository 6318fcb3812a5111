//! `app.yaml`: what all files share.

use indexmap::IndexMap;

use crate::finding::Finding;
use crate::model::{App, ENGINE_CAPABILITIES, IdSet, Named, Role, Texts, Through};
use crate::places::Places;
use crate::read::cx::{Cx, Keys};
use crate::read::entity::Known;
use crate::read::{outside, schedule, words};
use crate::yaml::{Entry, Node, Value};

const KEYS: [&str; 12] =
    ["app", "label", "locales", "currency", "time_zone", "capabilities", "roles", "sets", "links", "forms", "schedules", "calendars"];

/// Words that stand for actors which are no people, or for everything.
pub(crate) const RESERVED_ROLES: [&str; 8] = ["system", "timer", "connector", "webhook", "worker", "migration", "import", "all"];

/// The declared locales; English if there are none to be read, so that reading can go on.
pub(crate) fn locales(root: &Node) -> Vec<String> {
    let list = match root.get("locales").map(|node| &node.value) {
        Some(Value::List(items)) => items.as_slice(),
        _ => &[],
    };
    let mut locales: Vec<String> = Vec::new();
    for item in list {
        if let Value::Scalar { text, .. } = &item.value
            && !locales.contains(text)
        {
            locales.push(text.clone());
        }
    }
    if locales.is_empty() { vec!["en".to_owned()] } else { locales }
}

pub(crate) fn app(cx: &mut Cx<'_>, root: &Node) -> Option<App> {
    let keys = cx.keys(root, "app", "an app", &KEYS)?;
    let top = crate::model::Span { len: 3, ..root.at.clone() };
    let node = cx.need(keys, "app", "app.yaml", &top, "add `app: NAME`")?;
    let name = cx.text(node, "app")?.to_owned();
    if !cx.name(&name, &node.at) {
        return None;
    }
    if name == "statehouse" || name == "public" || name == "information_schema" || name.starts_with("pg_") {
        let finding = Finding::error("SH3007", &node.at, format!("`{name}` is reserved"));
        cx.push(finding.help("choose another name; the app's schema in Postgres has this name"));
    }
    check_locales(cx, keys, root);
    let capabilities = capabilities(cx, keys);
    let known = Known { capabilities: &|name| capabilities.contains_key(name) };
    let (links, forms) = (outside::links(cx, keys, &known), outside::forms(cx, keys));
    Some(App {
        label: cx.label(keys, &name),
        name,
        locales: cx.locales.to_vec(),
        currency: currency(cx, keys),
        time_zone: time_zone(cx, keys, root),
        capabilities,
        roles: roles(cx, keys),
        sets: cx.named(keys.get("sets"), "sets", set),
        entities: IndexMap::new(),
        tables: IndexMap::new(),
        calculators: IndexMap::new(),
        connectors: IndexMap::new(),
        inboxes: IndexMap::new(),
        schedules: schedule::schedules(cx, keys),
        calendars: schedule::calendars(cx, keys),
        links,
        forms,
        places: Places::default(),
    })
}

fn check_locales(cx: &mut Cx<'_>, keys: Keys<'_>, root: &Node) {
    let top = root.entries().first().map_or(&root.at, |entry| &entry.key_at).clone();
    let Some(node) = cx.need(keys, "locales", "app.yaml", &top, "add `locales: [en]`; the first is the fallback") else {
        return;
    };
    let Value::List(items) = &node.value else {
        return cx.wrong(node, "locales", "a list", "write `locales: [en]`");
    };
    if items.is_empty() {
        cx.push(Finding::error("SH3006", &node.at, "`locales` is empty").help("write `locales: [en]`"));
    }
    for item in items {
        let Some(text) = cx.text(item, "locales") else {
            continue;
        };
        let (language, region) = text.split_once('-').unwrap_or((text, "aa"));
        let short = |part: &str, range: std::ops::RangeInclusive<usize>| {
            range.contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric())
        };
        if !short(language, 2..=3) || !language.bytes().all(|b| b.is_ascii_lowercase()) || !short(region, 2..=8) {
            let finding = Finding::error("SH3006", &item.at, format!("`{text}` is not a locale"));
            cx.push(finding.help("write a language such as `en` or `pt-BR`"));
        }
    }
}

/// Empty if none is named; the check asks for it only where there is money.
fn currency(cx: &mut Cx<'_>, keys: Keys<'_>) -> String {
    let Some(node) = keys.get("currency") else {
        return String::new();
    };
    let text = cx.text(node, "currency").unwrap_or_default();
    if text.len() != 3 || !text.bytes().all(|b| b.is_ascii_uppercase()) {
        let finding = Finding::error("SH3006", &node.at, format!("`{text}` is not a currency"));
        cx.push(finding.help("write the three capitals of ISO 4217, such as `EUR`"));
    }
    text.to_owned()
}

fn time_zone(cx: &mut Cx<'_>, keys: Keys<'_>, root: &Node) -> String {
    let top = root.entries().first().map_or(&root.at, |entry| &entry.key_at).clone();
    let Some(node) = cx.need(keys, "time_zone", "app.yaml", &top, "add `time_zone: Europe/Warsaw`") else {
        return "UTC".to_owned();
    };
    let text = cx.text(node, "time_zone").unwrap_or_default();
    if !words::is_zone(text) {
        let finding = Finding::error("SH3006", &node.at, format!("`{text}` is not a time zone"));
        cx.push(finding.help("write a name such as `Europe/Warsaw`, or `UTC`"));
    }
    text.to_owned()
}

fn capabilities(cx: &mut Cx<'_>, keys: Keys<'_>) -> Named<Texts> {
    let mut all = IndexMap::new();
    let Some(node) = keys.get("capabilities") else {
        return all;
    };
    for entry in cx.entries(node, "capabilities").unwrap_or_default() {
        if entry.key.starts_with("link.") {
            let finding = Finding::error("SH3007", &entry.key_at, format!("`{}` is reserved", entry.key));
            cx.push(finding.help("choose a name that does not begin with `link.`; under these the engine keeps what a link is for"));
        }
        if !words::is_dotted_name(&entry.key) {
            let finding = Finding::error("SH3007", &entry.key_at, format!("`{}` cannot be a capability", entry.key));
            cx.push(finding.help("choose lower-case names joined by dots, such as `order.reassign`"));
            continue;
        }
        if ENGINE_CAPABILITIES.contains(&entry.key.as_str()) {
            let finding = Finding::error("SH3007", &entry.key_at, format!("`{}` is a capability of the engine", entry.key));
            cx.push(finding.help("remove it here; a role may name it as it is"));
            continue;
        }
        let texts = match &entry.value.value {
            Value::Null => Texts::from([(cx.locales[0].clone(), words::humanised(&entry.key))]),
            _ => cx.texts(&entry.value, &entry.key, &format!("capability `{}`", entry.key), true),
        };
        all.insert(entry.key.clone(), texts);
    }
    all
}

fn roles(cx: &mut Cx<'_>, keys: Keys<'_>) -> Named<Role> {
    cx.named(keys.get("roles"), "roles", |cx, entry| {
        if RESERVED_ROLES.contains(&entry.key.as_str()) {
            let finding = Finding::error("SH3007", &entry.key_at, format!("`{}` is reserved", entry.key));
            cx.push(finding.help("choose another name; the engine itself acts under this one"));
        }
        role(cx, entry)
    })
}

fn role(cx: &mut Cx<'_>, entry: &Entry) -> Option<Role> {
    if matches!(entry.value.value, Value::Null) {
        let label = Texts::from([(cx.locales[0].clone(), words::humanised(&entry.key))]);
        return Some(Role { label, capabilities: Vec::new(), by: Through::Membership });
    }
    let keys = cx.keys(&entry.value, &entry.key, "a role", &["label", "capabilities", "by"])?;
    Some(Role { label: cx.label(keys, &entry.key), capabilities: cx.names_at(keys, "capabilities"), by: outside::through(cx, keys) })
}

fn set(cx: &mut Cx<'_>, entry: &Entry) -> Option<IdSet> {
    let keys = cx.keys(&entry.value, &entry.key, "a set", &["of", "that"])?;
    let owner = format!("set `{}`", entry.key);
    let of = cx.need(keys, "of", &owner, &entry.key_at, "add `of: ENTITY`, whose ids these are");
    let that = cx.need(keys, "that", &owner, &entry.key_at, "add `that: \"login = actor()\"`, which of them");
    Some(IdSet { of: cx.text(of?, "of")?.to_owned(), that: cx.expr(that?, "that")? })
}
