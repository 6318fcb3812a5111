//! The app's own files fit the schemas, and slips of the pen do not. The small validator knows the words the schemas use
//! and fails on any other, so that a schema cannot pass by being ignored.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::model::App;
use crate::source::{SourceFile, sources};
use crate::yaml::{self, Node};

fn app(name: &str) -> (Vec<SourceFile>, App) {
    let (files, _) = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../apps").join(name));
    let app = crate::read::read(&files).app.expect("the app is sound");
    (files, app)
}

fn json_of(node: &Node) -> Value {
    match &node.value {
        yaml::Value::Null => Value::Null,
        yaml::Value::List(items) => items.iter().map(json_of).collect(),
        yaml::Value::Map(entries) => {
            Value::Object(entries.iter().map(|entry| (entry.key.clone(), json_of(&entry.value))).collect::<Map<_, _>>())
        }
        yaml::Value::Scalar { text, plain } => match (plain, text.as_str()) {
            (true, "true") => json!(true),
            (true, "false") => json!(false),
            (true, text) if text.parse::<f64>().is_ok() => text.parse::<i64>().map_or(json!(0.5), |whole| json!(whole)),
            _ => json!(text),
        },
    }
}

fn parsed(path: &str, text: &str) -> Value {
    json_of(&yaml::parse(&path.into(), text, &mut Vec::new()).expect("the file is YAML"))
}

/// Whether `value` fits `schema`; the error is the path at which it does not.
fn fits(root: &Value, schema: &Value, value: &Value, path: &str) -> Result<(), String> {
    for (word, rule) in schema.as_object().expect("a schema is an object") {
        match word.as_str() {
            "$schema" | "title" | "description" | "examples" | "definitions" | "then" => {}
            "type" => {
                let kinds: Vec<&str> = match rule {
                    Value::String(kind) => vec![kind],
                    kinds => kinds.as_array().expect("a list").iter().filter_map(Value::as_str).collect(),
                };
                let is = |kind: &&str| match *kind {
                    "object" => value.is_object(),
                    "array" => value.is_array(),
                    "string" => value.is_string(),
                    "number" => value.is_number(),
                    "integer" => value.is_i64(),
                    "boolean" => value.is_boolean(),
                    "null" => value.is_null(),
                    other => panic!("unknown type {other}"),
                };
                if !kinds.iter().any(is) {
                    return Err(format!("{path}: {value} is not {kinds:?}"));
                }
            }
            "enum" if !rule.as_array().expect("a list").contains(value) => {
                return Err(format!("{path}: {value} not known"));
            }
            "const" if rule != value => return Err(format!("{path}: {value} is not {rule}")),
            "enum" | "const" | "pattern" | "minItems" | "minimum" => {}
            "required" => {
                for key in rule.as_array().expect("a list") {
                    if value.is_object() && value.get(key.as_str().expect("a key")).is_none() {
                        return Err(format!("{path}: {key} missing"));
                    }
                }
            }
            "properties" | "additionalProperties" => {
                for (key, one) in value.as_object().into_iter().flatten() {
                    let path = format!("{path}/{key}");
                    match (word.as_str(), schema.get("properties").and_then(|known| known.get(key))) {
                        ("properties", Some(known)) => fits(root, known, one, &path)?,
                        ("additionalProperties", None) if rule == &json!(false) => {
                            return Err(format!("{path}: unknown"));
                        }
                        ("additionalProperties", None) => fits(root, rule, one, &path)?,
                        _ => {}
                    }
                }
            }
            "propertyNames" => {
                for key in value.as_object().into_iter().flatten().map(|(key, _)| json!(key)) {
                    fits(root, rule, &key, path)?;
                }
            }
            "items" => {
                for (n, one) in value.as_array().into_iter().flatten().enumerate() {
                    fits(root, rule, one, &format!("{path}/{n}"))?;
                }
            }
            "not" if fits(root, rule, value, path).is_ok() => {
                return Err(format!("{path}: {value} reserved"));
            }
            "not" => {}
            "anyOf" => {
                let tries = rule.as_array().expect("a list").iter().map(|one| fits(root, one, value, path));
                let errors: Vec<String> = tries.filter_map(Result::err).collect();
                if errors.len() == rule.as_array().map_or(0, Vec::len) {
                    return Err(errors.join(" or "));
                }
            }
            "allOf" => {
                for one in rule.as_array().expect("a list") {
                    fits(root, one, value, path)?;
                }
            }
            "if" => {
                if fits(root, rule, value, path).is_ok() {
                    fits(root, &schema["then"], value, path)?;
                }
            }
            "$ref" => {
                let pointer = rule.as_str().expect("a text").trim_start_matches('#');
                fits(root, root.pointer(pointer).expect("what is referred to is there"), value, path)?;
            }
            other => panic!("the schemas use `{other}`, which this validator does not know"),
        }
    }
    Ok(())
}

