//! Messages, and looking at them again.

use axum::extract::RawQuery;
use serde_json::{Value, json};
use statehouse_fault::SH1002;
use statehouse_store::inbox::{self, Filter, STATES};
use uuid::Uuid;

use super::Keeper;
use super::asked::{Asked, Ids, no_place};
use crate::people::At;
use crate::{Json, Problem};

pub(super) async fn list(keeper: Keeper, query: RawQuery) -> Result<Json<Value>, Problem> {
    let asked = Asked::read(query, &STATES, true)?;
    let before = asked.after.as_deref().map(|text| text.parse().map_err(|_| no_place())).transpose()?;
    let states = Some(asked.states.as_slice()).filter(|states| !states.is_empty());
    let (filter, limit) = (&Filter { states, source: asked.source.as_deref(), before }, asked.limit);
    let found = keeper.caller.ask(|db, session| async move { inbox::list(&db, &session, filter, limit).await }).await?;
    let next = found.last().filter(|_| asked.is_full(found.len())).map(|last| last["id"].clone());
    Ok(Json(json!({ "data": found, "next": next })))
}

pub(super) async fn one(keeper: Keeper, At(id): At<String>) -> Result<Json<Value>, Problem> {
    let id = id_of(&id);
    let found = keeper.caller.ask(|db, session| async move { inbox::one(&db, &session, id).await }).await?;
    found.map(Json).ok_or_else(unknown)
}

pub(super) async fn replay_one(keeper: Keeper, At(id): At<String>) -> Result<Json<Value>, Problem> {
    let id = id_of(&id);
    let there = keeper.caller.ask(|db, session| async move { inbox::one(&db, &session, id).await }).await?;
    there.ok_or_else(unknown)?;
    let ids = &[id];
    let due = keeper.caller.ask(|db, session| async move { inbox::replay(&db, &session, ids).await }).await?;
    Ok(Json(json!({ "due": !due.is_empty() })))
}

pub(super) async fn replay(keeper: Keeper, Json(wanted): Json<Ids>) -> Result<Json<Value>, Problem> {
    let wanted = wanted.read(|text| text.parse::<Uuid>().ok())?;
    let ids: Vec<Uuid> = wanted.iter().filter_map(|(_, id)| *id).collect();
    let ids = &ids;
    let again = keeper.caller.ask(|db, session| async move { inbox::replay(&db, &session, ids).await }).await?;
    let due = |id: &Option<Uuid>| id.is_some_and(|id| again.contains(&id));
    let data: Vec<Value> = wanted.iter().map(|(text, id)| json!({ "id": text, "due": due(id) })).collect();
    Ok(Json(json!({ "data": data })))
}

/// What is no id is asked for as one of nothing, so that it takes as long.
pub(super) fn id_of(text: &str) -> Uuid {
    text.parse().unwrap_or(Uuid::nil())
}

pub(super) fn unknown() -> Problem {
    Problem::new(SH1002, "there is no such message that you can see").with_help("check the id")
}
