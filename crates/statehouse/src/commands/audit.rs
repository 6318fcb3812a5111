//! `statehouse audit`: verify the chains of events, and write down where they end.

use std::path::PathBuf;

use statehouse_fault::{Fault, SH5020};
use statehouse_store::audit::{Anchor, Report, Subject, anchor, erase, verify};
use statehouse_store::definition;
use statehouse_store::record::Target;

use crate::cx::Cx;
use crate::failure::{Exit, Failure};

/// Findings that are printed; the rest is counted.
const SHOWN_MAX: usize = 50;

/// What it takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
    /// The app, where there is more than one
    #[arg(long, value_name = "APP", global = true)]
    app: Option<String>,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Compute every chain again
    Verify {
        /// And compare it with this anchor
        #[arg(long, value_name = "FILE")]
        anchor: Option<PathBuf>,
    },
    /// Write down where every chain ends; keep the file outside
    Anchor {
        /// The file
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Forget the person a record is about; its chain stays whole
    Erase {
        /// The record, by id: `client/ID`
        record: String,
        /// Whose it is
        #[arg(long, value_name = "SLUG")]
        tenant: String,
    },
}

/// Runs it.
pub async fn run(args: Args, cx: &Cx) -> Result<Exit, Failure> {
    let reached = cx.reach_only(args.app.as_deref()).await?;
    let mut admin = reached.place.connect_admin().await?;
    match args.what {
        What::Verify { anchor } => {
            let read = |path: PathBuf| std::fs::read_to_string(&path).map_err(|cause| Failure::file("read", &path, &cause));
            let anchor = anchor.map(read).transpose()?.map(|text| Anchor::parse(&text)).transpose()?;
            show(&verify(&mut admin, anchor.as_ref()).await?, cx)
        }
        What::Anchor { out } => {
            let taken = anchor(&mut admin).await?;
            std::fs::write(&out, taken.text()).map_err(|cause| Failure::file("write", &out, &cause))?;
            let roots: Vec<_> = taken.tenants.iter().map(|tenant| (&tenant.slug, &tenant.root, tenant.records, tenant.events)).collect();
            if !cx.print_json(&roots) {
                for (slug, root, records, events) in roots {
                    sayln!("{slug}  {records} records  {events} events  {root}");
                }
            }
            Ok(Exit::Fine)
        }
        What::Erase { record, tenant } => {
            let (entity, Target::Id(id)) = super::fire::named(&record)? else {
                return Err(Failure::usage(format!("`{record}` names a record by reference; erasing takes its id")));
            };
            let app = reached.app_name(&admin, args.app.as_deref()).await?;
            definition::entity(&definition::fetch_app(&admin, &app).await?, entity)?;
            erase(&mut admin, Subject { app: &app, tenant: &tenant, entity, record: id }).await?;
            if !cx.print_json(&serde_json::json!({ "erased": record })) {
                sayln!("{record} is erased; its events and their chain stay");
            }
            Ok(Exit::Fine)
        }
    }
}

fn show(report: &Report, cx: &Cx) -> Result<Exit, Failure> {
    if cx.json && !report.findings.is_empty() {
        cx.print_json(report);
        return Ok(Exit::Refused);
    }
    for finding in report.findings.iter().take(SHOWN_MAX) {
        sayln!("{finding}");
    }
    if report.findings.is_empty() {
        if !cx.print_json(report) {
            let against = report.anchored_at.as_ref().map(|at| format!(", and against the anchor of {at}")).unwrap_or_default();
            sayln!("{} records and {} events in order{against}; {} payloads erased", report.records, report.events, report.erased);
        }
        return Ok(Exit::Fine);
    }
    Err(Fault::new(SH5020, format!("{} findings in {} records", report.findings.len(), report.records)).into())
}
