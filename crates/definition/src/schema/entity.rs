//! The schema of `entities/NAME.yaml`: one branch per entity with its own names, and one with all of them.

use serde_json::{Map, Value, json};

use crate::model::{Action, App, Entity, FieldKind};
use crate::read::TYPES;
use crate::read::words::ENGINE_COLUMNS;
use crate::schema::parts::{bool, expression, keyed, label, name_pattern, named, names, object, some};

/// The names one entity may use.
struct Own {
    states: Vec<String>,
    claims: Vec<String>,
    fields: Vec<String>,
    children: Vec<String>,
    columns: Vec<String>,
    verbs: Vec<String>,
    references: Vec<String>,
    rules: Vec<String>,
}

pub(super) fn schema(app: &App) -> Value {
    let mut definitions = Map::new();
    let mut branches = Vec::new();
    let all: Vec<&Entity> = app.entities.values().collect();
    definitions.insert("any".to_owned(), one(app, &own(app, &all)));
    for entity in app.entities.values() {
        let key = format!("entity_{}", entity.name);
        definitions.insert(key.clone(), one(app, &own(app, &[entity])));
        branches.push(json!({
            "if": { "properties": { "entity": { "const": entity.name } }, "required": ["entity"] },
            "then": { "$ref": format!("#/definitions/{key}") },
        }));
    }
    let known: Vec<&String> = app.entities.keys().collect();
    branches.push(json!({
        "if": { "properties": { "entity": { "not": { "enum": known } } } },
        "then": { "$ref": "#/definitions/any" },
    }));
    definitions.insert("field".to_owned(), field(app));
    json!({ "type": "object", "required": ["entity", "states"], "allOf": branches, "definitions": definitions })
}

fn own(app: &App, entities: &[&Entity]) -> Own {
    let mut own = Own {
        states: Vec::new(),
        claims: Vec::new(),
        fields: Vec::new(),
        children: Vec::new(),
        columns: Vec::new(),
        verbs: Vec::new(),
        references: Vec::new(),
        rules: vec!["all".to_owned(), "nothing".to_owned()],
    };
    for entity in entities {
        own.states.extend(entity.states.keys().cloned());
        own.claims.extend(entity.states.iter().filter(|(_, state)| state.claim).map(|(name, _)| name.clone()));
        own.children.extend(entity.children.keys().cloned());
        own.verbs.extend(entity.transitions.iter().filter(|(_, one)| one.outcome.is_none()).map(|(verb, _)| verb.clone()));
        for (name, field) in &entity.fields {
            own.fields.push(name.clone());
            match &field.kind {
                FieldKind::Member => own.rules.push(format!("{name} = actor()")),
                FieldKind::Ref(to) => {
                    own.references.push(name.clone());
                    let sets = app.sets.iter().filter(|(_, set)| set.of == *to);
                    own.rules.extend(sets.map(|(set, _)| format!("{name} = any({set}())")));
                }
                _ => {}
            }
        }
        for (child, one) in &entity.children {
            own.columns.extend(one.fields.keys().map(|field| format!("{child}.{field}")));
        }
    }
    own.columns.extend(own.fields.iter().chain(&own.children).cloned());
    own
}

fn one(app: &App, own: &Own) -> Value {
    let field = json!({ "$ref": "#/definitions/field" });
    let fields = json!({
        "type": "object",
        "propertyNames": { "pattern": name_pattern(), "not": { "enum": ENGINE_COLUMNS } },
        "additionalProperties": field,
    });
    let child = json!({ "anyOf": [object(json!({ "label": label(app), "fields": fields }), &["fields"]), fields] });
    let properties = json!({
        "entity": { "type": "string", "pattern": name_pattern() },
        "label": label(app),
        "reference": { "type": "string", "pattern": "\\{number(:[0-9]+)?\\}", "examples": ["ORD-{number:6}"] },
        "fields": fields,
        "children": named(child),
        "states": named(state(app, own)),
        "transitions": named(transition(app, own)),
        "access": keyed(app.roles.keys().chain(app.capabilities.keys()), access(own)),
        "exclude": { "type": "object" },
        "uniques": named(some(names(&own.fields))),
    });
    object(properties, &["entity", "states"])
}

fn field(app: &App) -> Value {
    let entities = names(app.entities.keys().cloned().chain(["member".to_owned()]));
    object(
        json!({
            "type": { "enum": TYPES },
            "ref": entities,
            "to": entities,
            "of": some(json!({ "type": "string" })),
            "required": bool(),
            "unique": bool(),
            "default": expression("the value of a new record that names none"),
            "computed": expression("worked out from the same row"),
            "rollup": expression("an aggregate over children, such as `sum(lines.net)`"),
            "per": some(json!({ "type": "string" })),
            "price": names(app.calculators.keys()),
            "allocate": { "type": "string", "description": "the parent's field that is shared out" },
            "over": { "type": "string", "description": "the field that weighs" },
            "check": expression("must hold whenever the field is not null"),
            "personal": bool(),
            "label": label(app),
        }),
        &[],
    )
}

