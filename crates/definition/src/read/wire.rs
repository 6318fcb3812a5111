//! How a connector is reached, asked and understood: requests, answers, questions.

use crate::finding::Finding;
use crate::model::{Answer, Ask, Auth, Body, Duration, KeyHeader, Means, Method, Request, StatusRange, Unit, Wire};
use crate::read::cx::{Cx, Keys};
use crate::read::pattern::{self, Below, Scope};
use crate::read::words;
use crate::yaml::{Entry, Node, Value};

const METHODS: [(&str, Method); 5] =
    [("get", Method::Get), ("post", Method::Post), ("put", Method::Put), ("patch", Method::Patch), ("delete", Method::Delete)];

/// Names that arguments cannot have, because holes of requests have them already.
pub(crate) const HEADS: [&str; 7] = ["text", "key", "ref", "secret", "setting", "callback", "now"];

/// What every request may hold, whatever the action.
fn request_scope() -> Scope {
    let alone = ["key", "ref", "callback", "now"].map(|name| (name, Below::Nothing));
    let named = ["secret", "setting"].map(|name| (name, Below::Name));
    Scope::of(&[alone.as_slice(), named.as_slice()].concat())
}

/// The holes of the requests of an action with these arguments.
pub(crate) fn action_scope<'n>(args: impl Iterator<Item = &'n str>, text: bool) -> Scope {
    request_scope().with(args.chain(text.then_some("text")))
}

/// The holes of an answer.
pub(crate) fn answer_scope() -> Scope {
    Scope::of(&[("status", Below::Nothing), ("body", Below::Anything), ("header", Below::Anything)])
}

/// The wire, if the connector has a `base`.
pub(crate) fn wire(cx: &mut Cx<'_>, keys: Keys<'_>) -> Option<Wire> {
    let base = cx.text(keys.get("base")?, "base")?.trim_end_matches('/').to_owned();
    let hosts = match keys.get("hosts") {
        Some(node) => cx.names(node, "hosts"),
        None => host_of(&base).map(str::to_owned).into_iter().collect(),
    };
    Some(Wire {
        hosts: hosts.into_iter().map(|host| host.to_ascii_lowercase()).collect(),
        base,
        auth: keys.get("auth").and_then(|node| auth(cx, node)).unwrap_or_default(),
        headers: pattern::free(cx, keys.get("headers"), "headers", &request_scope()),
        key: keys.get("key").and_then(|node| key(cx, node)),
        timeout: span_at(cx, keys, "timeout").unwrap_or(Duration { count: 10, unit: Unit::Seconds }),
        ask_after: span_at(cx, keys, "ask_after").unwrap_or(Duration { count: 30, unit: Unit::Seconds }),
    })
}

/// `https://api.example.com:8443/v2` → `api.example.com`
pub(crate) fn host_of(base: &str) -> Option<&str> {
    let rest = base.split_once("://")?.1;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split_once(']')?.0,
        None => authority.split(':').next()?,
    };
    (!host.is_empty()).then_some(host)
}

/// A span of time under a key.
pub(crate) fn span_at(cx: &mut Cx<'_>, keys: Keys<'_>, key: &str) -> Option<Duration> {
    keys.get(key).and_then(|node| span(cx, node, key))
}

pub(crate) fn span(cx: &mut Cx<'_>, node: &Node, key: &str) -> Option<Duration> {
    match words::duration(cx.text(node, key)?) {
        Ok(duration) => Some(duration),
        Err(help) => {
            cx.push(Finding::error("SH3033", &node.at, format!("`{key}` takes a span of time")).help(help));
            None
        }
    }
}

