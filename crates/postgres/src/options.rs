//! What a caller chooses, and the settings it does not get to choose.

use std::fmt::Write as _;
use std::path::PathBuf;

use crate::PostgresFault;

/// The oldest major version the generated schema runs on.
pub const FLOOR: u32 = 15;
/// The number in the socket's file name; no port is opened.
pub const PORT: u16 = 5432;
/// The database superuser that `initdb` makes.
pub const SUPERUSER: &str = "postgres";

/// Where the server lives and how it differs from the defaults.
#[derive(Debug, Clone)]
pub struct Options {
    /// The data directory; made if it does not exist.
    pub data: PathBuf,
    /// Extra settings by name, last one wins; the fixed ones are refused.
    pub settings: Vec<(String, String)>,
}

impl Options {
    /// A server in `data` with the default settings.
    #[must_use]
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self { data: data.into(), settings: Vec::new() }
    }

    /// Adds one setting.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.into(), value.into()));
        self
    }
}

/// Settings that make the server private and durable. They go on the command line, where
/// neither a configuration file nor `alter system` can override them.
const FIXED: &[(&str, &str)] = &[
    ("listen_addresses", ""),
    ("unix_socket_permissions", "0700"),
    ("unix_socket_group", ""),
    ("fsync", "on"),
    ("full_page_writes", "on"),
    ("logging_collector", "off"),
    ("log_destination", "stderr"),
];

/// Names that are fixed through other arguments, or that would move a fixed file.
const RESERVED: &[&str] =
    &["port", "unix_socket_directories", "data_directory", "config_file", "hba_file", "ident_file", "external_pid_file"];

/// Settings that suit a small machine; `alter system` and `Options::settings` override them.
const DEFAULTS: &[(&str, &str)] = &[
    ("max_connections", "200"),
    ("shared_buffers", "256MB"),
    ("max_wal_size", "8GB"),
    ("checkpoint_timeout", "30min"),
    ("idle_in_transaction_session_timeout", "60s"),
    // Views and policies make plans that look costly and run briefly: compiling them costs more than it saves.
    ("jit", "off"),
    ("timezone", "UTC"),
    ("log_timezone", "UTC"),
    ("log_line_prefix", "%m [%p] %q%u@%d "),
];

/// The `-c` arguments no file may override.
pub(crate) fn fixed_arguments() -> Vec<String> {
    FIXED.iter().flat_map(|(name, value)| ["-c".to_owned(), format!("{name}={value}")]).collect()
}

/// The text of the included configuration file.
///
/// # Errors
/// `SettingFixed` when an extra setting is fixed, reserved or not a setting's name.
pub(crate) fn configuration(options: &Options, wal_compression: &str) -> Result<String, PostgresFault> {
    let mut text = String::from("# Written at every start. Use `alter system` for changes that should stay.\n");
    let computed = [("wal_compression", wal_compression)];
    // Flushing the file system once is seconds faster than opening every file after a crash.
    let recovery = cfg!(target_os = "linux").then_some(("recovery_init_sync_method", "syncfs"));
    for (name, value) in DEFAULTS.iter().copied().chain(computed).chain(recovery) {
        set(&mut text, name, value);
    }
    for (name, value) in &options.settings {
        let lower = name.to_ascii_lowercase();
        let known = !lower.is_empty() && lower.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.".contains(&byte));
        let fixed = FIXED.iter().any(|(fixed, _)| *fixed == lower) || RESERVED.contains(&lower.as_str());
        if !known || fixed || value.contains(['\n', '\r', '\0']) {
            return Err(PostgresFault::SettingFixed { name: name.clone() });
        }
        set(&mut text, &lower, value);
    }
    Ok(text)
}

fn set(text: &mut String, name: &str, value: &str) {
    let quoted = value.replace('\\', "\\\\").replace('\'', "''");
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{name} = '{quoted}'");
}
