//! Looks whether everything is in order, one check at a time, each with what to do.

use serde::Serialize;
use statehouse_compile::plan::Mapping;
use statehouse_definition::App;
use tokio_postgres::{Client, Row};

use crate::apply::{self, Proposal};
use crate::queues::queues_as_admin;
use crate::{Login, Place, StoreFault};

mod waiting;

/// The oldest server the generated schema runs on.
const FLOOR: i32 = 15;

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What is looked at.
    pub name: &'static str,
    /// Whether it is in order.
    pub fine: bool,
    /// What was found.
    pub found: String,
    /// What to do, where it is not in order.
    pub help: Option<String>,
}

impl Check {
    /// In order.
    pub fn fine(name: &'static str, found: impl Into<String>) -> Check {
        Check { name, fine: true, found: found.into(), help: None }
    }

    /// Not in order.
    pub fn wrong(name: &'static str, found: impl Into<String>, help: impl Into<String>) -> Check {
        Check { name, fine: false, found: found.into(), help: Some(help.into()) }
    }

    fn when(fine: bool, name: &'static str, found: impl Into<String>, help: &str) -> Check {
        if fine { Check::fine(name, found) } else { Check::wrong(name, found, help) }
    }
}

/// Every check of a database, in an order in which a failure explains those after it.
///
/// # Errors
/// When the database cannot be asked; what is merely out of order is a check.
pub async fn examine(place: &Place, app: &App) -> Result<Vec<Check>, StoreFault> {
    let mut checks = Vec::new();
    let client = match place.connect_admin().await {
        Ok(client) => client,
        Err(fault) => {
            let fault = fault.fault();
            checks.push(Check::wrong("database", fault.detail, format!("run `statehouse apply`, or {}", fault.help)));
            return Ok(checks);
        }
    };
    checks.push(Check::fine("database", format!("`{}` answers", place.name())));
    checks.extend(server(&client).await?);
    checks.push(leftovers(place).await?);
    checks.push(logins(place).await);
    checks.push(role_settings(&client).await?);
    let proposal = match apply::propose(place, app, &Mapping::default()).await {
        Ok(proposal) => proposal,
        Err(fault) => {
            let fault = fault.fault();
            checks.push(Check::wrong("definition", fault.detail, fault.help));
            return Ok(checks);
        }
    };
    checks.extend(definition(&proposal, app));
    if proposal.first.as_ref().is_none_or(|first| !first.engine) {
        checks.extend(engine(&client).await?);
    }
    Ok(checks)
}

async fn server(client: &Client) -> Result<Vec<Check>, StoreFault> {
    let row =
        client.query_one(include_str!("../queries/server_examine.sql"), &[]).await.map_err(StoreFault::doing("examining the server"))?;
    let version: i32 = row.get("version");
    Ok(vec![
        Check::when(
            version / 10_000 >= FLOOR,
            "server version",
            row.get::<_, String>("said"),
            "upgrade the server to PostgreSQL 15 or newer",
        ),
        setting(&row, "fsync"),
        setting(&row, "full_page_writes"),
        setting(&row, "synchronous_commit"),
        Check::when(row.get("superuser"), "administrator", row.get::<_, String>("administrator"), "name a superuser in the database URL"),
    ])
}

fn setting(row: &Row, name: &'static str) -> Check {
    let value: String = row.get(name);
    Check::when(value != "off", name, value, "set it to `on`: a crash loses what was acknowledged, or the whole database")
}

/// Scratch databases of runs that died. Whoever holds the cluster's lock knows that none of them lives.
async fn leftovers(place: &Place) -> Result<Check, StoreFault> {
    let removed = apply::sweep(place).await?;
    let found = if removed == 0 { "none".into() } else { format!("{removed} of dead runs removed") };
    Ok(Check::fine("scratch databases", found))
}

async fn logins(place: &Place) -> Check {
    let mut closed = Vec::new();
    for login in Login::ALL {
        if place.connect(login).await.is_err() {
            closed.push(login.name());
        }
    }
    if closed.is_empty() {
        return Check::fine("login roles", "all four may log in");
    }
    Check::wrong(
        "login roles",
        format!("no log-in as {}", closed.join(", ")),
        "run `statehouse apply`, then let them log in (`pg_hba.conf`, passwords)",
    )
}

