//! What leaves by itself: streams of events, and calls to those who subscribed.

use serde::{Deserialize, Serialize};

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

/// Calls to those who subscribed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Webhooks {
    /// What the secrets of subscriptions are derived from: at least 32 random bytes in base64. Without it nobody subscribes.
    pub master_secret: String,
}

impl Default for Feed {
    fn default() -> Feed {
        Feed { connections: 4, streams: 1_000, per_tenant: 500, per_key: 20, heartbeat_s: 15, slow_s: 30 }
    }
}
