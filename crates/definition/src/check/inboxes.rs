//! SH3059, SH3060: messages are proven, and each becomes a move that can be made.

use std::collections::HashSet;

use crate::check::{Judge, keys, pages};
use crate::finding::Finding;
use crate::model::{Actor, Entity, Fetch, FieldKind, Inbox, Kind, Mapping, Method, OutcomeKind, Pattern, Span};
use crate::schemes::{Coverage, SCHEMES, Scheme, scheme};

pub(super) fn judge(judge: &mut Judge<'_>) {
    let app = judge.app;
    for (name, inbox) in &app.inboxes {
        proven(judge, name, inbox);
        if let Some(fetch) = &inbox.fetch {
            self::fetch(judge, &format!("inbox/{name}/fetch"), fetch);
        }
        if let Some(reconcile) = &inbox.reconcile {
            self::fetch(judge, &format!("inbox/{name}/reconcile/list"), &reconcile.list);
            if reconcile.window.seconds() < reconcile.every.seconds() {
                let at = app.places.value(&format!("inbox/{name}/reconcile/window"));
                let message = format!("polls every {} look back {}, and leave a gap", reconcile.every, reconcile.window);
                wrong(judge, &at, message, &format!("write at least `window: {}`", reconcile.every));
            }
            pages::judge(judge, &format!("inbox/{name}/reconcile"), reconcile);
        }
        types(judge, name, inbox);
        for (kind, mapping) in &inbox.messages {
            self::mapping(judge, &format!("inbox/{name}/messages/{kind}"), kind, mapping);
        }
    }
}

fn wrong(judge: &mut Judge<'_>, at: &Span, message: String, help: &str) {
    judge.push(Finding::error("SH3059", at, message).help(help));
}

fn proven(judge: &mut Judge<'_>, name: &str, inbox: &Inbox) {
    let at = judge.app.places.value(&format!("inbox/{name}/scheme"));
    let Some(scheme) = scheme(&inbox.scheme) else {
        let finding = Finding::error("SH3059", &at, format!("no scheme `{}`", inbox.scheme));
        let all = SCHEMES.iter().map(|scheme| scheme.name);
        let list = crate::finding::quoted_list(all.clone());
        let near = crate::finding::nearest(&inbox.scheme.replace('-', "_"), all);
        return judge.push(finding.help(near.map_or(format!("schemes are {list}"), |near| format!("did you mean `{near}`?"))));
    };
    match scheme.coverage {
        _ if inbox.fetch.is_some() => {}
        Coverage::Whole => signed(judge, name, inbox, scheme),
        coverage => {
            let what = if coverage == Coverage::Partly { "part of a message" } else { "who delivered a message" };
            let message = format!("`{}` proves {what} and not what it says, and nothing is fetched", inbox.scheme);
            wrong(judge, &at, message, &format!("add {FETCH}"));
        }
    }
    if inbox.fetch.is_none() && judge.app.places.has(&format!("inbox/{name}/fetched")) {
        let at = judge.app.places.key(&format!("inbox/{name}/fetched"));
        wrong(judge, &at, format!("`{name}` fetches nothing"), "add `fetch`, or write `object`");
    }
    if inbox.meaning.is_some() && inbox.fetch.is_none() && inbox.messages.len() < 2 {
        let at = judge.app.places.key(&format!("inbox/{name}/meaning"));
        wrong(judge, &at, "`meaning` tells messages apart, and there is one".to_owned(), "leave it out");
    }
}

const FETCH: &str = "`fetch: { connector.action: { id: \"{body.…}\" } }`, which asks the sender for the fact itself";

/// Nothing is read that is not signed: whoever caught one message could send it again with another header as another one.
fn signed(judge: &mut Judge<'_>, name: &str, inbox: &Inbox, scheme: &Scheme) {
    let own = [("id", Some(&inbox.id)), ("type", Some(&inbox.kind)), ("account", inbox.account.as_ref()), ("object", Some(&inbox.object))];
    let own = own.into_iter().filter_map(|(key, pattern)| Some((key.to_owned(), pattern?)));
    let meaning = inbox.meaning.iter().map(|pattern| ("meaning".to_owned(), pattern));
    let mapped = inbox.messages.iter().flat_map(|(kind, mapping)| {
        let (field, find) = &mapping.find;
        let input = mapping.input.iter().map(move |(field, pattern)| (format!("messages/{kind}/input/{field}"), pattern));
        std::iter::once((format!("messages/{kind}/find/{field}"), find)).chain(input)
    });
    let all: Vec<(String, &Pattern)> = own.chain(meaning).chain(mapped).collect();
    for (key, pattern) in all {
        for path in pattern.paths().filter(|path| !scheme.signs(path)) {
            let at = judge.app.places.value(&format!("inbox/{name}/{key}"));
            let message = format!("`{{{}}}` is not signed by `{}`, and nothing is fetched", path.join("."), scheme.name);
            wrong(judge, &at, message, &format!("read it from the body, or add {FETCH}"));
        }
    }
}

