//! From a definition to a database that holds it: propose, show, carry out exactly that.

mod catalog;
mod connectors;
mod first;
mod mapped;
mod migrate;
mod propose;
mod roles;
mod run;
mod scratch;
mod states;
pub mod typed;

use std::collections::BTreeSet;

use serde::Serialize;
use statehouse_compile::plan::{Mapping, ObjectId, Plan, Snapshot};
use statehouse_definition::App;
use statehouse_fault::{Code, Fault};
use tokio_postgres::Client;

use crate::{Place, StoreFault, definition, rules};

pub use first::First;
pub use propose::{Proposal, propose};
pub use scratch::{PREFIX as SCRATCH_PREFIX, Scratch};

/// What an apply did.
#[derive(Clone, Debug, Serialize)]
pub struct Applied {
    /// The version now in force.
    pub version: i32,
    /// Steps carried out; 0 where nothing had to change.
    pub steps: usize,
    /// Rows of rule tables written or taken out.
    pub rule_rows: u64,
    /// Records moved out of removed states.
    pub migrated: u64,
}

/// Proposes and carries out in one go, allowing the destructive steps named. For `dev` and tests; a person plans first.
///
/// # Errors
/// As [`propose`] and [`apply`].
pub async fn apply_now(place: &Place, app: &App, mapping: &Mapping, allowed: &[String]) -> Result<Applied, StoreFault> {
    let maintenance = scratch::maintenance(place).await?;
    let proposal = propose::propose_under(&maintenance, place, app, mapping).await?;
    apply_under(&maintenance, place, app, &proposal, allowed).await
}

/// Carries out exactly what was proposed.
///
/// # Errors
/// `SH3051` when a destructive step is not among `allowed`, `SH3052` `SH3054` `SH3063` when the proposal says so, `SH3053` when the
/// database is no longer as it was when the proposal was made, else what Postgres said.
pub async fn apply(place: &Place, app: &App, proposal: &Proposal, allowed: &[String]) -> Result<Applied, StoreFault> {
    let maintenance = scratch::maintenance(place).await?;
    apply_under(&maintenance, place, app, proposal, allowed).await
}

async fn apply_under(
    maintenance: &Client,
    place: &Place,
    app: &App,
    proposal: &Proposal,
    allowed: &[String],
) -> Result<Applied, StoreFault> {
    refuse(&proposal.plan, allowed)?;
    if proposal.database_missing {
        first::make_database(maintenance, place.name()).await?;
    }
    let mut client = place.connect_admin().await?;
    let live = propose::live(&client, app, proposal.stored_snapshot.as_ref()).await?;
    // A database made a moment ago is as empty as the plan took it to be.
    if !proposal.database_missing && propose::seen(&live) != proposal.seen {
        return Err(StoreFault::refused(statehouse_fault::SH3053, "the database has changed since the plan was made"));
    }
    if proposal.first.is_none() {
        // Something may have been sent since the plan was made.
        refuse(&Plan { findings: connectors::findings(&client, app).await?, ..proposal.plan.clone() }, allowed)?;
    }
    let version = proposal.version;
    let (steps, migrated) = match &proposal.first {
        Some(first) => (first.run(&mut client, place.name(), app, version).await?, 0),
        None => run::all(&mut client, app, proposal).await?,
    };
    let rule_rows = finish(&mut client, app, proposal).await?;
    Ok(Applied { version, steps, rule_rows, migrated })
}

/// Removes the scratch databases of runs that died; returns how many.
///
/// # Errors
/// When the server cannot be asked.
pub async fn sweep(place: &Place) -> Result<usize, StoreFault> {
    scratch::sweep(place).await
}

fn refuse(plan: &Plan, allowed: &[String]) -> Result<(), StoreFault> {
    refuse_unknown(plan, allowed)?;
    let refusals = plan.refusals(allowed);
    // What no flag can clear is said first.
    let Some(first) = refusals.iter().find(|finding| finding.code != "SH3051").or(refusals.first()) else {
        return Ok(());
    };
    let code: &'static Code = Code::find(&first.code).unwrap_or(statehouse_fault::SH9001);
    let same = refusals.iter().filter(|finding| finding.code == first.code);
    let said: Vec<&str> = same.map(|finding| finding.message.as_str()).collect();
    Err(Fault::new(code, said.join("; ")).with_help(first.help.clone()).into())
}

/// A name that no step asks for is a slip. Where nothing is to be done there is nothing to slip on, and the same command may
/// be given twice.
fn refuse_unknown(plan: &Plan, allowed: &[String]) -> Result<(), StoreFault> {
    let asked: BTreeSet<&str> = plan.steps.iter().filter_map(|step| step.allow.as_deref()).collect();
    let Some(unknown) = allowed.iter().find(|name| !plan.is_empty() && !asked.contains(name.as_str())) else {
        return Ok(());
    };
    let list: Vec<String> = asked.iter().map(|name| format!("`{name}`")).collect();
    let help = match list.is_empty() {
        true => "leave it out: this plan destroys nothing".to_owned(),
        false => format!("what this plan destroys is {}", list.join(", ")),
    };
    let said = format!("`--allow-destroy {unknown}` names nothing that this plan destroys");
    Err(Fault::new(statehouse_fault::SH3051, said).with_help(help).into())
}

/// What comes with every apply: rows of rule tables, capabilities, months of events, the snapshot. One transaction.
async fn finish(client: &mut Client, app: &App, proposal: &Proposal) -> Result<u64, StoreFault> {
    let schemas = propose::schemas(app, proposal.stored_snapshot.as_ref());
    let in_force = definition::version_in_force(client, &app.name).await?;
    let transaction = client.transaction().await?;
    if in_force != proposal.version {
        definition::set_version(&transaction, app, proposal.version).await?;
    }
    let rows = rules::sync(&transaction, app).await?;
    rules::presets(&transaction, app).await?;
    ensure_partitions(&transaction).await?;
    transaction.commit().await?;
    if proposal.has_changes() || rows > 0 || proposal.stored_snapshot.is_none() {
        let live = catalog::read(client, &schemas, &propose::role_names(app, proposal.stored_snapshot.as_ref())).await?;
        let snapshot = ours(live, proposal);
        definition::keep_snapshot(client, &app.name, &snapshot).await?;
    }
    Ok(rows)
}

/// What of the live catalog is ours: what the definition makes, and what an earlier one made and still stands. Anything
/// else was made by hand; kept here it would count as ours at the next plan, and be dropped.
fn ours(mut live: Snapshot, proposal: &Proposal) -> Snapshot {
    let before = |id: &ObjectId| proposal.stored_snapshot.as_ref().is_some_and(|stored| stored.get(id).is_some());
    live.objects.retain(|id, _| proposal.desired.contains(id) || before(id));
    live
}

/// Partitions of this month and the next three.
async fn ensure_partitions(client: &impl tokio_postgres::GenericClient) -> Result<(), StoreFault> {
    client.batch_execute(include_str!("../../queries/partition_ensure.sql")).await.map_err(StoreFault::doing("making the months of events"))
}