/// `{ basic: [user, password] }`, `{ bearer: token }`, `{ header: { x-api-key: token } }` and the like.
fn auth(cx: &mut Cx<'_>, node: &Node) -> Option<Auth> {
    const KINDS: [&str; 5] = ["basic", "bearer", "header", "query", "certificate"];
    if matches!(&node.value, Value::Scalar { text, .. } if text == "none") {
        return Some(Auth::None);
    }
    let keys = cx.keys(node, "auth", "`auth`", &KINDS)?;
    let entry = cx.only(node, "auth", "ways to show who we are", "write `auth: { bearer: SECRET }`, where `SECRET` is a secret's name")?;
    keys.get(&entry.key)?;
    let auth = match entry.key.as_str() {
        "basic" => match cx.names(&entry.value, "basic").as_slice() {
            [user] => Auth::Basic { user: user.clone(), password: String::new() },
            [user, password] => Auth::Basic { user: user.clone(), password: password.clone() },
            _ => {
                cx.wrong(&entry.value, "basic", "the secrets of user and password", "write `basic: [USER, PASSWORD]`");
                return None;
            }
        },
        "bearer" => Auth::Bearer(cx.text(&entry.value, "bearer")?.to_owned()),
        "certificate" => Auth::Certificate(cx.text(&entry.value, "certificate")?.to_owned()),
        kind => {
            let one = cx.only(&entry.value, kind, "names", &format!("write `{kind}: {{ NAME: SECRET }}`"))?;
            let (name, secret) = (one.key.clone(), cx.text(&one.value, &one.key)?.to_owned());
            if kind == "header" { Auth::Header { name, secret } } else { Auth::Query { name, secret } }
        }
    };
    secrets(&auth).into_iter().all(|secret| cx.name(secret, &entry.value.at)).then_some(auth)
}

fn secrets(auth: &Auth) -> Vec<&str> {
    match auth {
        Auth::None => Vec::new(),
        Auth::Basic { user, password } if password.is_empty() => vec![user],
        Auth::Basic { user, password } => vec![user, password],
        Auth::Bearer(secret) | Auth::Certificate(secret) | Auth::Header { secret, .. } | Auth::Query { secret, .. } => vec![secret],
    }
}

/// `key: Idempotency-Key`, `key: { header: Idempotency-Key, life: 20 hours }`, or without a header where the request
/// itself carries what makes it the same one.
fn key(cx: &mut Cx<'_>, node: &Node) -> Option<KeyHeader> {
    let life = Duration { count: 20, unit: Unit::Hours };
    if let Value::Scalar { text, .. } = &node.value {
        return Some(KeyHeader { header: text.clone(), life });
    }
    let keys = cx.keys(node, "key", "`key`", &["header", "life"])?;
    let header = keys.get("header").and_then(|node| cx.text(node, "header")).unwrap_or_default().to_owned();
    Some(KeyHeader { header, life: span_at(cx, keys, "life").unwrap_or(life) })
}

/// What is sent.
pub(crate) fn send(cx: &mut Cx<'_>, node: &Node, scope: &Scope) -> Option<Request> {
    const KEYS: [&str; 9] = ["get", "post", "put", "patch", "delete", "query", "headers", "form", "json"];
    let keys = cx.keys(node, "send", "`send`", &KEYS)?;
    request(cx, node, keys, "send", scope)
}

/// One request: its method names its path.
fn request(cx: &mut Cx<'_>, node: &Node, keys: Keys<'_>, place: &str, scope: &Scope) -> Option<Request> {
    let named: Vec<&Entry> = METHODS.iter().filter_map(|(name, _)| keys.entry(name)).collect();
    let [entry] = named[..] else {
        let finding = Finding::error("SH3005", &node.at, format!("`{place}` names {} methods, and takes one", named.len()));
        cx.push(finding.help("write one of `get`, `post`, `put`, `patch`, `delete` with the path: `post: \"/messages\"`"));
        return None;
    };
    let method = METHODS.iter().find(|(name, _)| *name == entry.key)?.1;
    let path = pattern::pattern(cx, &entry.value, &entry.key, scope)?;
    if !matches!(path.parts.first(), Some(crate::model::Piece::Text(text)) if text.starts_with('/')) {
        let finding = Finding::error("SH3006", &entry.value.at, format!("`{}` takes a path, which begins with a `/`", entry.key));
        cx.push(finding.help("write what follows `base`, such as `/messages`"));
    }
    let query = pattern::free(cx, keys.get("query"), "query", scope);
    let headers = pattern::free(cx, keys.get("headers"), "headers", scope);
    Some(Request { method, path, query, headers, body: body(cx, keys, method, scope)? })
}

