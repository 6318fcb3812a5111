//! `statehouse effects`: what is owed to the outside, as a member who looks after it.

use statehouse_store::Db;
use statehouse_store::effects::{self, Id, Owed, PAGE_MAX, STATES};
use statehouse_store::record::Session;

use crate::cx::Cx;
use crate::failure::{Exit, Failure};
use crate::member::Member;

/// What somebody has to look at.
const STUCK: [&str; 3] = ["unknown", "held", "dead"];

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
    /// Show the last of them, without what they are sent with
    List {
        /// In these states, with commas between: due, leased, done, failed, unknown, held, dead [default: unknown,held,dead]
        #[arg(long, value_name = "STATES", value_delimiter = ',', value_parser = STATES, hide_possible_values = true)]
        state: Vec<String>,
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 50)]
        most: i32,
    },
    /// Try some again that are held or dead; to say it twice does it once
    Replay {
        /// Their ids
        #[arg(required = true)]
        ids: Vec<String>,
    },
    /// Say what became of one of which nobody knows
    #[command(after_help = "Example: statehouse effects resolve 0193…-7-1 --happened --evidence 'it stands in their log' --as KEY")]
    Resolve {
        /// Its id
        id: String,
        /// It reached the outside system
        #[arg(long, conflicts_with = "did_not", required_unless_present = "did_not")]
        happened: bool,
        /// It did not
        #[arg(long)]
        did_not: bool,
        /// What you go by
        #[arg(long, value_name = "TEXT")]
        evidence: String,
    },
}

/// Runs it.
pub async fn run(args: Args, cx: &Cx) -> Result<Exit, Failure> {
    let (db, session) = args.member.enter(cx).await?;
    match args.what {
        What::List { state, most } => {
            let states: Vec<&str> = if state.is_empty() { STUCK.into() } else { state.iter().map(String::as_str).collect() };
            let found = effects::outbox(&db, &session, &states, None, most.clamp(1, PAGE_MAX)).await?;
            let shown: Vec<serde_json::Value> = found.iter().map(shown).collect();
            if !cx.print_json(&shown) {
                found.iter().for_each(|owed| sayln!("{}", line(owed)));
                if found.is_empty() {
                    sayln!("nothing in state {}", states.join(", "));
                }
            }
        }
        What::Replay { ids } => return replay(&db, &session, &ids, cx).await,
        What::Resolve { id, happened, evidence, .. } => {
            effects::resolve(&db, &session, read(&id)?, happened, &evidence).await?;
            let became = if happened { "done" } else { "failed" };
            if !cx.print_json(&serde_json::json!({ "id": id, "state": became })) {
                sayln!("{id} is {became}");
            }
        }
    }
    Ok(Exit::Fine)
}

async fn replay(db: &Db, session: &Session, ids: &[String], cx: &Cx) -> Result<Exit, Failure> {
    let wanted = ids.iter().map(|id| read(id)).collect::<Result<Vec<Id>, Failure>>()?;
    let replayed = effects::replay(db, session, &wanted).await?;
    let due = |id: &Id| replayed.iter().find(|one| one.id == *id).map(|one| one.due);
    let told: Vec<serde_json::Value> = wanted
        .iter()
        .map(|id| serde_json::json!({ "id": id.to_string(), "due": due(id) == Some(true), "there": due(id).is_some() }))
        .collect();
    if !cx.print_json(&told) {
        for id in &wanted {
            match due(id) {
                Some(true) => sayln!("{id} is due again"),
                Some(false) => sayln!("{id} stays as it is: neither held nor dead"),
                None => sayln!("there is no effect `{id}` that you can see"),
            }
        }
    }
    Ok(if wanted.iter().all(|id| due(id).is_some()) { Exit::Fine } else { Exit::Refused })
}

fn read(id: &str) -> Result<Id, Failure> {
    Id::parse(id).ok_or_else(|| Failure::usage(format!("`{id}` names no effect; `statehouse effects list` shows them")))
}

fn shown(owed: &Owed) -> serde_json::Value {
    serde_json::json!({
        "id": owed.id.to_string(), "entity": owed.entity, "record": owed.id.record.to_string(), "verb": owed.verb, "connector": owed.connector,
        "action": owed.action, "call": owed.call, "state": owed.state, "attempt": owed.attempt, "doubt": owed.doubt, "code": owed.code, "tried": owed.tried,
    })
}

fn line(owed: &Owed) -> String {
    let code = owed.code.as_deref().map(|code| format!("  {code}")).unwrap_or_default();
    let doubt = if owed.doubt { "  may have arrived" } else { "" };
    format!(
        "{}  {}  {}.{}  of {} {}  attempt {}{code}{doubt}",
        owed.id, owed.state, owed.connector, owed.action, owed.entity, owed.verb, owed.attempt
    )
}
