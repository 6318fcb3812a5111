//! A document while it is being written: its paths, the names taken, the language its texts are in.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use statehouse_definition::App;
use statehouse_definition::model::Texts;

use super::components::Components;
use super::operation::Operation;

/// A document in the making.
#[derive(Debug)]
pub struct Document<'a> {
    /// The definition.
    pub app: &'a App,
    /// Named parts.
    pub components: Components,
    locale: &'a str,
    paths: Map<String, Value>,
    tags: Vec<Value>,
    names: BTreeSet<String>,
}

impl<'a> Document<'a> {
    /// An empty document that tells things in `locale`, or in the app's first.
    pub fn new(app: &'a App, locale: &'a str) -> Document<'a> {
        Document { app, components: Components::default(), locale, paths: Map::new(), tags: Vec::new(), names: BTreeSet::new() }
    }

    /// A text in the language asked for, else in the app's first.
    pub fn say<'t>(&self, texts: &'t Texts) -> &'t str {
        let first = self.app.locales.first().map_or("", String::as_str);
        [self.locale, first].iter().find_map(|locale| texts.get(*locale)).or_else(|| texts.values().next()).map_or("", String::as_str)
    }

    /// A group of operations.
    pub fn tag(&mut self, name: &str, description: &str) {
        self.tags.push(json!({ "name": name, "description": description }));
    }

    /// One operation. Names are told apart, so that a generated client never loses one to another.
    pub fn add(&mut self, method: &str, path: &str, operation: Operation) {
        let wanted = operation.name().to_owned();
        let mut value = operation.finish(&mut self.components);
        let mut name = wanted.clone();
        let mut nth = 1;
        while !self.names.insert(name.clone()) {
            nth += 1;
            name = format!("{wanted}{nth}");
        }
        value["operationId"] = name.into();
        if let Value::Object(item) = self.paths.entry(path).or_insert_with(|| json!({})) {
            item.insert(method.to_owned(), value);
        }
    }

    /// The whole of it.
    pub fn finish(self, description: &str, server: &str) -> Value {
        let title = self.say(&self.app.label).to_owned();
        json!({
            "openapi": "3.1.0",
            "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
            "info": { "title": title, "version": "1", "description": description },
            "servers": [{ "url": server }],
            "tags": self.tags,
            "security": [{ "key": [] }, { "session": [] }],
            "paths": self.paths,
            "components": self.components.finish(schemes()),
        })
    }
}

fn schemes() -> Value {
    json!({
        "key": { "type": "http", "scheme": "bearer", "description": "an API key, or a JWT where the settings name an issuer" },
        "session": { "type": "apiKey", "in": "cookie", "name": "statehouse", "description": "a signed-in person; writes carry the header `X-CSRF-Token`" },
    })
}
