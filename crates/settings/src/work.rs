//! What works off what is owed: effects, messages, timers, and whom they reach.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Worker {
    /// By which this process is known in leases and in the log; the machine's name and a random part when empty. No two processes may share one.
    pub id: String,
    /// The most connections to the database.
    pub connections: usize,
    /// The most effects, messages and calls to subscribers that are claimed at once.
    pub batch: usize,
    /// The most calls to the outside under way at once.
    pub concurrency: usize,
    /// How long what was claimed is this process's own; it is asked for again while the work goes on. A process that dies is noticed after this.
    pub lease_s: u64,
    /// How often it is looked for what is due, where nothing wakes the process up before.
    pub poll_ms: u64,
    /// How long calls under way may take to finish when the process is told to stop.
    pub drain_s: u64,
    /// How often files, keys and sessions that nobody needs are removed.
    pub sweep_s: u64,
    /// After how many days what a message said is forgotten that came to its end without ever finding its record. That it came stays known.
    pub forget_days: u32,
    /// Where this process remembers how far the database had come, so that it notices one brought back from a copy of its files and sends nothing twice. Not remembered when empty.
    pub witness: String,
    /// A file of certificates in PEM whose authorities are trusted beside the public ones, as some banks ask for. None when empty.
    pub extra_roots: String,
}

/// An outside system as this installation reaches it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Connector {
    /// Instead of the definition's own `base`, e.g. a sandbox's `http://127.0.0.1:4010/twilio`; this host and port alone are allowed then.
    pub base: String,
    /// What patterns read as `{setting.NAME}`, e.g. `sms_from`.
    pub settings: BTreeMap<String, String>,
}

/// Where secrets of outside systems are read from.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Secrets {
    /// A YAML file that only this user can read, read again within seconds when it changes; a name of it is overridden by `STATEHOUSE_SECRET_NAME`. None when empty.
    pub file: String,
}

impl Worker {
    /// How long what was claimed is this process's own.
    pub fn lease(&self) -> Duration {
        Duration::from_secs(self.lease_s)
    }

    /// How often it is looked for what is due.
    pub fn poll(&self) -> Duration {
        Duration::from_millis(self.poll_ms)
    }
}

impl Default for Worker {
    fn default() -> Worker {
        Worker {
            id: String::new(),
            connections: 6,
            batch: 256,
            concurrency: 64,
            lease_s: 60,
            poll_ms: 1000,
            drain_s: 30,
            sweep_s: 3600,
            forget_days: 30,
            witness: String::new(),
            extra_roots: String::new(),
        }
    }
}
