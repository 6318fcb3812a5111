//! `statehouse import`: records, or a tenant's rows of a rule table, from files.

use std::path::{Path, PathBuf};

use statehouse_definition::App;
use statehouse_fault::{Fault, SH1004};
use statehouse_store::import::{Import, Report, RuleImport, Source, import, import_rules};
use statehouse_store::{Login, definition};

use crate::cx::{Cx, Reached};
use crate::failure::{Exit, Failure};

/// Bad cells that are printed; the rest is counted.
const SHOWN_MAX: usize = 50;

/// What it takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// CSV or JSON; rows of a child in `NAME.CHILD.csv`
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// What the files hold records of
    #[arg(long, value_name = "ENTITY", required_unless_present = "table", conflicts_with = "table")]
    entity: Option<String>,
    /// The rule table the file holds rows of
    #[arg(long, value_name = "TABLE")]
    table: Option<String>,
    /// Whose they become
    #[arg(long, value_name = "SLUG")]
    tenant: String,
    /// Write what is good though something is bad
    #[arg(long, conflicts_with = "table")]
    partial: bool,
    /// The app, where there is more than one
    #[arg(long, value_name = "APP")]
    app: Option<String>,
}

/// Runs it.
pub async fn run(args: Args, cx: &Cx) -> Result<Exit, Failure> {
    let sources = args.files.iter().map(|path| source(path)).collect::<Result<Vec<_>, _>>()?;
    let reached = cx.reach_only(args.app.as_deref()).await?;
    let mut admin = reached.place.connect_admin().await?;
    let name = reached.app_name(&admin, args.app.as_deref()).await?;
    let app = definition::fetch_app(&admin, &name).await?;
    let report = match (&args.entity, &args.table) {
        (Some(entity), _) => {
            let mut worker = reached.place.connect(Login::Worker).await?;
            let wanted = Import { app: &app, entity, tenant: &args.tenant, partial: args.partial };
            import(&admin, &mut worker, wanted, &sources).await?
        }
        (None, Some(table)) => {
            let mut all = Report::default();
            for source in &sources {
                let wanted = RuleImport { app: &app, table, tenant: &args.tenant };
                let report = import_rules(&mut admin, wanted, source).await?;
                all.added += report.added;
                all.present += report.present;
                all.bad.extend(report.bad);
            }
            all
        }
        (None, None) => return Err(Failure::usage("say what the files hold with `--entity` or `--table`")),
    };
    show(&report, cx)
}

fn show(report: &Report, cx: &Cx) -> Result<Exit, Failure> {
    let exit = if report.bad.is_empty() { Exit::Fine } else { Exit::Refused };
    if cx.print_json(report) {
        return Ok(exit);
    }
    for bad in report.bad.iter().take(SHOWN_MAX) {
        eprintln!("error[SH1004]: {bad}\n  = help: {}", bad.help);
    }
    if report.bad.len() > SHOWN_MAX {
        eprintln!("error[SH1004]: {} more", report.bad.len() - SHOWN_MAX);
    }
    if !report.bad.is_empty() && report.added == 0 {
        eprintln!("nothing was written");
    }
    sayln!("{} added with {} rows of theirs, {} were there already", report.added, report.children, report.present);
    Ok(exit)
}

/// Imports the demo data of an app: per tenant one folder `data/SLUG`, a file `NAMEs.csv` or `.json` an entity in the order
/// of the references between them, and `TABLE.csv` a rule table.
///
/// # Errors
/// `SH1004` with the first bad cell, and faults of storage.
pub async fn seed(folder: &Path, app: &App, reached: &Reached) -> Result<u64, Failure> {
    let mut admin = reached.place.connect_admin().await?;
    let mut worker = reached.place.connect(Login::Worker).await?;
    let mut added = 0;
    for tenant in tenants(&folder.join("data"))? {
        let data = folder.join("data").join(&tenant);
        for table in app.tables.keys() {
            let file = data.join(format!("{table}.csv"));
            if file.exists() {
                let wanted = RuleImport { app, table, tenant: &tenant };
                clean(import_rules(&mut admin, wanted, &source(&file)?).await?)?;
            }
        }
        // An entity is declared before those that refer to it, or refers to itself.
        for entity in app.entities.keys() {
            let sources = files(&data, app, entity)?;
            if !sources.is_empty() {
                let wanted = Import { app, entity, tenant: &tenant, partial: false };
                added += clean(import(&admin, &mut worker, wanted, &sources).await?)?.added;
            }
        }
    }
    Ok(added)
}

fn clean(report: Report) -> Result<Report, Failure> {
    match report.bad.first() {
        None => Ok(report),
        Some(bad) => Err(Fault::new(SH1004, format!("{bad}, and {} more", report.bad.len() - 1)).with_help(bad.help.clone()).into()),
    }
}

/// The folders of the data folder, by name.
fn tenants(data: &Path) -> Result<Vec<String>, Failure> {
    let Ok(entries) = std::fs::read_dir(data) else { return Ok(Vec::new()) };
    let mut names: Vec<String> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into())
        .collect();
    names.sort();
    Ok(names)
}

/// `orders.csv`, `orders.json` and `orders.lines.csv` of `order`, those that exist.
fn files(data: &Path, app: &App, entity: &str) -> Result<Vec<Source>, Failure> {
    let children = app.entities.get(entity).into_iter().flat_map(|entity| entity.children.keys());
    let names = ["csv", "json"].into_iter().map(|form| format!("{entity}s.{form}"));
    let names = names.chain(children.map(|child| format!("{entity}s.{child}.csv")));
    names.map(|name| data.join(name)).filter(|path| path.exists()).map(|path| source(&path)).collect()
}

fn source(path: &Path) -> Result<Source, Failure> {
    let text = std::fs::read_to_string(path).map_err(|cause| Failure::file("read", path, &cause))?;
    Ok(Source { name: path.display().to_string(), text })
}
