//! `statehouse work`: whatever must happen without anybody asking, until told to stop.

use std::path::PathBuf;

use statehouse_connect::egress::Client;
use statehouse_fault::{SH0009, SH7008};
use statehouse_http::Settings;
use statehouse_http::settings::Log;
use statehouse_store::Place;
use statehouse_worker::Worker;

use crate::cx::Cx;
use crate::failure::{Exit, Failure};
use crate::log;
use crate::settings::Flags;
use crate::stop::Stop;

/// What it takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The app to work for [default: every app of the database]
    #[arg(long, value_name = "APP")]
    app: Option<String>,
    /// The file of settings [env: STATEHOUSE_SETTINGS] [default: statehouse.yaml, if it is there]
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
}

/// Runs it.
pub async fn run(args: Args, cx: &Cx) -> Result<Exit, Failure> {
    // Asked for first, so that no signal is lost while the database is being reached.
    let mut stopping = Stop::listen()?;
    let usual = Settings { log: Log { access: false, ..Log::default() }, ..Settings::default() };
    let mut settings = Flags::of(args.settings).read(&usual)?;
    log::begin(&settings)?;
    if let Some(app) = args.app {
        settings.app = app;
    }
    let named = Some(settings.app.as_str()).filter(|app| !app.is_empty());
    let (place, server) = cx.reach_running(named).await?;
    let worker = worker(&settings, place).await?;
    let apps = worker.apps();
    let body = serde_json::json!({
        "worker": worker.id(),
        "apps": apps.iter().map(|(app, version)| serde_json::json!({ "app": app, "version": version })).collect::<Vec<_>>(),
    });
    if !cx.print_json(&body) {
        let names: Vec<String> = apps.iter().map(|(app, version)| format!("`{app}` version {version}")).collect();
        sayln!("`{}` works for {}", worker.id(), names.join(", "));
    }
    worker.run(stopping.told()).await;
    if let Some(server) = server {
        server.stop()?;
    }
    Ok(Exit::Fine)
}

/// A worker as the settings say, with the secrets and the authorities they name.
pub(super) async fn worker(settings: &Settings, place: Place) -> Result<Worker, Failure> {
    let secrets = statehouse_worker::secrets(settings).map_err(|cause| Failure::new(SH7008, cause.to_string()))?;
    for warning in secrets.now().warnings() {
        eprintln!("warning: {warning}");
    }
    let roots = match settings.worker.extra_roots.as_str() {
        "" => None,
        file => Some(
            std::fs::read(file).map_err(|cause| Failure::new(SH0009, format!("`worker.extra_roots` `{file}` cannot be read: {cause}")))?,
        ),
    };
    let client = Client::system(roots.as_deref()).map_err(|cause| Failure::new(SH0009, format!("`worker.extra_roots`: {cause}")))?;
    Ok(Worker::new(settings, place, secrets, client).await?)
}
