//! What whoever runs it can see: the log, and spans for a collector.

use serde::{Deserialize, Serialize};

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

/// Spans for a collector of OpenTelemetry.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Telemetry {
    /// The collector, `http://HOST:PORT`: spans go to `/v1/traces` under it, by OTLP in protobuf. Off when empty.
    pub otlp_endpoint: String,
    /// Whether the collector may be on another machine; what is sent there travels unencrypted.
    pub beyond_host: bool,
}

impl Default for Log {
    fn default() -> Log {
        Log { form: LogForm::Text, level: "warn".into(), access: true }
    }
}
