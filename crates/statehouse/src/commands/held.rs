//! `statehouse held`: what a restore keeps from going on by itself, as a member who looks after the outside.

use serde_json::{Value, json};
use statehouse_store::record::Session;
use statehouse_store::{Db, held};

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
            }
        }
        What::Release { kind, all: true, .. } => release_all(&db, &session, kind.as_deref(), cx).await?,
        What::Release { ids, .. } => {
            let released = held::release(&db, &session, &ids).await?;
            told(&ids, &released, "released", ["goes on", "stays as it is: not held, or not yours"], cx);
        }
        What::Discard { ids, evidence } => {
            let discarded = held::discard(&db, &session, &ids, &evidence).await?;
            told(&ids, &discarded, "discarded", ["is put away", "stays as it is"], cx);
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

fn told(ids: &[String], done: &[String], what: &str, [yes, no]: [&str; 2], cx: &Cx) {
    let all: Vec<Value> = ids.iter().map(|id| json!({ "id": id, what: done.contains(id) })).collect();
    if !cx.print_json(&all) {
        ids.iter().for_each(|id| sayln!("{id} {}", if done.contains(id) { yes } else { no }));
    }
}

fn line(one: &Value) -> String {
    let text = |key: &str| one[key].as_str().unwrap_or_default();
    let about = [text("entity"), text("verb"), text("name")].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    let doubt = if one["doubt"] == true { "  may have arrived" } else { "" };
    format!("{}  due {}  {about}{doubt}", text("id"), text("due_at"))
}
