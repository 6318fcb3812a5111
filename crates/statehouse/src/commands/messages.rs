//! `statehouse messages`: what outside systems have sent, as a member who looks after it.

use serde_json::{Value, json};
use statehouse_fault::{Fault, SH1002};
use statehouse_store::Db;
use statehouse_store::inbox::{self, Filter, STATES};
use statehouse_store::record::Session;
use uuid::Uuid;

use crate::cx::Cx;
use crate::failure::{Exit, Failure};
use crate::member::Member;

/// What somebody has to look at, or what has to happen first.
const STUCK: [&str; 5] = ["waiting", "late", "quarantined", "conflict", "dead"];

/// What it takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
    #[command(flatten)]
    member: Member,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Show the last of them, without what they say
    List {
        /// In these states, with commas between: due, leased, waiting, held, done, ignored, late, quarantined, conflict, dead [default: those that wait for something]
        #[arg(long, value_name = "STATES", value_delimiter = ',', value_parser = STATES, hide_possible_values = true)]
        state: Vec<String>,
        /// From one source
        #[arg(long, value_name = "SOURCE")]
        source: Option<String>,
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 50)]
        most: i32,
    },
    /// Show one with what it says
    Show {
        /// Its id
        id: Uuid,
    },
    /// Look at some again that came to nothing; to say it twice does it once
    Replay {
        /// Their ids
        #[arg(required = true)]
        ids: Vec<Uuid>,
    },
}

/// Runs it.
pub async fn run(args: Args, cx: &Cx) -> Result<Exit, Failure> {
    let (db, session) = args.member.enter(cx).await?;
    match args.what {
        What::List { state, source, most } => {
            let states = if state.is_empty() { STUCK.map(str::to_owned).into() } else { state };
            let filter = Filter { states: Some(&states), source: source.as_deref(), before: None };
            let found = inbox::list(&db, &session, &filter, most).await?;
            // Of a source that is gone from the definition there may still be messages.
            if let (true, Some(source)) = (found.is_empty(), &source) {
                args.member.insist_on_source(cx, &session, source).await?;
            }
            if !cx.print_json(&found) {
                found.iter().for_each(|one| sayln!("{}", line(one)));
                if found.is_empty() {
                    let of = source.map(|source| format!(" of `{source}`")).unwrap_or_default();
                    sayln!("nothing{of} in state {}", states.join(", "));
                }
            }
        }
        What::Show { id } => {
            let unknown = || {
                Fault::new(SH1002, format!("there is no message `{id}` that you can see"))
                    .with_help("list them with `statehouse messages list`")
            };
            let one = inbox::one(&db, &session, id).await?.ok_or_else(unknown)?;
            if !cx.print_json(&one) {
                show(&one);
            }
        }
        What::Replay { ids } => return replay(&db, &session, &ids, cx).await,
    }
    Ok(Exit::Fine)
}

async fn replay(db: &Db, session: &Session, ids: &[Uuid], cx: &Cx) -> Result<Exit, Failure> {
    let again = inbox::replay(db, session, ids).await?;
    let mut told = Vec::new();
    for id in ids {
        let there = if again.contains(id) { None } else { Some(inbox::one(db, session, *id).await?) };
        let said = match &there {
            None => format!("{id} is looked at again"),
            Some(None) => format!("there is no message `{id}` that you can see"),
            Some(Some(one)) if one["state"] == "conflict" => {
                format!("{id} is in conflict and never acted upon; `statehouse held discard message:{id} --evidence …` puts it away")
            }
            Some(Some(_)) => format!("{id} stays as it is"),
        };
        let shown = json!({ "id": id.to_string(), "due": there.is_none(), "there": !matches!(there, Some(None)) });
        told.push((shown, said));
    }
    let shown: Vec<&Value> = told.iter().map(|(shown, _)| shown).collect();
    if !cx.print_json(&shown) {
        told.iter().for_each(|(_, said)| sayln!("{said}"));
    }
    Ok(if shown.iter().all(|one| one["there"] == true) { Exit::Fine } else { Exit::Refused })
}

fn text<'v>(one: &'v Value, key: &str) -> &'v str {
    one[key].as_str().unwrap_or("-")
}

fn line(one: &Value) -> String {
    let about = [one["code"].as_str(), one["why"].as_str()].into_iter().flatten().collect::<Vec<_>>().join(" ");
    format!(
        "{}  {}  {}  {}  {}  {about}",
        text(one, "id"),
        text(one, "received_at"),
        text(one, "source"),
        text(one, "type"),
        text(one, "state")
    )
    .trim_end()
    .to_owned()
}

fn show(one: &Value) {
    sayln!("{}", line(one));
    for (what, value) in [
        ("key", &one["key"]),
        ("coverage", &one["coverage"]),
        ("secret", &one["secret"]),
        ("record", &one["record"]),
        ("verb", &one["verb"]),
    ] {
        sayln!("  {what:<10} {}", value.as_str().unwrap_or("-"));
    }
    sayln!("  {:<10} {}", "headers", one["headers"]);
    sayln!("  {:<10} {}", "query", text(one, "query"));
    sayln!("");
    sayln!("{}", one["body"].as_str().or(one["body_base64"].as_str()).unwrap_or_default());
}
