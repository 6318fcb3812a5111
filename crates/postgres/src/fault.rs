//! What can go wrong between a data directory and a server that answers.

use std::io;
use std::path::{Path, PathBuf};

/// A refusal or failure of the private server; each has a stable code and an action.
#[derive(Debug, thiserror::Error)]
pub enum PostgresFault {
    /// No directory holds both `initdb` and `postgres`.
    #[error("no PostgreSQL server binaries found in {searched}")]
    BinariesMissing {
        /// Where we looked, for the reader.
        searched: String,
    },
    /// Binaries exist, but none is of a usable major version.
    #[error("found PostgreSQL {found}, need {wanted}")]
    VersionUnfit {
        /// What was found, with its place.
        found: String,
        /// `15 or newer`, or the major of the existing data directory.
        wanted: String,
    },
    /// The operating system user of the server cannot reach or own the data directory.
    #[error("the data directory `{data}` cannot be used by `{user}`: {reason}")]
    DataUnreachable {
        /// The data directory.
        data: PathBuf,
        /// The operating system user that needs it.
        user: String,
        /// What stands in the way.
        reason: String,
    },
    /// `initdb` did not finish.
    #[error("`initdb` failed in `{data}`: {output}")]
    InitdbFailed {
        /// The data directory.
        data: PathBuf,
        /// What it printed.
        output: String,
    },
    /// `postgres` did not come up, or did not go down.
    #[error("the server in `{data}` {what}: {log}")]
    ServerFailed {
        /// The data directory.
        data: PathBuf,
        /// `did not start`, `did not stop`.
        what: &'static str,
        /// The end of its log.
        log: String,
    },
    /// Another process holds the data directory and cannot be attached to or stopped.
    #[error("the data directory `{data}` is held by {holder}")]
    Held {
        /// The data directory.
        data: PathBuf,
        /// Who holds it, as far as it can be known.
        holder: String,
    },
    /// No socket directory is short and safe enough.
    #[error("the socket directory `{dir}` cannot be used: {reason}")]
    SocketPath {
        /// The directory tried last.
        dir: PathBuf,
        /// Why not.
        reason: String,
    },
    /// An extra setting is one that keeps the server private and durable, or is not a setting.
    #[error("the setting `{name}` cannot be chosen here")]
    SettingFixed {
        /// Its name.
        name: String,
    },
    /// A file operation in the data directory failed.
    #[error("could not {doing} `{path}`")]
    File {
        /// The verb: `create`, `write`, `lock`.
        doing: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The operating system's answer.
        #[source]
        cause: io::Error,
    },
}

impl PostgresFault {
    /// The stable code, family 0 (start-up and configuration).
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::BinariesMissing { .. } => "SH0001",
            Self::VersionUnfit { .. } => "SH0002",
            Self::DataUnreachable { .. } | Self::File { .. } => "SH0003",
            Self::InitdbFailed { .. } => "SH0004",
            Self::ServerFailed { .. } => "SH0005",
            Self::Held { .. } => "SH0006",
            Self::SocketPath { .. } => "SH0007",
            Self::SettingFixed { .. } => "SH0009",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::BinariesMissing { .. } => "install PostgreSQL 15 or newer (`apt-get install postgresql`, \
                `dnf install postgresql-server`, `brew install postgresql@17`), or set \
                `STATEHOUSE_PG_BINDIR` to the directory that holds `initdb` and `postgres`"
                .into(),
            Self::VersionUnfit { wanted, .. } => {
                format!("install PostgreSQL {wanted}, or set `STATEHOUSE_PG_BINDIR` to the directory of such a server")
            }
            Self::DataUnreachable { user, .. } => format!(
                "choose a directory that `{user}` can reach, for example `--data /var/lib/statehouse`, \
                 or run as a user who owns this one"
            ),
            Self::InitdbFailed { data, .. } => {
                format!("free space or fix what it names, then start again; nothing was left half made in `{}`", data.display())
            }
            Self::ServerFailed { data, .. } => format!("read `{}`", data.join("server.log").display()),
            Self::Held { .. } => "run as the user who started that process, or stop it, or choose another `--data`".into(),
            Self::SocketPath { .. } => "choose a shorter `--data`, or a `TMPDIR` that only you can write in".into(),
            Self::SettingFixed { .. } => "leave it out: the socket, the login rules and durability belong to the private server".into(),
            Self::File { path, .. } => format!("check the permissions and free space of `{}`", path.display()),
        }
    }

    pub(crate) fn file(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |cause| Self::File { doing, path, cause }
    }
}
