//! Outside systems: how they are called, and what their answers mean.

use serde::{Deserialize, Serialize};

use super::{Duration, Input, JsonPattern, Named, Pattern, Rate, Span, Texts, Unit};

/// An outside system.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Connector {
    /// Where its name is written.
    pub at: Span,
    /// What people call it.
    pub label: Texts,
    /// Bumped when the wire format changes; effects remember it.
    pub version: u32,
    /// What a crash or time-out means (LAW §7).
    pub class: Class,
    /// Its actions move money.
    #[serde(default)]
    pub money: bool,
    /// How it is reached; without it effects are written and nobody sends them.
    #[serde(default)]
    pub wire: Option<Wire>,
    /// How many calls it allows, over all processes, per tenant.
    #[serde(default)]
    pub limit: Option<Rate>,
    /// When calls stop for a while.
    #[serde(default)]
    pub breaker: Breaker,
    /// How often one effect is tried at most.
    #[serde(default = "attempts")]
    pub attempts: u32,
    /// Connector whose action of the same name takes what this one gave up before anything was sent.
    #[serde(default)]
    pub fallback: Option<String>,
    /// What it can be asked to do.
    pub actions: Named<Action>,
}

fn attempts() -> u32 {
    Connector::ATTEMPTS
}

impl Connector {
    /// How often one effect is tried where the file does not say.
    pub const ATTEMPTS: u32 = 12;
}

/// What the provider gives us against doubles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Class {
    /// Honours our idempotency key.
    K,
    /// Can be asked by our reference.
    Q,
    /// Neither.
    N,
}

/// Calls stop after so many failures in a row, and one is tried after a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Breaker {
    /// Failures in a row that open it.
    pub failures: u32,
    /// How long it stays open before one call is tried.
    pub open: Duration,
}

impl Default for Breaker {
    fn default() -> Self {
        Breaker { failures: 5, open: Duration { count: 30, unit: Unit::Seconds } }
    }
}

/// How a connector is reached over HTTP.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Wire {
    /// Scheme and host, perhaps with a port and the beginning of a path: `https://api.twilio.com`.
    pub base: String,
    /// Hosts it may be called at, without a port; the base's is one of them.
    pub hosts: Vec<String>,
    /// How we show who we are.
    pub auth: Auth,
    /// Sent with every request.
    pub headers: Named<Pattern>,
    /// Where the idempotency key goes (class K).
    pub key: Option<KeyHeader>,
    /// How long a whole call may take.
    pub timeout: Duration,
    /// How long a doubt rests before it is asked about.
    pub ask_after: Duration,
}

/// How a provider honours a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyHeader {
    /// The header it stands in; empty where the key stands in the request by `{key}`.
    pub header: String,
    /// How long the provider surely remembers it; later the same key is not sent again.
    pub life: Duration,
}

/// How we show who we are; every text but a header's or parameter's name is the name of a secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Auth {
    /// Nothing, or something that the patterns of the request hold.
    #[default]
    None,
    /// `Authorization: Basic …`
    Basic {
        /// Secret that is the user's name.
        user: String,
        /// Secret that is the password; empty for none.
        password: String,
    },
    /// `Authorization: Bearer …`
    Bearer(String),
    /// A header of its own.
    Header {
        /// Name of the header.
        name: String,
        /// Name of the secret.
        secret: String,
    },
    /// A parameter of the address.
    Query {
        /// Name of the parameter.
        name: String,
        /// Name of the secret.
        secret: String,
    },
    /// A client certificate with its key, both in PEM, in one secret.
    Certificate(String),
}

/// One thing a connector can be asked to do.
///
/// Holes of `send` and `ask` are arguments by name, `text`, `key`, `ref`, `secret.NAME`, `setting.NAME`, `callback` and
/// `now`; those of `answers` and `result` are `body`, `status` and `header`, for an `ask` with a list also `object`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(from = "Stored")]
pub struct Action {
    /// Where its name is written.
    pub at: Span,
    /// Arguments; the flag says whether it must be given.
    pub args: Named<Input>,
    /// A text for a person, per locale, chosen by the argument `lang`; its holes are arguments, `key` and `ref`.
    pub text: Named<Pattern>,
    /// The request; `None`: effects are written and nobody sends them.
    pub send: Option<Request>,
    /// What answers mean where they do not mean what they mean by default; the first that fits counts.
    pub answers: Vec<Answer>,
    /// What is kept of the answer: name → value; a value that is not there is left out.
    pub result: Named<Pattern>,
    /// How a doubt is settled (class Q).
    pub ask: Option<Ask>,
}

/// What a definition stored before actions had a wire holds: the arguments alone.
#[derive(Deserialize)]
#[serde(untagged)]
enum Stored {
    Whole(Box<Whole>),
    Arguments(Named<Input>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Whole {
    at: Span,
    args: Named<Input>,
    text: Named<Pattern>,
    send: Option<Request>,
    answers: Vec<Answer>,
    result: Named<Pattern>,
    ask: Option<Ask>,
}

impl From<Stored> for Action {
    fn from(stored: Stored) -> Self {
        match stored {
            Stored::Arguments(args) => Action { args, ..Action::default() },
            Stored::Whole(whole) => {
                let Whole { at, args, text, send, answers, result, ask } = *whole;
                Action { at, args, text, send, answers, result, ask }
            }
        }
    }
}

/// One HTTP request.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Request {
    /// Its method.
    pub method: Method,
    /// What follows the base, with its slash; holes are percent-encoded as one segment.
    pub path: Pattern,
    /// Parameters of the address; one that is one hole and has no value is left out.
    pub query: Named<Pattern>,
    /// Headers besides the connector's.
    pub headers: Named<Pattern>,
    /// What it carries.
    pub body: Body,
}

/// Methods of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl Method {
    /// As it stands on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        }
    }
}

/// What a request carries.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Body {
    /// Nothing.
    #[default]
    None,
    /// `application/x-www-form-urlencoded`; a field that is one hole and has no value is left out.
    Form(Named<Pattern>),
    /// `application/json`; a key whose text is one hole and has no value is left out.
    Json(JsonPattern),
}

/// What an answer means if it looks like this.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Answer {
    /// Its status.
    pub status: StatusRange,
    /// Dotted path into the body → the value it has, compared as text. All must hold.
    pub matching: Named<Pattern>,
    /// What it means.
    pub means: Means,
}

/// `402`, or `4xx` as 400 to 499; both ends belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusRange {
    /// First status.
    pub from: u16,
    /// Last status.
    pub to: u16,
}

impl StatusRange {
    /// Whether this status is one of them.
    pub fn holds(self, status: u16) -> bool {
        (self.from..=self.to).contains(&status)
    }
}

/// What an answer tells about the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Means {
    /// It happened.
    Done,
    /// It did not happen and will not by trying again.
    Failed,
    /// It did not happen; try later.
    Busy,
    /// It may have happened.
    Doubt,
}

/// How a provider is asked whether something happened.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ask {
    /// A GET.
    pub request: Request,
    /// Dotted path to a list in the body; `None`: the body is the object.
    pub list: Option<String>,
    /// Dotted path into the object → the value it has, compared as text. All must hold, else it is not there.
    pub matching: Named<Pattern>,
    /// What an object that is there means by its looks, where it does not mean done.
    pub answers: Vec<Answer>,
    /// What is kept of it; holes are `object`, `body`, `status` and `header`.
    pub result: Named<Pattern>,
}
