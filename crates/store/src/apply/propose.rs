//! What would change, found by comparing two catalogs.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use statehouse_compile::entity::{persona_schema, roles_of};
use statehouse_compile::plan::{Class, Counts, Kind, Mapping, ObjectId, Plan, Request, Snapshot, plan};
use statehouse_compile::{Compiled, compile_while, engine};
use statehouse_definition::App;
use statehouse_fault::{Code, Fault};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::first::First;
use super::{catalog, connectors, mapped, roles, scratch, states};
use crate::definition::{self, Stored};
use crate::{Place, StoreFault};

/// What would change, and all that `apply` needs to do exactly that.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// The steps. For a first apply they say what will be there; the definition's own script makes it.
    pub plan: Plan,
    /// Where nothing of the app is there yet: what is made by its script.
    pub first: Option<First>,
    /// The version in force, if any.
    pub stored_version: Option<i32>,
    /// The definition differs from the one in force in something Postgres does not see, such as a label.
    pub text_changed: bool,
    /// The version that will be in force.
    pub version: i32,
    pub(super) seen: String,
    pub(super) stored_snapshot: Option<Snapshot>,
    /// What the definition makes, by id.
    pub(super) desired: BTreeSet<ObjectId>,
    pub(super) database_missing: bool,
    pub(super) mapping: Mapping,
}

impl Proposal {
    /// Whether `apply` would do anything.
    pub fn has_changes(&self) -> bool {
        self.first.is_some() || !self.plan.is_empty() || self.text_changed || self.stored_version.is_none()
    }

    /// Whether a new version is to be stored.
    pub(super) fn is_new(&self) -> bool {
        self.stored_version != Some(self.version)
    }
}

/// Compares the live database with what the definition would make. Changes nothing; a database that is not there yet
/// counts as empty.
///
/// # Errors
/// `SH0011` when the engine is of another release, else what Postgres or the compiler said.
pub async fn propose(place: &Place, app: &App, mapping: &Mapping) -> Result<Proposal, StoreFault> {
    let maintenance = scratch::maintenance(place).await?;
    propose_under(&maintenance, place, app, mapping).await
}

/// The same under a lock of the cluster that the caller holds.
pub(super) async fn propose_under(maintenance: &Client, place: &Place, app: &App, mapping: &Mapping) -> Result<Proposal, StoreFault> {
    let client = match place.connect_admin().await {
        Ok(client) => Some(client),
        Err(fault) if fault.sqlstate() == Some(SqlState::UNDEFINED_DATABASE.code()) => None,
        Err(fault) => return Err(fault),
    };
    let state = match &client {
        Some(client) => LiveState::read(client, app).await?,
        None => LiveState::default(),
    };
    let text_changed = match &state.stored {
        Some(stored) => stored.sha256 != definition::sha256(app)?,
        None => true,
    };
    // The mapping stays in the law for as long as this definition does, so that a second plan says "no changes".
    let mapping = match &state.stored {
        Some(stored) if mapping.0.is_empty() && !text_changed => &stored.mapping,
        _ => mapping,
    };
    let text_changed = text_changed || state.stored.as_ref().is_some_and(|stored| stored.mapping != *mapping);
    let compiled = compiled(app, mapping)?;
    let version = state.next_version(text_changed);
    let (schemas, names) = (schemas(app, state.snapshot()), role_names(app, state.snapshot()));
    let mut script = engine::install();
    if state.test_clock {
        script.push_str(&format!("set role statehouse_owner;\n{}\nreset role;\n", engine::TEST_CLOCK));
    }
    let own = compiled.script() + &definition::version_script(app, version);
    script.push_str(&own);
    let mut desired = scratch::imagine(maintenance, place, &script, &schemas, &names).await?;
    desired.expect_roles(&roles::expected(app));
    let live = match &client {
        Some(client) => catalog::read(client, &schemas, &names).await?,
        None => Snapshot::default(),
    };
    let first = (!state.app).then(|| First::new(!state.engine, &own, &desired));
    let mut plan = difference(client.as_ref(), app, &live, &desired, state.snapshot(), mapping).await?;
    plan.findings.extend(mapped::findings(app, mapping, state.stored.as_ref().map(|stored| &stored.mapping), &live));
    if first.is_some() {
        plan.steps.clear();
    } else if let Some(client) = &client {
        plan.findings.extend(connectors::findings(client, app).await?);
    }
    plan.fingerprint = fingerprint(&plan, &definition::canonical(app)?, mapping);
    Ok(Proposal {
        version,
        seen: seen(&live),
        plan,
        first,
        stored_version: state.stored.as_ref().map(|stored| stored.version),
        text_changed,
        stored_snapshot: state.stored.as_ref().and_then(|stored| stored.snapshot.clone()),
        desired: desired.objects.into_keys().collect(),
        database_missing: client.is_none(),
        mapping: mapping.clone(),
    })
}

/// What is known of the live database before its catalog is read.
#[derive(Default)]
struct LiveState {
    engine: bool,
    app: bool,
    test_clock: bool,
    stored: Option<Stored>,
    version: i32,
}

/// What of a live catalog must not have changed between plan and apply. Roles are left out: they belong to the whole
/// cluster, another database's apply may make them in between, and their steps fail or do nothing then.
pub(super) fn seen(live: &Snapshot) -> String {
    let mut own = live.clone();
    own.objects.retain(|id, _| !matches!(id.kind, Kind::Role | Kind::Membership));
    own.fingerprint()
}

