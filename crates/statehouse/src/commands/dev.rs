//! `statehouse dev`: a private database with the app and its demo people, the API, the worker and stand-ins for the outside
//! systems in one process, until told to stop.

mod outside;
mod ready;

use std::path::{Path, PathBuf};

use statehouse_definition::App;
use statehouse_http::settings::Log;
use statehouse_http::{Serving, Settings};
use statehouse_store::people::{self, Instead, Key, People};
use statehouse_store::{Login, Place, apply};
use statehouse_worker::Worker;
use tokio::sync::Notify;

use self::outside::Outside;
use crate::cx::{Cx, Reached};
use crate::failure::{Exit, Failure};
use crate::folder::{self, Folder};
use crate::settings::Flags;
use crate::stop::Stop;
use crate::{log, sign_in};

/// What it takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The app's folder
    #[arg(default_value = ".")]
    app: PathBuf,
    /// Write URLs and keys to this file once everything answers
    #[arg(long, value_name = "FILE")]
    ready: Option<PathBuf>,
    /// Import the records under the app's `data` folder
    #[arg(long)]
    seed: bool,
    #[command(flatten)]
    flags: Flags,
    /// Allow the destructive step of this name; may be given more than once
    #[arg(long, value_name = "NAME")]
    allow_destroy: Vec<String>,
}

/// Runs it.
pub async fn run(args: Args, cx: &Cx) -> Result<Exit, Failure> {
    // Asked for first, so that no signal is lost while the database is being made.
    let mut stopping = Stop::listen()?;
    let app = Folder::sound(&args.app, cx)?;
    if let Some(file) = &args.ready {
        ready::forget(file)?;
    }
    let reached = cx.reach(&app.name)?;
    let (standing, serving) = tokio::select! {
        prepared = prepare(&args, &app, &reached, cx) => prepared,
        () = stopping.told() => return stop(reached, None),
    }?;
    if let Some(file) = &args.ready {
        ready::write(file, &standing)?;
    }
    ready::announce(&standing, &reached, cx);
    let Some(serving) = serving else {
        // Another process keeps the server; there is nothing to stay for.
        return Ok(Exit::Fine);
    };
    let Serves { serving, worker, outside } = serving;
    // The worker goes on until the last request has been answered, and the stand-ins until the worker has drained.
    let answered = Notify::new();
    let serve = async {
        serving.run(stopping.told()).await;
        answered.notify_one();
    };
    tokio::join!(serve, worker.run(answered.notified()));
    outside.stop().await;
    stop(reached, args.ready.as_deref())
}

/// What this process runs beside the database.
struct Serves {
    serving: Serving,
    worker: Worker,
    outside: Outside,
}

/// What is announced once everything answers.
#[derive(Debug, serde::Serialize)]
struct Standing {
    app: String,
    version: i32,
    /// Whether this process keeps the server.
    owner: bool,
    /// Where the API answers; nothing where another process keeps the server.
    api: Option<String>,
    /// Where the stand-ins answer, and show what was sent.
    sandbox: Option<String>,
    database: serde_json::Map<String, serde_json::Value>,
    keys: Vec<Key>,
}

/// Applies, makes the demo people and their keys, and asks every login role for an answer.
async fn prepare(args: &Args, app: &App, reached: &Reached, cx: &Cx) -> Result<(Standing, Option<Serves>), Failure> {
    let place = &reached.place;
    let proposal = apply::propose(place, app, &Default::default()).await?;
    folder::type_changed(&args.app, place, app, &proposal, cx).await?;
    let applied = apply::apply(place, app, &proposal, &args.allow_destroy).await?;
    let mut admin = place.connect_admin().await?;
    let file = args.app.join("data/people.yaml");
    if file.exists() {
        let people: People = folder::yaml(&file)?;
        people::ensure(&mut admin, app, &people).await?;
    }
    let instead = if owned(reached) { Instead::OfOlder } else { Instead::OfNone };
    let keys = people::issue_keys(&mut admin, &app.name, "dev", instead).await?;
    let mut database = serde_json::Map::new();
    for login in Login::ALL {
        place.connect(login).await?;
        database.insert(login.name().to_owned(), reached.url(login.name()).into());
    }
    database.insert("superuser".to_owned(), reached.url_admin().into());
    if args.seed {
        super::import::seed(&args.app, app, reached).await?;
    }
    let serves = if owned(reached) { Some(serve(&args.flags, app, place, &cx.data).await?) } else { None };
    let api = serves.as_ref().map(|serves| serves.serving.shared.base_url.clone());
    let sandbox = serves.as_ref().map(|serves| serves.outside.url());
    Ok((Standing { app: app.name.clone(), version: applied.version, owner: owned(reached), api, sandbox, database, keys }, serves))
}

/// Listens where it is meant to; where nobody said so and the usual place is taken, anywhere.
async fn serve(flags: &Flags, app: &App, place: &Place, data: &Path) -> Result<Serves, Failure> {
    // A development server sends no mail, so it shows its sign-in links; they end with the process.
    let people =
        statehouse_http::settings::People { sign_in_secret: statehouse_store::people::sign_in::fresh_secret()?, sign_in_shown: true };
    let usual = Settings { app: app.name.clone(), log: Log { access: false, ..Log::default() }, people, ..Settings::default() };
    let mut settings = flags.read(&usual)?;
    log::begin(&settings)?;
    let chosen = flags.says_where() || settings.listen != usual.listen;
    if !chosen && tokio::net::TcpListener::bind(settings.listen).await.is_err() {
        settings.listen.set_port(0);
    }
    let outside = Outside::start(app, data).await?;
    outside.settle(&mut settings, app)?;
    let worker = super::work::worker(&settings, place.clone()).await?;
    let serving = sign_in::with(statehouse_http::serve(settings, place.clone()).await?)?;
    outside.introduce(place, app, &format!("http://{}", serving.address)).await?;
    Ok(Serves { serving, worker, outside })
}

fn owned(reached: &Reached) -> bool {
    reached.server.as_ref().is_some_and(statehouse_postgres::Server::owned)
}

/// Stops the server in order; what pointed to it goes first.
fn stop(reached: Reached, file: Option<&Path>) -> Result<Exit, Failure> {
    if let Some(file) = file {
        ready::forget(file)?;
    }
    if let Some(server) = reached.server {
        server.stop()?;
    }
    Ok(Exit::Fine)
}
