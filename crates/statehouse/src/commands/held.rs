//! `statehouse held`: what a restore keeps from going on by itself, as a member who looks after the outside.

use serde_json::{Value, json};
use statehouse_fault::{Fault, SH1001};
use statehouse_store::record::Session;
use statehouse_store::{Db, held, inbox};

use crate::cx::Cx;
use crate::failure::{Exit, Failure};
use crate::member::Member;

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
    /// Show what is held, what was due first first
    List {
        /// Of one kind
        #[arg(long, value_name = "KIND", value_parser = held::KINDS)]
        kind: Option<String>,
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 50)]
        most: i32,
    },
    /// Let some of it go on, or all; to say it twice does it once
    #[command(after_help = "Example: statehouse held release --all --kind timer --as KEY")]
    Release {
        /// Their ids
        #[arg(required_unless_present = "all", conflicts_with_all = ["all", "kind"])]
        ids: Vec<String>,
        /// All that is held
        #[arg(long)]
        all: bool,
        /// All of one kind
        #[arg(long, value_name = "KIND", value_parser = held::KINDS, requires = "all")]
        kind: Option<String>,
    },
    /// Put away what was done or must not be done: also dead and unknown effects, and messages that came to nothing
    #[command(after_help = "Example: statehouse held discard timer:0193…:lapse --evidence 'prolonged by telephone' --as KEY")]
    Discard {
        /// Their ids
        #[arg(required = true)]
        ids: Vec<String>,
        /// What you go by
        #[arg(long, value_name = "TEXT")]
        evidence: String,
    },
}

/// Runs it.
pub async fn run(args: Args, cx: &Cx) -> Result<Exit, Failure> {
    let (db, session) = args.member.enter(cx).await?;
    match args.what {
        What::List { kind, most } => {
            let found = held::list(&db, &session, kind.as_deref(), None, most).await?;
            if !cx.print_json(&found) {
                found.iter().for_each(|one| sayln!("{}", line(one)));
                if found.is_empty() {
                    let of = kind.map(|kind| format!(" of kind `{kind}`")).unwrap_or_default();
                    sayln!("nothing{of} is held");
                }
            }
        }
        What::Release { kind, all: true, .. } => release_all(&db, &session, kind.as_deref(), cx).await?,
        What::Release { ids, .. } => {
            insist_on_ids(&ids)?;
            let released = held::release(&db, &session, &ids).await?;
            return told(&db, &session, &ids, &released, ("released", "goes on"), cx).await;
        }
        What::Discard { ids, evidence } => {
            insist_on_ids(&ids)?;
            let discarded = held::discard(&db, &session, &ids, &evidence).await?;
            return told(&db, &session, &ids, &discarded, ("discarded", "is put away"), cx).await;
        }
    }
    Ok(Exit::Fine)
}

/// Some at a time, until none is left: each bite is a transaction of its own, so that whoever breaks off goes on later.
async fn release_all(db: &Db, session: &Session, kind: Option<&str>, cx: &Cx) -> Result<(), Failure> {
    let mut released = 0;
    loop {
        let some = held::release_some(db, session, kind).await?;
        released += some;
        if some == 0 {
            break;
        }
    }
    if !cx.print_json(&json!({ "released": released })) {
        sayln!("{released} go on");
    }
    Ok(())
}

/// What became of each. One that is not there is said so, where it can be told from one that was done before.
async fn told(db: &Db, session: &Session, ids: &[String], done: &[String], (what, yes): (&str, &str), cx: &Cx) -> Result<Exit, Failure> {
    let mut all = Vec::new();
    for id in ids {
        let done = done.contains(id);
        let (kind, named) = id.split_once(':').unwrap_or_default();
        let message = named.parse().ok().filter(|_| kind == "message" && !done);
        let there = match message {
            Some(message) => inbox::one(db, session, message).await?.is_some(),
            None => true,
        };
        let said = match (done, there) {
            (true, _) => format!("{id} {yes}"),
            (_, false) => format!("there is no message `{id}` that you can see"),
            _ if kind == "message" => format!("{id} stays as it is"),
            _ => format!("{id} stays as it is: no longer held, or there is no such {kind} that you can see"),
        };
        all.push((json!({ "id": id, what: done, "there": there }), said));
    }
    let shown: Vec<&Value> = all.iter().map(|(shown, _)| shown).collect();
    if !cx.print_json(&shown) {
        all.iter().for_each(|(_, said)| sayln!("{said}"));
    }
    Ok(if shown.iter().all(|one| one["there"] == true) { Exit::Fine } else { Exit::Refused })
}

/// What has not the form of an id names nothing, and is a slip of whoever wrote it.
fn insist_on_ids(ids: &[String]) -> Result<(), Failure> {
    let Some(wrong) = ids.iter().find(|id| !held::is_id(id)) else { return Ok(()) };
    let kinds = statehouse_definition::quoted_list(held::KINDS);
    let fault =
        Fault::new(SH1001, format!("`{wrong}` names nothing that can be held: an id begins with its kind, one of {kinds}, and a colon"));
    Err(fault.with_help("take it from `statehouse held list`; of a message it is `message:ID`, of an effect `effect:ID`").into())
}

fn line(one: &Value) -> String {
    let text = |key: &str| one[key].as_str().unwrap_or_default();
    let about = [text("entity"), text("verb"), text("name")].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    let doubt = if one["doubt"] == true { "  may have arrived" } else { "" };
    format!("{}  due {}  {about}{doubt}", text("id"), text("due_at"))
}
