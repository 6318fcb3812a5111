//! Effects and the gates they pass.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::extract::RawQuery;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use statehouse_definition::model::Class;
use statehouse_fault::SH1002;
use statehouse_store::effects::{self, After, Gate, Id, Owed, STATES};
use uuid::Uuid;

use super::Keeper;
use super::asked::{Asked, Ids, moment, no_place};
use crate::people::At;
use crate::{Json, Problem};

/// What somebody says became of an effect.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Resolution {
    happened: bool,
    evidence: String,
}

pub(super) async fn list(keeper: Keeper, query: RawQuery) -> Result<Json<Value>, Problem> {
    let asked = Asked::read(query, &STATES, false)?;
    let after = asked.after.as_deref().map(|text| place(text).ok_or_else(no_place)).transpose()?;
    let states: Vec<&str> = if asked.states.is_empty() { STATES.into() } else { asked.states.iter().map(String::as_str).collect() };
    let (states, limit) = (&states, asked.limit);
    let found = keeper.caller.ask(|db, session| async move { effects::outbox(&db, &session, states, after, limit).await }).await?;
    let next = found.last().filter(|_| asked.is_full(found.len())).map(|last| told_place(last.due_at, last.id));
    Ok(Json(json!({ "data": found.iter().map(shown).collect::<Vec<_>>(), "next": next })))
}

pub(super) async fn gates(keeper: Keeper) -> Result<Json<Value>, Problem> {
    let found = keeper.caller.ask(|db, session| async move { effects::gates(&db, &session).await }).await?;
    Ok(Json(json!({ "data": found.iter().map(gate).collect::<Vec<_>>() })))
}

pub(super) async fn replay_one(keeper: Keeper, At(id): At<String>) -> Result<Json<Value>, Problem> {
    let ids = &[id_of(&id)];
    let replayed = keeper.caller.ask(|db, session| async move { effects::replay(&db, &session, ids).await }).await?;
    let one = replayed.first().ok_or_else(unknown)?;
    Ok(Json(json!({ "due": one.due })))
}

pub(super) async fn replay(keeper: Keeper, Json(wanted): Json<Ids>) -> Result<Json<Value>, Problem> {
    let wanted = wanted.read(Id::parse)?;
    let ids: Vec<Id> = wanted.iter().filter_map(|(_, id)| *id).collect();
    let ids = &ids;
    let replayed = keeper.caller.ask(|db, session| async move { effects::replay(&db, &session, ids).await }).await?;
    let due = |id: &Option<Id>| id.is_some_and(|id| replayed.iter().any(|one| one.id == id && one.due));
    let data: Vec<Value> = wanted.iter().map(|(text, id)| json!({ "id": text, "due": due(id) })).collect();
    Ok(Json(json!({ "data": data })))
}

pub(super) async fn resolve(keeper: Keeper, At(id): At<String>, Json(said): Json<Resolution>) -> Result<StatusCode, Problem> {
    let (id, said) = (id_of(&id), &said);
    keeper.caller.ask(|db, session| async move { effects::resolve(&db, &session, id, said.happened, &said.evidence).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What is no id is asked for as one of nothing, so that it is answered in the very words of the database.
fn id_of(text: &str) -> Id {
    Id::parse(text).unwrap_or(Id { record: Uuid::nil(), seq: 1, n: 1 })
}

fn unknown() -> Problem {
    Problem::new(SH1002, "there is no such effect that you can see").with_help("check the id")
}

fn shown(owed: &Owed) -> Value {
    json!({
        "id": owed.id.to_string(), "entity": owed.entity, "record": owed.id.record, "verb": owed.verb, "connector": owed.connector,
        "action": owed.action, "class": class(owed.class), "call": owed.call, "state": owed.state, "due_at": moment(owed.due_at),
        "attempt": owed.attempt, "doubt": owed.doubt, "code": owed.code, "tried": owed.tried, "finished_at": owed.finished_at.map(moment),
    })
}

fn gate(gate: &Gate) -> Value {
    json!({
        "connector": gate.connector, "state": gate.state, "failures": gate.failures, "opened_at": gate.opened_at.map(moment),
        "open_until": gate.open_until.map(moment), "blocked_until": gate.blocked_until.map(moment), "due": gate.due,
        "oldest_due_at": gate.oldest_due_at.map(moment),
    })
}

fn class(class: Class) -> &'static str {
    match class {
        Class::K => "K",
        Class::Q => "Q",
        Class::N => "N",
    }
}

/// A place in the list: when the last one of a page was due, to the microsecond, and which it was.
fn told_place(due_at: SystemTime, id: Id) -> String {
    let us = due_at.duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
    format!("{us}.{id}")
}

fn place(text: &str) -> Option<After> {
    let (us, id) = text.split_once('.')?;
    let us: u64 = us.parse().ok().filter(|us: &u64| us.to_string() == text.split('.').next().unwrap_or_default())?;
    // Beyond the year 9999 Postgres and we may differ on what there is.
    let due_at = (us < 253_402_300_800_000_000).then(|| UNIX_EPOCH + Duration::from_micros(us))?;
    Some(After { due_at, id: Id::parse(id)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_was_told_and_nothing_else_is() {
        let id = Id::parse("0199a0000000700080000000000d1ce5-7-2").expect("an id");
        let at = UNIX_EPOCH + Duration::from_micros(1_764_000_000_123_456);
        let told = told_place(at, id);
        assert_eq!(told, "1764000000123456.0199a0000000700080000000000d1ce5-7-2");
        assert_eq!(place(&told), Some(After { due_at: at, id }));
        for wrong in [
            "",
            ".",
            "1",
            "01.0199a0000000700080000000000d1ce5-7-2",
            "-1.0199a0000000700080000000000d1ce5-7-2",
            "1.x-1-1",
            "99999999999999999999.0199a0000000700080000000000d1ce5-7-2",
        ] {
            assert_eq!(place(wrong), None, "{wrong}");
        }
    }
}
