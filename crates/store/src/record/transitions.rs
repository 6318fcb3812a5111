//! Which verbs are open on a record, and why the others are not.
//!
//! The law itself is asked, as the caller: every verb that leaves the record's state is fired with the law told to stop
//! before it writes, and undone. Both trips take one round trip each, whatever the number of verbs.

use serde_json::Value;
use statehouse_definition::model::{Actor, Transition};
use statehouse_fault::{Fault, SH4002};
use tokio_postgres::Error;
use tokio_postgres::types::ToSql;

use super::fire::Target;
use super::get::{named, reachable, unseen};
use super::pipeline::{ask, in_order, within};
use super::session::Session;
use super::shape::Shape;
use crate::{Db, StoreFault};

/// What the law says instead of writing, when it is only asked.
const OPEN: &str = "S0000";
/// A verb that was not handed what it needs, and nothing else was wrong until there.
const UNHANDED: &str = "S4009";

/// One verb of a record, as it stands for the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The verb.
    pub verb: String,
    /// The state it leads to; none where it stays.
    pub to: Option<String>,
    /// Whether it would move the record now, handed what it needs.
    pub open: bool,
    /// Why not.
    pub refused: Option<Fault>,
}

/// Every verb that is the caller's to fire, on one record; the record's state and version as they were asked.
///
/// # Errors
/// `SH1002` where the caller sees no such record, faults of storage.
pub async fn openings(
    db: &Db,
    session: &Session,
    shape: &Shape<'_>,
    record: Target<'_>,
) -> Result<(String, i32, Vec<Opening>), StoreFault> {
    reachable(shape, record)?;
    let (by, value) = named(record);
    let column = if by.ends_with("uuid") { "id" } else { "reference" };
    let text = format!(
        "select v.id, v.state, v.version, (select c.capabilities from statehouse.ctx() c) from {} v where v.{column} = {by}",
        shape.view()
    );
    let rows = ask(db, session, "reading a record", &text, &[Some(&value)]).await?;
    let row = rows.first().ok_or_else(|| unseen(shape, record))?;
    let (id, state, version): (uuid::Uuid, String, i32) = (row.get(0), row.get(1), row.get(2));
    let held: Vec<String> = row.get(3);
    let mine = |one: &Transition| {
        one.by.iter().any(|by| match by {
            Actor::Role(role) => role == shape.role,
            Actor::Capability(key) => held.contains(key),
            Actor::Kind(_) => false,
        })
    };
    let verbs = shape.entity.transitions.iter().filter(|(_, one)| mine(one));
    let (near, far): (Vec<_>, Vec<_>) = verbs.partition(|(_, one)| one.from.contains(&state));
    let mut openings: Vec<Opening> = far.into_iter().map(|(verb, one)| closed(verb, one, &state)).collect();
    let verdicts = probe(db, session, shape, id, near.iter().map(|(verb, _)| verb.as_str()).collect()).await?;
    for ((verb, one), verdict) in near.into_iter().zip(verdicts) {
        openings.push(Opening { verb: verb.clone(), to: one.to.clone(), open: verdict.is_none(), refused: verdict });
    }
    openings.sort_by_key(|opening| shape.entity.transitions.get_index_of(&opening.verb));
    Ok((state, version, openings))
}

fn closed(verb: &str, transition: &Transition, state: &str) -> Opening {
    let fault = Fault::new(SH4002, format!("`{verb}` is not open from `{state}`"));
    let fault = fault.with_help(format!("`{verb}` leaves {}", transition.from.join(", ")));
    Opening { verb: verb.to_owned(), to: transition.to.clone(), open: false, refused: Some(fault) }
}

/// What the law says to each verb; nothing where it would move.
async fn probe(db: &Db, session: &Session, shape: &Shape<'_>, id: uuid::Uuid, verbs: Vec<&str>) -> Result<Vec<Option<Fault>>, StoreFault> {
    if verbs.is_empty() {
        return Ok(Vec::new());
    }
    let client = db.lean().await?;
    let text = format!("update {} set fire = $2 where id = $1 returning id", shape.view());
    let statement = client.prepare_cached(&text).await.map_err(StoreFault::doing("preparing a question"))?;
    let given: Vec<[&(dyn ToSql + Sync); 2]> = verbs.iter().map(|verb| [&id as &(dyn ToSql + Sync), verb as &(dyn ToSql + Sync)]).collect();
    let work = async {
        let asked = given.iter().map(|given| async {
            let (answer, undone) =
                futures_util::future::join(client.query_opt(&statement, given), client.batch_execute("rollback to savepoint asked")).await;
            undone.map(|()| answer)
        });
        let begin = client.batch_execute("set local statehouse.dry = 'on'; set local lock_timeout = '1s'; savepoint asked");
        let (begun, answers) = futures_util::future::join(begin, in_order(asked.collect())).await;
        begun?;
        answers.into_iter().collect::<Result<Vec<_>, Error>>()
    };
    let answers = within(&client, session, "asking for open verbs", "rollback", work).await?;
    answers.into_iter().map(|answer| said(answer, shape, id)).collect()
}

fn said(answer: Result<Option<tokio_postgres::Row>, Error>, shape: &Shape<'_>, id: uuid::Uuid) -> Result<Option<Fault>, StoreFault> {
    let Err(cause) = answer else {
        // Nothing was said and nothing was stopped: the record was not there any more.
        return Err(unseen(shape, Target::Id(id)));
    };
    let state = cause.code().map(|code| code.code().to_owned()).unwrap_or_default();
    let lacks_input = state == UNHANDED && handed_nothing(&cause);
    if state == OPEN || lacks_input {
        return Ok(None);
    }
    let fault = StoreFault::Postgres { doing: "asking for open verbs".into(), cause };
    if state.starts_with('S') || state == "55P03" || state == "40001" { Ok(Some(fault.fault())) } else { Err(fault) }
}

/// `must be handed`: the facts of the refusal name one field, where one about too much names what it takes.
fn handed_nothing(cause: &Error) -> bool {
    let detail = cause.as_db_error().and_then(|error| error.detail()).and_then(|detail| serde_json::from_str::<Value>(detail).ok());
    detail.is_some_and(|detail| detail.get("field").is_some())
}
