//! The definition as it is stored in the database: every process runs from there.

use std::time::SystemTime;

use serde_json::{Value, json};
use statehouse_compile::plan::{Mapping, Snapshot};
use statehouse_definition::App;
use statehouse_definition::model::{Connector, Entity};
use statehouse_fault::Fault;
use tokio_postgres::{Client, GenericClient};

use crate::{Db, Place, StoreFault};

/// One stored definition.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Its number, from 1.
    pub version: i32,
    /// Of its canonical text.
    pub sha256: Vec<u8>,
    /// The catalog as it was when this version had been applied; absent while an apply is under way.
    pub snapshot: Option<Snapshot>,
    /// Where the records of states that this version retired went.
    pub mapping: Mapping,
}

/// The canonical text of a definition: JSON in the order of the files, without the places where things were written,
/// so that a moved line or a comment is no change.
///
/// # Errors
/// `SH9001` when the app has no JSON form.
pub fn canonical(app: &App) -> Result<String, StoreFault> {
    let mut value = serde_json::to_value(app).map_err(no_json)?;
    forget_places(&mut value);
    Ok(value.to_string())
}

/// SHA-256 of the canonical text.
///
/// # Errors
/// As [`canonical`].
pub fn sha256(app: &App) -> Result<Vec<u8>, StoreFault> {
    Ok(crate::secret::sha256(&canonical(app)?).to_vec())
}

pub(crate) fn forget_places(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, inner| !is_place(inner));
            map.values_mut().for_each(forget_places);
        }
        Value::Array(items) => items.iter_mut().for_each(forget_places),
        _ => {}
    }
}

fn is_place(value: &Value) -> bool {
    let keys = ["file", "line", "column", "offset", "len"];
    value.as_object().is_some_and(|map| map.len() == keys.len() && keys.iter().all(|key| map.contains_key(*key)))
}

fn no_json(cause: serde_json::Error) -> StoreFault {
    StoreFault::refused(statehouse_fault::SH9001, format!("the definition has no JSON form: {cause}"))
}

/// The version in force, if the app was ever applied here. The snapshot is the one of the last apply that ended.
///
/// # Errors
/// When the database cannot be asked.
pub async fn find(client: &Client, app: &str) -> Result<Option<Stored>, StoreFault> {
    let row = client
        .query_opt(include_str!("../queries/definition_find.sql"), &[&app])
        .await
        .map_err(StoreFault::doing("reading the stored definition"))?;
    Ok(row.map(|row| Stored {
        version: row.get(0),
        sha256: row.get(1),
        snapshot: row.get::<_, Option<String>>(2).and_then(|text| serde_json::from_str(&text).ok()),
        mapping: serde_json::from_str(row.get(3)).unwrap_or_default(),
    }))
}

/// The app in force, as it was applied.
///
/// # Errors
/// `SH0010` when the app was never applied here.
pub async fn fetch_app(client: &Client, app: &str) -> Result<App, StoreFault> {
    let row = client
        .query_opt(include_str!("../queries/definition_fetch.sql"), &[&app])
        .await
        .map_err(StoreFault::doing("reading the stored definition"))?
        .ok_or_else(|| StoreFault::refused(statehouse_fault::SH0010, format!("`{app}` was never applied here")))?;
    readable(app, row.get(0))
}

/// The app in force as the server runs it, with its version; over a pool of `statehouse_server`.
///
/// # Errors
/// `SH0010` when the app was never applied here, `SH0011` when it was by a release with another form.
pub async fn load(server: &Db, app: &str) -> Result<(i32, App), StoreFault> {
    let client = server.get().await?;
    let statement = client.prepare_cached(include_str!("../queries/definition_running.sql")).await?;
    let row = client
        .query_opt(&statement, &[&app])
        .await
        .map_err(StoreFault::doing("reading the definition in force"))?
        .ok_or_else(|| StoreFault::refused(statehouse_fault::SH0010, format!("`{app}` was never applied here")))?;
    Ok((row.get(0), readable(app, row.get(1))?))
}

/// The version in force, or `None` when the app was never applied here; over a pool of `statehouse_server`.
///
/// # Errors
/// When the database cannot be asked.
pub async fn running_version(server: &Db, app: &str) -> Result<Option<i32>, StoreFault> {
    let client = server.get().await?;
    let statement = client.prepare_cached(include_str!("../queries/definition_running_version.sql")).await?;
    Ok(client.query_one(&statement, &[&app]).await.map_err(StoreFault::doing("asking for the version in force"))?.get(0))
}

/// The apps applied in this database, by name; over a pool of `statehouse_server`.
///
/// # Errors
/// When the database cannot be asked.
pub async fn running_apps(server: &Db) -> Result<Vec<String>, StoreFault> {
    let client = server.get().await?;
    let statement = client.prepare_cached(include_str!("../queries/definition_running_apps.sql")).await?;
    let rows = client.query(&statement, &[]).await.map_err(StoreFault::doing("listing the apps"))?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Every version of each connector that the app ever had, as the last definition with that version has it, by name and
/// version; `None` for one that this release cannot read. Over a pool of `statehouse_worker`.
///
/// # Errors
/// When the database cannot be asked.
pub async fn known_connectors(worker: &Db, app: &str) -> Result<Vec<(String, i32, Option<Connector>)>, StoreFault> {
    let client = worker.get().await?;
    let statement = client.prepare_cached(include_str!("../queries/definition_connectors.sql")).await?;
    let rows = client.query(&statement, &[&app]).await.map_err(StoreFault::doing("reading the versions of connectors"))?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1), serde_json::from_str(row.get(2)).ok())).collect())
}

