//! The first apply of an app: its whole script in one transaction.

use std::collections::BTreeMap;

use serde::Serialize;
use statehouse_compile::engine;
use statehouse_compile::plan::{Kind, Mapping, Snapshot, ident, literal};
use statehouse_definition::App;
use tokio_postgres::Client;

use crate::{StoreFault, definition};

/// What a first apply makes.
#[derive(Clone, Debug, Serialize)]
pub struct First {
    /// The engine is made too.
    pub engine: bool,
    /// How many objects of each kind, by schema: `orders` → `table` → 6.
    pub objects: BTreeMap<String, BTreeMap<&'static str, usize>>,
    #[serde(skip)]
    script: String,
}

impl First {
    pub(super) fn new(engine: bool, own: &str, desired: &Snapshot) -> First {
        let mut objects: BTreeMap<String, BTreeMap<&'static str, usize>> = BTreeMap::new();
        let counted = |kind| !matches!(kind, Kind::Database | Kind::Role | Kind::Membership | Kind::Schema | Kind::DefaultGrant);
        for id in desired.objects.keys().filter(|id| counted(id.kind) && (engine || id.schema != "statehouse")) {
            *objects.entry(id.schema.clone()).or_default().entry(id.kind.word()).or_default() += 1;
        }
        let mut script = String::new();
        if engine {
            script.push_str(&engine::install());
        }
        script.push_str(own);
        First { engine, objects, script }
    }

    /// Runs the script and stores the definition, or leaves nothing behind. Returns how many objects there are now.
    pub(super) async fn run(&self, client: &mut Client, database: &str, app: &App, version: i32) -> Result<usize, StoreFault> {
        let transaction = client.transaction().await?;
        transaction.batch_execute("set local lock_timeout = '1s'").await?;
        transaction.batch_execute(&self.script).await.map_err(StoreFault::doing("making the definition"))?;
        definition::insert(&transaction, app, &Mapping::default(), version).await?;
        // Told by this comment, a command that is given no app finds the database.
        let comment = format!("comment on database {} is {}", ident(database), literal(&format!("statehouse app {}", app.name)));
        transaction.batch_execute(&comment).await?;
        transaction.commit().await?;
        Ok(self.objects.values().flat_map(BTreeMap::values).sum())
    }
}

/// Makes the database the app will live in. Sorting by code point, so that an upgrade of the system changes no index.
pub(super) async fn make_database(maintenance: &Client, name: &str) -> Result<(), StoreFault> {
    maintenance
        .batch_execute(&format!("create database {} template template0", ident(name)))
        .await
        .map_err(StoreFault::doing(format!("making the database `{name}`")))
}
