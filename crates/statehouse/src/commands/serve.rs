//! `statehouse serve`: the API of an app that is applied, until told to stop.

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use statehouse_http::Settings;

use crate::cx::Cx;
use crate::failure::{Exit, Failure};
use crate::settings::Flags;
use crate::stop::Stop;
use crate::{log, sign_in};

/// What it takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    flags: Flags,
    /// The app, where there is more than one
    #[arg(long, value_name = "APP")]
    app: Option<String>,
}

/// Runs it.
pub async fn run(args: Args, cx: &Cx) -> Result<Exit, Failure> {
    // Asked for first, so that no signal is lost while the pools are being made.
    let mut stopping = Stop::listen()?;
    let mut settings = args.flags.read(&Settings::default())?;
    log::begin(&settings)?;
    if let Some(app) = args.app {
        settings.app = app;
    }
    let named = Some(settings.app.as_str()).filter(|app| !app.is_empty());
    let (place, server) = cx.reach_running(named).await?;
    take_open_files();
    let serving = sign_in::with(statehouse_http::serve(settings, place).await?)?;
    let running = serving.shared.running();
    let body = serde_json::json!({ "api": format!("http://{}", serving.address), "app": running.app.name, "version": running.version });
    if !cx.print_json(&body) {
        sayln!("`{}` version {} answers at http://{}", running.app.name, running.version, serving.address);
    }
    serving.run(stopping.told()).await;
    if let Some(server) = server {
        server.stop()?;
    }
    Ok(Exit::Fine)
}

/// A connection is an open file, and the usual limit of 1024 is far below what a server is set to hold. What the system
/// lets this process have anyway, it takes.
fn take_open_files() {
    if let Ok((_, most)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, most, most);
    }
}
