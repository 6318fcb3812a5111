//! What a restore holds, letting it go, and putting away what was done or must not be done.

use std::time::SystemTime;

use axum::extract::RawQuery;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use statehouse_store::held::{self, After, KINDS};

use super::Keeper;
use super::asked::{Asked, Ids, no_kind, no_place};
use super::messages;
use crate::people::At;
use crate::{Json, Problem};

/// All of a kind, or all.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OfKind {
    #[serde(default)]
    kind: Option<String>,
}

/// What is put away, and what somebody goes by.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Discard {
    ids: Vec<String>,
    evidence: String,
}

/// What somebody goes by.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Evidence {
    evidence: String,
}

pub(super) async fn list(keeper: Keeper, query: RawQuery) -> Result<Json<Value>, Problem> {
    let asked = Asked::read_kind(query, &KINDS)?;
    let after = asked.after.as_deref().map(|text| place(text).ok_or_else(no_place)).transpose()?;
    let (kind, after, limit) = (asked.kind.as_deref(), after.as_ref(), asked.limit);
    let found = keeper.caller.ask(|db, session| async move { held::list(&db, &session, kind, after, limit).await }).await?;
    let next = found.last().filter(|_| asked.is_full(found.len())).map(told_place);
    Ok(Json(json!({ "data": found, "next": next })))
}

pub(super) async fn release(keeper: Keeper, Json(wanted): Json<Ids>) -> Result<Json<Value>, Problem> {
    let ids = &wanted.texts()?;
    let released = keeper.caller.ask(|db, session| async move { held::release(&db, &session, ids).await }).await?;
    let data: Vec<Value> = ids.iter().map(|id| json!({ "id": id, "released": released.contains(id) })).collect();
    Ok(Json(json!({ "data": data })))
}

pub(super) async fn release_all(keeper: Keeper, Json(wanted): Json<OfKind>) -> Result<Json<Value>, Problem> {
    let kind = wanted.kind.as_deref();
    if let Some(other) = kind.filter(|kind| !KINDS.contains(kind)) {
        return Err(no_kind(other, &KINDS));
    }
    let released = keeper.caller.ask(|db, session| async move { held::release_some(&db, &session, kind).await }).await?;
    Ok(Json(json!({ "released": released })))
}

pub(super) async fn discard(keeper: Keeper, Json(wanted): Json<Discard>) -> Result<Json<Value>, Problem> {
    let (ids, evidence) = (&Ids::of(wanted.ids).texts()?, wanted.evidence.as_str());
    let discarded = keeper.caller.ask(|db, session| async move { held::discard(&db, &session, ids, evidence).await }).await?;
    let data: Vec<Value> = ids.iter().map(|id| json!({ "id": id, "discarded": discarded.contains(id) })).collect();
    Ok(Json(json!({ "data": data })))
}

pub(super) async fn discard_message(keeper: Keeper, At(id): At<String>, Json(said): Json<Evidence>) -> Result<Json<Value>, Problem> {
    let (id, evidence) = (messages::id_of(&id), said.evidence.as_str());
    let there = keeper.caller.ask(|db, session| async move { statehouse_store::inbox::one(&db, &session, id).await }).await?;
    there.ok_or_else(messages::unknown)?;
    let ids = &[format!("message:{id}")];
    let discarded = keeper.caller.ask(|db, session| async move { held::discard(&db, &session, ids, evidence).await }).await?;
    Ok(Json(json!({ "discarded": !discarded.is_empty() })))
}

/// A place in the list: when the last one of a page was due, to the microsecond, and which it was.
fn told_place(last: &Value) -> String {
    let at = last["due_at"].as_str().and_then(|at| at.parse::<Timestamp>().ok()).unwrap_or_default();
    format!("{}.{}", at.as_microsecond(), last["id"].as_str().unwrap_or_default())
}

fn place(text: &str) -> Option<After> {
    let (us, id) = text.split_once('.')?;
    let at = Timestamp::from_microsecond(us.parse().ok()?).ok()?;
    Some(After { due_at: SystemTime::from(at), id: id.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_was_told() {
        let last = json!({ "due_at": "2026-11-20T12:00:00.123456+00:00", "id": "schedule:morning" });
        let at: Timestamp = "2026-11-20T12:00:00.123456Z".parse().expect("a time");
        assert_eq!(place(&told_place(&last)), Some(After { due_at: at.into(), id: "schedule:morning".into() }));
        assert_eq!(told_place(&last), "1795176000123456.schedule:morning");
        for wrong in ["", "x", "1795176000123456", "noon.schedule:morning", "99999999999999999999.x"] {
            assert_eq!(place(wrong), None, "{wrong}");
        }
    }
}
