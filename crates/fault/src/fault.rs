//! The one body in which HTTP, MCP and CLI show a fault.

use serde::ser::{Serialize, SerializeStruct, Serializer};
use serde::{Deserialize, Serialize as DeriveSerialize};

use crate::code::Code;

/// A fault somebody can meet. Serialized, all seven keys are always present:
/// `{code, title, detail, help, retry, refused_by, request_id}`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code} {}: {detail}", code.title)]
pub struct Fault {
    /// Which fault it is.
    pub code: &'static Code,
    /// What happened this time: names the thing in backticks, lower case, no full stop.
    pub detail: String,
    /// What to do about it.
    pub help: String,
    /// The guards that refused, in their order; empty for every other fault.
    pub refused_by: Vec<RefusedBy>,
    /// The request it happened in; `null` where there is none, as in the CLI.
    pub request_id: Option<String>,
}

/// One guard that refused, with the text shown to a person.
#[derive(Clone, Debug, PartialEq, Eq, DeriveSerialize, Deserialize)]
pub struct RefusedBy {
    /// The guard's name in the definition.
    pub guard: String,
    /// Its `else` text.
    pub message: String,
}

impl Fault {
    /// A fault with the help of its code.
    pub fn new(code: &'static Code, detail: impl Into<String>) -> Fault {
        Fault { code, detail: detail.into(), help: code.help.to_owned(), refused_by: Vec::new(), request_id: None }
    }

    /// The same with an action that fits this case better than the code's own.
    pub fn with_help(mut self, help: impl Into<String>) -> Fault {
        self.help = help.into();
        self
    }

    /// The same with the guards that refused.
    pub fn with_refused_by(mut self, refused_by: Vec<RefusedBy>) -> Fault {
        self.refused_by = refused_by;
        self
    }

    /// The same, found in this request.
    pub fn with_request_id(mut self, request_id: impl Into<String>) -> Fault {
        self.request_id = Some(request_id.into());
        self
    }
}

impl Serialize for Fault {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut body = serializer.serialize_struct("Fault", 7)?;
        body.serialize_field("code", self.code)?;
        body.serialize_field("title", self.code.title)?;
        body.serialize_field("detail", &self.detail)?;
        body.serialize_field("help", &self.help)?;
        body.serialize_field("retry", &self.code.retry)?;
        body.serialize_field("refused_by", &self.refused_by)?;
        body.serialize_field("request_id", &self.request_id)?;
        body.end()
    }
}
