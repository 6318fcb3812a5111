//! `statehouse endpoint`: the addresses at which outside systems send messages, for the operator.

use serde_json::{Value, json};
use statehouse_http::Settings;
use statehouse_store::{definition, inbox, record};
use uuid::Uuid;

use crate::cx::Cx;
use crate::failure::{Exit, Failure};
use crate::settings::Flags;

/// What it takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
    /// The app, where there is more than one
    #[arg(long, value_name = "APP", global = true)]
    app: Option<String>,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Make one and print it: it is a secret, and printed this once
    #[command(after_help = "Example: statehouse endpoint add nordur customs --account acct_123")]
    Add {
        /// The tenant
        tenant: String,
        /// One of the app's inboxes
        source: String,
        /// Take messages of this account alone
        #[arg(long, value_name = "ACCOUNT")]
        account: Option<String>,
        #[command(flatten)]
        flags: Flags,
    },
    /// Show them, without what opens them
    List {
        /// The tenant; all where it is left out
        tenant: Option<String>,
    },
    /// End one; what came by it stays
    Revoke {
        /// Its id
        id: Uuid,
    },
}

/// Runs it.
pub async fn run(args: Args, cx: &Cx) -> Result<Exit, Failure> {
    let reached = cx.reach_only(args.app.as_deref()).await?;
    let mut admin = reached.place.connect_admin().await?;
    let name = reached.app_name(&admin, args.app.as_deref()).await?;
    match args.what {
        What::Add { tenant, source, account, flags } => {
            let settings = flags.read(&Settings::default())?;
            let app = definition::fetch_app(&admin, &name).await?;
            let made = inbox::issue(&mut admin, &app, &tenant, &source, account.as_deref()).await?;
            let url = format!("{}/v1/in/{}", settings.base_url(settings.listen), made.token);
            if !cx.print_json(&json!({ "id": made.id, "tenant": tenant, "source": source, "account": account, "url": url })) {
                sayln!("{url}");
                if settings.public_url.is_empty() {
                    eprintln!("the setting `public_url` says how the outside reaches the server; it is not set");
                }
            }
        }
        What::List { tenant } => {
            if let Some(slug) = &tenant {
                record::tenant(&admin, slug).await?;
            }
            let all = inbox::all(&admin, &name, tenant.as_deref()).await?;
            if !cx.print_json(&all) {
                for one in &all {
                    sayln!("{}", line(one));
                }
                if all.is_empty() {
                    sayln!("nothing yet; `statehouse endpoint add TENANT SOURCE` makes an address");
                }
            }
        }
        What::Revoke { id } => {
            if !inbox::withdraw(&admin, id).await? {
                let help = "list them with `statehouse endpoint list`";
                let fault = statehouse_fault::Fault::new(statehouse_fault::SH1002, format!("there is no living address `{id}`"));
                return Err(fault.with_help(help).into());
            }
            if !cx.print_json(&json!({ "revoked": id })) {
                sayln!("`{id}` takes nothing more");
            }
        }
    }
    Ok(Exit::Fine)
}

fn line(one: &Value) -> String {
    let text = |key: &str| one[key].as_str().unwrap_or_default();
    let account = one["account"].as_str().map(|account| format!("  account {account}")).unwrap_or_default();
    let ended = one["revoked_at"].as_str().map(|at| format!("  revoked {at}")).unwrap_or_default();
    format!("{}  {}  {}{account}  since {}{ended}", text("id"), text("tenant"), text("source"), text("created_at"))
}