fn state(app: &App, own: &Own) -> Value {
    let duration = super::parts::duration();
    object(
        json!({
            "label": label(app),
            "initial": bool(),
            "final": bool(),
            "claim": bool(),
            "owner": names(app.roles.keys().cloned().chain(["system".to_owned()])),
            "within": duration,
            "until": names(&own.fields),
            "then": names(&own.verbs),
            "late": names(&own.verbs),
            "may_wait": { "const": "forever" },
            "required": some(names(&own.fields)),
        }),
        &[],
    )
}

fn transition(app: &App, own: &Own) -> Value {
    let kinds = ["timer", "webhook", "connector", "system"].map(str::to_owned);
    let people: Vec<&String> = app.roles.keys().chain(app.capabilities.keys()).collect();
    let actors = app.roles.keys().chain(app.capabilities.keys()).cloned().chain(kinds);
    let guard = object(json!({ "that": expression("null refuses"), "else": label(app) }), &["that", "else"]);
    let need = json!({ "enum": ["required", "optional"] });
    let all_states = app.entities.values().flat_map(|entity| entity.states.keys());
    let all_verbs = app.entities.values().flat_map(|entity| entity.transitions.keys());
    let cascade = object(
        json!({
            "of": names(app.entities.keys()),
            "through": { "type": "string" },
            "verb": names(all_verbs),
            "in": some(names(all_states)),
        }),
        &["of", "through", "verb"],
    );
    object(
        json!({
            "label": label(app),
            "from": some(names(&own.states)),
            "to": names(&own.states),
            "by": some(names(actors)),
            "input": { "anyOf": [some(names(&own.fields)), keyed(&own.fields, need)] },
            "guards": named(guard),
            "set": keyed(&own.fields, expression("the new value")),
            "auto": bool(),
            "each": some(cascade),
            "lock": names(&own.references),
            "do": { "type": "array", "items": effects(app) },
            "via": names(&own.claims),
            "call": effects(app),
            "done": landing(app, own),
            "failed": landing(app, own),
            "unknown": object(json!({ "within": super::parts::duration(), "by": some(names(people)), "label": label(app) }), &["within", "by"]),
            "late_done": landing(app, own),
        }),
        &["from"],
    )
}

/// Where an outcome of a call leads, and what it takes along.
fn landing(app: &App, own: &Own) -> Value {
    let kept = json!({ "type": "string", "description": "a text with holes: what the action's `result` gives, and code" });
    let long = object(
        json!({
            "from": some(names(&own.states)),
            "to": names(&own.states),
            "label": label(app),
            "keep": keyed(&own.fields, kept),
            "set": keyed(&own.fields, expression("the new value")),
            "do": { "type": "array", "items": effects(app) },
        }),
        &["to"],
    );
    json!({ "anyOf": [names(&own.states), long] })
}

fn effects(app: &App) -> Value {
    let mut actions = Map::new();
    for (connector, one) in &app.connectors {
        for (action, Action { args: arguments, .. }) in &one.actions {
            let mut given = keyed(arguments.keys(), json!({ "type": ["string", "number", "boolean"] }));
            let required: Vec<&String> = arguments.iter().filter(|(_, input)| input.required).map(|(name, _)| name).collect();
            given["required"] = json!(required);
            let given = if required.is_empty() { json!({ "anyOf": [given, { "type": "null" }] }) } else { given };
            actions.insert(format!("{connector}.{action}"), given);
        }
    }
    let bare = names(actions.keys());
    json!({ "anyOf": [object(Value::Object(actions), &[]), bare] })
}

fn access(own: &Own) -> Value {
    let editable = own.fields.iter().chain(&own.children);
    let see = json!({ "anyOf": [
        { "enum": own.rules },
        { "type": "string", "pattern": "^\\s*[a-z][a-z0-9_]*\\s*=\\s*(actor\\s*\\(|linked\\s*\\(|any\\s*\\()" },
    ] });
    let edit = json!({ "anyOf": [{ "enum": ["all", "nothing"] }, keyed(&own.states, some(names(editable)))] });
    object(
        json!({
            "see": see,
            "in": some(names(&own.states)),
            "create": bool(),
            "edit": edit,
            "hide": some(names(&own.columns)),
            "hide_in": keyed(&own.states, some(names(&own.columns))),
        }),
        &[],
    )
}
