//! One verb on many records: a verdict for each, and none that is refused touches another.

use std::collections::HashMap;

use serde_json::Value;
use statehouse_fault::{Fault, SH5002};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::fire::{Move, Moved, Target, fire, unseen};
use super::key::under_way;
use super::pipeline::within;
use super::session::Session;
use super::shape::Shape;
use crate::{Db, StoreFault};

/// One record of many.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a> {
    /// Which.
    pub record: Target<'a>,
    /// What the verb is handed.
    pub input: Option<&'a Value>,
    /// The same key moves once.
    pub key: Option<&'a str>,
    /// The version the caller saw.
    pub version: Option<i32>,
}

/// What became of one.
pub type Outcome = Result<Moved, Fault>;

/// Fires `verb` on all of them; the verdicts stand in the order of the items.
///
/// # Errors
/// Faults of storage that kept the call from being made at all.
pub async fn bulk(db: &Db, session: &Session, shape: &Shape<'_>, verb: &str, items: &[Item<'_>]) -> Result<Vec<Outcome>, StoreFault> {
    let ids = resolved(db, session, shape, items).await?;
    let mut outcomes: Vec<Option<Outcome>> = vec![None; items.len()];
    // A record named twice goes again in a call after the first.
    let mut waiting: Vec<usize> = (0..items.len()).collect();
    while !waiting.is_empty() {
        let mut going: Vec<(usize, Uuid)> = Vec::new();
        let mut later = Vec::new();
        for at in waiting {
            match ids[at] {
                None => outcomes[at] = Some(Err(unseen(&shape.entity.name, items[at].record))),
                Some(id) if going.iter().any(|(_, there)| *there == id) => later.push(at),
                Some(id) => going.push((at, id)),
            }
        }
        call(db, session, shape, verb, items, &going, &mut outcomes).await?;
        waiting = later;
    }
    Ok(outcomes.into_iter().map(|one| one.unwrap_or_else(|| Err(Fault::new(statehouse_fault::SH9001, "no verdict came")))).collect())
}

/// Ids of all of them; a reference is looked up as the caller sees it.
async fn resolved(db: &Db, session: &Session, shape: &Shape<'_>, items: &[Item<'_>]) -> Result<Vec<Option<Uuid>>, StoreFault> {
    let references: Vec<&str> = items
        .iter()
        .filter_map(|item| match item.record {
            Target::Reference(name) if shape.entity.reference.is_some() && !name.contains('\0') => Some(name),
            _ => None,
        })
        .collect();
    let mut found: HashMap<String, Uuid> = HashMap::new();
    if !references.is_empty() {
        let client = db.lean().await?;
        let text = format!("select v.reference, v.id from {} v where v.reference = any ($1)", shape.view());
        let statement = client.prepare_cached(&text).await?;
        let given: [&(dyn ToSql + Sync); 1] = [&references];
        let rows = within(&client, session, "looking up references", "commit", client.query(&statement, &given)).await?;
        found.extend(rows.iter().map(|row| (row.get::<_, String>(0), row.get(1))));
    }
    let id = |item: &Item<'_>| match item.record {
        Target::Id(id) => Some(id),
        Target::Reference(name) => found.get(name).copied(),
    };
    Ok(items.iter().map(id).collect())
}

async fn call(
    db: &Db,
    session: &Session,
    shape: &Shape<'_>,
    verb: &str,
    items: &[Item<'_>],
    going: &[(usize, Uuid)],
    outcomes: &mut [Option<Outcome>],
) -> Result<(), StoreFault> {
    if going.is_empty() {
        return Ok(());
    }
    let bulk = super::view(&session.app, &session.role, &format!("{}_bulk", shape.entity.name));
    let text = format!(
        "select id, outcome, state, version, errcode, message, detail, help from {bulk}($1, $2, keys => $3, versions => $4, inputs => $5)"
    );
    let ids: Vec<Uuid> = going.iter().map(|(_, id)| *id).collect();
    let keys: Vec<Option<&str>> = going.iter().map(|(at, _)| items[*at].key).collect();
    let versions: Vec<Option<i32>> = going.iter().map(|(at, _)| items[*at].version).collect();
    let inputs: Vec<Option<&Value>> = going.iter().map(|(at, _)| items[*at].input).collect();
    let rows = {
        let client = db.lean().await?;
        let statement = client.prepare_cached(&text).await.map_err(StoreFault::doing("preparing moves"))?;
        let given: [&(dyn ToSql + Sync); 5] = [&ids, &verb, &keys, &versions, &inputs];
        within(&client, session, &format!("firing `{verb}`"), "commit", client.query(&statement, &given)).await?
    };
    for row in &rows {
        let id: Uuid = row.get(0);
        let Some((at, _)) = going.iter().find(|(_, there)| *there == id) else { continue };
        let item = &items[*at];
        outcomes[*at] = Some(match row.get::<_, &str>(1) {
            outcome @ ("moved" | "replayed") => Ok(Moved {
                id,
                state: row.get::<_, Option<String>>(2).unwrap_or_default(),
                version: row.get::<_, Option<i32>>(3).unwrap_or_default(),
                replayed: outcome == "replayed",
            }),
            _ => alone(db, session, shape, verb, item, row).await,
        });
    }
    Ok(())
}

/// A record that is not there may have been moved before under its key; one that crossed with others is tried by itself.
async fn alone(db: &Db, session: &Session, shape: &Shape<'_>, verb: &str, item: &Item<'_>, row: &tokio_postgres::Row) -> Outcome {
    let text = |at: usize| row.get::<_, Option<&str>>(at);
    let state = text(4).unwrap_or_default();
    let fault = Fault::from_sqlstate(state, text(5).unwrap_or_default(), text(6), text(7));
    let wanted = Move { entity: &shape.entity.name, record: item.record, verb, input: item.input, key: item.key, version: item.version };
    if row.get::<_, &str>(1) == "absent" || fault.code == SH5002 {
        return fire(db, session, &wanted).await.map_err(|fault| fault.fault());
    }
    if let Some(key) = item.key.filter(|_| state == "55P03") {
        return Err(under_way(key));
    }
    let id = match item.record {
        Target::Id(id) => Some(id),
        Target::Reference(_) => None,
    };
    super::refusal::note(db, session, &shape.entity.name, id, verb, &fault.clone().into()).await;
    Err(fault)
}
