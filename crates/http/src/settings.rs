//! The settings of the server: one tree, every value with its default, no key that is not known.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Everything that can be set; `docs/settings.md` tells each.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Where to listen.
    pub listen: SocketAddr,
    /// How the outside reaches this server, e.g. `https://api.example.org`; links and cookies are made for it. The address listened on when empty.
    pub public_url: String,
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
    /// Signing in by way of an OpenID Connect issuer; in a build with the feature `oidc`.
    pub oidc: Oidc,
    /// Spans for a collector of OpenTelemetry; in a build with the feature `otel`.
    pub telemetry: Telemetry,
    /// The log.
    pub log: Log,
}

/// Passwords for the database.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Database {
    /// Of `statehouse_api`. The one of the database URL when empty.
    pub api_password: Secret,
    /// Of `statehouse_server`, which nobody but the server should know. The one of the database URL when empty.
    pub server_password: Secret,
}

/// A text that is never printed.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The text.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Secret {
        Secret(text.to_owned())
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_empty() { "none" } else { "…" })
    }
}

/// Connections to the database.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pools {
    /// The most connections for requests.
    pub api: usize,
    /// The most connections of the server itself: the definition, opening sessions.
    pub server: usize,
    /// The most connections that exchange keys for sessions; a flood of keys that do not exist stays in these.
    pub entry: usize,
    /// Connections that only health checks use.
    pub health: usize,
    /// How long a request waits for a connection before it is answered 503.
    pub wait_ms: u64,
    /// How long a statement of a request may take in the database.
    pub statement_s: u64,
}

/// What is refused before any work is done for it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// The most bytes of all headers together.
    pub header_max_bytes: usize,
    /// The most headers.
    pub header_max_count: usize,
    /// The most bytes of a body, where a route says nothing else.
    pub body_max_bytes: usize,
    /// How long a connection may take to send the headers of a request.
    pub header_read_s: u64,
    /// How long a body may take to arrive.
    pub body_read_s: u64,
    /// How long a request may take from its headers to its answer.
    pub request_s: u64,
    /// The most open connections.
    pub connections_max: usize,
    /// The most open connections from one address, or from one /64 of IPv6. Behind a proxy all come from its address.
    pub connections_per_address: usize,
    /// The most open connections that have no request at work; beyond it the one that waited longest is closed.
    pub waiting_max: usize,
    /// The most requests at work at once.
    pub requests_max: usize,
    /// The most requests of one tenant at work at once.
    pub requests_per_tenant: usize,
    /// The most requests of one key or session at work at once.
    pub requests_per_key: usize,
    /// Requests a second of one key or session.
    pub rate_per_key: u32,
    /// Requests a second of one tenant.
    pub rate_per_tenant: u32,
    /// Keys a second, unknown to this process, that one address may try.
    pub new_keys_per_address: u32,
    /// Keys a second, unknown to this process, that all addresses together may try from which none was accepted yet.
    pub new_keys_in_all: u32,
}

/// Who may come in, and how they prove it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Auth {
    /// Tokens of issuers that are trusted.
    pub jwt: Option<Jwt>,
}

/// How people sign in.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct People {
    /// From this the tokens of sign-in links are derived: at least 32 random characters, the same for every process. Sign-in by mail is off when empty.
    pub sign_in_secret: String,
    /// For a development server alone: sign-in links are printed, and shown on the status page.
    pub sign_in_shown: bool,
}

/// Tokens (JWT) of one issuer that is trusted.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jwt {
    /// Who makes the tokens; must equal `iss`.
    pub issuer: String,
    /// For whom they are made; must be in `aud`.
    pub audience: String,
    /// The claim that holds the member's address.
    #[serde(default = "email")]
    pub email_claim: String,
    /// The claim that holds the tenant's slug.
    #[serde(default = "tenant")]
    pub tenant_claim: String,
    /// Keys by `kid`; a token without `kid` uses the only key.
    pub keys: BTreeMap<String, JwtKey>,
}

/// One key and the one algorithm it is for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JwtKey {
    /// The algorithm; a token that names another one is refused.
    pub algorithm: Algorithm,
    /// The shared secret, for `HS256`; at least 32 bytes.
    #[serde(default)]
    pub secret: Secret,
    /// The public key in PEM, for all others.
    #[serde(default)]
    pub public_key: String,
}

/// What a key may be used with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Algorithm {
    /// HMAC with SHA-256.
    HS256,
    /// RSA PKCS#1 v1.5 with SHA-256.
    RS256,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// Ed25519.
    EdDSA,
}

