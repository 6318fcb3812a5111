//! SH3057: a connector can be reached, shows who we are, and what its class promises can be kept.

use crate::check::{Judge, keys};
use crate::finding::{Finding, quoted_list};
use crate::model::{Action, Body, Class, Connector, JsonPattern, Method, Pattern, Request, Span, Wire};
use crate::read::host_of;

/// A call must end, and be settled, before its lease of a minute does.
const TIMEOUT_S_MOST: u64 = 50;

pub(super) fn judge(judge: &mut Judge<'_>) {
    let app = judge.app;
    for (name, connector) in &app.connectors {
        match &connector.wire {
            Some(wire) => {
                reached(judge, name, wire);
                keyed(judge, name, connector, wire);
                asked(judge, name, connector);
                same(judge, name, connector);
            }
            None => unwired(judge, name, connector),
        }
        fallback(judge, name, connector);
        for action in connector.actions.keys() {
            unsent(judge, name, connector, action);
        }
    }
    effects(judge);
}

fn wrong(judge: &mut Judge<'_>, at: &Span, message: String, help: &str) {
    judge.push(Finding::error("SH3057", at, message).help(help));
}

fn place(judge: &Judge<'_>, name: &str, key: &str) -> Span {
    judge.app.places.value(&format!("connector/{name}/{key}"))
}

fn reached(judge: &mut Judge<'_>, name: &str, wire: &Wire) {
    let base = place(judge, name, "base");
    let Some(host) = host_of(&wire.base).filter(|_| !wire.base.contains(['?', '#', '@', ' ', '{'])) else {
        return wrong(judge, &base, format!("`{}` is no address", wire.base), "write scheme and host, such as `https://api.example.com`");
    };
    if !wire.base.starts_with("https://") {
        let help = format!("write `https://{host}`; a stand-in on this machine is named in the settings, not here");
        wrong(judge, &base, format!("`{}` sends what it says in the clear", wire.base), &help);
    }
    if !wire.hosts.iter().any(|known| known.eq_ignore_ascii_case(host)) {
        let at = place(judge, name, "hosts");
        wrong(judge, &at, format!("`{host}` of `base` is not one of the hosts"), &format!("add `{host}` to `hosts`"));
    }
    for (n, host) in wire.hosts.iter().enumerate() {
        let good = !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-');
        if !good {
            let at = place(judge, name, &format!("hosts/{n}"));
            wrong(judge, &at, format!("`{host}` is no host"), "write a name alone, without scheme, port, path or `*`");
        }
    }
    if wire.timeout.seconds() > TIMEOUT_S_MOST {
        let at = place(judge, name, "timeout");
        wrong(judge, &at, format!("a call of {} outlives its lease", wire.timeout), "write at most `50 seconds`");
    }
}

/// Class K: a key goes along, or there is nothing a provider could honour.
fn keyed(judge: &mut Judge<'_>, name: &str, connector: &Connector, wire: &Wire) {
    let class = place(judge, name, "class");
    match (&wire.key, connector.class) {
        (None, Class::K) if connector.actions.values().any(acts) => {
            let message = format!("`{name}` is said to honour our key, and is sent none");
            wrong(
                judge,
                &class,
                message,
                "add `key: Idempotency-Key`, the header it takes, or `key: { life: 90 days }` if the request itself holds it",
            );
        }
        (Some(_), Class::Q | Class::N) => {
            let at = judge.app.places.key(&format!("connector/{name}/key"));
            wrong(judge, &at, format!("`{name}` is sent a key, and not said to honour it"), "write `class: K`, or take the key out");
        }
        _ => {}
    }
}

/// Whether it changes something there.
fn acts(action: &Action) -> bool {
    action.send.as_ref().is_some_and(|send| send.method != Method::Get)
}

/// Class Q: every action that changes something can be asked about.
fn asked(judge: &mut Judge<'_>, name: &str, connector: &Connector) {
    for (action, one) in connector.actions.iter().filter(|(_, one)| acts(one)) {
        let at = &one.at;
        match (&one.ask, connector.class) {
            (None, Class::Q) => {
                let message = format!("`{name}` can be asked, and `{name}.{action}` says not how");
                wrong(judge, at, message, "add `ask: { get: \"/…\", where: { … } }` to the action, or to the connector for all of them");
            }
            (Some(ask), Class::Q) if ask.list.is_some() && ask.matching.is_empty() => {
                let message = format!("whatever is in the list would do for `{name}.{action}`");
                wrong(judge, at, message, "add `where: { FIELD: \"{…}\" }` to `ask`, by which its own is found");
            }
            _ => {}
        }
    }
}

/// Class K: under the same key stands the same request, whenever it is sent.
fn same(judge: &mut Judge<'_>, name: &str, connector: &Connector) {
    for (action, one) in connector.actions.iter().filter(|(_, one)| connector.class == Class::K && acts(one)) {
        if one.send.as_ref().is_some_and(tells_time) {
            let message = format!("`{name}.{action}` says `{{now}}`: sent again it would be another request under the same key");
            wrong(judge, &one.at, message, "take it as an argument, such as `at: required`, which is frozen when it is owed");
        }
    }
}

