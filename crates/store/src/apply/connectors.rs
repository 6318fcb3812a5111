//! What may have been sent is asked about, and sent again, by the words it was sent with: while anything of a connector is
//! under way or in doubt, what it says outside changes under a new version only. The old one is kept for what is owed under it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use statehouse_compile::plan::{Finding, Kind, ObjectId};
use statehouse_definition::App;
use statehouse_definition::model::Connector;
use tokio_postgres::Client;

use crate::{StoreFault, definition};

/// Of a connector and of its wire: what changes how it is called, and nothing that it says or hears.
const PACE: [&str; 6] = ["label", "money", "limit", "breaker", "attempts", "fallback"];
const PACE_OF_WIRE: [&str; 3] = ["hosts", "timeout", "ask_after"];

/// A connector that would speak otherwise under a version under which something may have been sent.
pub(super) async fn findings(client: &Client, app: &App) -> Result<Vec<Finding>, StoreFault> {
    let rows = client
        .query(include_str!("../../queries/definition_spoken.sql"), &[&app.name])
        .await
        .map_err(StoreFault::doing("reading the versions of connectors"))?;
    let mut known: BTreeMap<(String, i32), Connector> = BTreeMap::new();
    for row in &rows {
        if let Ok(connector) = serde_json::from_str(row.get(2)) {
            known.insert((row.get(0), row.get(1)), connector);
        }
    }
    let mut found = Vec::new();
    for (name, connector) in &app.connectors {
        let version = connector.version as i32;
        let Some(before) = known.get(&(name.clone(), version)) else { continue };
        let (changed, gone) = differing(before, connector);
        let count = may_be_sent(client, &app.name, name, version, &changed, &gone).await?;
        if count > 0 {
            found.push(finding(app, name, version, count));
        }
    }
    Ok(found)
}

fn finding(app: &App, name: &str, version: i32, count: i64) -> Finding {
    let next = version + 1;
    Finding {
        code: "SH3063".into(),
        object: ObjectId::new(Kind::Schema, "", &app.name, ""),
        message: format!("connector `{name}` speaks otherwise under version {version}, by which {count} effects are still to be judged"),
        help: format!("give it `version: {next}`: what is owed goes out by the version it was owed under"),
        refuses: true,
    }
}

/// The actions that no longer say or hear the same, and those that are no more.
fn differing(before: &Connector, now: &Connector) -> (Vec<String>, Vec<String>) {
    let (mut before, mut now) = (said(before), said(now));
    let (actions, others) = (actions(&mut before), actions(&mut now));
    let all = before != now;
    let (there, gone): (Vec<_>, Vec<_>) = actions.iter().partition(|(name, _)| others.contains_key(*name));
    let changed = there.into_iter().filter(|(name, action)| all || others.get(*name) != Some(*action));
    (changed.map(|(name, _)| name.clone()).collect(), gone.into_iter().map(|(name, _)| name.clone()).collect())
}

/// A connector without what is of no account to the other side.
fn said(connector: &Connector) -> Value {
    let mut value = serde_json::to_value(connector).unwrap_or_default();
    definition::forget_places(&mut value);
    if let Some(own) = value.as_object_mut() {
        own.retain(|key, _| !PACE.contains(&key.as_str()));
        if let Some(wire) = own.get_mut("wire").and_then(Value::as_object_mut) {
            wire.retain(|key, _| !PACE_OF_WIRE.contains(&key.as_str()));
        }
    }
    value
}

fn actions(connector: &mut Value) -> Map<String, Value> {
    match connector.get_mut("actions").map(Value::take) {
        Some(Value::Object(actions)) => actions,
        _ => Map::new(),
    }
}

async fn may_be_sent(
    client: &Client,
    app: &str,
    connector: &str,
    version: i32,
    changed: &[String],
    gone: &[String],
) -> Result<i64, StoreFault> {
    if changed.is_empty() && gone.is_empty() {
        return Ok(0);
    }
    let row = client
        .query_one(include_str!("../../queries/effect_judged_by.sql"), &[&app, &connector, &version, &changed, &gone])
        .await
        .map_err(StoreFault::doing(format!("counting what is owed by `{connector}`")))?;
    Ok(row.get(0))
}
