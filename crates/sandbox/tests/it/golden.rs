//! Whole answers against what the providers' documents say they look like. Each file of `data/golden` is a conversation with one
//! stand-in at noon; an answer may have no field more and none less than expected.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::client::{ask, at_noon};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Conversation {
    /// Where what is expected stands in the provider's documents.
    source: Vec<String>,
    provider: String,
    /// Sent with every request that does not say otherwise.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    steps: Vec<Step>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    say: String,
    /// `POST /path`; `${name}` is a word caught earlier.
    request: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    form: Option<String>,
    json: Option<Value>,
    status: u16,
    /// Headers of the answer that must be so.
    #[serde(default)]
    with: BTreeMap<String, String>,
    /// The whole body; `<hex:32>` and its like stand for what cannot be known.
    body: Option<Value>,
    /// Only these parts of the body, by JSON pointer.
    #[serde(default)]
    parts: BTreeMap<String, Value>,
    /// Words to catch, by JSON pointer.
    #[serde(default)]
    catch: BTreeMap<String, String>,
    /// What the log says of it: op, key, ref, effect.
    log: Value,
}

async fn converse(text: &str) {
    let told: Conversation = serde_json::from_str(text).unwrap();
    assert!(told.source.iter().any(|source| source.starts_with("https://") || source.starts_with("README")), "{:?}", told.source);
    let sandbox = at_noon().await;
    let mut caught: BTreeMap<String, String> = BTreeMap::new();
    for step in told.steps {
        let say = format!("{}: {}", told.provider, step.say);
        let fill = |text: &str| caught.iter().fold(text.to_owned(), |text, (name, word)| text.replace(&format!("${{{name}}}"), word));
        let (method, path) = step.request.split_once(' ').unwrap();
        let mut headers: BTreeMap<String, String> = told.headers.clone();
        headers.extend(step.headers.clone());
        let body = match (&step.form, &step.json) {
            (Some(form), _) => (Some("application/x-www-form-urlencoded"), form.clone()),
            (None, Some(json)) => (Some("application/json"), json.to_string()),
            (None, None) => (None, String::new()),
        };
        if let Some(kind) = body.0 {
            headers.entry("content-type".to_owned()).or_insert_with(|| kind.to_owned());
        }
        let headers: Vec<(&str, &str)> =
            headers.iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let url = format!("{}{}", sandbox.base(&told.provider), fill(path));
        let answer = ask(method, &url, &headers, fill(&body.1)).await.unwrap();
        assert_eq!(answer.status, step.status, "{say}: {}", answer.text);
        for (name, expected) in &step.with {
            assert!(fits(&fill(expected), answer.header(name)), "{say}: header {name}: {}", answer.header(name));
        }
        let found = answer.json();
        if let Some(expected) = &step.body {
            let expected: Value = serde_json::from_str(&fill(&expected.to_string())).unwrap();
            compare(&expected, &found, &say, "");
        }
        for (pointer, expected) in &step.parts {
            let expected: Value = serde_json::from_str(&fill(&expected.to_string())).unwrap();
            compare(&expected, found.pointer(pointer).unwrap_or(&Value::Null), &say, pointer);
        }
        let line = serde_json::to_value(sandbox.log(&told.provider).last().unwrap()).unwrap();
        for (name, expected) in step.log.as_object().unwrap() {
            let expected: Value = serde_json::from_str(&fill(&expected.to_string())).unwrap();
            compare(&expected, &line[name], &format!("{say}: log"), name);
        }
        for (name, pointer) in step.catch {
            let word = found.pointer(&pointer).unwrap_or_else(|| panic!("{say}: nothing at {pointer}"));
            caught.insert(name, word.as_str().map_or_else(|| word.to_string(), str::to_owned));
        }
    }
}

#[track_caller]
fn compare(expected: &Value, found: &Value, say: &str, at: &str) {
    match (expected, found) {
        (Value::Object(expected), Value::Object(there)) => {
            let names = |object: &serde_json::Map<String, Value>| object.keys().cloned().collect::<std::collections::BTreeSet<_>>();
            assert_eq!(names(expected), names(there), "{say} at `{at}`");
            expected.iter().for_each(|(name, value)| compare(value, &there[name], say, &format!("{at}/{name}")));
        }
        (Value::Array(expected), Value::Array(there)) => {
            assert_eq!(expected.len(), there.len(), "{say} at `{at}`: {found}");
            expected.iter().zip(there).enumerate().for_each(|(n, (value, found))| compare(value, found, say, &format!("{at}/{n}")));
        }
        (Value::String(pattern), Value::String(text)) => assert!(fits(pattern, text), "{say} at `{at}`: `{text}` is not `{pattern}`"),
        (Value::String(pattern), Value::Number(number)) if pattern.starts_with('<') => {
            assert!(fits(pattern, &number.to_string()), "{say} at `{at}`: `{number}` is not `{pattern}`");
        }
        _ => assert_eq!(expected, found, "{say} at `{at}`"),
    }
}

/// Whether a text is of a pattern: `SM<hex:32>`, `<alnum:24>`, `<digits:11>`, `<uuid>`, and `<any>` at the end.
fn fits(pattern: &str, text: &str) -> bool {
    let Some((before, rest)) = pattern.split_once('<') else { return pattern == text };
    let Some((token, after)) = rest.split_once('>') else { return pattern == text };
    let Some(text) = text.strip_prefix(before) else { return false };
    let (kind, length) = token.split_once(':').map_or((token, 0), |(kind, length)| (kind, length.parse().unwrap()));
    let taken = match kind {
        "any" => return !text.is_empty() && text.ends_with(after),
        "uuid" => 36,
        _ => length,
    };
    let (Some(found), Some(rest)) = (text.get(..taken), text.get(taken..)) else { return false };
    let right = match kind {
        "hex" => found.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)),
        "alnum" => found.bytes().all(|byte| byte.is_ascii_alphanumeric()),
        "digits" => found.bytes().all(|byte| byte.is_ascii_digit()),
        "uuid" => found.split('-').map(str::len).eq([8, 4, 4, 4, 12]),
        other => panic!("{other}"),
    };
    right && fits(after, rest)
}

macro_rules! golden {
    ($($name:ident),*) => { $(
        #[tokio::test]
        async fn $name() {
            converse(include_str!(concat!("../../data/golden/", stringify!($name), ".json"))).await;
        }
    )* };
}

golden!(twilio, meta, telegram, mail, stripe, mercado_pago, asaas, pix, dropbox_sign, billing, customs, bare_k, bare_q, bare_n);

#[test]
fn patterns_can_fail() {
    assert!(fits("SM<hex:4>.json", "SM00ff.json") && fits("a<any>", "abc") && fits("x", "x"));
    for (pattern, text) in
        [("SM<hex:4>", "SM00fg"), ("SM<hex:4>", "SM00ff0"), ("<digits:2>", "1"), ("a<any>", "a"), ("x", "y"), ("<uuid>", "1")]
    {
        assert!(!fits(pattern, text), "{pattern} {text}");
    }
}
