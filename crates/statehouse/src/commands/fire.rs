//! `statehouse fire`: one verb on one record, as whoever holds the key.

use serde_json::{Value, json};
use statehouse_store::record::{Move, Target, enter, fire};
use statehouse_store::{Login, definition};

use crate::cx::Cx;
use crate::failure::{Exit, Failure};

/// What it takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The record, by reference or id: `order/ORD-000001`
    record: String,
    /// The verb
    verb: String,
    /// The API key of the person who fires it
    #[arg(long = "as", value_name = "KEY", env = "STATEHOUSE_KEY", hide_env_values = true)]
    who: String,
    /// What the verb is handed, a JSON object
    #[arg(long, value_name = "JSON")]
    input: Option<String>,
    /// Refuse if the record is no longer at this version
    #[arg(long, value_name = "VERSION")]
    seen: Option<i32>,
    /// Fire once, however often this key is sent
    #[arg(long, value_name = "TEXT")]
    once: Option<String>,
    /// In which language a refusal is told
    #[arg(long, value_name = "LOCALE", default_value = "")]
    locale: String,
    /// The app, where there is more than one
    #[arg(long, value_name = "APP")]
    app: Option<String>,
}

/// Runs it.
pub async fn run(args: Args, cx: &Cx) -> Result<Exit, Failure> {
    let (entity, record) = named(&args.record)?;
    let input = args.input.as_deref().map(object).transpose()?;
    let reached = cx.reach_only(args.app.as_deref()).await?;
    let db = reached.db(Login::Api, 1)?;
    let session = enter(&db, &args.who).await?.in_locale(args.locale);
    // What the app does not have is said before anything is tried.
    let app = definition::fetch_app(&reached.place.connect_admin().await?, &session.app).await?;
    definition::entity(&app, entity)?;
    let wanted = Move { entity, record, verb: &args.verb, input: input.as_ref(), key: args.once.as_deref(), version: args.seen };
    let moved = fire(&db, &session, &wanted).await?;
    let body = json!({ "id": moved.id.to_string(), "state": moved.state, "version": moved.version });
    if !cx.print_json(&body) {
        sayln!("{} is {}, version {}", args.record, moved.state, moved.version);
    }
    Ok(Exit::Fine)
}

/// The entity and record that `order/ORD-000001` names.
pub(super) fn named(record: &str) -> Result<(&str, Target<'_>), Failure> {
    Target::parse(record).ok_or_else(|| Failure::usage(format!("`{record}` names no record; write `order/ORD-000001` or `order/ID`")))
}

/// A JSON object given on the command line.
pub(super) fn object(text: &str) -> Result<Value, Failure> {
    let value: Value = serde_json::from_str(text).map_err(|cause| Failure::usage(format!("the input is not JSON: {cause}")))?;
    if value.is_object() { Ok(value) } else { Err(Failure::usage("the input is a JSON object of the verb's inputs")) }
}
