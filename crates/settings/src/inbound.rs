//! Messages that outside systems send here.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Messages that outside systems send here.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Inbound {
    /// Connections to the database that only messages are stored by.
    pub connections: usize,
    /// How long a message waits for one before its sender is answered 503.
    pub wait_ms: u64,
    /// Messages a second of one endpoint.
    pub rate_per_endpoint: u32,
    /// The most messages of one endpoint at work at once.
    pub requests_per_endpoint: usize,
    /// Addresses of no endpoint, and forged messages to one endpoint, a minute that one network address may send; then it waits, before a body is read.
    pub refused_per_address: u32,
    /// The same of all network addresses together from which no genuine message has come yet.
    pub refused_in_all: u32,
    /// The header in which a trusted proxy says by which certificate it knows the sender: its SHA-256 in hexadecimal, the certificate in PEM, percent-encoded, or `Hash=` among other parts. Nobody is known by a certificate when empty.
    pub certificate_header: String,
}

impl Inbound {
    /// How long a message waits for a connection.
    pub fn wait(&self) -> Duration {
        Duration::from_millis(self.wait_ms)
    }
}

impl Default for Inbound {
    fn default() -> Inbound {
        Inbound {
            connections: 4,
            wait_ms: 500,
            rate_per_endpoint: 2_000,
            requests_per_endpoint: 256,
            refused_per_address: 60,
            refused_in_all: 600,
            certificate_header: String::new(),
        }
    }
}
