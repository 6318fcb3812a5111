//! What is noted of a genuine message: by what it is known again, its type, whose it is, and what later readers need of it.
//!
//! Nothing here refuses. What cannot be read is noted without a type, under the hash of what came, and stored for a person
//! to look at: its sender has done what was asked. It never takes the key that it names: by what a body is read nobody has
//! signed, and whoever sends a message once more with another `content-type` would take the key of the one that can be read.

use std::collections::BTreeSet;

use axum::http::HeaderMap;
use bytes::Bytes;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use statehouse_connect::body;
use statehouse_connect::pattern::{self, Scope};
use statehouse_connect::verify::Scheme;
use statehouse_definition::model::{Inbox, Pattern};

/// So many messages in one body; a longer list is stored as one that cannot be read.
const ITEMS_MAX: usize = 1000;
const KEY_CHARS_MAX: usize = 500;
const KIND_CHARS_MAX: usize = 200;
const ACCOUNT_CHARS_MAX: usize = 255;
/// Headers that say who asks, and are never kept.
const SECRET: [&str; 3] = ["authorization", "proxy-authorization", "cookie"];
const CONTENT_TYPE: &str = "content-type";

/// A genuine message as it came.
#[derive(Debug)]
pub(super) struct Came<'a> {
    pub(super) inbox: &'a Inbox,
    pub(super) scheme: &'a Scheme,
    pub(super) headers: &'a HeaderMap,
    pub(super) query: &'a str,
    pub(super) body: &'a Bytes,
}

/// A message as it is stored.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Noted {
    /// By what it is known again.
    pub(super) key: String,
    /// Its type; none where it cannot be read.
    pub(super) kind: Option<String>,
    /// Whose it says it is.
    pub(super) account: Option<String>,
    /// Its body; of a list of messages, the body with this one alone.
    pub(super) body: Bytes,
    /// Which item of the body it is, where its source sends lists.
    pub(super) item: Option<i32>,
}

impl Came<'_> {
    /// The headers that patterns of the inbox name, and what the body is read by, as an object of texts.
    pub(super) fn headers(&self) -> Map<String, Value> {
        let mut kept = Map::new();
        for name in named_headers(self.inbox).into_iter().chain([CONTENT_TYPE.to_owned()]) {
            let secret = SECRET.into_iter().chain(self.scheme.token_header());
            if secret.into_iter().any(|secret| secret.eq_ignore_ascii_case(&name)) {
                continue;
            }
            let mut values = self.headers.get_all(&name).iter();
            // Of a header that stands twice two readers could take different values.
            let only = values.next().filter(|_| values.next().is_none()).and_then(|value| value.to_str().ok());
            if let Some(text) = only {
                kept.insert(name, text.into());
            }
        }
        kept
    }

    /// Its query, where it is signed or a pattern of the inbox reads it. Any other is whoever's delivered it: it is no part
    /// of the message, and makes no other one of it.
    pub(super) fn query(&self) -> &str {
        let counts = self.scheme.signed().iter().any(|part| part.starts_with("query")) || reads(self.inbox).any(|path| path[0] == "query");
        if counts { self.query } else { "" }
    }

    /// The messages in it: one, or each of its items.
    pub(super) fn notes(&self, header: &Value) -> Vec<Noted> {
        let kind = header[CONTENT_TYPE].as_str().unwrap_or_default();
        let query = body::query(self.query);
        let Ok(body) = body::read(kind, self.body) else { return vec![self.unreadable(header, &query)] };
        let Some(items) = &self.inbox.items else {
            return vec![self.noted(
                Scope::new().with("body", &body).with("header", header).with("query", &query),
                kind,
                self.body.clone(),
                None,
            )];
        };
        let Some((envelope, items)) = taken_apart(body, items).filter(|(_, list)| (1..=ITEMS_MAX).contains(&list.len())) else {
            return vec![self.unreadable(header, &query)];
        };
        let one = |item: Value| {
            let body = envelope.with(item.clone());
            let scope = Scope::new().with("body", &body).with("header", header).with("query", &query).with("item", &item);
            self.noted(scope, kind, Bytes::from(body.to_string()), Some(0))
        };
        items.into_iter().map(one).collect()
    }

    fn noted(&self, scope: Scope<'_>, content_type: &str, body: Bytes, item: Option<i32>) -> Noted {
        let read = text(&self.inbox.id, &scope, KEY_CHARS_MAX).zip(text(&self.inbox.kind, &scope, KIND_CHARS_MAX));
        let account = self.inbox.account.as_ref().and_then(|account| text(account, &scope, ACCOUNT_CHARS_MAX));
        let (key, kind) = read.map_or_else(|| (of_hash(content_type, &body), None), |(key, kind)| (key, Some(kind)));
        Noted { key, kind, account, body, item }
    }

    /// What can be said where the body says nothing: an account may stand in the address or a header.
    fn unreadable(&self, header: &Value, query: &Value) -> Noted {
        let scope = Scope::new().with("header", header).with("query", query);
        let account = self.inbox.account.as_ref().and_then(|account| text(account, &scope, ACCOUNT_CHARS_MAX));
        let content_type = header[CONTENT_TYPE].as_str().unwrap_or_default();
        Noted { key: of_hash(content_type, self.body), kind: None, account, body: self.body.clone(), item: None }
    }
}

