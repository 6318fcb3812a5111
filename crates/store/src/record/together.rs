//! Moves that meet are sent together.
//!
//! A move costs a round trip, a transaction and a flush of the log, however small it is. While moves of one session
//! and verb are under way, those that come meanwhile wait, and go out as one `…_bulk` call when one of the first comes
//! back: nobody waits longer than for the move before, and a crowd shares what each would have paid for alone. Only
//! what moved is taken from such a call. Whatever else it says of a record, that record's move is made by itself, so
//! that its refusal, its replay or its retry is the one it would have met alone. Where there is no connection for the
//! one in front, there is none for those behind it: they are told so at once, and do not wait one after the other.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::join;
use serde_json::Value;
use statehouse_fault::Fault;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::fire::{Move, Moved, Target, fire};
use super::pipeline::within;
use super::session::Session;
use crate::{Db, StoreFault};

/// So many calls of one lane are under way before the next waits: the flush of one overlaps with the work of another.
const FLYING_MAX: usize = 2;
/// So many moves wait in a lane; one more goes by itself.
const WAITING_MAX: usize = 1000;
/// So many moves go out in one call.
const TOGETHER_MAX: usize = 64;

/// Where moves of one session, entity and verb meet.
#[derive(Debug, Clone)]
pub struct Lanes {
    db: Db,
    lanes: Arc<Mutex<HashMap<Name, Lane>>>,
}

/// Session, entity and verb. The session is named by its token, which leaves this process in no other way.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Name {
    token: String,
    entity: String,
    verb: String,
}

#[derive(Debug, Default)]
struct Lane {
    flying: usize,
    waiting: VecDeque<Waiting>,
}

/// What somebody who waits hears.
type Heard = Result<Moved, Fault>;

/// A move that waits, and where its caller listens; nothing said means that the caller has to move by itself.
#[derive(Debug)]
struct Waiting {
    id: Uuid,
    input: Option<Value>,
    key: Option<String>,
    version: Option<i32>,
    answer: oneshot::Sender<Heard>,
}

/// The right to have a call under way. When it goes, those who wait go out in the next call.
struct Pass {
    lanes: Lanes,
    name: Name,
    session: Session,
}

/// What a caller does.
enum Turn {
    Fly(Box<Pass>),
    Listen(oneshot::Receiver<Heard>),
    Alone,
}

impl std::fmt::Debug for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.entity, self.verb)
    }
}

impl Lanes {
    /// Lanes over a pool of `statehouse_api`.
    pub fn new(db: Db) -> Lanes {
        Lanes { db, lanes: Arc::default() }
    }

    /// As [`fire`](super::fire()), together with others where others are under way.
    ///
    /// # Errors
    /// As [`fire`](super::fire()).
    pub async fn fire(&self, session: &Session, wanted: &Move<'_>) -> Result<Moved, StoreFault> {
        match self.turn(session, wanted) {
            Turn::Fly(pass) => {
                let answer = fire(&self.db, session, wanted).await;
                if let Err(fault @ StoreFault::Pool { .. }) = &answer {
                    self.refuse(&pass.name, &fault.fault());
                }
                drop(pass);
                answer
            }
            Turn::Listen(answer) => match answer.await {
                Ok(heard) => heard.map_err(StoreFault::from),
                Err(_) => fire(&self.db, session, wanted).await,
            },
            Turn::Alone => fire(&self.db, session, wanted).await,
        }
    }

    fn turn(&self, session: &Session, wanted: &Move<'_>) -> Turn {
        let Target::Id(id) = wanted.record else { return Turn::Alone };
        let name = Name { token: session.token.clone(), entity: wanted.entity.to_owned(), verb: wanted.verb.to_owned() };
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let lane = lanes.entry(name.clone()).or_default();
        if lane.flying < FLYING_MAX {
            lane.flying += 1;
            return Turn::Fly(Box::new(Pass { lanes: self.clone(), name, session: session.clone() }));
        }
        if lane.waiting.len() == WAITING_MAX {
            return Turn::Alone;
        }
        let (answer, listening) = oneshot::channel();
        let (input, key) = (wanted.input.cloned(), wanted.key.map(str::to_owned));
        lane.waiting.push_back(Waiting { id, input, key, version: wanted.version, answer });
        Turn::Listen(listening)
    }

