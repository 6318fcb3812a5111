//! Whether a value is what a schema says: the part of JSON Schema that documents here use. A keyword that is not known
//! here fails, so that nothing is believed that was not looked at.

use serde_json::Value;

use super::document::Document;

/// Words that say nothing about a value, or nothing that is looked at.
const SILENT: [&str; 9] = ["title", "description", "readOnly", "writeOnly", "default", "format", "x-entity", "examples", "pattern"];

/// What is wrong, place by place.
pub fn wrong(document: &Document, schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    look(document, schema, value, "", &mut found);
    found
}

fn look(document: &Document, schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    let schema = match schema {
        Value::Bool(true) => return,
        Value::Bool(false) => return found.push(format!("{at} may not be there")),
        schema => document.resolve(schema),
    };
    let mut say = |what: String| found.push(format!("{at}: {what}"));
    let Some(words) = schema.as_object() else { return say("no schema".into()) };
    for (word, told) in words {
        match word.as_str() {
            "type" if !types(told).iter().any(|kind| is(kind, value)) => say(format!("{value} is no {told}")),
            "enum" if !told.as_array().is_some_and(|all| all.contains(value)) => say(format!("{value} is none of {told}")),
            "const" if told != value => say(format!("{value} is not {told}")),
            "minimum" if value.as_f64().is_some_and(|number| told.as_f64().is_some_and(|least| number < least)) => {
                say(format!("{value} < {told}"))
            }
            "maximum" if value.as_f64().is_some_and(|number| told.as_f64().is_some_and(|most| number > most)) => {
                say(format!("{value} > {told}"))
            }
            "minLength" if value.as_str().is_some_and(|text| (text.chars().count() as u64) < told.as_u64().unwrap_or(0)) => {
                say("too short".into())
            }
            "required" => {
                let missing = told.as_array().into_iter().flatten().filter_map(Value::as_str);
                let missing: Vec<&str> = missing.filter(|key| value.is_object() && value.get(key).is_none()).collect();
                if !missing.is_empty() {
                    say(format!("lacks {missing:?}"));
                }
            }
            "type"
            | "enum"
            | "const"
            | "properties"
            | "additionalProperties"
            | "items"
            | "allOf"
            | "anyOf"
            | "oneOf"
            | "minimum"
            | "maximum"
            | "minItems"
            | "maxItems"
            | "minProperties"
            | "maxProperties"
            | "minLength"
            | "maxLength"
            | "uniqueItems"
            | "propertyNames" => {}
            other if SILENT.contains(&other) => {}
            other => say(format!("`{other}` is not looked at")),
        }
    }
    for part in schema["allOf"].as_array().into_iter().flatten() {
        look(document, part, value, at, found);
    }
    for choice in ["anyOf", "oneOf"] {
        let ways = schema[choice].as_array().into_iter().flatten();
        if schema.get(choice).is_some() && !ways.into_iter().any(|way| wrong(document, way, value).is_empty()) {
            found.push(format!("{at}: {value} fits none of {choice}"));
        }
    }
    if let (Some(items), Some(list)) = (schema.get("items"), value.as_array()) {
        for (nth, item) in list.iter().enumerate() {
            look(document, items, item, &format!("{at}/{nth}"), found);
        }
    }
    for (key, item) in value.as_object().into_iter().flatten() {
        let at = format!("{at}/{key}");
        match (schema["properties"].get(key), schema.get("additionalProperties")) {
            (Some(property), _) => look(document, property, item, &at, found),
            (None, Some(others)) => look(document, others, item, &at, found),
            (None, None) => {}
        }
    }
}

fn types(told: &Value) -> Vec<&str> {
    match told {
        Value::String(one) => vec![one],
        Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn is(kind: &str, value: &Value) -> bool {
    match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_does_not_fit_is_seen() {
        let document = Document(json!({ "components": { "schemas": { "Id": { "type": "integer", "minimum": 1 } } } }));
        let schema = json!({
            "type": "object", "required": ["id"], "additionalProperties": false,
            "properties": { "id": { "$ref": "#/components/schemas/Id" }, "tags": { "type": ["array", "null"], "items": { "enum": ["a", "b"] } } },
        });
        let cases = [
            (json!({ "id": 1 }), 0),
            (json!({ "id": 1, "tags": ["a", "b"] }), 0),
            (json!({ "id": 1, "tags": null }), 0),
            (json!({}), 1),
            (json!({ "id": 0 }), 1),
            (json!({ "id": "1" }), 1),
            (json!({ "id": 1, "commission": 5 }), 1),
            (json!({ "id": 1, "tags": ["c", "d"] }), 2),
            (json!([]), 1),
        ];
        for (value, faults) in cases {
            assert_eq!(wrong(&document, &schema, &value).len(), faults, "{value}: {:?}", wrong(&document, &schema, &value));
        }
        assert_eq!(wrong(&document, &json!({ "type": "string", "contains": 1 }), &json!("a")).len(), 1, "an unknown word");
    }
}