/// Streams of events.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Feed {
    /// Connections to the database that all streams read by.
    pub connections: usize,
    /// The most open streams.
    pub streams: usize,
    /// The most open streams of one tenant.
    pub per_tenant: usize,
    /// The most open streams of one member.
    pub per_key: usize,
    /// How often a stream on which nothing happens shows that it lives.
    pub heartbeat_s: u64,
    /// How long a stream waits for a reader who takes nothing.
    pub slow_s: u64,
}

/// The log.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// `text` or `json`.
    pub form: LogForm,
    /// The least that is written: `error`, `warn`, `info`, `debug`; parts as `statehouse_http=debug,warn`.
    pub level: String,
    /// Whether every request leaves a line.
    pub access: bool,
}

/// How a line of the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogForm {
    /// For people.
    Text,
    /// For collectors.
    Json,
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

impl Pools {
    /// How long a request waits for a connection.
    pub fn wait(&self) -> Duration {
        Duration::from_millis(self.wait_ms)
    }
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            listen: (Ipv4Addr::LOCALHOST, 8321).into(),
            public_url: String::new(),
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
            oidc: Oidc::default(),
            telemetry: Telemetry::default(),
            log: Log::default(),
        }
    }
}

impl Default for Pools {
    fn default() -> Pools {
        Pools { api: 16, server: 2, entry: 2, health: 1, wait_ms: 500, statement_s: 20 }
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            header_max_bytes: 16 << 10,
            header_max_count: 64,
            body_max_bytes: 1 << 20,
            header_read_s: 10,
            body_read_s: 20,
            request_s: 30,
            connections_max: 8192,
            connections_per_address: 2048,
            waiting_max: 1024,
            requests_max: 1024,
            requests_per_tenant: 512,
            requests_per_key: 256,
            rate_per_key: 2_000,
            rate_per_tenant: 10_000,
            new_keys_per_address: 10,
            new_keys_in_all: 50,
        }
    }
}

/// Calls to those who subscribed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Webhooks {
    /// What the secrets of subscriptions are derived from: at least 32 random bytes in base64. Without it nobody subscribes.
    pub master_secret: String,
}

/// Signing in by way of an OpenID Connect issuer.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Oidc {
    /// The issuer, e.g. `https://id.example.org`, exactly as its tokens name it. Off when empty.
    pub issuer: String,
    /// By which the issuer knows this server.
    pub client_id: String,
    /// What this server proves itself to the issuer with; the cookie of a sign-in under way is signed by what is derived from it. Best given by `STATEHOUSE_OIDC__CLIENT_SECRET`.
    pub client_secret: Secret,
    /// Where the issuer sends people back to, as it is registered there. `/sign-in/oidc/callback` under `public_url` when empty.
    pub redirect_url: String,
    /// The slug of the tenant to sign in to where `/sign-in/oidc?tenant=SLUG` names none.
    pub tenant: String,
}

/// Spans for a collector of OpenTelemetry.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Telemetry {
    /// The collector, `http://HOST:PORT`: spans go to `/v1/traces` under it, by OTLP in protobuf. Off when empty.
    pub otlp_endpoint: String,
    /// Whether the collector may be on another machine; what is sent there travels unencrypted.
    pub beyond_host: bool,
}

impl Default for Feed {
    fn default() -> Feed {
        Feed { connections: 4, streams: 1_000, per_tenant: 500, per_key: 20, heartbeat_s: 15, slow_s: 30 }
    }
}

impl Default for Log {
    fn default() -> Log {
        Log { form: LogForm::Text, level: "warn".into(), access: true }
    }
}

fn email() -> String {
    "email".into()
}

fn tenant() -> String {
    "tenant".into()
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
            email_claim: email(),
            tenant_claim: tenant(),
            keys: [("KID".into(), JwtKey { algorithm: Algorithm::EdDSA, secret: "s".into(), public_key: "p".into() })].into(),
        };
        leaves("auth.jwt", &serde_json::to_value(jwt).expect("JSON"), &mut known);
        let told = PAGE.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`')).map(|(path, _)| path);
        for path in told {
            assert!(known.iter().any(|(name, _)| name == path), "the page tells of `{path}`, which is none");
        }
        for (path, _) in known.iter().filter(|(path, _)| path.starts_with("auth.jwt")) {
            assert!(PAGE.contains(&format!("| `{path}` | ")), "the page does not tell of `{path}`");
        }
    }

    #[test]
    fn a_secret_is_not_printed() {
        let settings = Settings { database: Database { server_password: "hunter2".into(), ..Database::default() }, ..Settings::default() };
        assert!(!format!("{settings:?}").contains("hunter2"));
    }
}
