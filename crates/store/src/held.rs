//! What a restore holds, and how a member with `outside.manage` lets it go or puts it away.
//!
//! Each held thing has an id that says what it is: `effect:…`, `message:…`, `timer:…`, `schedule:…`, `source:…`,
//! `delivery:…`. What is no id, or names nothing of the caller's tenant and app, is left as it is and told so.

use std::time::SystemTime;

use serde_json::Value;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::effects::Id;
use crate::people::doors;
use crate::record::Session;
use crate::{Db, StoreFault};

/// Every kind of thing that can be held.
pub const KINDS: [&str; 6] = ["effect", "message", "timer", "schedule", "source", "delivery"];
/// The longest page, and the most ids in one call.
pub const PAGE_MAX: i32 = 200;
/// How many go at once where all of them are let go.
const BITE: i32 = 500;

/// Whether a text has the form that the id of a held thing has; whether it names one is for the database to say.
pub fn is_id(text: &str) -> bool {
    let all = |text: &str, fits: fn(u8) -> bool| !text.is_empty() && text.bytes().all(fits);
    let uuid = |text: &str| Uuid::parse_str(text).is_ok_and(|id| id.to_string() == text);
    let Some((kind, rest)) = text.split_once(':') else { return false };
    match kind {
        "effect" => Id::parse(rest).is_some(),
        "message" => uuid(rest),
        "timer" => rest.split_once(':').is_some_and(|(record, verb)| {
            uuid(record) && all(verb, |byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_.".contains(&byte))
        }),
        "schedule" | "source" => all(rest, |byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'),
        "delivery" => rest.strip_prefix("msg_").is_some_and(|rest| {
            let parts: Vec<&str> = rest.split('_').collect();
            parts.len() == 3
                && parts[0].len() == 32
                && all(parts[0], |byte| byte.is_ascii_hexdigit())
                && all(parts[1], |byte| byte.is_ascii_digit())
                && all(parts[2], |byte| byte.is_ascii_digit())
        }),
        _ => false,
    }
}

/// Where a page begins: after this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct After {
    /// When it is due.
    pub due_at: SystemTime,
    /// Itself.
    pub id: String,
}

/// A page of what is held, of one kind or of all, what was due first first: `{id, kind, entity, record, verb, name, due_at,
/// doubt}`, times in RFC 3339. `name` is the connector and action, the source, the schedule, or the event.
///
/// # Errors
/// `SH6505` without `outside.manage`, faults of storage and of the session.
pub async fn list(db: &Db, session: &Session, kind: Option<&str>, after: Option<&After>, most: i32) -> Result<Vec<Value>, StoreFault> {
    let (at, id) = (after.map(|after| after.due_at), after.map(|after| after.id.as_str()));
    let most = most.clamp(1, PAGE_MAX);
    let given: [&(dyn ToSql + Sync); 4] = [&kind, &at, &id, &most];
    doors::list(db, session, "listing what is held", include_str!("../queries/held_list.sql"), &given).await
}

/// Lets things go on, at most [`PAGE_MAX`]; those that this call let go. A second call lets none go.
///
/// # Errors
/// As [`list`], and `SH8002` for too many.
pub async fn release(db: &Db, session: &Session, ids: &[String]) -> Result<Vec<String>, StoreFault> {
    statehouse_fault::point!("store.release_held:before");
    let rows = doors::call(db, session, "letting go what is held", include_str!("../queries/held_release.sql"), &[&ids]).await;
    statehouse_fault::point!("store.release_held:after");
    Ok(rows?.iter().map(|row| row.get(0)).collect())
}

/// Lets go some of what is held, of one kind or of all, what was due first first; how many, and none where none is left.
///
/// # Errors
/// As [`list`].
pub async fn release_some(db: &Db, session: &Session, kind: Option<&str>) -> Result<u32, StoreFault> {
    statehouse_fault::point!("store.release_all_held:before");
    let rows = doors::call(db, session, "letting go what is held", include_str!("../queries/held_release_all.sql"), &[&kind, &BITE]).await;
    statehouse_fault::point!("store.release_all_held:after");
    Ok(rows?.first().map_or(0, |row| row.get::<_, i32>(0)).unsigned_abs())
}

/// Puts things away for good, at most [`PAGE_MAX`], since they were done or must not be done, and says what the caller goes
/// by, in at least three characters; those that this call put away. Besides what is held: effects that are dead or
/// unknown, messages that wait or came to nothing, timers that are refused.
///
/// # Errors
/// As [`release`], `SH7022` without evidence, and `SH7021` for a call of a claiming transition, which its record's own verbs
/// end.
pub async fn discard(db: &Db, session: &Session, ids: &[String], evidence: &str) -> Result<Vec<String>, StoreFault> {
    let evidence = evidence.replace('\0', "");
    statehouse_fault::point!("store.discard_held:before");
    let rows = doors::call(db, session, "putting away what is held", include_str!("../queries/held_discard.sql"), &[&ids, &evidence]).await;
    statehouse_fault::point!("store.discard_held:after");
    Ok(rows?.iter().map(|row| row.get(0)).collect())
}

#[cfg(test)]
mod tests {
    use super::is_id;

    #[test]
    fn an_id_says_its_kind_and_what_it_names() {
        let uuid = "0199a000-0000-7000-8000-0000000d1ce5";
        let hex = uuid.replace('-', "");
        for id in [
            format!("effect:{hex}-7-2"),
            format!("message:{uuid}"),
            format!("timer:{uuid}:charge.unknown"),
            "schedule:nightly".into(),
            "source:mercado_pago".into(),
            format!("delivery:msg_{hex}_123_4"),
        ] {
            assert!(is_id(&id), "{id}");
        }
        let other =
            ["", "x", "effect:", "effect:x", "message:x", "schedule:", "source:A", "delivery:msg_1_2_3", "other:1"].map(str::to_owned);
        for id in other.into_iter().chain([
            uuid.into(),
            format!("message:{hex}"),
            format!("timer:{uuid}"),
            format!("timer:{uuid}:"),
            format!("delivery:msg_{hex}_1"),
        ]) {
            assert!(!is_id(&id), "{id}");
        }
    }
}