/// Stands for everything an apply of this plan would do: what is there, the definition, the mapping and the steps. How
/// many records there are is left out, since they come and go while a person reads.
fn fingerprint(plan: &Plan, definition: &str, mapping: &Mapping) -> String {
    let steps: Vec<Value> = plan
        .steps
        .iter()
        .map(|step| {
            let moves = step.migration.iter().flat_map(|migration| &migration.moves).map(|one| json!([one.from, one.branches]));
            json!([step.object, step.action, step.class, step.sql, step.allow, step.blocked, moves.collect::<Vec<_>>()])
        })
        .collect();
    let all = json!([plan.fingerprint, definition, mapping, steps]).to_string();
    crate::secret::sha256(&all).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl LiveState {
    async fn read(client: &Client, app: &App) -> Result<LiveState, StoreFault> {
        let row = client
            .query_one(include_str!("../../queries/engine_find.sql"), &[&app.name])
            .await
            .map_err(StoreFault::doing("looking for the engine"))?;
        let mut state = LiveState { engine: row.get(0), app: row.get(1), test_clock: row.get(2), stored: None, version: 0 };
        if state.app {
            state.version = definition::version_in_force(client, &app.name).await?;
        }
        if state.engine {
            check_engine(client).await?;
            state.stored = definition::find(client, &app.name).await?;
        }
        Ok(state)
    }

    /// The next number where the definition changed. Where no definition is stored the one in force is stored again.
    fn next_version(&self, text_changed: bool) -> i32 {
        match &self.stored {
            Some(stored) if text_changed => stored.version + 1,
            Some(stored) => stored.version,
            None => self.version.max(1),
        }
    }

    fn snapshot(&self) -> Option<&Snapshot> {
        self.stored.as_ref().and_then(|stored| stored.snapshot.as_ref())
    }
}

/// The engine's schema in the database is the one this release writes for.
pub(crate) async fn check_engine(client: &Client) -> Result<(), StoreFault> {
    let found: Option<String> = client
        .query_opt(include_str!("../../queries/engine_version.sql"), &[])
        .await
        .map_err(StoreFault::doing("reading the engine's version"))?
        .map(|row| row.get(0));
    let here = engine::SCHEMA_VERSION.to_string();
    if found.as_deref() == Some(here.as_str()) {
        return Ok(());
    }
    let found = found.unwrap_or_else(|| "unknown".into());
    Err(StoreFault::refused(
        statehouse_fault::SH0011,
        format!("the engine in the database is schema `{found}`, this release speaks `{here}`"),
    ))
}

fn compiled(app: &App, mapping: &Mapping) -> Result<Compiled, StoreFault> {
    compile_while(app, mapping).map_err(|fault| {
        let code = Code::find(fault.fault.code).unwrap_or(statehouse_fault::SH9001);
        Fault::new(code, fault.to_string()).into()
    })
}

/// The live catalog, read as it is for a proposal.
pub(super) async fn live(client: &Client, app: &App, stored: Option<&Snapshot>) -> Result<Snapshot, StoreFault> {
    catalog::read(client, &schemas(app, stored), &role_names(app, stored)).await
}

/// Our schemas: the engine's, the app's, and those of roles that are or were.
pub(super) fn schemas(app: &App, stored: Option<&Snapshot>) -> Vec<String> {
    let mut names: BTreeSet<String> = ["statehouse".to_owned(), app.name.clone()].into();
    names.extend(roles_of(app).iter().map(|role| persona_schema(app, role)));
    names.extend(known(stored, Kind::Schema));
    names.into_iter().collect()
}

/// Our roles, present and past.
pub(super) fn role_names(app: &App, stored: Option<&Snapshot>) -> Vec<String> {
    let mut names: BTreeSet<String> = roles::expected(app).into_iter().map(|role| role.name).collect();
    names.extend(known(stored, Kind::Role));
    names.into_iter().collect()
}

fn known(stored: Option<&Snapshot>, kind: Kind) -> Vec<String> {
    let ids = stored.into_iter().flat_map(|snapshot| snapshot.objects.keys());
    ids.filter(|id| id.kind == kind).map(|id| id.name.clone()).collect()
}

/// Plans once to see which tables matter, counts those, and plans again where a count can matter.
async fn difference(
    client: Option<&Client>,
    app: &App,
    live: &Snapshot,
    desired: &Snapshot,
    stored: Option<&Snapshot>,
    mapping: &Mapping,
) -> Result<Plan, StoreFault> {
    let changes = states::changes(app, live);
    let make = |counts: &Counts| plan(&Request { live, desired, stored, compiled_sql: &|_| None, changes: &changes, mapping, counts });
    let mut counts = Counts::default();
    if let Some(client) = client {
        states::count(client, &changes, &mut counts).await?;
    }
    let found = make(&counts);
    let Some(client) = client.filter(|_| found.risk() > Class::Safe) else {
        return Ok(found);
    };
    let tables: BTreeSet<_> =
        found.steps.iter().filter(|step| step.class > Class::Safe).map(|step| step.object.relation(Kind::Table)).collect();
    for table in tables.iter().filter(|table| live.get(table).is_some()) {
        states::count_rows(client, table, &mut counts).await?;
    }
    Ok(make(&counts))
}
