//! How the database is reached.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Passwords for the database.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Database {
    /// Of `statehouse_api`. The one of the database URL when empty.
    pub api_password: Secret,
    /// Of `statehouse_server`, which nobody but the server should know. The one of the database URL when empty.
    pub server_password: Secret,
    /// Of `statehouse_worker`, which nobody but the worker should know. The one of the database URL when empty.
    pub worker_password: Secret,
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

impl Pools {
    /// How long a request waits for a connection.
    pub fn wait(&self) -> Duration {
        Duration::from_millis(self.wait_ms)
    }
}

impl Default for Pools {
    fn default() -> Pools {
        Pools { api: 16, server: 2, entry: 2, health: 1, wait_ms: 500, statement_s: 20 }
    }
}
