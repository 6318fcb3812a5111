//! A refusal as HTTP says it: RFC 9457, made from a fault.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use statehouse_fault::{Code, Fault, RefusedBy, Retry};
use statehouse_store::StoreFault;

use crate::request;

/// A refusal on its way to the caller.
#[derive(Debug)]
pub struct Problem {
    // Boxed: most answers are none, and carry the room for one all the same.
    fault: Box<Fault>,
    status: u16,
    more: Box<More>,
}

/// What only some refusals have.
#[derive(Clone, Debug, Default, Serialize)]
struct More {
    errors: Vec<Wrong>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verb: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
}

/// One thing that is wrong in a body or query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Wrong {
    /// Where, as a JSON pointer (RFC 6901) into the body; `""` is the whole of it.
    pub pointer: String,
    /// What is wrong, as `detail` is written.
    pub message: String,
    /// The code of this one.
    pub code: &'static str,
}

impl Problem {
    /// A refusal of the faces' own.
    pub fn new(code: &'static Code, detail: impl Into<String>) -> Problem {
        Fault::new(code, detail).into()
    }

    /// With another status than the code's own, where HTTP has a better word, e.g. 412 for a stale `If-Match`.
    pub fn with_status(mut self, status: StatusCode) -> Problem {
        self.status = status.as_u16();
        self
    }

    /// The same said by another code, with that one's status, where a face has a word of its own for it.
    pub fn with_code(mut self, code: &'static Code) -> Problem {
        self.fault.code = code;
        self.status = code.status;
        self
    }

    /// With an action that fits this case better than the code's own.
    pub fn with_help(mut self, help: impl Into<String>) -> Problem {
        self.fault.help = help.into();
        self
    }

    /// With what is wrong, place by place.
    pub fn with_errors(mut self, errors: Vec<Wrong>) -> Problem {
        self.more.errors = errors;
        self
    }

    /// With where the record stands, as the caller may see it.
    pub fn with_record(mut self, state: impl Into<String>, version: i32) -> Problem {
        self.more.state = Some(state.into());
        self.more.version = Some(version);
        self
    }

    /// With the verb that was refused.
    pub fn with_verb(mut self, verb: impl Into<String>) -> Problem {
        self.more.verb = Some(verb.into());
        self
    }

    /// With when to come again, in seconds; also sent as `Retry-After`.
    pub fn with_retry_after_s(mut self, seconds: u64) -> Problem {
        self.more.retry_after = Some(seconds);
        self
    }

    /// The fault it was made from, for whoever passes faults on.
    pub(crate) fn fault(&self) -> StoreFault {
        (*self.fault).clone().into()
    }

    /// Which fault it is.
    pub fn code(&self) -> &'static Code {
        self.fault.code
    }

    /// The status it is answered with.
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// What each guard that refused says.
    pub(crate) fn guards(&self) -> Vec<&str> {
        self.fault.refused_by.iter().map(|one| one.message.as_str()).collect()
    }

    /// Where something is wrong, in a body.
    pub(crate) fn pointers(&self) -> impl Iterator<Item = &str> {
        self.more.errors.iter().map(|wrong| wrong.pointer.as_str())
    }

    /// The body, for an item of a larger answer; `instance` and `request_id` are those of the request in hand.
    pub fn body(&self) -> serde_json::Value {
        serde_json::to_value(self.wire()).unwrap_or_default()
    }

    fn wire(&self) -> Wire<'_> {
        Wire {
            type_: format!("/problems/{}", self.fault.code),
            title: self.fault.code.title,
            status: self.status,
            detail: &self.fault.detail,
            instance: request::path(),
            code: self.fault.code,
            help: &self.fault.help,
            retry: self.fault.code.retry,
            refused_by: &self.fault.refused_by,
            request_id: request::id(),
            more: &self.more,
        }
    }
}

#[derive(Serialize)]
struct Wire<'a> {
    #[serde(rename = "type")]
    type_: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    instance: String,
    code: &'static Code,
    help: &'a str,
    retry: Retry,
    refused_by: &'a [RefusedBy],
    request_id: String,
    #[serde(flatten)]
    more: &'a More,
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Problem {
        // A refusal to begin is said to the caller and counted; to log each would help those who send too many.
        if fault.code.status >= 500 && fault.code.retry != Retry::Later {
            tracing::error!(code = %fault.code, detail = %fault.detail, request_id = %request::id(), "failed");
        }
        Problem::quiet(fault)
    }
}

impl Problem {
    /// What was behind a fault of ours is for the log; a caller gets the code's own words.
    fn quiet(mut fault: Fault) -> Problem {
        let status = fault.code.status;
        if status >= 500 {
            fault.detail = fault.code.title.to_owned();
        }
        let more = More { retry_after: (fault.code.retry == Retry::Later && matches!(status, 429 | 503)).then_some(1), ..More::default() };
        Problem { fault: Box::new(fault), status, more: Box::new(more) }
    }
}

impl From<StoreFault> for Problem {
    fn from(store: StoreFault) -> Problem {
        let fault = store.fault();
        if fault.code.status >= 500 {
            let chain = std::iter::successors(std::error::Error::source(&store), |cause| cause.source());
            let causes = chain.map(ToString::to_string).collect::<Vec<_>>().join(": ");
            match fault.code.retry {
                Retry::Later => {
                    tracing::warn!(code = %fault.code, doing = %store, %causes, request_id = %request::id(), "the store could not")
                }
                _ => tracing::error!(code = %fault.code, doing = %store, %causes, request_id = %request::id(), "the store failed"),
            }
        }
        Problem::quiet(fault)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status(), Json(self.wire())).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.more.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == 401 {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"statehouse\""));
        }
        response
    }
}
