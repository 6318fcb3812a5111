//! What goes wrong: the one body of a problem, and which codes an operation may answer.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use statehouse_fault::Code;

use super::components::Components;
use super::headers;

/// What any request may meet, before it is known who asks.
const ANY: &[&str] =
    &["SH6007", "SH6008", "SH6009", "SH6013", "SH5001", "SH5002", "SH5003", "SH5004", "SH5005", "SH5006", "SH5007", "SH9001"];
/// What a request of somebody may meet.
const SOMEBODY: &[&str] = &[
    "SH2001", "SH2002", "SH2003", "SH2004", "SH2005", "SH2006", "SH2010", "SH2011", "SH6005", "SH6006", "SH6601", "SH6602", "SH6603",
    "SH6604", "SH6605", "SH6606",
];
/// What a request with a JSON body may meet.
const BODY: &[&str] = &["SH6001", "SH6002", "SH6003", "SH6004"];
/// What a value may meet on its way into the database.
const VALUES: &[&str] = &[
    "SH4005", "SH4006", "SH4009", "SH4010", "SH4011", "SH4019", "SH4020", "SH5010", "SH5011", "SH5012", "SH5013", "SH5014", "SH5015",
    "SH6108", "SH8001",
];
/// What a move may meet.
const MOVE: &[&str] = &[
    "SH4001", "SH4002", "SH4003", "SH4004", "SH4006", "SH4007", "SH4008", "SH4009", "SH4012", "SH4013", "SH4015", "SH4016", "SH4018",
    "SH4020", "SH4021", "SH6108",
];

/// What a request with an idempotency key may meet.
const KEY: &[&str] = &["SH4018", "SH6020", "SH6402"];

/// Which family of codes an operation adds to those every operation has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meets {
    /// Whatever any request may meet.
    Any,
    /// Whatever a request of somebody may meet.
    Somebody,
    /// A JSON body.
    Body,
    /// Values that are written.
    Values,
    /// A move.
    Move,
    /// An idempotency key.
    Key,
}

impl Meets {
    /// The codes, those not in the list left out: a leaf that is not built has none.
    pub fn codes(self) -> impl Iterator<Item = &'static str> {
        let codes = match self {
            Meets::Any => ANY,
            Meets::Somebody => SOMEBODY,
            Meets::Body => BODY,
            Meets::Values => VALUES,
            Meets::Move => MOVE,
            Meets::Key => KEY,
        };
        codes.iter().copied()
    }
}

/// Answers by status for these codes, each a component of its own that lists the codes.
pub fn responses(components: &mut Components, codes: &BTreeSet<&'static str>, page: bool) -> Map<String, Value> {
    let mut by_status: BTreeMap<u16, Vec<&'static Code>> = BTreeMap::new();
    for code in codes.iter().filter_map(|code| Code::find(code)) {
        by_status.entry(code.status).or_default().push(code);
    }
    let one =
        |components: &mut Components, status, codes: &[&'static Code]| if page { told(codes) } else { response(components, status, codes) };
    by_status.into_iter().map(|(status, codes)| (status.to_string(), one(components, status, &codes))).collect()
}

/// As a page tells it to a person.
fn told(codes: &[&'static Code]) -> Value {
    let titles: Vec<&str> = codes.iter().map(|code| code.title).collect();
    let content = json!({ "text/html": { "schema": { "type": "string" } }, "application/problem+json": { "schema": true } });
    json!({ "description": titles.join(" · "), "headers": headers::always(200), "content": content })
}

fn response(components: &mut Components, status: u16, codes: &[&'static Code]) -> Value {
    let problem = components.schema("Problem", problem());
    let names: Vec<&str> = codes.iter().map(|code| code.code).collect();
    let told: Vec<String> = codes.iter().map(|code| format!("`{}` {}", code.code, code.title)).collect();
    let mut headers = headers::always(status);
    if matches!(status, 429 | 503) {
        headers.insert("Retry-After".into(), headers::retry_after());
    }
    let body = json!({
        "description": told.join(" · "),
        "headers": headers,
        "content": { "application/problem+json": { "schema": {
            "allOf": [problem, { "type": "object", "properties": { "code": { "enum": names }, "status": { "const": status } } }]
        } } },
    });
    components.response(&format!("Problem{status}.{}", names.join(".")), body)
}

/// RFC 9457 with what this API adds.
fn problem() -> Value {
    let text = |what: &str| json!({ "type": "string", "description": what });
    let maybe = |what: &str| json!({ "type": ["string", "null"], "description": what });
    json!({
        "type": "object",
        "title": "Problem",
        "description": "RFC 9457; `code` never changes its meaning and has a page of its own",
        "required": ["type", "title", "status", "detail", "code", "help", "retry", "request_id"],
        "properties": {
            "type": { "type": "string", "format": "uri-reference" },
            "title": text("a few words, the same for every occurrence"),
            "status": { "type": "integer", "minimum": 400, "maximum": 599 },
            "detail": text("what happened this time"),
            "instance": maybe("the path that was asked for"),
            "code": { "type": "string", "pattern": "^SH[0-9]{4}$" },
            "help": text("what to do about it"),
            "retry": { "type": "string", "enum": ["never", "refresh", "later", "after_fix"] },
            "errors": { "type": "array", "items": {
                "type": "object",
                "required": ["pointer", "message"],
                "properties": { "pointer": text("JSON pointer into the body"), "message": text("what is wrong there"), "code": maybe("its code") },
            } },
            "refused_by": { "type": "array", "items": {
                "type": "object",
                "required": ["guard", "message"],
                "properties": { "guard": text("its name in the definition"), "message": text("what a person is told") },
            } },
            "state": maybe("where the record stands"),
            "verb": maybe("what was tried"),
            "version": { "type": ["integer", "null"], "description": "the record's version" },
            "request_id": maybe("for whoever reads the log"),
            "retry_after": { "type": ["integer", "null"], "description": "seconds" },
        },
    })
}
