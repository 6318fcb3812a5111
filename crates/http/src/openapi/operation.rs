//! One operation of a document, written piece by piece.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::components::Components;
use super::headers;
use super::problem::{self, Meets};

/// An operation in the making.
#[derive(Debug)]
pub struct Operation {
    name: String,
    summary: String,
    tag: String,
    open: bool,
    description: Option<String>,
    parameters: Vec<Value>,
    body: Option<Value>,
    responses: Map<String, Value>,
    codes: BTreeSet<&'static str>,
    marks: Vec<&'static str>,
    page: bool,
}

impl Operation {
    /// An operation of somebody; `name` is its `operationId`.
    pub fn new(name: impl Into<String>, tag: &str, summary: impl Into<String>) -> Operation {
        let operation = Operation {
            name: name.into(),
            summary: summary.into(),
            tag: tag.to_owned(),
            open: false,
            description: None,
            parameters: Vec::new(),
            body: None,
            responses: Map::new(),
            codes: BTreeSet::new(),
            marks: Vec::new(),
            page: false,
        };
        operation.meets(Meets::Any).meets(Meets::Somebody)
    }

    /// An operation that asks for no credentials.
    pub fn open(name: impl Into<String>, tag: &str, summary: impl Into<String>) -> Operation {
        let mut operation = Operation::new(name, tag, summary);
        operation.open = true;
        operation.codes = Meets::Any.codes().collect();
        operation
    }

    /// A page for people: what goes wrong is told on a page too.
    pub fn page(name: impl Into<String>, tag: &str, summary: impl Into<String>) -> Operation {
        let mut operation = Operation::open(name, tag, summary);
        operation.page = true;
        operation
    }

    /// More about it.
    pub fn told(mut self, description: impl Into<String>) -> Operation {
        self.description = Some(description.into());
        self
    }

    /// One more parameter.
    pub fn takes(mut self, parameter: Value) -> Operation {
        self.parameters.push(parameter);
        self
    }

    /// A JSON body.
    pub fn body(mut self, schema: Value, required: bool) -> Operation {
        self.body = Some(json!({ "required": required, "content": { "application/json": { "schema": schema } } }));
        self.meets(Meets::Body)
    }

    /// A body of bytes.
    pub fn bytes(mut self, media_type: &str) -> Operation {
        self.body = Some(json!({ "required": true, "content": { media_type: { "schema": { "type": "string", "format": "binary" } } } }));
        self
    }

    /// What a page sends.
    pub fn pressed(mut self) -> Operation {
        let fields = json!({ "type": "object", "additionalProperties": { "type": "string" } });
        self.body = Some(json!({ "required": false, "content": { "application/x-www-form-urlencoded": { "schema": fields } } }));
        self
    }

    /// A JSON answer.
    pub fn answers(self, status: u16, what: &str, schema: Value) -> Operation {
        self.answers_with(status, what, schema, &[])
    }

    /// A JSON answer with headers.
    pub fn answers_with(self, status: u16, what: &str, schema: Value, more: &[(&str, Value)]) -> Operation {
        self.answers_as(status, what, Some(("application/json", schema)), more)
    }

    /// An answer of any media type, or without a body.
    pub fn answers_as(mut self, status: u16, what: &str, content: Option<(&str, Value)>, more: &[(&str, Value)]) -> Operation {
        let mut headers = headers::always(status);
        headers.extend(more.iter().map(|(name, header)| ((*name).to_owned(), header.clone())));
        let mut response = json!({ "description": what, "headers": headers });
        if let Some((media_type, schema)) = content {
            response["content"] = json!({ media_type: { "schema": schema } });
        }
        self.responses.insert(status.to_string(), response);
        self
    }

    /// A family of codes it may answer.
    pub fn meets(mut self, family: Meets) -> Operation {
        self.codes.extend(family.codes());
        self
    }

    /// Codes it may answer.
    pub fn may(mut self, codes: &[&'static str]) -> Operation {
        self.codes.extend(codes);
        self
    }

    /// It ends the credentials it is called with, or the tenant: a program that tries everything leaves it for the end.
    pub fn ends_caller(mut self) -> Operation {
        self.marks.push("x-ends-caller");
        self
    }

    /// It answers without end.
    pub fn endless(mut self) -> Operation {
        self.marks.push("x-endless");
        self
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// As it goes into the document.
    pub fn finish(self, components: &mut Components) -> Value {
        let mut responses = self.responses;
        responses.extend(problem::responses(components, &self.codes, self.page));
        let mut operation = json!({ "operationId": self.name, "tags": [self.tag], "summary": self.summary });
        if let Some(description) = self.description {
            operation["description"] = description.into();
        }
        for mark in self.marks {
            operation[mark] = true.into();
        }
        if self.open {
            operation["security"] = json!([]);
        }
        if !self.parameters.is_empty() {
            operation["parameters"] = self.parameters.into();
        }
        if let Some(body) = self.body {
            operation["requestBody"] = body;
        }
        operation["responses"] = responses.into();
        operation
    }
}
