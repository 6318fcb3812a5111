//! `statehouse export`: records as somebody sees them, events, the definition, the description of the API.

use std::io::{BufWriter, Write};
use std::path::PathBuf;

use statehouse_definition::App;
use statehouse_http::openapi::{self, Viewer};
use statehouse_store::export::{Form, events, records};
use statehouse_store::record::{enter, enter_as, tenant};
use statehouse_store::{Login, definition};

use crate::cx::{Cx, Reached};
use crate::failure::{Exit, Failure};
use crate::say::Quiet;

/// What it takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The API as OpenAPI 3.1: for a role, or what anybody may ask
    #[arg(id = "kind", value_name = "WHAT", value_parser = ["openapi"], group = "what")]
    what: Option<String>,
    /// For this role
    #[arg(long, value_name = "ROLE", requires = "kind")]
    role: Option<String>,
    /// In this language, else in the app's first
    #[arg(long, value_name = "LOCALE", default_value = "", hide_default_value = true, requires = "kind")]
    locale: String,
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
        let text = match (args.definition, &args.what) {
            (true, _) => definition::canonical(&app)?,
            (false, Some(_)) => described(args, &app)?,
            (false, None) => return Err(Failure::usage("say what to export: `openapi`, `--entity`, `--events` or `--definition`")),
        };
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

/// The description of the API for a role, or for nobody.
fn described(args: &Args, app: &App) -> Result<String, Failure> {
    let document = match &args.role {
        None => openapi::of_nobody(app, &args.locale, "/"),
        Some(role) => {
            let unknown = || {
                Failure::usage(format!(
                    "there is no role `{role}`; there are {}",
                    statehouse_definition::quoted_list(app.roles.keys().cloned().collect::<Vec<_>>())
                ))
            };
            openapi::of_viewer(&Viewer::of_role(app, role).ok_or_else(unknown)?, &args.locale, "/")
        }
    };
    serde_json::to_string_pretty(&document)
        .map_err(|cause| Failure::new(statehouse_fault::SH9001, format!("the description has no JSON form: {cause}")))
}