/// The server says its own settings when it connects; other clients begin with what is found here.
async fn role_settings(client: &Client) -> Result<Check, StoreFault> {
    let rows = client
        .query(include_str!("../queries/role_setting_list.sql"), &[])
        .await
        .map_err(StoreFault::doing("listing the settings of roles"))?;
    if rows.is_empty() {
        return Ok(Check::fine("role settings", "none"));
    }
    let found: Vec<String> =
        rows.iter().map(|row| format!("`{}` begins with {}", row.get::<_, String>(0), row.get::<_, String>(1))).collect();
    let help = "if you did not set these, somebody who holds the login did: `alter role … [in database …] reset all`";
    Ok(Check::wrong("role settings", found.join(", "), help))
}

fn definition(proposal: &Proposal, app: &App) -> Vec<Check> {
    let plan = &proposal.plan;
    let drift = plan.steps.iter().filter(|step| step.drift).count();
    let harmful: Vec<String> = plan.unmanaged.iter().filter(|item| item.harmful).map(|item| item.object.to_string()).collect();
    let version = proposal.stored_version.map_or_else(|| "never applied".to_owned(), |version| format!("version {version}"));
    let state = match () {
        () if proposal.stored_version.is_none() => Check::wrong("definition", version, "run `statehouse apply`"),
        () if drift > 0 => Check::wrong(
            "definition",
            format!("{version}, {drift} steps of drift"),
            "read `statehouse plan`, then `statehouse apply` puts it back",
        ),
        () if proposal.has_changes() => Check::wrong(
            "definition",
            format!("`{}` in the database is {version}, the folder differs", app.name),
            "read `statehouse plan`, then `statehouse apply`",
        ),
        () => Check::fine("definition", format!("{version}, the same as the folder")),
    };
    let foreign = match harmful.as_slice() {
        [] => Check::fine("foreign objects", format!("{} left alone, none harmful", plan.unmanaged.len())),
        some => Check::wrong(
            "foreign objects",
            some.join(", "),
            "drop them, or put their work into the definition; `statehouse plan` says what each does",
        ),
    };
    vec![state, foreign]
}

async fn engine(client: &Client) -> Result<Vec<Check>, StoreFault> {
    let row =
        client.query_one(include_str!("../queries/engine_examine.sql"), &[]).await.map_err(StoreFault::doing("examining the engine"))?;
    let months: i64 = row.get("months");
    let strays: bool = row.get("strays");
    let mut checks = vec![
        Check::when(
            months >= 2,
            "event partitions",
            format!("{months} from this month on"),
            "run `statehouse apply`, which makes the coming months",
        ),
        Check::when(
            !strays,
            "events without month",
            if strays { "some" } else { "none" },
            "run `statehouse apply` for the missing months, then move the rows of `statehouse.event_other`",
        ),
    ];
    checks.push(feed(client).await?);
    checks.push(strange(client).await?);
    checks.extend(waiting::checks(&queues_as_admin(client).await?));
    Ok(checks)
}

/// Events are served up to the oldest transaction that still runs: those of a later one than the server has had wait for it.
async fn feed(client: &Client) -> Result<Check, StoreFault> {
    let row = client.query_one(include_str!("../queries/feed_examine.sql"), &[]).await.map_err(StoreFault::doing("examining the feed"))?;
    let (newest, server, epoch): (String, String, i64) = (row.get("newest"), row.get("server"), row.get("epoch"));
    if !row.get::<_, bool>("ahead") {
        return Ok(Check::fine("feed", format!("ends at {newest}, the server is at {server}")));
    }
    let found = format!(
        "events stand at transaction {newest}, the server is at {server}: no feed and no subscriber sees them, nor what happens from now on"
    );
    let help = format!("stop the server and run `pg_resetwal --epoch {epoch}` over its data; see \"After a restore\" in docs/events.md");
    Ok(Check::wrong("feed", found, help))
}

/// What is owed goes out by the definition that had its version; where none ever had it, nobody sends it.
async fn strange(client: &Client) -> Result<Check, StoreFault> {
    let rows = client
        .query(include_str!("../queries/effect_strange.sql"), &[])
        .await
        .map_err(StoreFault::doing("looking for versions of connectors that nobody knows"))?;
    let told: Vec<String> = rows
        .iter()
        .map(|row| format!("{} of `{}` due under version {}", grouped(row.get(2)), row.get::<_, String>(0), row.get::<_, i32>(1)))
        .collect();
    Ok(Check::when(
        told.is_empty(),
        "versions of connectors",
        if told.is_empty() { "all that is due is known".to_owned() } else { told.join(", ") },
        "apply a definition that has this version of the connector; the next one may have a newer, and what is owed goes out by the old",
    ))
}

/// `1,626` for 1626.
fn grouped(count: i64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