/// Since when those schedules of an app have the times they have that were changed or put in after the first apply. Over
/// a pool of `statehouse_worker`.
///
/// # Errors
/// When the database cannot be asked.
pub async fn schedules_since(worker: &Db, app: &str) -> Result<Vec<(String, SystemTime)>, StoreFault> {
    let client = worker.get().await?;
    let statement = client.prepare_cached(include_str!("../queries/definition_schedules.sql")).await?;
    let rows = client.query(&statement, &[&app]).await.map_err(StoreFault::doing("reading since when schedules are so"))?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

fn readable(app: &str, text: Option<&str>) -> Result<App, StoreFault> {
    serde_json::from_str(text.unwrap_or_default()).map_err(|cause| {
        StoreFault::refused(statehouse_fault::SH0011, format!("the stored definition of `{app}` cannot be read by this release: {cause}"))
    })
}

/// The entity of this name, or the one that may have been meant.
///
/// # Errors
/// `SH1003` when the app has none of this name.
pub fn entity<'a>(app: &'a App, name: &str) -> Result<&'a Entity, StoreFault> {
    app.entities.get(name).ok_or_else(|| {
        let fault = Fault::new(statehouse_fault::SH1003, format!("`{}` has no entity `{name}`", app.name));
        let fault = match statehouse_definition::nearest(name, app.entities.keys().map(String::as_str)) {
            Some(near) => fault.with_help(format!("did you mean `{near}`")),
            None => fault.with_help(format!("there is {}", statehouse_definition::quoted_list(app.entities.keys()))),
        };
        fault.into()
    })
}

/// Stores a new version; its snapshot follows when the apply has ended.
pub(crate) async fn insert(client: &impl GenericClient, app: &App, mapping: &Mapping, version: i32) -> Result<(), StoreFault> {
    let text = serde_json::to_string(app).map_err(no_json)?;
    let mut readable = serde_json::to_value(app).map_err(no_json)?;
    forget_places(&mut readable);
    // jsonb keeps no order of keys and the order of fields and guards matters, so the text stands beside.
    let body = json!({ "app": readable, "text": text });
    let mapping = serde_json::to_value(mapping).map_err(no_json)?;
    client
        .execute(include_str!("../queries/definition_insert.sql"), &[&app.name, &version, &sha256(app)?, &body, &mapping])
        .await
        .map_err(StoreFault::doing("storing the definition"))?;
    set_version(client, app, version).await
}

/// Makes the law say this version from the end of the caller's transaction on.
pub(crate) async fn set_version(client: &impl GenericClient, app: &App, version: i32) -> Result<(), StoreFault> {
    let script = version_script(app, version);
    client.batch_execute(&script).await.map_err(StoreFault::doing("setting the version in force"))
}

/// Makes the app's own function say which version is in force; it is a constant, because every event asks for it.
pub(crate) fn version_script(app: &App, version: i32) -> String {
    let schema = statehouse_compile::sql::ident(&app.name);
    format!(
        "set role statehouse_owner;\ncreate or replace function {schema}.definition() returns int\n  language sql immutable parallel safe\n  return {version};\nreset role;\n"
    )
}

/// Which version the app's own function says is in force; 0 where there is none.
pub(crate) async fn version_in_force(client: &Client, app: &str) -> Result<i32, StoreFault> {
    let name = format!("{}.definition()", statehouse_compile::sql::ident(app));
    let there = client.query_one(include_str!("../queries/function_find.sql"), &[&name]).await?;
    if !there.get::<_, bool>(0) {
        return Ok(0);
    }
    let row = client.query_one(&format!("select {name}"), &[]).await.map_err(StoreFault::doing("asking for the version in force"))?;
    Ok(row.get(0))
}

/// Adds the snapshot of an apply that has ended.
pub(crate) async fn keep_snapshot(client: &impl GenericClient, app: &str, snapshot: &Snapshot) -> Result<(), StoreFault> {
    let snapshot = serde_json::to_value(snapshot).map_err(no_json)?;
    client
        .execute(include_str!("../queries/definition_snapshot.sql"), &[&app, &snapshot])
        .await
        .map_err(StoreFault::doing("storing the snapshot"))?;
    Ok(())
}

/// The databases of the server that hold an app, by name.
///
/// # Errors
/// When the server cannot be asked.
pub async fn databases(place: &Place) -> Result<Vec<String>, StoreFault> {
    let client = place.database("postgres").connect_admin().await?;
    let rows = client.query(include_str!("../queries/database_list.sql"), &[]).await.map_err(StoreFault::doing("listing the databases"))?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// The apps applied in this database, by name.
///
/// # Errors
/// `SH0010` when the engine is not installed here.
pub async fn apps(client: &Client) -> Result<Vec<String>, StoreFault> {
    let rows = client.query(include_str!("../queries/app_list.sql"), &[]).await.map_err(StoreFault::doing("listing the apps"))?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}
