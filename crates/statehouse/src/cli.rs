//! The list of commands, one line each.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::commands::*;
use crate::cx::Cx;
use crate::failure::{Exit, Failure};

/// Describe a process in YAML; Postgres enforces it.
#[derive(Debug, Parser)]
#[command(name = "statehouse", version, max_term_width = 110)]
pub struct Cli {
    /// What every command takes.
    #[command(flatten)]
    pub options: Options,
    /// Which command.
    #[command(subcommand)]
    pub command: Command,
}

/// What every command takes.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Print one JSON value instead of text
    #[arg(long, global = true)]
    pub json: bool,
    /// A database whose user is a superuser; without it the private server in `--data` is used [env: DATABASE_URL]
    #[arg(long, global = true, value_name = "URL")]
    pub database_url: Option<String>,
    /// The folder of the private server [env: STATEHOUSE_DATA] [default: data]
    #[arg(long, global = true, value_name = "DIR", conflicts_with = "database_url")]
    pub data: Option<PathBuf>,
}

/// One line a command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a small working app to start from
    #[command(after_help = "Example: statehouse init stay")]
    Init(init::Args),
    /// Start a private database, the API, the worker and stand-ins for the outside with the app and its demo people, and stay
    #[command(after_help = "Example: statehouse dev apps/orders --seed")]
    Dev(dev::Args),
    /// Answer over HTTP for an app that is applied, and stay
    #[command(
        after_help = "Example: statehouse serve --listen 0.0.0.0:8321\n\nIt stores what comes in and what is owed; `statehouse work` acts on it."
    )]
    Serve(serve::Args),
    /// Send what is owed to the outside, apply what has come from there, keep timers and schedules, and stay
    #[command(
        after_help = "Example: statehouse work --app orders\n\nAs many may run as are wanted, beside any number of `statehouse serve`, which sends nothing by itself."
    )]
    Work(work::Args),
    /// Say what would change in the database
    #[command(after_help = "Example: statehouse plan apps/orders")]
    Plan(plan::Args),
    /// Change the database as planned
    #[command(after_help = "Example: statehouse apply apps/orders")]
    Apply(apply::Args),
    /// Find what is wrong with a definition
    #[command(after_help = "Example: statehouse check apps/orders")]
    Check(check::Args),
    /// Fire a verb on a record
    #[command(after_help = "Example: statehouse fire order/ORD-000001 start --as KEY")]
    Fire(fire::Args),
    /// Say why a verb is refused, or print the page of a code
    #[command(after_help = "Example: statehouse explain order/ORD-000001 confirm --as sigridur@nordur.example")]
    Explain(explain::Args),
    /// Read records from CSV or JSON
    #[command(after_help = "Example: statehouse import clients.csv --entity client --tenant nordur")]
    Import(import::Args),
    /// Write a tenant's records out
    #[command(after_help = "Example: statehouse export --entity order --tenant nordur --out orders.csv")]
    Export(export::Args),
    /// Anchor and verify the chain of events
    #[command(after_help = "Example: statehouse audit verify")]
    Audit(audit::Args),
    /// Measure how fast a move is
    #[command(after_help = "Example: statehouse bench transitions")]
    Bench(bench::Args),
    /// Look whether everything is in order
    #[command(after_help = "Example: statehouse doctor apps/orders")]
    Doctor(doctor::Args),
    /// Add, suspend, limit, export and erase tenants
    #[command(after_help = "Example: statehouse tenant suspend nordur")]
    Tenant(tenant::Args),
    /// Remove uploads and files that nothing holds any more
    #[command(after_help = "Example: statehouse files sweep")]
    Files(files::Args),
    /// Make, list and end addresses at which outside systems send messages
    #[command(after_help = "Example: statehouse endpoint add nordur customs")]
    Endpoint(endpoint::Args),
    /// Look after what is owed to the outside
    #[command(after_help = "Example: statehouse effects list --as KEY")]
    Effects(effects::Args),
    /// Look after what outside systems have sent
    #[command(after_help = "Example: statehouse messages list --as KEY")]
    Messages(messages::Args),
    /// Look after what a restore keeps from going on by itself
    #[command(after_help = "Example: statehouse held list --as KEY")]
    Held(held::Args),
    /// Stand in for the outside systems on this machine, log what they are asked, misbehave when told, and stay
    #[command(after_help = "Example: statehouse sandbox --log sandbox.jsonl")]
    Sandbox(sandbox::Args),
    #[command(hide = true)]
    Once(once::Args),
}

impl Command {
    /// Runs it.
    pub async fn run(self, cx: &Cx) -> Result<Exit, Failure> {
        match self {
            Command::Init(args) => init::run(args, cx).await,
            Command::Dev(args) => dev::run(args, cx).await,
            Command::Serve(args) => serve::run(args, cx).await,
            Command::Work(args) => work::run(args, cx).await,
            Command::Plan(args) => plan::run(args, cx).await,
            Command::Apply(args) => apply::run(args, cx).await,
            Command::Check(args) => check::run(args, cx).await,
            Command::Fire(args) => fire::run(args, cx).await,
            Command::Explain(args) => explain::run(args, cx).await,
            Command::Import(args) => import::run(args, cx).await,
            Command::Export(args) => export::run(args, cx).await,
            Command::Audit(args) => audit::run(args, cx).await,
            Command::Bench(args) => bench::run(args, cx).await,
            Command::Doctor(args) => doctor::run(args, cx).await,
            Command::Tenant(args) => tenant::run(args, cx).await,
            Command::Files(args) => files::run(args, cx).await,
            Command::Endpoint(args) => endpoint::run(args, cx).await,
            Command::Effects(args) => effects::run(args, cx).await,
            Command::Messages(args) => messages::run(args, cx).await,
            Command::Held(args) => held::run(args, cx).await,
            Command::Sandbox(args) => sandbox::run(args, cx).await,
            Command::Once(args) => once::run(args, cx).await,
        }
    }
}
