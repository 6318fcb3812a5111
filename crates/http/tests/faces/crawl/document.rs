//! A document as a program reads it: its operations, its schemas. Nothing here knows a route.

use serde_json::Value;

/// A document of somebody.
#[derive(Clone, Debug)]
pub struct Document(pub Value);

/// One operation of a document.
#[derive(Clone, Copy, Debug)]
pub struct Operation<'d> {
    pub document: &'d Document,
    pub method: &'d str,
    pub path: &'d str,
    pub said: &'d Value,
}

const METHODS: [&str; 7] = ["get", "head", "post", "put", "patch", "delete", "options"];

impl Document {
    pub fn operations(&self) -> impl Iterator<Item = Operation<'_>> {
        let paths = self.0["paths"].as_object().into_iter().flatten();
        paths.flat_map(move |(path, item)| {
            METHODS.iter().filter_map(move |method| item.get(method).map(|said| Operation { document: self, method, path, said }))
        })
    }

    pub fn operation(&self, method: &str, path: &str) -> Option<Operation<'_>> {
        self.operations().find(|operation| operation.method == method && operation.path == path)
    }

    /// What a `$ref` stands for.
    pub fn resolve<'v>(&'v self, value: &'v Value) -> &'v Value {
        match value["$ref"].as_str() {
            Some(reference) => {
                let there = reference.strip_prefix('#').and_then(|pointer| self.0.pointer(pointer));
                self.resolve(there.unwrap_or_else(|| panic!("`{reference}` leads nowhere")))
            }
            None => value,
        }
    }
}

impl<'d> Operation<'d> {
    /// `get /v1/order/{id}`.
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// Whether it asks for no credentials.
    pub fn is_open(&self) -> bool {
        self.said["security"].as_array().is_some_and(|ways| ways.is_empty() || ways.iter().any(|way| *way == serde_json::json!({})))
    }

    pub fn parameters(&self, place: &str) -> Vec<&'d Value> {
        let all = self.said["parameters"].as_array().map_or(&[][..], Vec::as_slice);
        all.iter().map(|one| self.document.resolve(one)).filter(|one| one["in"] == place).collect()
    }

    /// The schema of a JSON body, and whether there must be one.
    pub fn body(&self) -> Option<(&'d Value, bool)> {
        let body = self.document.resolve(self.said.get("requestBody")?);
        let schema = body["content"].get("application/json")?.get("schema")?;
        Some((schema, body["required"] == true))
    }

    /// The media type of a body that is no JSON.
    pub fn bytes(&self) -> Option<&'d str> {
        let body = self.document.resolve(self.said.get("requestBody")?);
        let content = body["content"].as_object()?;
        content.keys().map(String::as_str).find(|media_type| *media_type != "application/json")
    }

    /// What an answer with this status must be; `None` where the document has no such status.
    pub fn response(&self, status: u16) -> Option<&'d Value> {
        self.said["responses"].get(status.to_string()).map(|response| self.document.resolve(response))
    }

    /// Whether it answers without end.
    pub fn streams(&self) -> bool {
        self.said["x-endless"] == true
    }
}