fn body(cx: &mut Cx<'_>, keys: Keys<'_>, method: Method, scope: &Scope) -> Option<Body> {
    let (form, json) = (keys.entry("form"), keys.entry("json"));
    if let Some(entry) = form.or(json).filter(|_| method == Method::Get) {
        let finding = Finding::error("SH3006", &entry.key_at, format!("a `get` carries no `{}`", entry.key));
        cx.push(finding.help("write it under `query`"));
        return None;
    }
    if let (Some(_), Some(json)) = (form, json) {
        cx.push(Finding::error("SH3006", &json.key_at, "a request carries `form` or `json`").help("remove one of the two"));
        return None;
    }
    Some(match (form, json) {
        (Some(form), _) => Body::Form(pattern::free(cx, Some(&form.value), "form", scope)),
        (_, Some(json)) => Body::Json(pattern::json(cx, &json.value, "json", scope)?),
        _ => Body::None,
    })
}

/// What answers mean; `status` may be left out where it goes without saying.
pub(crate) fn answers(cx: &mut Cx<'_>, node: Option<&Node>, otherwise: Option<StatusRange>, scope: &Scope) -> Vec<Answer> {
    let Some(node) = node else { return Vec::new() };
    let items = match &node.value {
        Value::List(items) => items.as_slice(),
        Value::Map(_) => std::slice::from_ref(node),
        _ => {
            cx.wrong(node, "answers", "a list", "write `- { status: 402, means: failed }` below it");
            return Vec::new();
        }
    };
    items.iter().filter_map(|item| answer(cx, item, otherwise, scope)).collect()
}

fn answer(cx: &mut Cx<'_>, node: &Node, otherwise: Option<StatusRange>, scope: &Scope) -> Option<Answer> {
    let keys = cx.keys(node, "answers", "an answer", &["status", "where", "means"])?;
    let status = match (keys.get("status"), otherwise) {
        (Some(node), _) => status(cx, node)?,
        (None, Some(range)) => range,
        (None, None) => {
            cx.need(keys, "status", "an answer", &node.at, "add `status: 402`, or `status: 4xx`");
            return None;
        }
    };
    let matching = pattern::by_path(cx, keys.get("where"), "where", scope);
    let means = cx.need(keys, "means", "an answer", &node.at, "add `means: done`, `failed`, `busy` or `doubt`")?;
    Some(Answer { status, matching, means: self::means(cx, means)? })
}

fn means(cx: &mut Cx<'_>, node: &Node) -> Option<Means> {
    match cx.text(node, "means")? {
        "done" => Some(Means::Done),
        "failed" => Some(Means::Failed),
        "busy" => Some(Means::Busy),
        "doubt" => Some(Means::Doubt),
        other => {
            let finding = Finding::error("SH3006", &node.at, format!("an answer cannot mean `{other}`"));
            cx.push(finding.nearest(other, ["done", "failed", "busy", "doubt"], "write `done`, `failed`, `busy` or `doubt`"));
            None
        }
    }
}

/// `402` or `4xx`.
fn status(cx: &mut Cx<'_>, node: &Node) -> Option<StatusRange> {
    let text = cx.text(node, "status")?;
    let range = match text.strip_suffix("xx") {
        Some(first) => first.parse().ok().filter(|n| (1..=5).contains(n)).map(|n: u16| StatusRange { from: n * 100, to: n * 100 + 99 }),
        None => text.parse().ok().filter(|n| (100..=599).contains(n)).map(|n| StatusRange { from: n, to: n }),
    };
    if range.is_none() {
        let finding = Finding::error("SH3006", &node.at, format!("`{text}` is no status"));
        cx.push(finding.help("write a status such as `402`, or all of a kind such as `4xx`"));
    }
    range
}

/// How a doubt is settled.
pub(crate) fn ask(cx: &mut Cx<'_>, node: &Node, scope: &Scope) -> Option<Ask> {
    let keys = cx.keys(node, "ask", "`ask`", &["get", "query", "headers", "list", "where", "answers", "result"])?;
    let request = request(cx, node, keys, "ask", scope)?;
    let object = answer_scope().and(&["object"]);
    let there = StatusRange { from: 200, to: 299 };
    Some(Ask {
        request,
        list: keys.get("list").and_then(|node| pattern::path_at(cx, node, "list")),
        matching: pattern::by_path(cx, keys.get("where"), "where", scope),
        answers: answers(cx, keys.get("answers"), Some(there), scope),
        result: pattern::named(cx, keys.get("result"), "result", &object),
    })
}
