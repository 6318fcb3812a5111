//! The named parts of a document: a schema, answer, parameter or header is written once and referred to.

use serde_json::{Map, Value, json};

/// `components` of a document while it is being written.
#[derive(Debug, Default)]
pub struct Components {
    sections: Map<String, Value>,
}

impl Components {
    /// Puts a schema under `name`, and gives the reference to it. Two things that would share a name are told apart by a number.
    pub fn schema(&mut self, name: &str, schema: Value) -> Value {
        self.put("schemas", name, schema)
    }

    /// As [`Components::schema`], for an answer.
    pub fn response(&mut self, name: &str, response: Value) -> Value {
        self.put("responses", name, response)
    }

    /// As [`Components::schema`], for a parameter.
    pub fn parameter(&mut self, name: &str, parameter: Value) -> Value {
        self.put("parameters", name, parameter)
    }

    /// The section as it goes into the document.
    pub fn finish(mut self, security: Value) -> Value {
        self.sections.insert("securitySchemes".into(), security);
        Value::Object(self.sections)
    }

    fn put(&mut self, section: &str, name: &str, value: Value) -> Value {
        let section_map = self.sections.entry(section).or_insert_with(|| json!({}));
        let Value::Object(map) = section_map else { return Value::Null };
        let mut taken = name.to_owned();
        let mut nth = 1;
        while map.get(&taken).is_some_and(|there| *there != value) {
            nth += 1;
            taken = format!("{name}{nth}");
        }
        let reference = json!({ "$ref": format!("#/components/{section}/{taken}") });
        map.entry(taken).or_insert(value);
        reference
    }
}

/// An object with these keys and no others, all of them there but the `optional`.
pub fn closed(properties: Value, optional: &[&str]) -> Value {
    let keys = properties.as_object().into_iter().flat_map(Map::keys);
    let required: Vec<&String> = keys.filter(|key| !optional.contains(&key.as_str())).collect();
    let mut schema = json!({ "type": "object", "additionalProperties": false, "properties": properties });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

/// `{"data": […]}`.
pub fn all(item: &Value) -> Value {
    closed(json!({ "data": { "type": "array", "items": item } }), &[])
}

/// `order_line` → `OrderLine`: the name of a schema.
pub fn pascal(words: &[&str]) -> String {
    let pieces = words.iter().flat_map(|word| word.split(|c: char| !c.is_ascii_alphanumeric())).filter(|piece| !piece.is_empty());
    pieces.map(|piece| piece[..1].to_ascii_uppercase() + &piece[1..]).collect()
}

/// `order`, `list` → `orderList`: the name of an operation.
pub fn camel(words: &[&str]) -> String {
    let name = pascal(words);
    name.get(..1).map_or(String::new(), |first| first.to_ascii_lowercase() + &name[1..])
}
