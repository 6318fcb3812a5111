//! Requests made from a document: paths with ids that are there, bodies made of their schemas.

use serde_json::{Map, Value, json};

use super::document::{Document, Operation};
use super::people::{Ask, Crawler};

/// As many paths of one operation as are looked at for one that can be carried out.
const CANDIDATES_MAX: usize = 60;

/// The names of the parameters of a path, in order.
pub fn parameters_of(path: &str) -> Vec<&str> {
    path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}')).collect()
}

/// Paths of an operation filled with what this caller can name, the later ones for when the earlier cannot be carried out.
pub async fn paths(crawler: &Crawler, operation: Operation<'_>) -> Vec<String> {
    let segments: Vec<&str> = operation.path.split('/').skip(1).collect();
    let mut filled = vec![String::new()];
    let mut template = String::new();
    for segment in segments {
        let mut longer = Vec::new();
        for before in &filled {
            match segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
                None => longer.push(format!("{before}/{segment}")),
                Some(name) => {
                    let ids = match choices(operation, name) {
                        Some(choices) => choices,
                        None if name == "tenant" => vec![crawler.persona.tenant.slug.to_owned()],
                        None => ids(crawler, &template, before).await,
                    };
                    longer.extend(ids.iter().map(|id| format!("{before}/{id}")));
                }
            }
            if longer.len() >= CANDIDATES_MAX {
                break;
            }
        }
        template = format!("{template}/{segment}");
        filled = longer;
    }
    filled
}

/// What a caller can name at a place: what is listed there, else what can be made there, else what is told of oneself.
pub async fn ids(crawler: &Crawler, template: &str, filled: &str) -> Vec<String> {
    if let Some(list) = crawler.document.operation("get", template) {
        let most = list.parameters("query").iter().find(|one| one["name"] == "limit").and_then(|limit| limit["schema"]["maximum"].as_u64());
        let answer = crawler.send(&Ask::get(format!("{filled}{}", most.map(|most| format!("?limit={most}")).unwrap_or_default()))).await;
        let data = answer.body["data"].as_array().cloned().unwrap_or_default();
        return data.iter().filter_map(|item| item.get("id")).map(text_of).collect();
    }
    let Some(make) = crawler.document.operation("post", template) else { return Vec::new() };
    let known = crawler.made.lock().expect("a lock").get(filled).cloned();
    if let Some(known) = known {
        return known;
    }
    let ask = Box::pin(finish(crawler, make, Ask::of(make, filled))).await;
    let answer = crawler.send(&ask).await;
    let made = answer.body["id"].as_str().map(str::to_owned);
    let located = || answer.header("location").rsplit('/').next().filter(|id| !id.is_empty()).map(str::to_owned);
    let made: Vec<String> = made.or_else(located).into_iter().collect();
    crawler.made.lock().expect("a lock").insert(filled.to_owned(), made.clone());
    made
}

/// Puts in what else the operation needs: a body, the headers it requires.
pub async fn finish(crawler: &Crawler, operation: Operation<'_>, mut ask: Ask) -> Ask {
    for header in operation.parameters("header").into_iter().filter(|header| header["required"] == true) {
        let name = header["name"].as_str().unwrap_or_default();
        let value = match name {
            "If-Match" => version(crawler, operation, &ask.path).await,
            _ => text_of(&make(&crawler.document, &header["schema"], &Refs::default())),
        };
        ask = ask.with(name, value);
    }
    let asked: Vec<String> = operation
        .parameters("query")
        .into_iter()
        .filter(|query| query["required"] == true)
        .map(|query| {
            format!(
                "{}={}",
                query["name"].as_str().unwrap_or_default(),
                text_of(&make(&crawler.document, &query["schema"], &Refs::default()))
            )
        })
        .collect();
    if !asked.is_empty() {
        ask.path = format!("{}?{}", ask.path, asked.join("&"));
    }
    if let Some((schema, _)) = operation.body() {
        let refs = Refs::of(crawler, schema).await;
        ask.body = Some(make(&crawler.document, schema, &refs));
    } else if let Some(media_type) = operation.bytes() {
        ask.bytes = Some((media_type.to_owned(), b"crawled".to_vec()));
    }
    ask
}

/// The tag of the nearest thing above that has one.
async fn version(crawler: &Crawler, operation: Operation<'_>, filled: &str) -> String {
    let (mut template, mut path) = (operation.path, filled);
    loop {
        if crawler.document.operation("get", template).is_some() {
            let answer = crawler.send(&Ask::get(path)).await;
            if !answer.header("etag").is_empty() {
                return answer.header("etag").to_owned();
            }
        }
        match (template.rsplit_once('/'), path.rsplit_once('/')) {
            (Some((above, _)), Some((over, _))) if !above.is_empty() => (template, path) = (above, over),
            _ => return "\"v1\"".to_owned(),
        }
    }
}