    /// Gives a pass back, unless somebody waits for it; `true` when it was.
    fn back(&self, name: &Name) -> bool {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(lane) = lanes.get_mut(name) else { return true };
        lane.waiting.retain(|one| !one.answer.is_closed());
        if !lane.waiting.is_empty() {
            return false;
        }
        lane.flying -= 1;
        if lane.flying == 0 {
            lanes.remove(name);
        }
        true
    }

    /// Tells everybody who waits in a lane that there is no connection.
    fn refuse(&self, name: &Name, fault: &Fault) {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        for one in lanes.get_mut(name).into_iter().flat_map(|lane| lane.waiting.drain(..)) {
            let _ = one.answer.send(Err(fault.clone()));
        }
    }

    /// Who goes out in the next call. A record that is wanted twice goes once, and whoever has gone away is left out:
    /// nothing was sent for them.
    fn next(&self, name: &Name) -> Vec<Waiting> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(lane) = lanes.get_mut(name) else { return Vec::new() };
        let (mut going, mut staying, mut ids) = (Vec::new(), VecDeque::new(), HashSet::new());
        for one in lane.waiting.drain(..).filter(|one| !one.answer.is_closed()) {
            if going.len() < TOGETHER_MAX && ids.insert(one.id) {
                going.push(one);
            } else {
                staying.push_back(one);
            }
        }
        lane.waiting = staying;
        going
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        // Whoever waits in a runtime that ends hears nothing, as everybody else in it.
        let Some(runtime) = Handle::try_current().ok().filter(|_| !self.lanes.back(&self.name)) else { return };
        let pass = Pass { lanes: self.lanes.clone(), name: self.name.clone(), session: self.session.clone() };
        // Chosen in a task of its own: of several who go away at once none is taken along for another.
        runtime.spawn(async move { pass.fly().await });
    }
}

impl Pass {
    /// One call for all of them. A call that fails says nothing: each makes the own move and hears the own answer. One
    /// that could not be made is the answer.
    async fn fly(self) {
        let going = self.lanes.next(&self.name);
        if going.is_empty() {
            return;
        }
        let moved = match self.call(&going).await {
            Ok(moved) => moved,
            Err(fault @ StoreFault::Pool { .. }) => {
                let fault = fault.fault();
                for one in going {
                    let _ = one.answer.send(Err(fault.clone()));
                }
                return self.lanes.refuse(&self.name, &fault);
            }
            Err(_) => return,
        };
        let mut moved: HashMap<Uuid, Moved> = moved.into_iter().map(|one| (one.id, one)).collect();
        for one in going {
            if let Some(moved) = moved.remove(&one.id) {
                let _ = one.answer.send(Ok(moved));
            }
        }
    }

    /// What moved.
    async fn call(&self, going: &[Waiting]) -> Result<Vec<Moved>, StoreFault> {
        let client = self.lanes.db.lean().await?;
        let bulk = super::view(&self.session.app, &self.session.role, &format!("{}_bulk", self.name.entity));
        let text =
            format!("select id, state, version from {bulk}($1, $2, keys => $3, versions => $4, inputs => $5) where outcome = 'moved'");
        let call = client.prepare_cached(&text).await.map_err(StoreFault::doing("preparing moves"))?;
        let ids: Vec<Uuid> = going.iter().map(|one| one.id).collect();
        let keys: Vec<Option<&str>> = going.iter().map(|one| one.key.as_deref()).collect();
        let versions: Vec<Option<i32>> = going.iter().map(|one| one.version).collect();
        let inputs: Vec<Option<&Value>> = going.iter().map(|one| one.input.as_ref()).collect();
        let given: [&(dyn ToSql + Sync); 5] = [&ids, &self.name.verb, &keys, &versions, &inputs];
        let work = async {
            // A record that somebody holds is left to its own move, which waits for it alone.
            let patience = client.batch_execute("set local lock_timeout = '100ms'");
            let (set, moved) = join(patience, client.query(&call, &given)).await;
            set.and(moved)
        };
        let moved = within(&client, &self.session, &format!("firing `{}`", self.name.verb), "commit", work).await?;
        Ok(moved.iter().map(|row| Moved { id: row.get(0), state: row.get(1), version: row.get(2), replayed: false }).collect())
    }
}
