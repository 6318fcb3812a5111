//! The secrets of outside systems: named in definitions, kept in a file and in the environment, never in the database.
//!
//! Nothing here prints a value: what is shown of secrets, in errors too, is their names.

mod file;
mod watched;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use statehouse_fault::{Code, SH7008};
use zeroize::Zeroizing;

use crate::verify;

pub use watched::{Told, Watched};

/// Before the name of a secret in the environment: `STATEHOUSE_SECRET_TWILIO_TOKEN` is `twilio_token`.
pub const PREFIX: &str = "STATEHOUSE_SECRET_";

/// All secrets of this installation: its own, and those of single tenants.
#[derive(Default)]
pub struct Secrets {
    own: Shelf,
    tenants: BTreeMap<String, Shelf>,
    warnings: Vec<String>,
}

/// Name → values that live side by side while one takes the place of another.
type Shelf = BTreeMap<String, Vec<Kept>>;

struct Kept {
    id: String,
    value: Zeroizing<String>,
    /// Seconds since 1970.
    not_before: Option<i64>,
    /// Seconds since 1970.
    not_after: Option<i64>,
}

/// Why secrets cannot be read. It names places and never shows what stands there.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// The file cannot be opened.
    #[error("`{}` cannot be read: {}", .0.display(), .1.kind())]
    File(PathBuf, #[source] std::io::Error),
    /// It is not of the form of a file of secrets.
    #[error("`{}` cannot be read: line {line}, column {column}", .path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// From 1; 0 where it is not known.
        line: u64,
        /// From 1; 0 where it is not known.
        column: u64,
    },
    /// A name that no definition could use.
    #[error("`{0}` is not a name of a secret")]
    Name(String),
    /// A value that is empty.
    #[error("the secret `{0}` is empty")]
    Empty(String),
    /// A time that is none.
    #[error("a time of the secret `{0}` cannot be read")]
    Time(String),
}

impl Unreadable {
    /// The code under which it is told.
    pub fn code(&self) -> &'static Code {
        SH7008
    }
}

impl Secrets {
    /// Reads the file, if there is one, and the environment, whose values take the place of the file's.
    ///
    /// # Errors
    /// Why they cannot be read.
    pub fn read(file: Option<&Path>, environment: impl Iterator<Item = (String, String)>) -> Result<Secrets, Unreadable> {
        let mut secrets = file.map_or_else(|| Ok(Secrets::default()), file::read)?;
        for (variable, value) in environment {
            let value = Zeroizing::new(value);
            let Some(name) = variable.strip_prefix(PREFIX) else { continue };
            let name = name.to_lowercase();
            secrets.own.insert(name.clone(), vec![kept(&name, None, value)?]);
        }
        Ok(secrets)
    }

    /// What is doubtful about how they are kept, in sentences.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The value to show who we are with: of those that live at `now`, in seconds since 1970, the one that began last.
    /// None where there is none, which is `SH7003`. A tenant's own takes the place of the installation's.
    pub fn get(&self, tenant: &str, name: &str, now: i64) -> Option<&str> {
        let living = self.found(tenant, name).iter().filter(|kept| kept.lives(now));
        // Of equals the first in the file.
        let newest = living.reduce(|best, next| if next.not_before > best.not_before { next } else { best });
        newest.map(|kept| kept.value.as_str())
    }

    /// Every value with its times, to judge messages with; none where there is none.
    pub fn all(&self, tenant: &str, name: &str) -> Vec<verify::Secret> {
        let one = |kept: &Kept| verify::Secret {
            id: kept.id.clone(),
            text: kept.value.to_string(),
            not_before: kept.not_before,
            not_after: kept.not_after,
        };
        self.found(tenant, name).iter().map(one).collect()
    }

    fn found(&self, tenant: &str, name: &str) -> &[Kept] {
        let own = self.tenants.get(tenant).and_then(|shelf| shelf.get(name));
        own.or_else(|| self.own.get(name)).map_or(&[], Vec::as_slice)
    }
}

impl Kept {
    fn lives(&self, now: i64) -> bool {
        self.not_before.is_none_or(|from| from <= now) && self.not_after.is_none_or(|until| now < until)
    }
}

fn kept(name: &str, id: Option<String>, value: Zeroizing<String>) -> Result<Kept, Unreadable> {
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if name.is_empty() || name.len() > 60 || !name.bytes().all(letter) {
        return Err(Unreadable::Name(name.to_owned()));
    }
    if value.is_empty() {
        return Err(Unreadable::Empty(name.to_owned()));
    }
    Ok(Kept { id: id.unwrap_or_else(|| name.to_owned()), value, not_before: None, not_after: None })
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenants: BTreeMap<_, Vec<_>> = self.tenants.iter().map(|(tenant, shelf)| (tenant, shelf.keys().collect())).collect();
        f.debug_struct("Secrets").field("own", &self.own.keys().collect::<Vec<_>>()).field("tenants", &tenants).finish()
    }
}