/// A text that a column takes; what is too long or empty is none.
fn text(pattern: &Pattern, scope: &Scope<'_>, chars_max: usize) -> Option<String> {
    let text = pattern::text(pattern, scope).ok()?;
    (!text.is_empty() && !text.contains('\0') && text.chars().count() <= chars_max).then_some(text)
}

/// What came: its bytes, and what they were to be read by, if that was said.
fn of_hash(content_type: &str, body: &[u8]) -> String {
    let mut hash = Sha256::digest(body);
    if !content_type.is_empty() {
        hash = Sha256::new().chain_update(hash).chain_update(content_type).finalize();
    }
    let digest: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{digest}")
}

/// A body whose list is taken out of it.
struct Envelope {
    body: Value,
    path: Vec<String>,
}

impl Envelope {
    /// The body as it would have come with this item alone.
    fn with(&self, item: Value) -> Value {
        let mut body = self.body.clone();
        if let Some(list) = below(&mut body, &self.path) {
            *list = Value::Array(vec![item]);
        }
        body
    }
}

/// The list at a dotted path that begins with `body`, and what is around it.
fn taken_apart(mut body: Value, items: &str) -> Option<(Envelope, Vec<Value>)> {
    let path: Vec<String> = items.split('.').skip(1).map(str::to_owned).collect();
    let list = below(&mut body, &path)?.take();
    match list {
        Value::Array(list) => Some((Envelope { body, path }, list)),
        _ => None,
    }
}

fn below<'v>(value: &'v mut Value, path: &[String]) -> Option<&'v mut Value> {
    path.iter().try_fold(value, |value, key| match value {
        Value::Array(list) => key.parse::<usize>().ok().and_then(|at| list.get_mut(at)),
        other => other.get_mut(key),
    })
}

/// Every header that a pattern of the inbox reads, as it is written there.
fn named_headers(inbox: &Inbox) -> BTreeSet<String> {
    reads(inbox).filter(|path| path[0] == "header").filter_map(|path| path.get(1)).cloned().collect()
}

/// Every path that a pattern of the inbox reads; none is empty.
fn reads(inbox: &Inbox) -> impl Iterator<Item = &[String]> {
    let mappings = inbox.messages.values().flat_map(|mapping| std::iter::once(&mapping.find.1).chain(mapping.input.values()));
    let patterns = [&inbox.id, &inbox.kind, &inbox.object].into_iter().chain(&inbox.account).chain(&inbox.meaning);
    let patterns = patterns.chain(inbox.fetch.iter().flat_map(|fetch| fetch.args.values())).chain(mappings);
    patterns.flat_map(Pattern::paths).filter(|path| !path.is_empty())
}

#[cfg(test)]
mod tests;