/// A GET of a connector.
fn fetch(judge: &mut Judge<'_>, path: &str, fetch: &Fetch) {
    let app = judge.app;
    let name = format!("{}.{}", fetch.connector, fetch.action);
    let Some(action) = judge.action(&fetch.connector, &fetch.action, &fetch.at) else { return };
    let place = |given: &str| app.places.key(&format!("{path}/{name}/{given}"));
    judge.arguments(&name, action, keys(&fetch.args), &fetch.at, place);
    match action.send.as_ref().map(|send| send.method) {
        Some(Method::Get) => {}
        Some(_) => {
            wrong(judge, &fetch.at, format!("`{name}` changes something, and is only to ask"), "name an action whose `send` is a `get`")
        }
        None => {
            wrong(judge, &fetch.at, format!("`{name}` sends nothing, so it cannot be asked"), "add `send: { get: \"/…\" }` to the action")
        }
    }
}

/// A type is mapped or ignored.
fn types(judge: &mut Judge<'_>, name: &str, inbox: &Inbox) {
    let mut seen = HashSet::new();
    for (n, kind) in inbox.ignore.iter().enumerate() {
        let at = judge.app.places.value(&format!("inbox/{name}/ignore/{n}"));
        if inbox.messages.contains_key(kind) {
            wrong(judge, &at, format!("`{kind}` is ignored and becomes a move"), "keep one of the two");
        }
        if !seen.insert(kind) {
            wrong(judge, &at, format!("`{kind}` is ignored twice"), "keep one of the two");
        }
    }
    if inbox.messages.is_empty() {
        wrong(judge, &inbox.at, format!("no message of `{name}` becomes a move"), "add one under `messages`");
    }
}

/// SH3060: the record can be found, and the verb is one that a connector may fire with these inputs.
fn mapping(judge: &mut Judge<'_>, path: &str, kind: &str, mapping: &Mapping) {
    let app = judge.app;
    let value = |key: &str| app.places.value(&format!("{path}/{key}"));
    let Some(entity) = judge.entity(&mapping.entity, &value("entity")) else { return };
    found(judge, entity, &mapping.find.0, &app.places.key(&format!("{path}/find/{}", mapping.find.0)));
    let at = value("verb");
    let Some(transition) = entity.transitions.get(&mapping.verb) else {
        let finding = Finding::error("SH3014", &at, format!("`{}` has no verb `{}`", entity.name, mapping.verb));
        return judge.push(finding.nearest(&mapping.verb, keys(&entity.transitions), "add it under `transitions`"));
    };
    match transition.outcome.as_ref().map(|outcome| outcome.kind) {
        Some(OutcomeKind::LateDone) => {}
        Some(_) => {
            let message = format!("`{}` is what became of a call, and a message is not told that", mapping.verb);
            let help = "name another verb: what a call became is known by its own answer, or by asking";
            judge.push(Finding::error("SH3060", &at, message).help(help));
        }
        None if !transition.by.contains(&Actor::Kind(Kind::Connector)) => {
            let message = format!("`{}` cannot be fired by a message", mapping.verb);
            let help = format!("add `connector` to `by` of `{}`", mapping.verb);
            judge.push(Finding::error("SH3060", &at, message).help(help));
        }
        None => {}
    }
    for field in mapping.input.keys().filter(|field| !transition.input.contains_key(*field)) {
        let at = app.places.key(&format!("{path}/input/{field}"));
        let message = format!("`{}` takes no `{field}`", mapping.verb);
        let help = format!("add it to `input` of `{}`", mapping.verb);
        judge.push(Finding::error("SH3060", &at, message).nearest(field, keys(&transition.input), &help));
    }
    for (field, _) in transition.input.iter().filter(|(field, input)| input.required && !mapping.input.contains_key(*field)) {
        let message = format!("`{kind}` brings no `{field}`, which `{}` needs", mapping.verb);
        judge.push(Finding::error("SH3060", &mapping.at, message).help(format!("add `input: {{ {field}: \"{{object.…}}\" }}`")));
    }
}

/// A field by which at most one record is found.
fn found(judge: &mut Judge<'_>, entity: &Entity, field: &str, at: &Span) {
    match field {
        "id" => {}
        "reference" if entity.reference.is_some() => {}
        "reference" => {
            let message = format!("`{}` has no reference", entity.name);
            judge.push(Finding::error("SH3060", at, message).help(format!("add `reference: \"{{number:6}}\"` to `{}`", entity.name)));
        }
        _ => {
            if !judge.field(entity, field, at) {
                return;
            }
            let one = &entity.fields[field];
            let alone = entity.uniques.values().any(|fields| fields.len() == 1 && fields[0] == field);
            if !one.unique && !alone {
                let message = format!("`{field}` is not unique, so a message could mean several records");
                judge.push(
                    Finding::error("SH3060", at, message).help(format!("add `unique: true` to `{field}`, or name `reference` or `id`")),
                );
            } else if !matches!(one.kind, FieldKind::Text | FieldKind::Integer | FieldKind::Email | FieldKind::Phone | FieldKind::Ref(_)) {
                let message = format!("records are not found by `{field}`, which is no text, number or reference");
                judge.push(Finding::error("SH3060", at, message).help("name another field"));
            }
        }
    }
}
