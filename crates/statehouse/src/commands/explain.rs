//! `statehouse explain`: why a verb is refused, or the page of a code.

use statehouse_store::definition;
use statehouse_store::explain::{Answer, Outcome, Question, Verdict, Who, explain};

use crate::cx::Cx;
use crate::failure::{Exit, Failure};

use super::fire::{named, object};

/// What it takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A record such as `order/ORD-000001`, or a code such as `SH4004`
    what: String,
    /// The verb, for a record
    #[arg(requires = "who")]
    verb: Option<String>,
    /// The member who would fire it: e-mail, name or id, or an API key
    #[arg(long = "as", id = "who", value_name = "MEMBER")]
    who: Option<String>,
    /// The member's tenant, where there is more than one
    #[arg(long, value_name = "SLUG")]
    tenant: Option<String>,
    /// What the verb would be handed, a JSON object
    #[arg(long, value_name = "JSON")]
    input: Option<String>,
    /// The app, where there is more than one
    #[arg(long, value_name = "APP")]
    app: Option<String>,
}

/// Runs it.
pub async fn run(args: Args, cx: &Cx) -> Result<Exit, Failure> {
    let code = args.what.to_ascii_uppercase();
    if code.len() == 6 && code.starts_with("SH") && args.verb.is_none() {
        return crate::render::page(&code, cx);
    }
    let (Some(verb), Some(who)) = (&args.verb, &args.who) else {
        return Err(Failure::usage("explain a code, or a record with a verb and `--as MEMBER`"));
    };
    let (entity, record) = named(&args.what)?;
    let input = args.input.as_deref().map(object).transpose()?;
    let reached = cx.reach_only(args.app.as_deref()).await?;
    let mut admin = reached.place.connect_admin().await?;
    let name = reached.app_name(&admin, args.app.as_deref()).await?;
    let app = definition::fetch_app(&admin, &name).await?;
    let who = match who.starts_with("sk_") {
        true => Who::Key(who),
        false => Who::Member { member: who, tenant: args.tenant.as_deref() },
    };
    let question = Question { app: &app, entity, record, verb, input: input.as_ref(), who };
    let answer = explain(&mut admin, question).await?;
    if !cx.print_json(&answer) {
        say!("{}", text(&answer, &args.what));
    }
    Ok(if matches!(answer.outcome, Outcome::Open(_)) { Exit::Fine } else { Exit::Refused })
}

/// The answer first, then each condition, then who could.
fn text(answer: &Answer, record: &str) -> String {
    let who = format!("{} ({})", answer.who.name, answer.who.role);
    let mut text = match &answer.outcome {
        Outcome::Open(state) => format!("open: {who} may fire `{}` on {record}; it becomes {state}\n", answer.verb),
        Outcome::Refused(fault) => format!("refused: `{}` is not open for {who} [{}]\n", answer.verb, fault.code),
        Outcome::Unseen => format!("not there: {who} sees no such record\n"),
    };
    let width = answer.checks.iter().map(|check| check.name.chars().count()).max().unwrap_or_default();
    for check in &answer.checks {
        let verdict = match check.verdict {
            Verdict::Ok => "ok  ",
            Verdict::Fail => "FAIL",
            Verdict::NotReached => "-   ",
        };
        let line = format!("  {verdict}  {:width$}  {}", check.name, check.detail);
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text.push_str(&format!("who can: {}\n", shortened(&answer.who_can)));
    text
}

fn shortened(names: &[String]) -> String {
    match names {
        [] => "nobody in this tenant".into(),
        [a, b, c, rest @ ..] if !rest.is_empty() => format!("{a}, {b}, {c}, {} others", rest.len()),
        few => few.join(", "),
    }
}