fn schema_of(app: &App, kind: &str) -> Value {
    let name = format!("{kind}.schema.json");
    super::write(app).into_iter().find(|(file, _)| *file == name).expect("the schema is written").1
}

#[test]
fn the_files_of_the_apps_fit() {
    for (name, files) in [("orders", 15), ("contracts", 7), ("checkout", 10)] {
        assert_eq!(fitting(name), files, "{name}");
    }
}

/// How many files of an app there are, each of which fits.
fn fitting(name: &str) -> usize {
    let (files, app) = app(name);
    let mut seen = 0;
    for file in files.iter().filter(|file| file.path.ends_with(".yaml")) {
        let value = parsed(&file.path, &file.text);
        let kinds = ["app", "entity", "table", "calculator", "connector", "inbox"];
        let kind = kinds.into_iter().find(|kind| value.get(kind).is_some()).expect("a kind");
        // The first line of the file names the schema an editor takes.
        assert!(file.text.lines().next().expect("a line").ends_with(&format!(".statehouse/{kind}.schema.json")));
        let schema = schema_of(&app, kind);
        assert_eq!(fits(&schema, &schema, &value, ""), Ok(()), "{}", file.path);
        seen += 1;
    }
    seen
}

#[test]
fn slips_of_the_pen_do_not_fit() {
    let (files, app) = app("orders");
    let schema = schema_of(&app, "entity");
    let text = &files.iter().find(|file| file.path == "entities/order.yaml").expect("the order").text;
    for (from, to) in [
        ("to: quoted\n", "to: quotd\n"),
        ("by: [rep, admin]", "by: [rep, admn]"),
        ("owner: broker", "owner: brokr"),
        ("then: lapse", "then: laps"),
        ("until: valid_until", "until: valid"),
        ("guards:", "gaurds:"),
        ("lines.cost_eur", "lines.cost_usd"),
        ("sms.shipped", "sms.shiped"),
        ("lock: client", "lock: rep"),
        ("tracking: \"{tracking}\"", "track: \"{tracking}\""),
        ("price: line_price", "price: lineprice"),
        ("to: client,", "to: customer,"),
        ("  note:          {", "  version:       {"),
        // A state of another entity is no state of this one.
        ("to: cancelled", "to: archived"),
    ] {
        assert!(text.contains(from), "`{from}` is not in the file");
        let wrong = parsed("order.yaml", &text.replacen(from, to, 1));
        assert!(fits(&schema, &schema, &wrong, "").is_err(), "`{to}` fits");
    }
}

#[test]
fn slips_outside_do_not_fit() {
    let (files, app) = app("contracts");
    for (path, kind, from, to) in [
        ("entities/deal.yaml", "entity", "via: billing", "via: billed"),
        ("entities/deal.yaml", "entity", "billing.invoice:", "billing.invoce:"),
        ("entities/deal.yaml", "entity", "unknown: { within: 24 hours, by", "unknown: { within: 24 hours, from"),
        ("connectors/esign.yaml", "connector", "class: Q", "class: X"),
        ("connectors/esign.yaml", "connector", "where: {", "were: {"),
        ("inbox/esign.yaml", "inbox", "scheme: dropbox_sign", "scheme: dropbox-sign"),
        ("inbox/esign.yaml", "inbox", "verb: sign", "verb: sing"),
        ("inbox/esign.yaml", "inbox", "esign.one", "esign.two"),
        ("inbox/esign.yaml", "inbox", "late: ignore", "late: forget"),
        ("app.yaml", "app", "off_day: skip", "off_day: later"),
        ("app.yaml", "app", "verb: chase_billing", "verb: chase"),
        ("app.yaml", "app", "[saturday, sunday]", "[saturday, sundy]"),
    ] {
        let schema = schema_of(&app, kind);
        let text = &files.iter().find(|file| file.path == path).expect(path).text;
        assert!(text.contains(from), "`{from}` is not in {path}");
        let wrong = parsed(path, &text.replacen(from, to, 1));
        assert!(fits(&schema, &schema, &wrong, "").is_err(), "`{to}` fits");
    }
}