fn choices(operation: Operation<'_>, name: &str) -> Option<Vec<String>> {
    let parameters = operation.parameters("path");
    let schema = &parameters.iter().find(|one| one["name"] == name)?["schema"];
    Some(operation.document.resolve(schema)["enum"].as_array()?.iter().map(text_of).collect())
}

/// Ids that may stand where a schema names an entity.
#[derive(Clone, Debug, Default)]
pub struct Refs(Map<String, Value>);

impl Refs {
    /// What the caller sees of each entity that the schema names.
    pub async fn of(crawler: &Crawler, schema: &Value) -> Refs {
        let mut named = Vec::new();
        names(&crawler.document, schema, &mut named, 0);
        let mut refs = Map::new();
        for entity in named {
            let ends = [format!("/{entity}"), format!("/{entity}s")];
            let list = crawler.document.operations().find(|one| one.method == "get" && ends.iter().any(|end| one.path.ends_with(end)));
            let Some(list) = list else { continue };
            if let Some(id) = ids(crawler, list.path, list.path).await.first() {
                refs.insert(entity, id.clone().into());
            }
        }
        Refs(refs)
    }
}

fn names(document: &Document, schema: &Value, named: &mut Vec<String>, depth: usize) {
    let schema = document.resolve(schema);
    if let Some(entity) = schema["x-entity"].as_str() {
        named.push(entity.to_owned());
    }
    let parts = schema["properties"].as_object().into_iter().flat_map(Map::values);
    let all = parts
        .chain(schema.get("items"))
        .chain(["anyOf", "oneOf", "allOf"].iter().flat_map(|word| schema[*word].as_array().into_iter().flatten()));
    for part in all.filter(|_| depth < 8) {
        names(document, part, named, depth + 1);
    }
}

/// The least that a schema takes.
pub fn make(document: &Document, schema: &Value, refs: &Refs) -> Value {
    if *schema == json!(true) {
        return json!([]);
    }
    let schema = document.resolve(schema);
    let told = ["examples", "enum"].iter().find_map(|word| schema[*word].as_array()?.first());
    if let Some(value) = told.or_else(|| schema.get("const")) {
        return value.clone();
    }
    if let Some(way) = ["anyOf", "oneOf"].iter().find_map(|word| schema[*word].as_array()?.first()) {
        return make(document, way, refs);
    }
    let kind =
        schema["type"].as_str().or_else(|| schema["type"].as_array()?.iter().find_map(|one| one.as_str().filter(|one| *one != "null")));
    match kind.unwrap_or("null") {
        "object" => {
            let properties = &schema["properties"];
            let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let mut made: Map<String, Value> = required.map(|key| (key.to_owned(), make(document, &properties[key], refs))).collect();
            if made.is_empty() && schema["minProperties"].as_u64().unwrap_or(0) > 0 {
                let first = properties.as_object().into_iter().flatten().next();
                made.extend(first.map(|(key, property)| (key.clone(), make(document, property, refs))));
            }
            made.into()
        }
        "array" => {
            // Of things there is one at least: an empty list of them would try nothing.
            let things = document.resolve(&schema["items"])["type"] == "object";
            let least = schema["minItems"].as_u64().unwrap_or(0).max(things.into());
            (0..least).map(|_| make(document, &schema["items"], refs)).collect()
        }
        "string" => text(schema, refs).into(),
        "integer" | "number" => schema.get("minimum").cloned().unwrap_or_else(|| json!(1)),
        "boolean" => true.into(),
        _ => Value::Null,
    }
}

fn text(schema: &Value, refs: &Refs) -> String {
    if let Some(id) = schema["x-entity"].as_str().and_then(|entity| refs.0.get(entity)).and_then(Value::as_str) {
        return id.to_owned();
    }
    let made = match (schema["format"].as_str(), schema["pattern"].as_str().unwrap_or_default()) {
        (Some("uuid"), _) => "00000000-0000-7000-8000-00000000beef",
        (Some("date"), _) => "2026-09-01",
        (Some("date-time"), _) => "2026-12-01T12:00:00Z",
        (Some("decimal"), _) => "1",
        (Some("uri"), _) => "https://crawled.example/hook",
        (_, pattern) if pattern.contains("[A-Z]{3}") => "ISK",
        (Some("uri-reference"), _) => "/",
        (_, pattern) if pattern.contains('@') => "crawled@example.org",
        (_, pattern) if pattern.contains("\\+") => "+3545550100",
        (_, pattern) if pattern.contains("[0-9a-f]{64}") => "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        (_, pattern) if pattern.contains("\"v") => "\"v1\"",
        (_, pattern) if pattern.contains("[0-9]+") => "1",
        _ => "crawled",
    };
    made.to_owned()
}

/// A value as a path or a query carries it.
pub fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
