//! `POST /v1/{entity}/bulk`: one verb on many records, a verdict for each.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};
use statehouse_definition::model::Through;
use statehouse_fault::{SH2006, SH4001, SH8002};
use statehouse_store::record::{self, Item, Outcome, Shape, Values};

use super::answer;
use super::asked::{At, bad_key, is_key, target};
use super::body::{Body, input};
use crate::{Caller, Problem, Shared};

const ITEMS_MAX: usize = 1000;

/// What is to move.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Many {
    verb: String,
    items: Vec<One>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct One {
    id: String,
    #[serde(default)]
    input: Option<Values>,
    #[serde(default)]
    key: Option<String>,
    #[serde(default)]
    version: Option<i32>,
}

/// Moves them; 200 when all moved, else 207.
pub(super) async fn bulk(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    At(entity): At<String>,
    body: Body,
) -> Result<Response, Problem> {
    let running = shared.running();
    let shape = Shape::of(&running.app, &caller.session.role, &entity)?;
    if running.app.roles.get(&caller.session.role).is_some_and(|role| role.by != Through::Membership) {
        // A link leads to one record, and a form to none.
        return Err(
            Problem::new(SH2006, format!("`{}` moves one record at a time", caller.session.role)).with_help("fire the verb on the record")
        );
    }
    let many: Many = body.read_typed()?;
    if !shape.entity.transitions.contains_key(&many.verb) {
        return Err(Problem::new(SH4001, format!("`{entity}` has no verb `{}`", many.verb)));
    }
    if many.items.len() > ITEMS_MAX {
        return Err(Problem::new(SH8002, format!("{} records in one call", many.items.len())).with_help("move at most 1000 at once"));
    }
    if many.items.iter().filter_map(|one| one.key.as_deref()).any(|key| !is_key(key)) {
        return Err(bad_key());
    }
    let given = many.items.iter().map(|one| one.input.as_ref().map_or(Ok(None), input));
    let inputs: Vec<Option<Value>> = given.collect::<Result<_, _>>()?;
    let items: Vec<Item<'_>> = many
        .items
        .iter()
        .zip(&inputs)
        .map(|(one, input)| Item { record: target(&one.id), input: input.as_ref(), key: one.key.as_deref(), version: one.version })
        .collect();
    let (shape, verb, items) = (&shape, many.verb.as_str(), items.as_slice());
    let outcomes = caller.ask(|db, session| async move { record::bulk(&db, &session, shape, verb, items).await }).await?;
    let all = outcomes.iter().all(Result::is_ok);
    let data: Vec<Value> = many.items.iter().zip(outcomes).map(|(one, outcome)| shown(&one.id, outcome)).collect();
    let status = if all { StatusCode::OK } else { StatusCode::MULTI_STATUS };
    Ok(answer::json(status, json!({ "data": data }).to_string()))
}

fn shown(id: &str, outcome: Outcome) -> Value {
    match outcome {
        Ok(moved) => json!({ "id": id, "moved": true, "state": moved.state, "version": moved.version, "replayed": moved.replayed }),
        Err(fault) => json!({ "id": id, "moved": false, "problem": Problem::from(fault).body() }),
    }
}
