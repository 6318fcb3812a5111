#![doc = include_str!("../README.md")]

mod database;
mod events;
mod inbound;
mod limits;
mod people;
mod watch;
mod work;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};

pub use database::{Database, Pools, Secret};
pub use events::{Feed, Webhooks};
pub use inbound::Inbound;
pub use limits::Limits;
pub use people::{Algorithm, Auth, Jwt, JwtKey, Oidc, People};
pub use watch::{Log, LogForm, Telemetry};
pub use work::{Connector, Secrets, Worker};

/// Everything that can be set; `docs/settings.md` tells each.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Where to listen.
    pub listen: SocketAddr,
    /// How the outside reaches this server, e.g. `https://api.example.org`; links and cookies are made for it. The address listened on when empty.
    pub public_url: String,
    /// Proxies in front of this server, by address or prefix, e.g. `10.0.0.0/8`. From these alone is it believed, in `x-forwarded-for`, from where a request comes.
    pub trusted_proxies: Vec<String>,
    /// The app to serve, where the database has more than one.
    pub app: String,
    /// How long the server goes on as before when it is told to stop, while `/health/ready` says that it will: as long as whoever spreads the load needs to notice.
    pub retire_s: u64,
    /// How long requests in flight may take to finish when the server is told to stop.
    pub drain_s: u64,
    /// Passwords for the database.
    pub database: Database,
    /// Connections to the database.
    pub pools: Pools,
    /// What is refused before any work is done for it.
    pub limits: Limits,
    /// Who may come in, and how they prove it.
    pub auth: Auth,
    /// How people sign in.
    pub people: People,
    /// Streams of events.
    pub feed: Feed,
    /// Calls to those who subscribed.
    pub webhooks: Webhooks,
    /// Messages that outside systems send here.
    pub inbound: Inbound,
    /// The worker.
    pub worker: Worker,
    /// Outside systems by the name of their connector, where this installation reaches them otherwise than the definition says.
    pub connectors: BTreeMap<String, Connector>,
    /// Where secrets of outside systems are read from.
    pub secrets: Secrets,
    /// Signing in by way of an OpenID Connect issuer; in a build with the feature `oidc`.
    pub oidc: Oidc,
    /// Spans for a collector of OpenTelemetry; in a build with the feature `otel`.
    pub telemetry: Telemetry,
    /// The log.
    pub log: Log,
}

impl Settings {
    /// The base of links to this server, without a slash at its end.
    pub fn base_url(&self, local: SocketAddr) -> String {
        match self.public_url.trim_end_matches('/') {
            "" => format!("http://{local}"),
            url => url.to_owned(),
        }
    }

    /// Whether the outside comes by https, as `public_url` says.
    pub fn is_https(&self) -> bool {
        self.public_url.starts_with("https://")
    }
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            listen: (Ipv4Addr::LOCALHOST, 8321).into(),
            public_url: String::new(),
            trusted_proxies: Vec::new(),
            app: String::new(),
            retire_s: 0,
            drain_s: 20,
            database: Database::default(),
            pools: Pools::default(),
            limits: Limits::default(),
            auth: Auth::default(),
            people: People::default(),
            feed: Feed::default(),
            webhooks: Webhooks::default(),
            inbound: Inbound::default(),
            worker: Worker::default(),
            connectors: BTreeMap::new(),
            secrets: Secrets::default(),
            oidc: Oidc::default(),
            telemetry: Telemetry::default(),
            log: Log::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    const PAGE: &str = include_str!("../../../docs/settings.md");

    /// Every setting by its path, with what it is by default.
    fn leaves(at: &str, value: &Value, found: &mut Vec<(String, Value)>) {
        match value {
            Value::Object(inner) => {
                for (name, value) in inner {
                    let path = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
                    leaves(&path, value, found);
                }
            }
            // What is absent by default is a tree of its own, and looked at below.
            Value::Null => {}
            other => found.push((at.to_owned(), other.clone())),
        }
    }

    #[test]
    fn the_page_tells_every_setting_and_no_other() {
        let mut known = Vec::new();
        leaves("", &serde_json::to_value(Settings::default()).expect("JSON"), &mut known);
        for (path, default) in &known {
            let shown = match default {
                Value::String(text) if text.is_empty() => "none".to_owned(),
                Value::String(text) => format!("`{text}`"),
                other => format!("`{other}`"),
            };
            let row = format!("| `{path}` | {shown} | ");
            assert!(PAGE.contains(&row), "the page has no row that begins with\n{row}");
        }
        let jwt = Jwt {
            issuer: "i".into(),
            audience: "a".into(),
            email_claim: "email".into(),
            tenant_claim: "tenant".into(),
            keys: [("KID".into(), JwtKey { algorithm: Algorithm::EdDSA, secret: "s".into(), public_key: "p".into() })].into(),
        };
        leaves("auth.jwt", &serde_json::to_value(jwt).expect("JSON"), &mut known);
        let outside = Connector { base: "b".into(), settings: [("NAME".into(), "v".into())].into() };
        leaves("connectors.NAME", &serde_json::to_value(outside).expect("JSON"), &mut known);
        let told = PAGE.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`')).map(|(path, _)| path);
        for path in told {
            assert!(known.iter().any(|(name, _)| name == path), "the page tells of `{path}`, which is none");
        }
        for (path, _) in known.iter().filter(|(path, _)| path.starts_with("auth.jwt") || path.starts_with("connectors.")) {
            assert!(PAGE.contains(&format!("| `{path}` | ")), "the page does not tell of `{path}`");
        }
    }

    #[test]
    fn a_secret_is_not_printed() {
        let settings = Settings { database: Database { server_password: "hunter2".into(), ..Database::default() }, ..Settings::default() };
        assert!(!format!("{settings:?}").contains("hunter2"));
    }
}
