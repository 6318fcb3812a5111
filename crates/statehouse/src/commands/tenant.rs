//! `statehouse tenant`: the tenants of a database, for its operator.

use std::path::PathBuf;

use statehouse_store::export::{Whole, tenant as export};
use statehouse_store::people::erase::erase;
use statehouse_store::people::tenant::{self, Standing};
use statehouse_store::{definition, people};

use crate::cx::{Cx, Reached};
use crate::failure::{Exit, Failure};

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
    /// Show every tenant with its limits
    List,
    /// Make one
    Add {
        /// Its short name: lower-case letters, digits and `-`
        slug: String,
        /// What people call it
        #[arg(long, value_name = "NAME")]
        name: String,
        /// The market its rule tables are read for
        #[arg(long, value_name = "MARKET")]
        market: Option<String>,
        /// The address of its first member, who is given `--role`
        #[arg(long, value_name = "EMAIL", requires = "role")]
        owner: Option<String>,
        /// The role of its first member; one that holds `members.manage` can invite the others
        #[arg(long, value_name = "ROLE", requires = "owner")]
        role: Option<String>,
    },
    /// End all access at once; effects, timers and messages stay as they are
    Suspend {
        /// The tenant
        slug: String,
    },
    /// Let its people in again
    Resume {
        /// The tenant
        slug: String,
    },
    /// Set limits
    #[command(after_help = "Example: statehouse tenant limit nordur --members 50 --file-bytes 1000000000")]
    Limit(Limit),
    /// Write everything of it into a folder: JSON lines, and what `import` reads
    Export {
        /// The tenant
        slug: String,
        /// The folder, empty or not there yet
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// Remove every row of it; its number, slug and the root of its audit stay
    Erase {
        /// The tenant
        slug: String,
        /// The same once more
        #[arg(long, value_name = "SLUG")]
        confirm: String,
    },
}

#[derive(Debug, clap::Args)]
struct Limit {
    /// The tenant
    slug: String,
    /// Members
    #[arg(long, value_name = "N")]
    members: Option<i64>,
    /// Living API keys
    #[arg(long, value_name = "N")]
    keys: Option<i64>,
    /// Requests a second
    #[arg(long, value_name = "N")]
    requests_per_second: Option<i64>,
    /// Bytes of files
    #[arg(long, value_name = "N")]
    file_bytes: Option<i64>,
    /// Uploads under way
    #[arg(long, value_name = "N")]
    uploads_open: Option<i64>,
}

/// Runs it.
pub async fn run(args: Args, cx: &Cx) -> Result<Exit, Failure> {
    let reached = cx.reach_only(args.app.as_deref()).await?;
    let mut admin = reached.place.connect_admin().await?;
    match args.what {
        What::List => list(&tenant::all(&admin).await?, cx),
        What::Add { slug, name, market, owner, role } => {
            tenant::add(&admin, &slug, &name, market.as_deref()).await?;
            if let (Some(email), Some(role)) = (owner, role) {
                let app = definition::fetch_app(&admin, &reached.app_name(&admin, args.app.as_deref()).await?).await?;
                let member = people::Member { name: email.clone(), email, role, extra: Vec::new(), revoked: Vec::new() };
                let first = people::Tenant { slug: slug.clone(), name, market, members: vec![member] };
                people::ensure(&mut admin, &app, &people::People { tenants: vec![first] }).await?;
            }
            said(cx, "added", &slug, format!("`{slug}` is there"));
        }
        What::Suspend { slug } => {
            tenant::suspend(&mut admin, &slug).await?;
            said(cx, "suspended", &slug, format!("nobody has access to `{slug}` any more; effects and timers stay"));
        }
        What::Resume { slug } => {
            tenant::resume(&mut admin, &slug).await?;
            said(cx, "resumed", &slug, format!("the people of `{slug}` may sign in again"));
        }
        What::Limit(limit) => limited(&mut admin, &limit, cx).await?,
        What::Export { slug, out } => exported(&reached, args.app.as_deref(), &slug, &out, cx).await?,
        What::Erase { slug, confirm } => {
            if confirm != slug {
                return Err(Failure::usage(format!("`--confirm {confirm}` is not `{slug}`; nothing was erased")));
            }
            let erased = erase(&mut admin, &slug).await?;
            if !cx.print_json(&erased) {
                let rows: u64 = erased.rows.values().sum();
                sayln!("`{slug}` is erased: {rows} rows of {} tables, {} people", erased.rows.len(), erased.people);
                sayln!("audit root {}", erased.audit_root);
            }
        }
    }
    Ok(Exit::Fine)
}

fn list(all: &[Standing], cx: &Cx) {
    if cx.print_json(&all) {
        return;
    }
    for one in all {
        let standing = match (&one.erased_at, &one.suspended_at) {
            (Some(at), _) => format!("erased {at}"),
            (None, Some(at)) => format!("suspended {at}"),
            (None, None) => "open".to_owned(),
        };
        let limits: Vec<String> = tenant::LIMITS
            .iter()
            .filter(|name| !one.limits[**name].is_null())
            .map(|name| format!("{name} {}", one.limits[*name]))
            .collect();
        sayln!("{}  {}  {} members  {standing}  {}", one.slug, one.name, one.members, limits.join(", "));
    }
}

async fn limited(admin: &mut tokio_postgres::Client, limit: &Limit, cx: &Cx) -> Result<(), Failure> {
    let given = [limit.members, limit.keys, limit.requests_per_second, limit.file_bytes, limit.uploads_open];
    let set: Vec<(&str, i64)> = tenant::LIMITS.into_iter().zip(given).filter_map(|(name, most)| Some((name, most?))).collect();
    if set.is_empty() {
        return Err(Failure::usage("say which limit, e.g. `--members 50`"));
    }
    for (name, most) in &set {
        tenant::limit(admin, &limit.slug, name, *most).await?;
    }
    let words: Vec<String> = set.iter().map(|(name, most)| format!("{name} {most}")).collect();
    said(cx, "limited", &limit.slug, format!("`{}` may have {}", limit.slug, words.join(", ")));
    Ok(())
}

async fn exported(reached: &Reached, app: Option<&str>, slug: &str, out: &std::path::Path, cx: &Cx) -> Result<(), Failure> {
    let admin = reached.place.connect_admin().await?;
    let name = reached.app_name(&admin, app).await?;
    let app = definition::fetch_app(&admin, &name).await?;
    let written = export(&reached.place, Whole { app: &app, tenant: slug }, out).await?;
    if !cx.print_json(&written) {
        for one in &written {
            sayln!("{:>8}  {}", one.rows, one.file);
        }
        sayln!("`{slug}` is in `{}`", out.display());
    }
    Ok(())
}

fn said(cx: &Cx, what: &str, slug: &str, text: String) {
    if !cx.print_json(&serde_json::json!({ what: slug })) {
        sayln!("{text}");
    }
}