fn tells_time(send: &Request) -> bool {
    let now = |pattern: &Pattern| pattern.paths().any(|path| path.first().is_some_and(|name| name == "now"));
    let body = match &send.body {
        Body::None => false,
        Body::Form(fields) => fields.values().any(now),
        Body::Json(tree) => anywhere(tree, &now),
    };
    body || now(&send.path) || send.query.values().any(now)
}

fn anywhere(tree: &JsonPattern, says: &impl Fn(&Pattern) -> bool) -> bool {
    match tree {
        JsonPattern::Fixed(_) => false,
        JsonPattern::Text(text) => says(text),
        JsonPattern::List(items) => items.iter().any(|item| anywhere(item, says)),
        JsonPattern::Map(fields) => fields.values().any(|field| anywhere(field, says)),
    }
}

/// Without `base` nothing is sent, so nothing can be said of sending.
fn unwired(judge: &mut Judge<'_>, name: &str, connector: &Connector) {
    let said = ["hosts", "auth", "headers", "key", "timeout", "ask_after", "send", "ask"];
    let first = said.iter().find(|key| judge.app.places.has(&format!("connector/{name}/{key}")));
    let own = connector.actions.values().find(|one| one.send.is_some());
    let at = match (first, own) {
        (Some(key), _) => judge.app.places.key(&format!("connector/{name}/{key}")),
        (None, Some(action)) => action.at.clone(),
        (None, None) => return,
    };
    wrong(judge, &at, format!("`{name}` has no `base`, and could be reached nowhere"), "add `base: \"https://…\"`");
}

fn fallback(judge: &mut Judge<'_>, name: &str, connector: &Connector) {
    let app = judge.app;
    let Some(to) = &connector.fallback else { return };
    let at = place(judge, name, "fallback");
    let Some(other) = app.connectors.get(to) else {
        let finding = Finding::error("SH3031", &at, format!("no connector `{to}`"));
        return judge.push(finding.nearest(to, keys(&app.connectors), &format!("add `connectors/{to}.yaml`")));
    };
    if to == name || other.fallback.is_some() {
        wrong(judge, &at, format!("`{name}` falls back to `{to}`, which falls back again"), "name a connector that stands at the end");
    }
    let fits = |action: &str, one: &Action| other.actions.get(action).is_some_and(|same| same.args == one.args);
    let missing: Vec<&str> =
        connector.actions.iter().filter(|(action, one)| acts(one) && !fits(action, one)).map(|(action, _)| action.as_str()).collect();
    if !missing.is_empty() {
        let message = format!("`{to}` does not take {} as `{name}` does", quoted_list(&missing));
        wrong(judge, &at, message, "give it actions of these names with the same arguments");
    } else if other.class != connector.class || other.money != connector.money {
        // What a lost answer means is written with the effect, before anybody knows which of them sends it.
        let kind = |one: &Connector| format!("class {:?}{}", one.class, if one.money { " that moves money" } else { "" });
        let message = format!("`{to}` is of {}, and `{name}` of {}", kind(other), kind(connector));
        wrong(judge, &at, message, "name a connector of the same class");
    } else if let Some((action, less)) =
        connector.actions.iter().find_map(|(action, one)| Some((action, less(one, other.actions.get(action)?)?)))
    {
        let message = format!("`{to}.{action}` keeps no `{less}` of its answer as `{name}.{action}` does");
        wrong(judge, &at, message, &format!("add `{less}` to its `result`"));
    }
}

/// What one action keeps of its answers and the other does not.
fn less<'a>(one: &'a Action, other: &Action) -> Option<&'a str> {
    let kept = one.result.keys().find(|name| !other.result.contains_key(*name));
    kept.filter(|_| acts(one)).map(String::as_str)
}

/// A warning for effects that are written and that no worker sends.
fn unsent(judge: &mut Judge<'_>, name: &str, connector: &Connector, action: &str) {
    let one = &connector.actions[action];
    let owed = judge.app.entities.values().flat_map(|entity| entity.transitions.values()).flat_map(|one| &one.effects);
    let owed = owed.clone().any(|effect| effect.connector == name && effect.action == action);
    if one.send.is_none() && owed {
        let finding = Finding::warning("SH3057", &one.at, format!("`{name}.{action}` is owed, and nobody sends it"));
        judge.push(finding.help("add `base` and `send` to the connector, or leave it to another program that reads the effects"));
    }
}

/// A GET changes nothing, so nobody is owed one.
fn effects(judge: &mut Judge<'_>) {
    let app = judge.app;
    for effect in app.entities.values().flat_map(|entity| entity.transitions.values()).flat_map(|one| &one.effects) {
        let action = app.connectors.get(&effect.connector).and_then(|one| one.actions.get(&effect.action));
        if action.and_then(|one| one.send.as_ref()).is_some_and(|send| send.method == Method::Get) {
            let message = format!("`{}.{}` only asks, and changes nothing there", effect.connector, effect.action);
            wrong(judge, &effect.at, message, "name an action that sends something, or ask for it under `fetch` of an inbox");
        }
    }
}
