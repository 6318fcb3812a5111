//! `statehouse sandbox`: local stand-ins for the outside systems, until told to stop.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use statehouse_fault::SH0009;
use statehouse_sandbox::{Sandbox, Settings, Target, stand_ins};

use crate::cx::Cx;
use crate::failure::{Exit, Failure};
use crate::stop::Stop;

/// Where it listens when nobody says.
const USUAL: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 4010);

/// What it takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where to listen
    #[arg(long, value_name = "ADDR", default_value_t = USUAL)]
    listen: SocketAddr,
    /// The file of the log, one JSON value a line; taken up again where it was left [default: in memory]
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// A YAML file that says where messages go: `customs: { url: http://…/v1/in/…, secret: whsec_… }`
    #[arg(long, value_name = "FILE")]
    hooks: Option<PathBuf>,
    /// Allow to listen where other machines reach it, and do as they say
    #[arg(long)]
    beyond_this_machine: bool,
}

/// Runs it.
pub async fn run(args: Args, cx: &Cx) -> Result<Exit, Failure> {
    // Asked for first, so that no signal is lost while the log is being read.
    let mut stopping = Stop::listen()?;
    let hooks = args.hooks.as_deref().map(read).transpose()?.unwrap_or_default();
    let Args { listen, log, beyond_this_machine, .. } = args;
    let sandbox = Sandbox::start(Settings { listen, log: log.clone(), hooks, beyond_this_machine, ..Settings::default() }).await?;
    announce(&sandbox, log.as_deref(), cx);
    stopping.told().await;
    sandbox.stop().await;
    Ok(Exit::Fine)
}

/// Addresses by stand-in, one or a list.
fn read(path: &Path) -> Result<BTreeMap<String, Vec<Target>>, Failure> {
    let unreadable = |cause: String| Failure::new(SH0009, format!("`{}`: {cause}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|cause| unreadable(cause.to_string()))?;
    let named: BTreeMap<String, Value> = serde_saphyr::from_str(&text).map_err(|cause| unreadable(cause.to_string()))?;
    let targets = named.into_iter().map(|(name, value)| {
        let list = if value.is_array() { value } else { Value::Array(vec![value]) };
        let targets = serde_json::from_value(list).map_err(|cause| unreadable(format!("`{name}`: {cause}")))?;
        Ok((name, targets))
    });
    targets.collect()
}

fn announce(sandbox: &Sandbox, log: Option<&Path>, cx: &Cx) {
    let url = format!("http://{}", sandbox.address);
    let bases: Map<String, Value> = stand_ins().map(|(name, _)| (name.to_owned(), sandbox.base(name).into())).collect();
    if cx.print_json(&json!({ "sandbox": url, "log": log, "providers": bases })) {
        return;
    }
    sayln!("the sandbox answers at {url}");
    for (name, about) in stand_ins() {
        sayln!("  {:44}{about}", sandbox.base(name));
    }
    sayln!("what was sent stands at {url}/_/sent, and how to make it misbehave at {url}/");
}
