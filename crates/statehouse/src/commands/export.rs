//! `statehouse export`: records as somebody sees them, events, the definition.

use std::io::{BufWriter, Write};
use std::path::PathBuf;

use statehouse_store::export::{Form, events, records};
use statehouse_store::record::{enter, enter_as, tenant};
use statehouse_store::{Login, definition};

use crate::cx::{Cx, Reached};
use crate::failure::{Exit, Failure};
use crate::say::Quiet;

/// What it takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The records of this entity
    #[arg(long, value_name = "ENTITY", group = "what")]
    entity: Option<String>,
    /// Every event of the tenant, one JSON object a line
    #[arg(long, group = "what", requires = "tenant")]
    events: bool,
    /// The definition in force, as JSON
    #[arg(long, group = "what")]
    definition: bool,
    /// As the holder of this API key sees them
    #[arg(long = "as", id = "who", value_name = "KEY", conflicts_with = "tenant")]
    who: Option<String>,
    /// Everything of this tenant
    #[arg(long, value_name = "SLUG")]
    tenant: Option<String>,
    /// `csv`, or `jsonl` with the children nested
    #[arg(long, value_parser = ["csv", "jsonl"], default_value = "csv")]
    form: String,
    /// Write to this file
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The app, where there is more than one
    #[arg(long, value_name = "APP")]
    app: Option<String>,
}

/// Runs it.
pub async fn run(args: Args, cx: &Cx) -> Result<Exit, Failure> {
    let reached = cx.reach_only(args.app.as_deref()).await?;
    let mut out: Box<dyn Write + Send> = match &args.out {
        Some(path) => Box::new(BufWriter::new(std::fs::File::create(path).map_err(|cause| Failure::file("write", path, &cause))?)),
        None => Box::new(BufWriter::new(Quiet(std::io::stdout()))),
    };
    let written = write(&args, &reached, &mut *out).await?;
    out.flush().map_err(|cause| Failure::new(statehouse_fault::SH0003, format!("the export could not be written: {cause}")))?;
    if args.out.is_some() && !cx.print_json(&serde_json::json!({ "written": written })) {
        sayln!("{written} written");
    }
    Ok(Exit::Fine)
}

async fn write(args: &Args, reached: &Reached, out: &mut (dyn Write + Send)) -> Result<u64, Failure> {
    let mut admin = reached.place.connect_admin().await?;
    if args.events {
        return Ok(events(&mut admin, args.tenant.as_deref().unwrap_or_default(), out).await?);
    }
    let name = reached.app_name(&admin, args.app.as_deref()).await?;
    let app = definition::fetch_app(&admin, &name).await?;
    let Some(entity) = &args.entity else {
        if !args.definition {
            return Err(Failure::usage("say what to export: `--entity`, `--events` or `--definition`"));
        }
        let text = definition::canonical(&app)?;
        return writeln!(out, "{text}")
            .map(|()| 1)
            .map_err(|cause| Failure::new(statehouse_fault::SH0003, format!("the export could not be written: {cause}")));
    };
    let form = if args.form == "csv" { Form::Csv } else { Form::Jsonl };
    let (login, session) = match (&args.who, &args.tenant) {
        (Some(key), _) => (Login::Api, enter(&reached.db(Login::Api, 1)?, key).await?),
        (None, Some(slug)) => {
            let number = tenant(&admin, slug).await?;
            (Login::Worker, enter_as(&reached.db(Login::Worker, 1)?, "system", number, &name).await?)
        }
        (None, None) => return Err(Failure::usage("say as whom: `--as KEY` or `--tenant SLUG`")),
    };
    let mut client = reached.place.connect(login).await?;
    Ok(records(&mut client, &session, &app, entity, form, out).await?)
}
