//! `POST /v1/queue`: moves a caller made while offline, in the order in which they were made.
//!
//! A move names the one it was decided after, by that one's key, or the version it was decided upon. What belongs
//! together so is a card. Once a move of a card is refused, those that follow it are not tried: what their author saw
//! never happened. A queue may be sent again whole: what moved answers as it did.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};
use statehouse_fault::{SH6401, SH8002};
use statehouse_store::record::{self, Move, Moved, Shape, Values};
use uuid::Uuid;

use super::answer;
use super::asked::{bad_key, is_key, target};
use super::body::{Body, input};
use crate::{Caller, Problem, Shared};

const ITEMS_MAX: usize = 100;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Queue {
    items: Vec<Waiting>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Waiting {
    entity: String,
    id: String,
    verb: String,
    #[serde(default)]
    input: Option<Values>,
    key: String,
    #[serde(default)]
    version: Option<i32>,
    #[serde(default)]
    after: Option<After>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum After {
    Version(i32),
    Key(String),
}

/// What became of a move so far.
enum Done {
    Moved(Moved),
    Refused(Problem),
}

/// Makes the moves one by one and answers with the cards.
pub(super) async fn flush(caller: Caller, State(shared): State<Arc<Shared>>, body: Body) -> Result<Response, Problem> {
    let queue: Queue = body.read_typed()?;
    if queue.items.len() > ITEMS_MAX {
        return Err(Problem::new(SH8002, format!("{} moves in one queue", queue.items.len())).with_help("send at most 100 at once"));
    }
    if queue.items.iter().any(|one| !is_key(&one.key)) {
        return Err(bad_key());
    }
    let mut cards: Vec<Vec<Value>> = Vec::new();
    let mut refused: Vec<bool> = Vec::new();
    let mut earlier: HashMap<&str, (usize, Uuid, Option<i32>)> = HashMap::new();
    for one in &queue.items {
        let before = match &one.after {
            Some(After::Key(key)) => earlier.get(key.as_str()).copied(),
            _ => None,
        };
        let card = before.map_or(cards.len(), |(card, ..)| card);
        if card == cards.len() {
            cards.push(Vec::new());
            refused.push(false);
        }
        let done = one.follow(&caller, &shared, before.map(|(_, record, version)| (record, version))).await;
        let (record, version) = match &done {
            Done::Moved(moved) => (moved.id, Some(moved.version)),
            Done::Refused(_) => (Uuid::nil(), None),
        };
        earlier.insert(&one.key, (card, record, version));
        refused[card] |= matches!(done, Done::Refused(_));
        cards[card].push(one.shown(&done));
    }
    let cards: Vec<Value> = cards.into_iter().zip(refused).map(|(items, refused)| json!({ "refused": refused, "items": items })).collect();
    Ok(answer::json(StatusCode::OK, json!({ "cards": cards }).to_string()))
}

impl Waiting {
    /// The move, unless the one before it did not move. `before` is the one of this queue that it follows.
    async fn follow(&self, caller: &Caller, shared: &Shared, before: Option<(Uuid, Option<i32>)>) -> Done {
        let version = match (&self.after, before) {
            (None, _) => self.version,
            (Some(After::Version(version)), _) => Some(*version),
            (Some(After::Key(key)), Some((_, None))) => return self.not_tried(key),
            (Some(After::Key(_)), Some((record, Some(version)))) => self.version_after(record, version),
            // Of a queue that was sent before.
            (Some(After::Key(key)), None) => match caller.ask(|db, session| async move { record::keyed(&db, &session, key).await }).await {
                Ok(Some(kept)) => self.version_after(kept.record, kept.version),
                Ok(None) => return self.not_tried(key),
                Err(fault) => return Done::Refused(fault.into()),
            },
        };
        match self.fire(caller, shared, version).await {
            Ok(moved) => Done::Moved(moved),
            Err(problem) => Done::Refused(problem.with_verb(&*self.verb)),
        }
    }

    /// On the same record nothing may have come between; on another one the caller's own version counts.
    fn version_after(&self, record: Uuid, version: i32) -> Option<i32> {
        if self.id.parse() == Ok(record) { Some(version) } else { self.version }
    }

    fn not_tried(&self, key: &str) -> Done {
        let detail = format!("`{}` was not tried, because `{key}` did not move", self.key);
        Done::Refused(Problem::new(SH6401, detail).with_verb(&*self.verb))
    }

    async fn fire(&self, caller: &Caller, shared: &Shared, version: Option<i32>) -> Result<Moved, Problem> {
        let running = shared.running();
        record::reachable(&Shape::of(&running.app, &caller.session.role, &self.entity)?, target(&self.id))?;
        let input = self.input.as_ref().map_or(Ok(None), input)?;
        let wanted =
            Move { entity: &self.entity, record: target(&self.id), verb: &self.verb, input: input.as_ref(), key: Some(&self.key), version };
        let wanted = &wanted;
        Ok(caller.ask(|db, session| async move { record::fire(&db, &session, wanted).await }).await?)
    }

    fn shown(&self, done: &Done) -> Value {
        let mut item = json!({ "key": self.key, "entity": self.entity, "id": self.id, "verb": self.verb });
        match done {
            Done::Moved(moved) => {
                item["moved"] = true.into();
                item["state"] = moved.state.as_str().into();
                item["version"] = moved.version.into();
                item["replayed"] = moved.replayed.into();
            }
            Done::Refused(problem) => {
                item["moved"] = false.into();
                item["problem"] = problem.body();
            }
        }
        item
    }
}
