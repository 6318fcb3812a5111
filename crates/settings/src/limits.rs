//! What is refused before any work is done for it.

use serde::{Deserialize, Serialize};

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
