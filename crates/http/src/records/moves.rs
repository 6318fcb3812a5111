//! What may be done with a record, and doing it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::{Map, Value, json};
use statehouse_definition::model::{Entity, FieldKind, Texts};
use statehouse_fault::Fault;
use statehouse_store::record::{self, Move, Opening, Shape};

use super::answer;
use super::asked::{At, key, target, wants_minimal};
use super::body::Body;
use crate::{Caller, Problem, Shared, etag};

/// `GET /v1/{entity}/{id}/transitions`.
pub(super) async fn openings(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    At((entity, id)): At<(String, String)>,
) -> Result<Response, Problem> {
    let running = shared.running();
    let shape = Shape::of(&running.app, &caller.session.role, &entity)?;
    let (shape, record) = (&shape, target(&id));
    let (_, version, openings) = caller.ask(|db, session| async move { record::openings(&db, &session, shape, record).await }).await?;
    let data: Vec<Value> = openings.iter().map(|one| shown(shape.entity, one, &caller.session.locale)).collect();
    Ok(answer::tagged(answer::json(StatusCode::OK, json!({ "data": data }).to_string()), version))
}

/// `POST /v1/{entity}/{id}/transitions/{verb}`.
pub(super) async fn fire(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    At((entity, id, verb)): At<(String, String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let running = shared.running();
    let shape = Shape::of(&running.app, &caller.session.role, &entity)?;
    let input = body.input(&verb, shape.entity)?;
    let wanted = Move {
        entity: &entity,
        record: target(&id),
        verb: &verb,
        input: input.as_ref(),
        key: key(&headers)?,
        version: etag::if_match(&headers)?,
    };
    let (shape, wanted) = (&shape, &wanted);
    record::reachable(shape, wanted.record).map_err(|fault| Problem::from(fault).with_verb(&*verb))?;
    let fired = if wants_minimal(&headers) {
        let lanes = &shared.lanes;
        caller.ask(|_, session| async move { lanes.fire(&session, wanted).await.map(|moved| (moved, None)) }).await
    } else {
        caller
            .ask(|db, session| async move { record::fire_seen(&db, &session, wanted, shape).await.map(|done| (done.moved, done.seen)) })
            .await
    };
    let (moved, seen) = fired.map_err(|fault| answer::precondition(&headers, Problem::from(fault).with_verb(&*verb)))?;
    Ok(answer::written(StatusCode::OK, &moved, seen))
}

fn shown(entity: &Entity, opening: &Opening, locale: &str) -> Value {
    let transition = &entity.transitions[&opening.verb];
    let refused_by: Vec<Value> = opening.refused.iter().flat_map(reasons).collect();
    json!({
        "verb": opening.verb,
        "label": say(&transition.label, locale, &opening.verb),
        "to": opening.to,
        "open": opening.open,
        "input": input(entity, &opening.verb),
        "refused_by": refused_by,
    })
}

/// Every guard that refuses; what else refuses is named by its code's own word.
fn reasons(fault: &Fault) -> Vec<Value> {
    if fault.refused_by.is_empty() {
        return vec![json!({ "guard": fault.code.slug, "message": fault.detail, "code": fault.code, "help": fault.help })];
    }
    fault.refused_by.iter().map(|one| json!({ "guard": one.guard, "message": one.message, "code": fault.code })).collect()
}

/// A text in the caller's language, else in the app's first.
fn say<'a>(texts: &'a Texts, locale: &str, otherwise: &'a str) -> &'a str {
    texts.get(locale).or_else(|| texts.values().next()).map_or(otherwise, String::as_str)
}

/// What the verb takes, as JSON Schema.
fn input(entity: &Entity, verb: &str) -> Value {
    let transition = &entity.transitions[verb];
    let mut properties = Map::new();
    for name in transition.input.keys() {
        if let Some(field) = entity.fields.get(name) {
            properties.insert(name.clone(), schema(&field.kind));
        }
    }
    let required: Vec<&String> = transition.input.iter().filter(|(_, input)| input.required).map(|(name, _)| name).collect();
    json!({ "type": "object", "additionalProperties": false, "properties": properties, "required": required })
}

fn schema(kind: &FieldKind) -> Value {
    match kind {
        FieldKind::Enum(values) => json!({ "type": "string", "enum": values }),
        FieldKind::Integer | FieldKind::Money => json!({ "type": "integer" }),
        FieldKind::Decimal | FieldKind::Percent => json!({ "type": ["string", "number"], "format": "decimal" }),
        FieldKind::Date => json!({ "type": "string", "format": "date" }),
        FieldKind::Timestamp => json!({ "type": "string", "format": "date-time" }),
        FieldKind::Bool => json!({ "type": "boolean" }),
        FieldKind::Ref(of) => json!({ "type": "string", "format": "uuid", "description": format!("id of a `{of}`") }),
        FieldKind::Member => json!({ "type": "string", "format": "uuid" }),
        FieldKind::Json => json!({}),
        _ => json!({ "type": "string" }),
    }
}
